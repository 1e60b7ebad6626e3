//! What tools print, read as findings and test results. Bounded: a tool may print as much as it likes.

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
    }
}
