//! The gate on real repositories, with the real sandbox and the tools of this machine.

use crate::workshop::{Workshop, messages, report};
use std::time::Duration;

use tenon_check::{
    AfterFailure, CheckPlan, Example, ExampleKind, Gate, ProjectChecks, TestEdits, examples_in_text,
};
use tenon_domain::{AcceptanceCommand, CheckKind, Level, Outcome, Severity};
use tenon_syntax::Language;

const TEXT: &str = "def shout(text):\n    return text.upper()\n";
const TEXT_TEST: &str = "import unittest\nfrom text import shout\n\nclass ShoutTest(unittest.TestCase):\n    \
                         def test_shout(self):\n        self.assertEqual(shout('a'), 'A')\n";

fn equation(call: &str, expected: &str) -> Example {
    let expression = ExampleKind::Equation {
        call: call.into(),
        expected: expected.into(),
    };
    Example {
        language: Language::Python,
        expression,
        origin: "the request".into(),
    }
}

fn with_examples(examples: Vec<Example>) -> CheckPlan {
    CheckPlan {
        examples,
        project_checks: ProjectChecks::None,
        ..CheckPlan::default()
    }
}

fn accepting(command: &str) -> CheckPlan {
    CheckPlan {
        acceptance: vec![AcceptanceCommand(command.into())],
        project_checks: ProjectChecks::None,
        ..CheckPlan::default()
    }
}

#[tokio::test]
async fn a_change_that_its_tests_reach_is_tested() {
    let workshop = Workshop::new(&[("text.py", TEXT), ("test_text.py", TEXT_TEST)]);
    let after = "def shout(text):\n    return str(text).upper()\n";
    let evidence = workshop
        .check(&[("text.py", Some(after))], &CheckPlan::default())
        .await;
    assert_eq!(evidence.level(), Level::Tested, "{evidence:#?}");
    let sandbox = evidence.sandbox.as_ref().unwrap();
    assert_eq!(sandbox.name, "bubblewrap");
    let tests = report(&evidence, "unittest");
    assert_eq!(
        (tests.kind, tests.proves),
        (CheckKind::Tests, Some(Level::Tested))
    );
    let kinds: Vec<CheckKind> = evidence.checks.iter().map(|report| report.kind).collect();
    assert_eq!(kinds.first(), Some(&CheckKind::Policy));
}

#[tokio::test]
async fn tests_that_never_mention_the_change_prove_only_that_it_parses() {
    let workshop = Workshop::new(&[("text.py", TEXT), ("test_text.py", TEXT_TEST)]);
    let after = format!("{TEXT}\ndef whisper(text):\n    return text.lower()\n");
    let evidence = workshop
        .check(&[("text.py", Some(&after))], &CheckPlan::default())
        .await;
    assert_eq!(evidence.level(), Level::Parsed);
    let tests = report(&evidence, "unittest");
    assert_eq!(tests.outcome, Outcome::Passed);
    assert_eq!(
        tests.reason.as_deref(),
        Some("no test reaches the changed symbols")
    );
}

#[tokio::test]
async fn a_test_that_breaks_fails_the_change_and_the_work_copy_is_clean_again() {
    let workshop = Workshop::new(&[("text.py", TEXT), ("test_text.py", TEXT_TEST)]);
    let gate = workshop.gate().await;
    let wrong = workshop.change(&[("text.py", Some("def shout(text):\n    return text\n"))]);
    for _ in 0..2 {
        let evidence = gate.check(&wrong, &CheckPlan::default()).await;
        assert_eq!(evidence.level(), Level::Unverified);
        let tests = report(&evidence, "unittest");
        assert_eq!(tests.outcome, Outcome::Failed);
        let said = messages(tests).join("\n");
        assert!(
            said.contains("test_text.py::ShoutTest::test_shout") && said.contains("'a' != 'A'"),
            "{said}"
        );
        assert!(tests.log.as_ref().is_some_and(|log| log.len() <= 17 * 1024));
    }
    // Same size, same second: a stale cache would give the verdict on the other one.
    let right = workshop.change(&[("text.py", Some("def shout(t):\n    return t.upper()\n"))]);
    assert_eq!(
        gate.check(&right, &CheckPlan::default()).await.level(),
        Level::Tested
    );
}

