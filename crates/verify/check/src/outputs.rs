//! What tools print, read as findings and test results. Bounded: a tool may print as much as it likes.

mod cargo_json;
mod compiler;
mod json;
mod tests;

use std::collections::BTreeMap;

use tenon_domain::{Finding, RepoPath, Severity};

use crate::project::OutputFormat;

/// How one test ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TestOutcome {
    Passed,
    /// With what it said, if that is known.
    Failed(Option<String>),
    Skipped,
}

/// What was read off the output of a tool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) findings: Vec<Finding>,
    /// By test id; empty when the tool names no tests.
    pub(crate) tests: BTreeMap<String, TestOutcome>,
}

const MOST_FINDINGS: usize = 100;
const MOST_TESTS: usize = 20_000;
const LONGEST_MESSAGE: usize = 400;

pub(crate) fn read(format: OutputFormat, stdout: &str, stderr: &str) -> Reading {
    let mut reading = Reading::default();
    match format {
        OutputFormat::Plain => {}
        OutputFormat::Compiler => {
            compiler::read(stdout, &mut reading);
            compiler::read(stderr, &mut reading);
        }
        OutputFormat::Tsc => compiler::read_tsc(stdout, &mut reading),
        OutputFormat::Maven => {
            compiler::read_maven(stdout, &mut reading);
            tests::maven(stdout, &mut reading);
        }
        OutputFormat::RuffJson => json::ruff(stdout, &mut reading),
        OutputFormat::EslintJson => json::eslint(stdout, &mut reading),
        OutputFormat::GoTestJson => {
            json::go_test(stdout, &mut reading);
            compiler::read(stderr, &mut reading);
        }
        OutputFormat::PythonTests => json::python_tests(stdout, &mut reading),
        OutputFormat::Pytest => tests::pytest(stdout, &mut reading),
        OutputFormat::CargoJson => cargo_json::read(stdout, &mut reading),
        OutputFormat::CargoTest => {
            tests::cargo(stdout, &mut reading);
            compiler::read_cargo_long(stderr, &mut reading);
        }
        OutputFormat::Tap => {
            tests::tap(stdout, &mut reading);
            tests::ticks(stdout, &mut reading);
            tests::ticks(stderr, &mut reading);
        }
    }
    reading
}

/// What a tool printed, as people read it.
pub(crate) fn rendered(format: OutputFormat, stdout: String) -> String {
    match format {
        OutputFormat::CargoJson => cargo_json::rendered(&stdout),
        _ => stdout,
    }
}

impl Reading {
    fn add(&mut self, finding: Finding) {
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(finding);
        }
    }

    /// The worst outcome of tests with the same name counts.
    fn test(&mut self, id: &str, outcome: TestOutcome) {
        let id = bounded(id.trim());
        if id.is_empty() || (self.tests.len() >= MOST_TESTS && !self.tests.contains_key(&id)) {
            return;
        }
        let failed_before = matches!(self.tests.get(&id), Some(TestOutcome::Failed(_)));
        if !failed_before || matches!(outcome, TestOutcome::Failed(Some(_))) {
            self.tests.insert(id, outcome);
        }
    }

    pub(crate) fn failed(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.tests.iter().filter_map(|(id, outcome)| match outcome {
            TestOutcome::Failed(message) => Some((id.as_str(), message.as_deref())),
            TestOutcome::Passed | TestOutcome::Skipped => None,
        })
    }

    pub(crate) fn passed_count(&self) -> usize {
        self.tests
            .values()
            .filter(|outcome| **outcome == TestOutcome::Passed)
            .count()
    }
}

fn bounded(text: &str) -> String {
    if text.len() <= LONGEST_MESSAGE {
        return text.to_owned();
    }
    format!("{}…", crate::examples::floor_text(text, LONGEST_MESSAGE))
}

