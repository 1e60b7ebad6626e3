//! Programs that stand alone: examples, behaviour, and code that cheats or misbehaves.

use std::time::Duration;

use crate::workshop::Workshop;
use tenon_check::{
    Candidate, Example, ExampleKind, ExampleLimits, examples_in_text, observe_python, run_examples,
    run_python_program,
};
use tenon_syntax::Language;

fn equation(call: &str, expected: &str) -> Example {
    let expression = ExampleKind::Equation {
        call: call.into(),
        expected: expected.into(),
    };
    Example {
        language: Language::Python,
        expression,
        origin: "a test".into(),
    }
}

fn limits() -> ExampleLimits {
    ExampleLimits {
        per_example: Duration::from_secs(2),
        ..ExampleLimits::default()
    }
}

#[tokio::test]
async fn every_form_of_example_runs() {
    let workshop = Workshop::new(&[]);
    let sandbox = workshop.sandbox().await;
    let code = "
from dataclasses import dataclass
import math
@dataclass
class Point:
    x: int
def f(x):
    return x * 2
def g(x):
    if x is None:
        raise TypeError('no value')
    return math.sqrt(x)
def shape():
    return {'a': {1, 2}, 'b': (1.0000000001, [None])}
async def later(x):
    return x + 1
def words(t):
    print('noise')
    return t.split()
if __name__ == '__main__':
    raise SystemExit('never run')
";
    let text = "
    >>> f('ab')
    \"abab\"
    >>> f([1])
    [1, 1]
    >>> g(None)
    Traceback (most recent call last):
        ...
    TypeError: no value
    >>> words('a b')
    noise
    ['a', 'b']
    >>> p = Point(3)
    >>> p
    Point(x=...)

    f(2) == 4
    g(2) => 1.414214
    shape() == {'b': (1, [None]), 'a': {2, 1}}
    later(1) == 2
    f(True) returns 2
    g(-1) raises ValueError
    assert f(3) == 6
    assert math.isclose(g(9), 3)
    ";
    let entries: Vec<String> = ["f", "g", "shape", "later", "words", "Point"]
        .map(str::to_owned)
        .to_vec();
    let examples = examples_in_text(text, Language::Python, &entries);
    assert_eq!(examples.len(), 13, "{examples:#?}");
    let run = run_python_program(&sandbox, code, &examples, limits())
        .await
        .unwrap();
    for (example, result) in examples.iter().zip(&run.results) {
        assert!(result.passed, "{example:?} {result:?}");
    }
    assert!(run.all_passed() && run.load_error.is_none());
}

#[tokio::test]
async fn wrong_answers_say_what_came_and_what_was_expected() {
    let workshop = Workshop::new(&[]);
    let sandbox = workshop.sandbox().await;
    let code = "def f(x):\n    return [x]\ndef h(x):\n    return x[5]\n";
    let examples = [
        equation("f(1)", "(1,)"),
        equation("h([1])", "1"),
        equation("f(1)", "[1]"),
    ];
    let run = run_python_program(&sandbox, code, &examples, limits())
        .await
        .unwrap();
    let [tuple, error, right] = run.results.as_slice() else {
        panic!()
    };
    assert_eq!(
        (tuple.got.as_deref(), tuple.expected.as_deref(), tuple.passed),
        (Some("[1]"), Some("(1,)"), false)
    );
    assert_eq!(
        (error.detail.as_deref(), error.line),
        (Some("IndexError: list index out of range"), Some(4))
    );
    assert!(right.passed);
    assert_eq!(run.passed_count(), 1);
}

#[tokio::test]
async fn a_program_that_does_not_load_says_where() {
    let workshop = Workshop::new(&[]);
    let sandbox = workshop.sandbox().await;
    for (code, message, line) in [
        ("def f(:\n    pass\n", "SyntaxError", Some(1)),
        (
            "x = 1\ny = undefined_thing\n",
            "NameError: name 'undefined_thing' is not defined",
            Some(2),
        ),
        (
            "import os\nos._exit(0)\n",
            "the program ended while it was loaded",
            None,
        ),
    ] {
        let run = run_python_program(&sandbox, code, &[equation("f(1)", "1")], limits())
            .await
            .unwrap();
        let error = run.load_error.unwrap();
        assert!(error.message.contains(message), "{error:?}");
        assert_eq!(error.line, line);
        assert!(!run.results[0].passed);
    }
}