#[tokio::test]
async fn a_test_that_failed_before_is_reported_and_not_held_against_the_change() {
    let broken = format!("{TEXT_TEST}    def test_broken(self):\n        self.fail('old trouble')\n");
    let workshop = Workshop::new(&[("text.py", TEXT), ("test_text.py", &broken)]);
    let gate = workshop.gate().await;
    let baseline = gate.baseline(&[AcceptanceCommand("exit 3".into())]).await;
    let before = baseline.runs.iter().find(|run| run.check == "unittest").unwrap();
    assert_eq!(before.failed_tests, ["test_text.py::ShoutTest::test_broken"]);
    assert!(
        !baseline
            .acceptance(&AcceptanceCommand("exit 3".into()))
            .unwrap()
            .succeeded
    );
    let change = workshop.change(&[(
        "text.py",
        Some("def shout(text):\n    return str(text).upper()\n"),
    )]);
    let evidence = gate.check(&change, &CheckPlan::default()).await;
    let tests = report(&evidence, "unittest");
    assert_eq!(tests.outcome, Outcome::Passed, "{tests:#?}");
    assert_eq!(tests.findings[0].severity, Severity::Note);
    assert!(tests.findings[0].message.contains("as it did before the change"));
    assert_eq!(evidence.level(), Level::Tested);
}

#[tokio::test]
async fn removing_the_tests_that_judge_it_does_not_help_a_change() {
    let workshop = Workshop::new(&[("text.py", TEXT), ("test_text.py", TEXT_TEST)]);
    let emptied = "import unittest\nfrom text import shout\n";
    let skipping = TEXT_TEST.replace("    def test", "    @unittest.skip('later')\n    def test");
    let cases = [
        ("test_text.py", None),
        ("test_text.py", Some(emptied)),
        ("test_text.py", Some(skipping.as_str())),
    ];
    for (path, after) in cases {
        let files = [
            ("text.py", Some("def shout(text):\n    return text\n")),
            (path, after),
        ];
        let evidence = workshop.check(&files, &CheckPlan::default()).await;
        let policy = report(&evidence, "policy");
        assert_eq!(policy.outcome, Outcome::Failed, "{after:?}");
        assert_eq!(policy.findings[0].rule, "policy/fewer-tests");
        let allowed = CheckPlan {
            test_edits: TestEdits::Allowed,
            ..CheckPlan::default()
        };
        let evidence = workshop.check(&files, &allowed).await;
        assert_eq!(report(&evidence, "policy").outcome, Outcome::Passed);
        assert!(evidence.level() < Level::Tested);
    }
}

#[tokio::test]
async fn an_undefined_name_stops_the_gate_before_anything_runs() {
    let workshop = Workshop::new(&[("text.py", TEXT), ("test_text.py", TEXT_TEST)]);
    let after = "def shout(text):\n    return texd.upper() + math.pi\n";
    let evidence = workshop
        .check(&[("text.py", Some(after))], &accepting("true"))
        .await;
    assert_eq!(evidence.level(), Level::Unverified);
    let names = report(&evidence, "names");
    assert_eq!(
        messages(names),
        ["`texd` is not defined", "`math` is not defined"]
    );
    assert_eq!(
        names.findings[0].help.as_deref(),
        Some("the nearest name in reach is `text`")
    );
    assert_eq!(names.findings[1].help.as_deref(), Some("add `import math`"));
    assert_eq!(
        (names.findings[0].line, names.findings[0].column),
        (Some(2), Some(12))
    );
    assert_eq!(
        report(&evidence, "true").reason.as_deref(),
        Some("an earlier check failed")
    );
    assert!(evidence.sandbox.is_none());
    let go_on = CheckPlan {
        after_failure: AfterFailure::GoOn,
        ..accepting("true")
    };
    let evidence = workshop.check(&[("text.py", Some(after))], &go_on).await;
    assert_eq!(report(&evidence, "true").outcome, Outcome::Passed);
    assert_eq!(evidence.level(), Level::Unverified);
}

