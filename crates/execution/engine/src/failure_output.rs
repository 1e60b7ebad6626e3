//! Reads the output of a failing command: which lines of which files it names, and the sentence that says why.

use std::sync::LazyLock;

use regex::Regex;
use tenon_domain::RepoPath;

/// A place that the output names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, relative to the repository's root.
    pub path: RepoPath,
    /// 1-based line.
    pub line: u32,
}

/// What the output of a failing command says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailureOutput {
    /// The places it names, the innermost (last printed) of each trace first, each once.
    pub places: Vec<Place>,
    /// Names of tests that failed.
    pub tests: Vec<String>,
    /// The lines that say what went wrong, bounded: what a person would read first.
    pub essence: String,
}

#[expect(clippy::expect_used, reason = "the patterns are literals, compiled by a test")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a literal pattern")
}

static PYTHON_PLACE: LazyLock<Regex> = LazyLock::new(|| pattern(r#"File "([^"]+)", line (\d+)"#));
static COLON_PLACE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?:^|[\s(@'`]|file://)((?:/|\./)?[\w./@+-]+\.(?:py|rs|js|mjs|cjs|jsx|ts|tsx|go|java)):(\d+)")
});
static TEST_NAME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?m)^(?:FAIL|ERROR): (\w+)|^test ([\w:]+) \.\.\. FAILED|^FAILED [^:\s]+::([\w:]+)|^not ok \d+ - (.+)|^\s*✖ (.+?)(?: \([\d.]+ms\))?$|^--- FAIL: (\w+)",
    )
});

const ESSENCE_LINES: usize = 24;
const ESSENCE_BYTES: usize = 1600;

impl FailureOutput {
    /// Reads `output`; `roots` are the folders under which the command saw the repository.
    pub fn read(output: &str, roots: &[&str]) -> Self {
        let mut places: Vec<Place> = Vec::new();
        for line in output.lines() {
            for capture in PYTHON_PLACE
                .captures_iter(line)
                .chain(COLON_PLACE.captures_iter(line))
            {
                let (Some(path), Some(number)) = (capture.get(1), capture.get(2)) else {
                    continue;
                };
                let Some(path) = relative(path.as_str(), roots) else {
                    continue;
                };
                let Ok(line) = number.as_str().parse() else {
                    continue;
                };
                let place = Place { path, line };
                places.retain(|known| known != &place);
                places.insert(0, place);
            }
        }
        let mut tests = Vec::new();
        for capture in TEST_NAME.captures_iter(output) {
            let name = capture
                .iter()
                .skip(1)
                .flatten()
                .next()
                .map(|name| name.as_str().trim().to_owned());
            if let Some(name) = name
                && !tests.contains(&name)
            {
                tests.push(name);
            }
        }
        Self {
            places,
            tests,
            essence: essence(output),
        }
    }
}

/// The program that `command` needs and that is not there, if that is all its output says.
pub(crate) fn missing_program<'log>(command: &str, log: &'log str) -> Option<&'log str> {
    let line = log.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    let from_shell = |line: &'log str| {
        let said = line
            .strip_suffix(": not found")
            .or_else(|| line.strip_suffix(": command not found"))?;
        said.contains("sh: ").then(|| said.rsplit(": ").next()).flatten()
    };
    let from_python = |line: &'log str| {
        line.contains("python")
            .then(|| line.split("No module named ").nth(1))
            .flatten()
    };
    let name = from_shell(line).or_else(|| from_python(line))?;
    command
        .split_whitespace()
        .any(|word| word == name)
        .then_some(name)
}

fn relative(path: &str, roots: &[&str]) -> Option<RepoPath> {
    let inner = roots
        .iter()
        .find_map(|root| path.strip_prefix(root))
        .map(|rest| rest.trim_start_matches('/'));
    match inner {
        Some(inner) => RepoPath::parse(inner).ok(),
        None => RepoPath::parse(path).ok(),
    }
}