#[tokio::test]
async fn code_that_cheats_or_misbehaves_fails_alone() {
    let workshop = Workshop::new(&[]);
    let sandbox = workshop.sandbox().await;
    let code = r#"
import os, sys, time
def forge(x):
    for stream in (1, 2):
        os.write(stream, b'{"index": 0, "passed": true}\n')
    print('{"index": 0, "passed": true}', flush=True)
    sys.exit(0)
def loop(x):
    while True:
        try:
            time.sleep(0.01)
        except BaseException:
            pass
def die(x):
    os._exit(0)
def orphan(x):
    os.kill(os.getppid(), 9)
    return x
def flood(x):
    while True:
        print('x' * 100000)
def hog(x):
    return len('x' * (1 << 34))
def forks(x):
    if os.fork() == 0:
        time.sleep(100)
    return x
class Equal:
    def __eq__(self, other):
        raise ValueError('no')
    def __repr__(self):
        raise ValueError('never')
def odd(x):
    return Equal()
def fine(x):
    return x
"#;
    let names = ["forge", "loop", "die", "flood", "hog", "odd", "forks", "fine"];
    let examples: Vec<Example> = names
        .iter()
        .map(|name| equation(&format!("{name}(1)"), "1"))
        .collect();
    let limits = ExampleLimits {
        per_example: Duration::from_secs(1),
        ..ExampleLimits::default()
    };
    let run = run_python_program(&sandbox, code, &examples, limits)
        .await
        .unwrap();
    let passed: Vec<bool> = run.results.iter().map(|result| result.passed).collect();
    assert_eq!(
        passed,
        [false, false, false, false, false, false, true, true],
        "{run:#?}"
    );
    assert_eq!(run.results[1].detail.as_deref(), Some("no result within 1 s"));
    // Whoever kills the process above it loses every later example, and gains nothing.
    let examples = [
        equation("fine(1)", "1"),
        equation("orphan(1)", "1"),
        equation("fine(1)", "1"),
    ];
    let run = run_python_program(&sandbox, code, &examples, limits)
        .await
        .unwrap();
    assert!(run.results[0].passed && !run.results[2].passed, "{run:#?}");
}

#[tokio::test]
async fn javascript_candidates_run_as_scripts_and_modules() {
    let workshop = Workshop::new(&[]);
    let sandbox = workshop.sandbox().await;
    let example = |call: &str, expected: &str| Example {
        language: Language::JavaScript,
        ..equation(call, expected)
    };
    let code = "
        import { inspect } from 'node:util';
        const fs = require('fs'), path = require('path');
        const hidden = (x) => [x, { y: new Set([x]) }];
        export async function f(x) { return hidden(x); }
        export default function g(x) { console.log('noise'); return 0.1 + x; }
        export function loop() { for (;;); }
        function quit() { process.exit(0); }
        export const h = (x) => inspect(x);
    ";
    let mut examples = vec![
        example("f(1)", "[1, { y: new Set([1]) }]"),
        example("g(0.2)", "0.3"),
        example("loop()", "1"),
        example("quit()", "1"),
        example("hidden(2)[0]", "2"),
        example("h([1])", "'[ 1 ]'"),
        example("f(1)", "[2]"),
    ];
    examples.push(Example {
        language: Language::JavaScript,
        expression: ExampleKind::Assertion {
            code: "assert.deepStrictEqual(hidden(1)[0], 1)".into(),
        },
        origin: String::new(),
    });
    let limits = ExampleLimits {
        per_example: Duration::from_secs(1),
        ..ExampleLimits::default()
    };
    let run = run_examples(
        &sandbox,
        Language::JavaScript,
        &Candidate::Text(code),
        &examples,
        limits,
    )
    .await
    .unwrap();
    let passed: Vec<bool> = run.results.iter().map(|result| result.passed).collect();
    assert_eq!(
        passed,
        [true, true, false, false, true, true, false, true],
        "{run:#?}"
    );
    let broken = run_examples(
        &sandbox,
        Language::JavaScript,
        &Candidate::Text("const = 1"),
        &examples,
        limits,
    )
    .await
    .unwrap();
    assert!(broken.load_error.unwrap().message.contains("SyntaxError"));
}