#[tokio::test]
async fn what_was_undefined_before_is_not_held_against_a_change() {
    let workshop = Workshop::new(&[("a.py", "def f():\n    return injected()\n")]);
    let after = "def f():\n    return injected() + 1\n";
    let evidence = workshop
        .check(&[("a.py", Some(after))], &CheckPlan::default())
        .await;
    assert_eq!(report(&evidence, "names").outcome, Outcome::Passed);
}

#[tokio::test]
async fn examples_of_the_request_decide() {
    let workshop = Workshop::new(&[("text.py", TEXT)]);
    let text = "shout('ab') == 'AB!' and shout('') returns '!'";
    let plan = with_examples(examples_in_text(text, Language::Python, &["shout".into()]));
    assert_eq!(plan.examples.len(), 2);
    let evidence = workshop
        .check(
            &[("text.py", Some("def shout(t):\n    return t.upper() + '?'\n"))],
            &plan,
        )
        .await;
    let examples = report(&evidence, "examples");
    assert_eq!(examples.outcome, Outcome::Failed);
    assert_eq!(
        messages(examples)[0],
        "`shout('ab')` (line 1): gives 'AB?', expected 'AB!'"
    );
    let evidence = workshop
        .check(
            &[("text.py", Some("def shout(t):\n    return t.upper() + '!'\n"))],
            &plan,
        )
        .await;
    assert_eq!(evidence.level(), Level::Tested, "{evidence:#?}");
}

#[tokio::test]
async fn examples_in_docstrings_run_and_those_a_change_brings_prove_nothing() {
    let documented = |body: &str, example: &str| {
        format!(
            "def double(x):\n    \"\"\"Doubles.\n\n    >>> double(2)\n    {example}\n    \"\"\"\n    return {body}\n"
        )
    };
    let workshop = Workshop::new(&[("a.py", &documented("x * 2", "4"))]);
    let plan = CheckPlan::default();
    let evidence = workshop
        .check(&[("a.py", Some(&documented("x + x", "4")))], &plan)
        .await;
    assert_eq!(evidence.level(), Level::Tested, "{evidence:#?}");
    let evidence = workshop
        .check(&[("a.py", Some(&documented("x * 3", "4")))], &plan)
        .await;
    let examples = report(&evidence, "examples");
    assert!(
        messages(examples)[0].contains("docstring of `double`"),
        "{examples:#?}"
    );
    // A wrong function with a docstring that agrees with it.
    let evidence = workshop
        .check(&[("a.py", Some(&documented("x * 3", "6")))], &plan)
        .await;
    assert_eq!(evidence.level(), Level::Parsed);
    let workshop = Workshop::new(&[("a.py", &documented("x * 2", "5"))]);
    let evidence = workshop
        .check(&[("a.py", Some(&documented("x + x", "5")))], &plan)
        .await;
    let examples = report(&evidence, "examples");
    assert_eq!(
        (examples.outcome, examples.findings[0].severity),
        (Outcome::Skipped, Severity::Note)
    );
}

#[tokio::test]
async fn packages_and_members_that_do_not_exist_are_found() {
    let files = [
        ("requirements.txt", "requests\n"),
        ("app/__init__.py", ""),
        ("app/text.py", TEXT),
    ];
    let workshop = Workshop::new(&files);
    let code = "import requests\nimport pip\nimport numpyy\nimport magic_unicorns\nimport os, collections.abc\n\
                from app.text import shout, shuot\nfrom app.texts import x\nfrom . import text\n\
                try:\n    import speedups\nexcept ImportError:\n    speedups = None\n\
                print(requests, pip, numpyy, magic_unicorns, os, shout, shuot, x, text)\n";
    let evidence = workshop
        .check(&[("app/new.py", Some(code))], &CheckPlan::default())
        .await;
    let report = report(&evidence, "dependencies");
    let found: Vec<(&str, Severity, u32)> = report
        .findings
        .iter()
        .map(|finding| (finding.rule.as_str(), finding.severity, finding.line.unwrap()))
        .collect();
    assert_eq!(
        found,
        [
            ("dependencies/missing-member", Severity::Error, 6),
            ("dependencies/missing-module", Severity::Error, 7),
            ("dependencies/undeclared", Severity::Warning, 2),
            ("dependencies/typosquat", Severity::Error, 3),
            ("dependencies/unknown", Severity::Error, 4),
            ("dependencies/unknown", Severity::Warning, 10),
        ],
        "{report:#?}"
    );
    assert_eq!(
        report.findings[0].help.as_deref(),
        Some("the nearest name there is `shout`")
    );
    assert_eq!(
        report.findings[1].help.as_deref(),
        Some("the nearest module there is `text`")
    );
}

