//! Single tests: read from an answer, split into one assertion each, and put together again as a file.

use std::ops::Range;

use tenon_syntax::{Descend, Language, SourceFile, walk};

/// One test of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Case {
    /// Its name.
    pub name: String,
    /// Its text, without the line break behind it.
    pub text: String,
}

/// The most assertions of one test that become tests of their own.
const MOST_PARTS: usize = 12;

/// The whole tests of `code`; what was cut off in the middle is left out. A test that makes several assertions and
/// nothing else is split, so that a wrong one does not take the right ones with it.
pub(super) fn cases(code: &str, language: Language) -> Vec<Case> {
    let Some(file) = whole(code, language) else {
        return Vec::new();
    };
    let broken = |range: &Range<usize>| {
        file.errors()
            .iter()
            .any(|error| range.start <= error.span.start && error.span.start < range.end)
    };
    let mut cases: Vec<Case> = Vec::new();
    for (name, range) in tests_in(&file) {
        if broken(&range) {
            continue;
        }
        let text = file.text().get(range).unwrap_or_default().trim_end();
        let case = Case {
            name,
            text: text.to_owned(),
        };
        for case in split(case, language) {
            if !cases.iter().any(|known| body(known) == body(&case)) {
                cases.push(case);
            }
        }
    }
    cases
}

/// The code up to its last test that can be read: an answer may end in the middle of one.
fn whole(code: &str, language: Language) -> Option<SourceFile> {
    const MOST_CUTS: usize = 3;
    let mark = match language {
        Language::Python => "def test",
        Language::Rust => "#[test]",
        _ => "test(",
    };
    let mut code = code;
    for _ in 0..MOST_CUTS {
        let file = SourceFile::parse(language, code).ok()?;
        if file.error_count() == 0 {
            return Some(file);
        }
        code = code.get(..code.rfind(mark)?)?.trim_end();
    }
    SourceFile::parse(language, code).ok()
}

/// What a test does, apart from its name.
pub(super) fn body(case: &Case) -> String {
    case.text
        .replacen(&case.name, "", 1)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// A file of these tests; names that appear twice are numbered.
pub(super) fn assemble(header: &str, cases: &[Case], language: Language) -> String {
    let mut text = header.to_owned();
    let mut names: Vec<String> = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let mut name = case.name.clone();
        let mut number = 2;
        while names.contains(&name) {
            name = match language {
                Language::Python | Language::Rust => format!("{}_{number}", case.name),
                _ => format!("{} ({number})", case.name),
            };
            number += 1;
        }
        if index > 0 {
            text.push('\n');
        }
        let indentation = if language == Language::Python { "    " } else { "" };
        text.push_str(indentation);
        text.push_str(&case.text.replacen(&case.name, &name, 1));
        text.push('\n');
        names.push(name);
    }
    text
}

/// Name, first and last line of every test of a file, in order.
pub(super) fn cases_with_lines(code: &str, language: Language) -> Vec<(String, u32, u32)> {
    let Ok(file) = SourceFile::parse(language, code) else {
        return Vec::new();
    };
    let line_of = |byte: usize| {
        let breaks = code.get(..byte).map_or(0, |head| head.matches('\n').count());
        u32::try_from(breaks + 1).unwrap_or(u32::MAX)
    };
    tests_in(&file)
        .into_iter()
        .map(|(name, range)| (name, line_of(range.start), line_of(range.end)))
        .collect()
}

/// Names and places of the tests in a file.
fn tests_in(file: &SourceFile) -> Vec<(String, Range<usize>)> {
    let functions = |is_test: &dyn Fn(&str, &str) -> bool| {
        file.symbols()
            .iter()
            .filter(|symbol| symbol.kind.is_callable() && is_test(&symbol.name, file.slice(symbol.span)))
            .map(|symbol| (symbol.name.clone(), symbol.definition_span.range()))
            .collect()
    };
    match file.language() {
        Language::Python => functions(&|name, _| name.starts_with("test")),
        Language::Rust => functions(&|_, text| text.contains("#[test]")),
        _ => script_tests(file),
    }
}

