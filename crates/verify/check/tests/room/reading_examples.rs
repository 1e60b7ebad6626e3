//! Examples in docstrings and requests: what is read, and above all what is not.

use proptest::prelude::*;
use tenon_check::{Example, ExampleKind, examples_in_text};
use tenon_syntax::Language;

fn shown(examples: Vec<Example>) -> Vec<String> {
    let show = |example: Example| match example.expression {
        ExampleKind::Equation { call, expected } => format!("{call} == {expected}"),
        ExampleKind::Doctest { source, want } => format!(">>> {source}\n{want}"),
        ExampleKind::Assertion { code } => code,
    };
    examples.into_iter().map(show).collect()
}

fn python(text: &str, entry: &str) -> Vec<String> {
    shown(examples_in_text(text, Language::Python, &[entry.to_owned()]))
}

#[test]
fn call_lines_in_every_spelling() {
    for text in [
        "f(2) => 4",
        "f(2) ==> 4",
        "f(2) == 4",
        "f(2) -> 4",
        "f(2) --> 4",
        "f(2) ➞ 4",
        "f(2) → 4",
        "f(2) = 4",
        "f(2)=4",
        "f(2) returns 4",
        "f(2) should return 4.",
        "f(2) should be 4",
        "f(2) is 4",
        "f(2) gives 4, and so on",
        "f(2) # => 4",
        "f(2)  # returns 4",
        "f(2)  # 4",
        "# f(2) -> 4",
        "* f(2) => 4",
        "- `f(2)` returns `4`",
        "for f(2) == 4 (the square)",
        "assert f(2) => 4",
        ">>> f(2) == 4",
        "the result of f(2) is 4 because 2 * 2 == 4",
    ] {
        assert_eq!(python(text, "f"), ["f(2) == 4"], "{text}");
    }
}

#[test]
fn values_of_every_kind() {
    for (text, expected) in [
        ("f('a, b') => ['a', 'b']", "f('a, b') == ['a', 'b']"),
        (
            "f([[1, 2],\n   [3]], k=1) == {'a': (1, 2)}",
            "f([[1, 2],\n   [3]], k=1) == {'a': (1, 2)}",
        ),
        ("f(1) => true", "f(1) == True"),
        ("f(1) => null", "f(1) == None"),
        ("f('it\\'s') == \"it's\"", "f('it\\'s') == \"it's\""),
        ("f(1) -> 19 - 5 - 6 = 8", "f(1) == 8"),
        ("f(2.5) should return -1.5e3", "f(2.5) == -1.5e3"),
        ("sorted(f([2, 1])) == [1, 2]", "sorted(f([2, 1])) == [1, 2]"),
        ("f(3)[0] == 1", "f(3)[0] == 1"),
        ("f(lambda x: x + 1) == 2", "f(lambda x: x + 1) == 2"),
        ("f(f(1)) == 1", "f(f(1)) == 1"),
    ] {
        assert_eq!(python(text, "f"), [expected], "{text}");
    }
}