#[tokio::test]
async fn the_real_compiler_and_the_real_modules_are_asked() {
    let workshop = Workshop::new(&[("a.py", "")]);
    let plan = CheckPlan::default();
    let evidence = workshop
        .check(&[("a.py", Some("def f(a, a):\n    return a\n"))], &plan)
        .await;
    let python = report(&evidence, "python");
    assert!(
        messages(python)[0].contains("duplicate argument 'a' in function definition"),
        "{python:#?}"
    );
    let code = "import math\nfrom collections import Countr\nprint(math.sqroot(2), Countr)\n";
    let evidence = workshop.check(&[("a.py", Some(code))], &plan).await;
    let python = report(&evidence, "python");
    assert_eq!(
        messages(python),
        [
            "the standard module `collections` has no `Countr`",
            "the standard module `math` has no `sqroot`"
        ]
    );
    assert_eq!(
        python.findings[0].help.as_deref(),
        Some("the nearest name there is `Counter`")
    );
    let shadowed = "import string\ndef f(string):\n    return string.anything\n";
    let evidence = workshop.check(&[("a.py", Some(shadowed))], &plan).await;
    assert_eq!(report(&evidence, "python").outcome, Outcome::Passed);
}

#[tokio::test]
async fn acceptance_commands_run_in_the_changed_tree() {
    let workshop = Workshop::new(&[("a.txt", "one\n")]);
    let evidence = workshop
        .check(&[("a.txt", Some("two\n"))], &accepting("grep two a.txt"))
        .await;
    assert_eq!(evidence.level(), Level::Tested, "{evidence:#?}");
    let evidence = workshop
        .check(
            &[("a.txt", Some("three\n"))],
            &accepting("echo looking; grep two a.txt"),
        )
        .await;
    let acceptance = report(&evidence, "echo looking; grep two a.txt");
    assert_eq!(acceptance.outcome, Outcome::Failed);
    assert_eq!(
        acceptance.reason.as_deref(),
        Some("exit code 1: looking, as before the change")
    );
    assert_eq!(
        std::fs::read_to_string(workshop.root.join("a.txt")).unwrap(),
        "one\n"
    );
}

#[tokio::test]
async fn without_a_sandbox_nothing_runs_and_the_evidence_says_why() {
    let workshop = Workshop::new(&[("text.py", TEXT), ("test_text.py", TEXT_TEST)]);
    let gate = Gate::new(
        Err("no bubblewrap here".into()),
        workshop.project(),
        workshop.copy(),
    );
    let change = workshop.change(&[("text.py", Some("def shout(t):\n    return t.upper()\n"))]);
    let plan = CheckPlan {
        acceptance: vec![AcceptanceCommand("touch ran".into())],
        examples: vec![equation("shout('a')", "'A'")],
        ..CheckPlan::default()
    };
    let evidence = gate.check(&change, &plan).await;
    assert_eq!(evidence.level(), Level::Parsed);
    for check in ["examples", "unittest", "touch ran"] {
        let report = report(&evidence, check);
        assert_eq!(
            (report.outcome, report.reason.as_deref()),
            (Outcome::Skipped, Some("no bubblewrap here"))
        );
    }
    assert!(gate.baseline(&plan.acceptance).await.runs.is_empty());
}