/// Keeps the lines that carry meaning: errors, assertions, expected and actual values, and the code around them.
fn essence(output: &str) -> String {
    const SIGNS: [&str; 26] = [
        "Error",
        "error",
        "assert",
        "Assert",
        "expected",
        "Expected",
        "actual",
        "left:",
        "right:",
        "panicked",
        "FAIL",
        "not ok",
        "Exception",
        "raise ",
        "!=",
        "==",
        "!==",
        "got",
        "should",
        "message",
        "self.",
        "^",
        "diff",
        "+ ",
        "- ",
        "undefined",
    ];
    let mut kept: Vec<&str> = Vec::new();
    for line in output.lines() {
        let line = line.trim_end();
        let trace = line.contains("node:internal") || line.contains("/unittest/") || line.contains("rustc/");
        if !line.trim().is_empty()
            && !trace
            && SIGNS.iter().any(|sign| line.contains(sign))
            && kept.last() != Some(&line)
        {
            kept.push(line);
        }
    }
    if kept.is_empty() {
        kept = output.lines().filter(|line| !line.trim().is_empty()).collect();
        let skip = kept.len().saturating_sub(ESSENCE_LINES);
        kept.drain(..skip);
    }
    let mut text = String::new();
    for line in kept.iter().take(ESSENCE_LINES) {
        if text.len() + line.len() > ESSENCE_BYTES {
            break;
        }
        text.push_str(line);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(path: &str, line: u32) -> Place {
        Place {
            path: RepoPath::parse(path).unwrap(),
            line,
        }
    }

    #[test]
    fn a_python_trace_names_its_innermost_place_first() {
        let output = "FAIL: test_total (test_cart.CartTest)\nTraceback (most recent call last):\n  File \"/workspace/tests/test_cart.py\", line 9, in test_total\n    self.assertEqual(total([1, 2]), 3)\n  File \"/workspace/cart.py\", line 4, in total\n    return sum(items) - 1\n  File \"/usr/lib/python3.11/abc.py\", line 1, in x\nAssertionError: 2 != 3\n";
        let read = FailureOutput::read(output, &["/workspace"]);
        assert_eq!(read.places, [place("cart.py", 4), place("tests/test_cart.py", 9)]);
        assert_eq!(read.tests, ["test_total"]);
        assert!(read.essence.contains("AssertionError: 2 != 3"));
    }

    #[test]
    fn rust_and_node_places_are_read() {
        let rust = "test tests::adds ... FAILED\nthread 'tests::adds' panicked at src/lib.rs:12:9:\nassertion `left == right` failed\n  left: 3\n right: 4\n";
        let read = FailureOutput::read(rust, &["/workspace"]);
        assert_eq!(read.places, [place("src/lib.rs", 12)]);
        assert_eq!(read.tests, ["tests::adds"]);
        assert!(read.essence.contains("left: 3"));
        let node = "not ok 1 - adds\n    at add (file:///workspace/src/cart.js:3:9)\n    at node:internal/x.js:1:1\n";
        assert_eq!(
            FailureOutput::read(node, &["/workspace"]).places,
            [place("src/cart.js", 3)]
        );
    }

    #[test]
    fn a_program_that_is_not_there_is_told_from_a_failure() {
        assert_eq!(
            missing_program("pytest -q", "sh: 1: pytest: not found\n"),
            Some("pytest")
        );
        assert_eq!(
            missing_program("python3 -m pytest", "/usr/bin/python3: No module named pytest"),
            Some("pytest")
        );
        assert_eq!(
            missing_program(
                "python3 -m unittest",
                "ModuleNotFoundError: No module named 'cart'"
            ),
            None
        );
        assert_eq!(missing_program("make test", "sh: 1: gcc: not found"), None);
    }

    #[test]
    fn silence_and_floods_are_bounded() {
        assert_eq!(FailureOutput::read("", &[]), FailureOutput::default());
        let flood = "AssertionError: 1 != 2 ".repeat(100_000);
        assert!(FailureOutput::read(&flood, &[]).essence.len() <= 1700);
        let lines = "some line\n".repeat(10_000);
        assert!(FailureOutput::read(&lines, &[]).essence.lines().count() <= 24);
    }
}