/// Calls of `test` or `it` with a name.
fn script_tests(file: &SourceFile) -> Vec<(String, Range<usize>)> {
    let mut found = Vec::new();
    walk(file.tree().root_node(), |node| {
        if node.kind() == "expression_statement"
            && let Some(call) = node
                .named_child(0)
                .filter(|child| child.kind() == "call_expression")
            && let Some(function) = call.child_by_field_name("function")
            && matches!(file.text().get(function.byte_range()), Some("test" | "it"))
            && let Some(name) = call
                .child_by_field_name("arguments")
                .and_then(|arguments| arguments.named_child(0))
        {
            let name = file.text().get(name.byte_range()).unwrap_or_default();
            found.push((name.trim_matches(['\'', '"', '`']).to_owned(), node.byte_range()));
            return Descend::Over;
        }
        Descend::Into
    });
    found
}

/// One test for each assertion, where a test holds nothing but assertions of one line each.
fn split(case: Case, language: Language) -> Vec<Case> {
    let lines: Vec<&str> = case.text.lines().collect();
    let (opening, assertion, closing) = match language {
        Language::Python => (1, "self.assert", 0),
        Language::Rust => (2, "assert", 1),
        _ => (1, "assert", 1),
    };
    let Some(inner) = lines.get(opening..lines.len().saturating_sub(closing)) else {
        return vec![case];
    };
    let only_assertions = inner.iter().all(|line| {
        let line = line.trim();
        line.starts_with(assertion) && line.trim_end_matches(';').ends_with(')')
    });
    if !only_assertions || inner.len() < 2 {
        return vec![case];
    }
    let head = lines.get(..opening).unwrap_or_default().join("\n");
    let tail = lines.get(lines.len() - closing..).unwrap_or_default().join("\n");
    inner
        .iter()
        .take(MOST_PARTS)
        .map(|line| Case {
            name: case.name.clone(),
            text: format!("{head}\n{line}\n{tail}").trim_end().to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assertions_become_tests_of_their_own_and_what_was_cut_is_dropped() {
        let code = "import unittest\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(f(1), 2)\n        self.assertEqual(f(2), 3)\n\n    def test_b(self):\n        x = f(3)\n        self.assertEqual(x, 4)\n\n    def test_c(self):\n        self.assertEqual(f(";
        let found = cases(code, Language::Python);
        let names: Vec<&str> = found.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names, ["test_a", "test_a", "test_b"]);
        let file = assemble(
            "import unittest\n\n\nclass T(unittest.TestCase):\n",
            &found,
            Language::Python,
        );
        assert!(file.contains(
            "    def test_a(self):\n        self.assertEqual(f(1), 2)\n\n    def test_a_2(self):\n"
        ));
        assert_eq!(
            SourceFile::parse(Language::Python, file).unwrap().error_count(),
            0
        );
    }

    #[test]
    fn scripts_and_rust_are_split_too() {
        let script =
            "test('sums', () => {\n  assert.strictEqual(f(1), 2);\n  assert.strictEqual(f(2), 3);\n});\n";
        assert_eq!(cases(script, Language::JavaScript).len(), 2);
        let nested = "describe('f', () => {\n  it('sums', () => {\n    assert.equal(f(1), 2);\n  });\n});\n";
        assert_eq!(cases(nested, Language::JavaScript)[0].name, "sums");
        let rust = "#[test]\nfn sums() {\n    assert_eq!(f(1), 2);\n    assert_eq!(f(2), 3);\n}\n";
        let found = cases(rust, Language::Rust);
        assert_eq!(found.len(), 2);
        assert!(assemble("use a::f;\n\n", &found, Language::Rust).contains("fn sums_2() {\n"));
    }

    #[test]
    fn the_same_test_counts_once() {
        let script = "test('a', () => {\n  assert.equal(f(1), 2);\n});\ntest('b', () => {\n  assert.equal(f(1), 2);\n});\n";
        assert_eq!(cases(script, Language::JavaScript).len(), 1);
    }
}