#[tokio::test]
async fn a_missing_tool_is_a_skipped_check_with_its_mend() {
    let files = [
        (
            "test_a.py",
            "import pytest\n\n@pytest.mark.parametrize('x', [1])\ndef test_a(x):\n    assert x\n",
        ),
        ("mypy.ini", "[mypy]\n"),
        ("ruff.toml", ""),
        ("tsconfig.json", "{}"),
        ("a.py", "x = 1\n"),
        ("a.ts", "export const x: number = 1;\n"),
        ("go.mod", "module example.org/a\n"),
        ("a.go", "package a\n"),
    ];
    let workshop = Workshop::new(&files);
    let sandbox = workshop.sandbox().await;
    let change = [
        ("a.py", Some("x = 2\n")),
        ("a.ts", Some("export const x: number = 2;\n")),
    ];
    let evidence = workshop.check(&change, &CheckPlan::default()).await;
    for (check, program, mend) in [
        ("ruff", "ruff", "`ruff` is not installed: pip install ruff"),
        (
            "tsc",
            "tsc",
            "`tsc` is not installed: npm install --save-dev typescript",
        ),
        (
            "go build",
            "go",
            "`go` is not installed: install Go from https://go.dev/dl",
        ),
        (
            "go test",
            "go",
            "`go` is not installed: install Go from https://go.dev/dl",
        ),
    ] {
        let report = report(&evidence, check);
        if sandbox.find_tool(program).is_none() {
            assert_eq!(
                (report.outcome, report.reason.as_deref()),
                (Outcome::Skipped, Some(mend))
            );
        }
    }
    for (check, mend) in [("pytest", "pip install pytest"), ("mypy", "pip install mypy")] {
        let report = report(&evidence, check);
        if report.outcome == Outcome::Skipped {
            assert_eq!(report.reason, Some(format!("`{check}` is not installed: {mend}")));
        }
    }
    assert!(evidence.level() >= Level::Parsed, "{evidence:#?}");
}

#[tokio::test]
async fn plain_test_functions_run_without_pytest() {
    let tests = "from pkg.text import shout\n\ndef test_shout():\n    assert shout('a') == 'A'\n\n\
                 class TestMore:\n    def setup_method(self):\n        self.x = 'b'\n    def test_b(self):\n        assert shout(self.x) == 'B'\n";
    let files = [
        ("src/pkg/__init__.py", ""),
        ("src/pkg/text.py", TEXT),
        ("tests/test_text.py", tests),
    ];
    let workshop = Workshop::new(&files);
    let evidence = workshop
        .check(
            &[("src/pkg/text.py", Some("def shout(t):\n    return t.upper()\n"))],
            &CheckPlan::default(),
        )
        .await;
    let tests = evidence
        .checks
        .iter()
        .find(|report| report.kind == CheckKind::Tests)
        .unwrap();
    assert_eq!(tests.outcome, Outcome::Passed, "{tests:#?}");
    assert_eq!(evidence.level(), Level::Tested);
    let evidence = workshop
        .check(
            &[("src/pkg/text.py", Some("def shout(t):\n    return t\n"))],
            &CheckPlan::default(),
        )
        .await;
    let tests = evidence
        .checks
        .iter()
        .find(|report| report.kind == CheckKind::Tests)
        .unwrap();
    assert_eq!(tests.findings.len(), 2, "{tests:#?}");
}

#[tokio::test]
async fn a_rust_crate_is_built_and_tested() {
    let manifest =
        "[package]\nname = \"sample\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\n";
    let library = "pub fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn adds() {\n        assert_eq!(super::add(1, 2), 3);\n    }\n}\n";
    let workshop = Workshop::new(&[("Cargo.toml", manifest), ("src/lib.rs", library)]);
    let gate = workshop.gate().await;
    let plan = CheckPlan::default();
    let change = |after: &str| workshop.change(&[("src/lib.rs", Some(after))]);
    let right = library.replace("    a + b", "    b + a");
    let evidence = gate.check(&change(&right), &plan).await;
    assert_eq!(evidence.level(), Level::Tested, "{evidence:#?}");
    assert_eq!(report(&evidence, "cargo check").proves, Some(Level::Built));
    let wrong = library.replace("    a + b", "    a - b");
    let evidence = gate.check(&change(&wrong), &plan).await;
    let said = messages(report(&evidence, "cargo test")).join("\n");
    assert!(
        said.contains("`tests::adds` fails: assertion `left == right` failed"),
        "{said}"
    );
    let untyped = library.replace("    a + b", "    \"three\"");
    let evidence = gate.check(&change(&untyped), &plan).await;
    let check = report(&evidence, "cargo check");
    assert_eq!(
        (
            check.outcome,
            check.findings[0].rule.as_str(),
            check.findings[0].line
        ),
        (Outcome::Failed, "E0308", Some(2))
    );
    let unknown = format!("use serde_jsn::Value;\n{library}");
    let evidence = gate.check(&change(&unknown), &plan).await;
    assert_eq!(
        report(&evidence, "dependencies").findings[0].rule,
        "dependencies/unknown"
    );
}