#[test]
fn what_is_not_plain_is_dropped() {
    for text in [
        "f(x) => y",
        "f(a) => False",
        "f(title) -> str",
        "def f(x: int) -> int:",
        "f(2) returns 4 if the sun shines",
        "f(2) returns 4 items",
        "f(2) == 4 or 5",
        "f(2) => four",
        "f(2) == \"\"four\"",
        "f(2) => ('four')",
        "f(2) should not return 4",
        "not f(2) == 4",
        "if f(2) == 4: pass",
        "other(2) == 4",
        "xf(2) == 4",
        "self.f(2) == 4",
        "f(2) = f(1) + 2",
        "f(2 == 4",
        "f(2) >= 4",
        "f(2) != 4",
        "f(2): 4",
        "f(2)\n4",
        "f(3) == [1, 2][0]",
    ] {
        assert_eq!(python(text, "f"), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn definitions_by_recurrence_are_not_results() {
    let text = "tri(1) = 3\ntri(2) = 1 + (2 / 2) = 2\ntri(4) = 3\nExamples:\ntri(3) = [1, 3, 2, 8]\n";
    assert_eq!(python(text, "tri"), Vec::<String>::new());
}

#[test]
fn exceptions_become_assertions() {
    let found = python("f(-1) raises ValueError, f(0) raises nothing", "f");
    assert_eq!(found.len(), 1);
    assert!(
        found[0].contains("f(-1)") && found[0].contains("except ValueError"),
        "{found:?}"
    );
}

#[test]
fn doctests_are_read_as_doctest_reads_them() {
    let text = "
    Adds.

    >>> f(1,
    ...   2)
    3
    >>> f('a',   'b')
    'ab'
    >>> print(f(1, 1)); f(2, 2)
    2
    4

    And on failure:

    >>> f(None, 1)
    Traceback (most recent call last):
        ...
    TypeError: unsupported
    ";
    assert_eq!(
        python(text, "f"),
        [
            ">>> f(1,\n  2)\n3\n",
            ">>> f('a',   'b')\n'ab'\n",
            ">>> print(f(1, 1)); f(2, 2)\n2\n4\n",
            ">>> f(None, 1)\nTraceback (most recent call last):\n    ...\nTypeError: unsupported\n",
        ]
    );
}

#[test]
fn doctest_steps_that_build_on_each_other_stay_together() {
    let text = ">>> stack = Stack()\n>>> stack.push(1)\n>>> stack.pop()\n1\n>>> stack.size()\n0\n";
    let found = python(text, "Stack");
    assert_eq!(
        found,
        [
            ">>> stack = Stack()\nstack.push(1)\nstack.pop()\n1\n",
            ">>> stack = Stack()\nstack.push(1)\nstack.pop()\nstack.size()\n0\n",
        ]
    );
}

#[test]
fn assertions_are_taken_whole() {
    let text = "assert f(2) == 4\nassert math.isclose(f(2.5),\n    6.25)\nassert helper(f(2))\n";
    assert_eq!(
        python(text, "f"),
        ["assert f(2) == 4", "assert math.isclose(f(2.5),\n    6.25)"]
    );
}

#[test]
fn input_and_output_blocks_need_a_signature() {
    let block = "Example 1:\n  Input: grid = [[1, 2], [3, 4]], k = 3\n  Output: [1, 2, 1]\n";
    assert_eq!(python(block, "paths"), Vec::<String>::new());
    let text = format!("def paths(grid: List[List[int]], k=3):\n    \"\"\"{block}\"\"\"");
    assert_eq!(
        python(&text, "paths"),
        ["paths([[1, 2], [3, 4]], 3) == [1, 2, 1]"]
    );
    let text = "def pluck(arr):\n  Input: [4, 2, 3]\n  Output: [2, 1]\n  Input: 1, 2\n  Output: 3";
    assert_eq!(python(text, "pluck"), ["pluck([4, 2, 3]) == [2, 1]"]);
    let text = "def wells(grid, capacity):\n Input:\n   grid : [[0, 1]]\n   capacity : 2\n Output: 6";
    assert_eq!(python(text, "wells"), ["wells([[0, 1]], 2) == 6"]);
    let text = "def total(lst):\n For lst = [1, 2] the output should be 3\n";
    assert_eq!(python(text, "total"), ["total([1, 2]) == 3"]);
}

#[test]
fn without_entry_points_any_call_counts() {
    let found = examples_in_text(
        "add slugify(title): slugify('A b') == 'a-b'",
        Language::Python,
        &[],
    );
    assert_eq!(shown(found), ["slugify('A b') == 'a-b'"]);
}

#[test]
fn javascript_has_its_own_words() {
    let read = |text: &str| shown(examples_in_text(text, Language::JavaScript, &["f".to_owned()]));
    for (text, expected) in [
        ("f({a: 1}) // => [1]", "f({a: 1}) == [1]"),
        (" * f(2) // 4", "f(2) == 4"),
        ("f(`x`) === 'X'", "f(`x`) == 'X'"),
        ("f() returns undefined", "f() == undefined"),
        ("f(2) => True", "f(2) == true"),
        ("expect(f(2)).toEqual({ a: [4] });", "f(2) == { a: [4] }"),
        ("assert.equal(f(2), 4);", "assert.equal(f(2), 4)"),
        (
            "assert.deepStrictEqual(f([1]), [2])",
            "assert.deepStrictEqual(f([1]), [2])",
        ),
    ] {
        assert_eq!(read(text), [expected], "{text}");
    }
    for text in [
        "f(x) // => y",
        "function f(a) { return 4 }",
        "const y = f(2)",
        "expect(f(2)).toBe(other)",
    ] {
        assert_eq!(read(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn languages_without_a_way_to_run_one_have_no_examples() {
    for language in [Language::Go, Language::Java] {
        assert!(examples_in_text("f(2) == 4", language, &["f".to_owned()]).is_empty());
    }
}

#[test]
fn examples_name_their_line_and_are_not_repeated() {
    let found = examples_in_text(
        "intro\nf(1) == 2\nf(1) == 2\nf(2) == 3\n",
        Language::Python,
        &["f".to_owned()],
    );
    let origins: Vec<&str> = found.iter().map(|example| example.origin.as_str()).collect();
    assert_eq!(origins, ["line 2", "line 4"]);
}

proptest! {
    #[test]
    fn stated_equations_survive_the_prose_around_them(
        argument in -1000i32..1000, value in "[a-z]{0,8}", prose in "[a-z ,]{0,20}", separator in "=>|==|->|returns|should return"
    ) {
        let text = format!("{prose}\nf({argument}) {separator} '{value}'\n{prose}");
        prop_assert_eq!(python(&text, "f"), [format!("f({argument}) == '{value}'")]);
    }

    #[test]
    fn any_text_is_survived(text in "([f()\\[\\]{}'\"=>.,:#\\-` \n]|f\\(2\\)|>>>|\\.\\.\\.|assert |Input:|Output:|1|é){0,40}") {
        for language in [Language::Python, Language::JavaScript] {
            let _ = examples_in_text(&text, language, &["f".to_owned()]);
            let _ = examples_in_text(&text, language, &[]);
        }
    }
}