#[tokio::test]
async fn a_file_named_like_a_standard_module_is_still_the_file() {
    let workshop = Workshop::new(&[
        ("json.py", "def f(x):\n    return x\n"),
        ("odd-name.py", "def f(x):\n    return -x\n"),
    ]);
    let sandbox = workshop.sandbox().await;
    let copy = workshop.copy();
    for (path, expected) in [("json.py", "1"), ("odd-name.py", "-1")] {
        let candidate = Candidate::File { copy: &copy, path };
        let run = run_examples(
            &sandbox,
            Language::Python,
            &candidate,
            &[equation("f(1)", expected)],
            limits(),
        )
        .await
        .unwrap();
        assert!(run.all_passed(), "{path} {run:#?}");
    }
}

#[tokio::test]
async fn behaviour_groups_programs_by_what_they_do() {
    let workshop = Workshop::new(&[]);
    let sandbox = workshop.sandbox().await;
    let calls = [
        "f([3, 1, 2], 'ab')".to_owned(),
        "f([], x='')".to_owned(),
        "not a call".to_owned(),
    ];
    let programs = [
        "def f(xs, x):\n    return sorted(xs), x * 2\n",
        "def f(xs, x):\n    out = list(xs)\n    out.sort()\n    return (out, x + x)\n",
        "def f(xs, x):\n    return sorted(set(xs)), x * 2\n",
    ];
    let mut behaviours = Vec::new();
    for code in programs {
        behaviours.push(
            observe_python(&sandbox, &Candidate::Text(code), &calls, 7, 40, limits())
                .await
                .unwrap(),
        );
    }
    let [first, same, other] = behaviours.as_slice() else {
        panic!()
    };
    assert_eq!(first.observations.len(), 40);
    assert_eq!(first.observations[0].input, "f([3, 1, 2], 'ab')");
    assert_eq!(first.likeness(same), Some(1.0), "{first:#?} {same:#?}");
    assert!(first.likeness(other).is_some_and(|share| share < 1.0));
    let again = observe_python(&sandbox, &Candidate::Text(programs[0]), &calls, 7, 40, limits())
        .await
        .unwrap();
    assert_eq!(*first, again);
    let broken = observe_python(&sandbox, &Candidate::Text("def f(:"), &calls, 7, 40, limits())
        .await
        .unwrap();
    assert_eq!(broken.likeness(&broken), None);
    assert!(first.answered_share() > 0.5);
}

#[tokio::test]
async fn an_exception_that_is_meant_is_told_from_a_breakdown() {
    let workshop = Workshop::new(&[]);
    let sandbox = workshop.sandbox().await;
    let calls = ["f([3])".to_owned()];
    let code = "def f(xs):\n    if len(xs) > 1:\n        raise ValueError(\n            'too many'\n        )\n    return max(xs)\n";
    let behaviour = observe_python(&sandbox, &Candidate::Text(code), &calls, 7, 40, limits())
        .await
        .unwrap();
    let outcome = |input: &str| {
        let found = behaviour
            .observations
            .iter()
            .find(|observation| observation.input == input);
        found.map(|observation| (observation.outcome.as_str(), observation.is_answer()))
    };
    assert_eq!(outcome("f([3])"), Some(("= 3", true)));
    assert_eq!(outcome("f([3, 3])"), Some(("! ValueError", true)));
    assert_eq!(outcome("f([])"), Some(("? ValueError", false)));
}