#[tokio::test]
async fn examples_of_a_rust_function_are_run_beside_its_private_code() {
    let manifest = "[package]\nname = \"sample\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
    let library = "mod line;\npub use line::key;\n";
    let line = "fn parse(line: &str) -> Option<(&str, &str)> {\n    line.split_once('=')\n}\n\npub fn key(line: &str) -> Option<&str> {\n    parse(line).map(|pair| pair.0)\n}\n";
    let workshop = Workshop::new(&[
        ("Cargo.toml", manifest),
        ("src/lib.rs", library),
        ("src/line.rs", line),
    ]);
    let gate = workshop.gate().await;
    let wish = "e.g. parse(\" port = 80 \") gives (\"port\", \"80\") and parse(\"port\") is None";
    let plan = with_examples(examples_in_text(wish, Language::Rust, &["parse".into()]));
    assert_eq!(plan.examples.len(), 2);
    let change = |body: &str| {
        let after = line.replace("line.split_once('=')", body);
        workshop.change(&[("src/line.rs", Some(&after))])
    };
    let right = "line.split_once('=').map(|(key, value)| (key.trim(), value.trim()))";
    let evidence = gate.check(&change(right), &plan).await;
    assert_eq!(evidence.level(), Level::Tested, "{evidence:#?}");
    let half = "line.trim_start().split_once('=')";
    let evidence = gate.check(&change(half), &plan).await;
    let said = messages(report(&evidence, "examples")).join("\n");
    assert!(
        said.contains("gives Some((\"port \", \" 80 \")), expected Some((\"port\", \"80\"))"),
        "{said}"
    );
    // An example that does not compile says nothing about the code.
    let odd = with_examples(examples_in_text(
        "parse(5) == None",
        Language::Rust,
        &["parse".into()],
    ));
    let evidence = gate.check(&change(right), &odd).await;
    let examples = report(&evidence, "examples");
    assert_eq!(examples.outcome, Outcome::Skipped, "{examples:#?}");
    assert!(examples.reason.as_deref().unwrap().contains("do not compile"));
    assert_eq!(evidence.level(), Level::Parsed, "{evidence:#?}");
}