fn tool_finding(
    rule: &str,
    severity: Severity,
    path: &str,
    line: Option<u32>,
    column: Option<u32>,
    message: &str,
) -> Finding {
    // Tools print absolute paths of the work copy or `./`-relative ones.
    let path = path.trim().trim_start_matches("./");
    let path = path.strip_prefix("/workspace/").unwrap_or(path);
    Finding {
        rule: rule.to_owned(),
        severity,
        path: RepoPath::parse(path).ok(),
        line,
        column,
        message: bounded(message.trim().trim_end_matches('.')),
        help: None,
        replacements: Vec::new(),
    }
}

#[cfg(test)]
mod samples {
    use proptest::prelude::*;

    use super::*;

    fn failed(reading: &Reading) -> Vec<String> {
        reading
            .failed()
            .map(|(id, message)| format!("{id}|{}", message.unwrap_or("")))
            .collect()
    }

    fn places(reading: &Reading) -> Vec<String> {
        let place = |finding: &Finding| {
            let path = finding.path.as_ref().map_or("?", RepoPath::as_str);
            let (line, column) = (finding.line.unwrap_or(0), finding.column.unwrap_or(0));
            format!(
                "{path}:{line}:{column} {} {:?} {}",
                finding.rule, finding.severity, finding.message
            )
        };
        reading.findings.iter().map(place).collect()
    }

    #[test]
    fn compilers() {
        let text = "src/a.rs:3:5: error[E0425]: cannot find value `x` in this scope\n\
                    src/a.rs:9:1: warning: unused variable: `y`\n\
                    ./main.go:7:2: undefined: z\n\
                    /workspace/b.py:1:2: error: Name \"q\" is not defined  [name-defined]\n\
                    ./A.java:4: error: cannot find symbol\n\
                    error: could not compile `a`\nnoise 12:30 here\n";
        assert_eq!(
            places(&read(OutputFormat::Compiler, text, "")),
            [
                "src/a.rs:3:5 E0425 Error cannot find value `x` in this scope",
                "src/a.rs:9:1 compiler Warning unused variable: `y`",
                "main.go:7:2 compiler Error undefined: z",
                "b.py:1:2 name-defined Error Name \"q\" is not defined",
                "A.java:4:0 compiler Error cannot find symbol",
            ]
        );
        let tsc = read(
            OutputFormat::Tsc,
            "src/a.ts(3,5): error TS2304: Cannot find name 'x'.\n",
            "",
        );
        assert_eq!(places(&tsc), ["src/a.ts:3:5 TS2304 Error Cannot find name 'x'"]);
        let maven = read(
            OutputFormat::Maven,
            "[ERROR] /workspace/src/main/java/A.java:[3,5] ';' expected\n",
            "",
        );
        assert_eq!(
            places(&maven),
            ["src/main/java/A.java:3:5 maven Error ';' expected"]
        );
        let long = "error[E0308]: mismatched types\n --> src/lib.rs:2:5\n  |\nerror: aborting\n";
        assert_eq!(
            places(&read(OutputFormat::CargoTest, "", long)),
            ["src/lib.rs:2:5 E0308 Error mismatched types"]
        );
    }