#[tokio::test]
async fn javascript_is_tested_by_node() {
    let package = r#"{"name": "sample", "type": "module", "scripts": {"test": "node --test"}}"#;
    let code = "export function slug(text) {\n  return text.toLowerCase();\n}\n";
    let test = "import test from 'node:test';\nimport assert from 'node:assert';\nimport { slug } from '../slug.js';\n\
                test('slug', async (t) => {\n  await t.test('lower case', () => assert.equal(slug('A'), 'a'));\n});\n";
    let workshop = Workshop::new(&[
        ("package.json", package),
        ("slug.js", code),
        ("test/slug.test.js", test),
    ]);
    let plan = CheckPlan {
        examples: examples_in_text("slug('B') === 'b'", Language::JavaScript, &["slug".into()]),
        ..CheckPlan::default()
    };
    let evidence = workshop
        .check(
            &[("slug.js", Some(&code.replace("text.", "String(text).")))],
            &plan,
        )
        .await;
    assert_eq!(evidence.level(), Level::Tested, "{evidence:#?}");
    assert_eq!(report(&evidence, "examples").outcome, Outcome::Passed);
    assert_eq!(report(&evidence, "node --test").outcome, Outcome::Passed);
    let wrong = code.replace("toLowerCase", "toUpperCase");
    let go_on = CheckPlan {
        after_failure: AfterFailure::GoOn,
        ..plan
    };
    let evidence = workshop.check(&[("slug.js", Some(&wrong))], &go_on).await;
    assert_eq!(
        messages(report(&evidence, "examples")),
        ["`slug('B')` (line 1): gives 'B', expected 'b'"]
    );
    let tests = report(&evidence, "node --test");
    assert!(
        messages(tests)[0].starts_with("`slug > lower case` fails"),
        "{tests:#?}"
    );
    let missing =
        "import left from 'leftpadd';\nimport { slugs } from './other.js';\nexport const x = left(slugs);\n";
    let evidence = workshop
        .check(
            &[
                ("new.js", Some(missing)),
                ("other.js", Some("export const slug = 1;\n")),
            ],
            &go_on,
        )
        .await;
    let found = report(&evidence, "dependencies");
    assert_eq!(
        messages(found),
        [
            "`leftpadd` is neither declared nor installed",
            "`other.js` does not export `slugs`"
        ]
    );
}

#[tokio::test]
async fn a_cancelled_check_leaves_the_work_copy_clean() {
    let workshop = Workshop::new(&[("text.py", TEXT)]);
    let gate = workshop.gate().await;
    let change = workshop.change(&[("text.py", Some("def shout(t):\n    return t\n"))]);
    let endless = accepting("touch started; sleep 1000");
    {
        let checking = gate.check(&change, &endless);
        tokio::pin!(checking);
        // Polled until the command runs, then dropped.
        let patience = std::time::Duration::from_millis(1500);
        assert!(tokio::time::timeout(patience, &mut checking).await.is_err());
    }
    let evidence = gate
        .check(&change, &accepting("grep -q 'return t$' text.py"))
        .await;
    assert_eq!(evidence.level(), Level::Tested, "{evidence:#?}");
}

#[tokio::test]
async fn code_that_means_harm_is_a_failed_check() {
    let workshop = Workshop::new(&[("text.py", TEXT), ("test_text.py", TEXT_TEST)]);
    let gate = workshop.gate().await;
    let plan = CheckPlan {
        time_limit: Some(Duration::from_secs(3)),
        ..CheckPlan::default()
    };
    for (harm, said) in [
        ("import time; time.sleep(1000)", "it did not end within 3 s"),
        ("while True: print('x' * 100000)", "stopped for printing too much"),
        (
            "import socket; socket.create_connection(('192.0.2.1', 80), 2)",
            "unreachable",
        ),
        (
            "import os; os.listdir(os.path.expanduser('~/.ssh'))",
            "No such file or directory",
        ),
        ("import os; os.kill(os.getppid(), 9)", ""),
    ] {
        let code = format!("def shout(text):\n    {harm}\n    return text\n");
        let evidence = gate
            .check(&workshop.change(&[("text.py", Some(&code))]), &plan)
            .await;
        let tests = report(&evidence, "unittest");
        assert_eq!(tests.outcome, Outcome::Failed, "{harm} {tests:#?}");
        assert!(
            tests.reason.as_ref().unwrap().contains(said),
            "{harm} {:?}",
            tests.reason
        );
    }
    let right = workshop.change(&[("text.py", Some("def shout(t):\n    return t.upper()\n"))]);
    assert_eq!(gate.check(&right, &plan).await.level(), Level::Tested);
}

#[tokio::test]
async fn a_change_made_for_another_tree_is_refused() {
    let workshop = Workshop::new(&[("a.py", "x = 1\n")]);
    let gate = workshop.gate().await;
    let mut change = workshop.change(&[("a.py", Some("x = 2\n"))]);
    change.files[0].before = Some("x = 0\n".into());
    let evidence = gate.check(&change, &CheckPlan::default()).await;
    assert_eq!(evidence.level(), Level::Unverified);
    assert!(
        report(&evidence, "apply")
            .reason
            .as_ref()
            .unwrap()
            .contains("has changed since it was read")
    );
}