    #[test]
    fn linters() {
        let ruff = r#"[{"code":"F821","message":"Undefined name `x`","filename":"/workspace/a.py","location":{"row":1,"column":2}},
                       {"code":"E501","message":"Line too long","filename":"/workspace/a.py","location":{"row":3,"column":1}}]"#;
        assert_eq!(
            places(&read(OutputFormat::RuffJson, ruff, "")),
            [
                "a.py:1:2 F821 Error Undefined name `x`",
                "a.py:3:1 E501 Warning Line too long"
            ]
        );
        let eslint = r#"[{"filePath":"/workspace/a.js","messages":[{"ruleId":"no-undef","severity":2,"message":"'x' is not defined.","line":1,"column":5},
                         {"ruleId":"semi","severity":2,"message":"Missing semicolon.","line":1,"column":9}]}]"#;
        assert_eq!(
            places(&read(OutputFormat::EslintJson, eslint, "")),
            [
                "a.js:1:5 no-undef Error 'x' is not defined",
                "a.js:1:9 semi Warning Missing semicolon"
            ]
        );
    }

    #[test]
    fn pytest_summary() {
        let text = "x.py F.\n=== short test summary info ===\nPASSED tests/x.py::test_a\nPASSED tests/x.py::test_p[a - b]\n\
                    FAILED tests/x.py::T::test_b - assert 1 == 2\nERROR tests/y.py - ImportError: no z\nSKIPPED [1] tests/x.py:3: later\n\
                    XFAIL tests/x.py::test_c - known\n";
        let reading = read(OutputFormat::Pytest, text, "");
        assert_eq!(
            failed(&reading),
            [
                "tests/x.py::T::test_b|assert 1 == 2",
                "tests/y.py|ImportError: no z"
            ]
        );
        assert_eq!(reading.passed_count(), 3);
        assert!(reading.tests.contains_key("tests/x.py::test_p[a - b]"));
    }

    #[test]
    fn cargo_tests() {
        let text = "running 3 tests\ntest a::one ... ok\ntest a::two ... FAILED\ntest b ... ignored, slow\ntest c - should panic ... ok\n\n\
                    failures:\n\n---- a::two stdout ----\n\nthread 'a::two' panicked at src/lib.rs:9:5:\nassertion `left == right` failed\n  left: 1\n";
        let reading = read(OutputFormat::CargoTest, text, "");
        assert_eq!(failed(&reading), ["a::two|assertion `left == right` failed"]);
        assert_eq!(reading.passed_count(), 2);
    }

    #[test]
    fn tap_with_groups() {
        let text = "TAP version 13\n# Subtest: outer\n    # Subtest: inner\n    not ok 1 - inner\n      ---\n      error: 'no good'\n      ...\n    \
                    # Subtest: other\n    ok 2 - other\n    1..2\nnot ok 1 - outer\n  ---\n  error: '1 subtest failed'\n  ...\n\
                    # Subtest: alone\nok 2 - alone # SKIP\n# Subtest: last\nok 3 - last\n1..3\n";
        let reading = read(OutputFormat::Tap, text, "");
        assert_eq!(failed(&reading), ["outer > inner|no good"]);
        let names: Vec<&String> = reading.tests.keys().collect();
        assert_eq!(names, ["alone", "last", "outer > inner", "outer > other"]);
    }

    #[test]
    fn ticks_and_go() {
        let text = " PASS  src/a.test.js\n  ✓ adds (3 ms)\n  ✕ breaks (1 ms)\n";
        let reading = read(OutputFormat::Tap, text, "");
        assert_eq!(
            (failed(&reading), reading.passed_count()),
            (vec!["breaks|".to_owned()], 2)
        );
        let go = "{\"Action\":\"output\",\"Package\":\"p\",\"Test\":\"TestA\",\"Output\":\"    a_test.go:5: bad\\n\"}\n\
                  {\"Action\":\"fail\",\"Package\":\"p\",\"Test\":\"TestA\"}\n{\"Action\":\"pass\",\"Package\":\"p\",\"Test\":\"TestB\"}\n";
        let reading = read(OutputFormat::GoTestJson, go, "");
        assert_eq!(
            (failed(&reading), reading.passed_count()),
            (vec!["p::TestA|a_test.go:5: bad".to_owned()], 1)
        );
    }

    proptest! {
        #[test]
        fn any_output_is_survived(text in "([\\[\\]{}\":,.()\n a-z0-9#-]|ok |not ok |# Subtest: |test |FAILED |---- |error){0,60}") {
            for format in [
                OutputFormat::Plain, OutputFormat::Pytest, OutputFormat::PythonTests, OutputFormat::Compiler, OutputFormat::CargoTest, OutputFormat::CargoJson,
                OutputFormat::RuffJson, OutputFormat::EslintJson, OutputFormat::Tsc, OutputFormat::Tap, OutputFormat::GoTestJson, OutputFormat::Maven,
            ] {
                let reading = read(format, &text, &text);
                prop_assert!(reading.findings.len() <= MOST_FINDINGS);
            }
        }
    }
}
