//! From what a tool did before and after a change to a report about the change.

use std::collections::HashMap;

use tenon_domain::{CheckKind, CheckReport, Finding, Level, Outcome, Severity};

use crate::outputs::{Reading, TestOutcome};
use crate::plan::TestEdits;
use crate::project::OutputFormat;
use crate::report::{finding, milliseconds, summary, tail};
use crate::sandboxed::Run;

/// What a tool did, and what was read off it.
#[derive(Debug, Clone)]
pub(crate) struct ToolRun {
    pub(crate) run: Run,
    pub(crate) format: OutputFormat,
    pub(crate) reading: Reading,
    /// Tests, and what test runners read unasked, that were altered while it ran.
    pub(crate) tampered: Vec<String>,
}

impl ToolRun {
    pub(crate) fn succeeded(&self) -> bool {
        self.run.succeeded()
    }

    /// Does not hold against it what the unchanged tree does as well.
    pub(crate) fn forgive(&mut self, before: Option<&Self>) {
        self.tampered
            .retain(|path| !before.is_some_and(|before| before.tampered.contains(path)));
    }

    fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.reading
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
    }
}

/// The most that is kept of what a tool printed.
pub(crate) const LONGEST_LOG: usize = 16 * 1024;

/// The report about one project check; `before` is what the tool did on the unchanged tree, if that was asked.
pub(crate) fn judge(
    check: &str,
    kind: CheckKind,
    proves: Option<Level>,
    before: Option<&ToolRun>,
    after: &ToolRun,
    test_edits: TestEdits,
) -> CheckReport {
    let mut report = CheckReport {
        check: check.to_owned(),
        kind,
        outcome: Outcome::Passed,
        proves,
        duration_ms: milliseconds(after.run.duration),
        findings: Vec::new(),
        reason: None,
        log: Some(tail(&after.run.log(), LONGEST_LOG)),
    };
    if !after.tampered.is_empty() {
        condemn(&mut report, &after.tampered);
        return report;
    }
    if let Some(limit) = &after.run.limit {
        let before_too = before.is_some_and(|before| before.run.limit.is_some());
        report.outcome = if before_too {
            Outcome::Skipped
        } else {
            Outcome::Failed
        };
        let also = if before_too {
            ", as it did before the change"
        } else {
            ""
        };
        report.reason = Some(format!("{limit}{also}"));
        return report;
    }
    if kind == CheckKind::Tests && ran_no_test(after) {
        report.outcome = Outcome::Skipped;
        report.proves = None;
        report.reason = Some("no test ran".to_owned());
    } else if after.reading.tests.is_empty() {
        judge_tool(&mut report, before, after);
    } else {
        judge_tests(&mut report, before, after, test_edits);
    }
    report
}

/// Whoever alters what judges it is not believed, whatever the outcome.
fn condemn(report: &mut CheckReport, tampered: &[String]) {
    report.outcome = Outcome::Failed;
    report.findings = tampered
        .iter()
        .map(|path| {
            let message = format!(
                "running `{}` altered `{path}`, on which its own outcome depends",
                report.check
            );
            finding("policy/tampered", Severity::Error, message)
        })
        .collect();
    report.reason = report.findings.first().map(summary);
}

/// The runner is content, or says so with a status of its own, and names no test.
fn ran_no_test(after: &ToolRun) -> bool {
    const PYTEST_COLLECTED_NOTHING: i32 = 5;
    match after.format {
        OutputFormat::Pytest => after.run.status == Some(PYTEST_COLLECTED_NOTHING),
        OutputFormat::PythonTests | OutputFormat::CargoTest | OutputFormat::GoTestJson => {
            after.succeeded() && after.reading.tests.is_empty()
        }
        OutputFormat::Tap => after.succeeded() && after.run.stdout.lines().any(|line| line == "# tests 0"),
        _ => false,
    }
}

fn judge_tool(report: &mut CheckReport, before: Option<&ToolRun>, after: &ToolRun) {
    let (new, old) = split_new(before, after);
    let is_lint = report.kind == CheckKind::Lint;
    let failed = if is_lint {
        // Style is worth a look; only what cannot run counts.
        new.iter().any(|finding| finding.severity == Severity::Error)
    } else {
        !after.succeeded()
    };
    let first_error = new
        .iter()
        .find(|finding| finding.severity == Severity::Error)
        .map(summary);
    report.findings = new;
    if !failed {
        return;
    }
    if first_error.is_none() && before.is_some_and(|before| !before.succeeded()) {
        report.outcome = Outcome::Skipped;
        report.proves = None;
        let many = if old == 0 {
            String::new()
        } else {
            format!(" with {old} errors")
        };
        report.reason = Some(format!(
            "{} failed before the change{many} as it does after it, and shows nothing about it",
            report.check
        ));
        return;
    }
    report.outcome = Outcome::Failed;
    report.reason =
        first_error.or_else(|| Some(format!("{}: {}", after.run.ending(), last_line(&after.run.log()))));
}

/// The findings that are new, and the number of errors that are not. Lines move, so they are not compared.
fn split_new(before: Option<&ToolRun>, after: &ToolRun) -> (Vec<Finding>, usize) {
    let key = |finding: &Finding| {
        (
            finding.rule.clone(),
            finding.path.clone(),
            finding.message.clone(),
        )
    };
    let mut known: HashMap<_, usize> = HashMap::new();
    for finding in before.into_iter().flat_map(|before| &before.reading.findings) {
        *known.entry(key(finding)).or_default() += 1;
    }
    let mut old = 0;
    let mut new = Vec::new();
    for finding in &after.reading.findings {
        match known.get_mut(&key(finding)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                old += usize::from(finding.severity == Severity::Error);
            }
            _ => new.push(finding.clone()),
        }
    }
    (new, old)
}

fn judge_tests(report: &mut CheckReport, before: Option<&ToolRun>, after: &ToolRun, test_edits: TestEdits) {
    const MOST_NAMED: usize = 20;
    let failed_before = |id: &str| {
        matches!(
            before.and_then(|before| before.reading.tests.get(id)),
            Some(TestOutcome::Failed(_))
        )
    };
    let mut newly_failed = 0_usize;
    let mut still_failing = 0_usize;
    for (id, message) in after.reading.failed() {
        let said = message.map(|message| format!(": {message}")).unwrap_or_default();
        let named = newly_failed + still_failing < MOST_NAMED;
        if failed_before(id) {
            still_failing += 1;
            if named {
                let note = format!("`{id}` fails, as it did before the change{said}");
                report
                    .findings
                    .push(finding("tests/failed-before", Severity::Note, note));
            }
        } else {
            newly_failed += 1;
            if named {
                report.findings.push(finding(
                    "tests/failed",
                    Severity::Error,
                    format!("`{id}` fails{said}"),
                ));
            }
        }
    }
    // Compiler errors beside test results, as when one test file does not build.
    let broken: Vec<Finding> = after.errors().cloned().collect();
    let gone = before.map(|before| gone(before, after)).unwrap_or_default();
    for id in gone.iter().take(MOST_NAMED) {
        let severity = if test_edits == TestEdits::Forbidden {
            Severity::Error
        } else {
            Severity::Note
        };
        report.findings.push(finding(
            "policy/test-gone",
            severity,
            format!("`{id}` ran before the change and does not run any more"),
        ));
    }
    let passed = after.reading.passed_count();
    if newly_failed > 0 || (!gone.is_empty() && test_edits == TestEdits::Forbidden) {
        report.outcome = Outcome::Failed;
        let first = report
            .findings
            .iter()
            .find(|finding| finding.severity == Severity::Error)
            .map(summary);
        let more = newly_failed.saturating_sub(1);
        let more = if more > 0 {
            format!(" (and {more} more)")
        } else {
            String::new()
        };
        report.reason = first.map(|first| format!("{first}{more}"));
    } else if !after.succeeded() && still_failing == 0 {
        // No test failed, yet the runner is not content.
        let before_too = before.is_some_and(|before| !before.succeeded());
        report.findings.extend(broken);
        report.outcome = if before_too {
            Outcome::Skipped
        } else {
            Outcome::Failed
        };
        let also = if before_too { ", as before the change" } else { "" };
        report.reason = Some(format!(
            "{}{also}: {}",
            after.run.ending(),
            last_line(&after.run.log())
        ));
    } else if passed == 0 {
        report.outcome = Outcome::Skipped;
        report.proves = None;
        report.reason = Some(if still_failing > 0 {
            format!("all {still_failing} tests that ran failed before the change too")
        } else {
            "no test ran".to_owned()
        });
    } else if still_failing > 0 {
        report.reason = Some(format!(
            "{still_failing} tests that failed before the change still fail"
        ));
    }
}

/// Tests that passed before and are not even run now.
fn gone(before: &ToolRun, after: &ToolRun) -> Vec<String> {
    before
        .reading
        .tests
        .iter()
        .filter(|(_, outcome)| **outcome == TestOutcome::Passed)
        .map(|(id, _)| id)
        .filter(|id| matches!(after.reading.tests.get(*id), None | Some(TestOutcome::Skipped)))
        .cloned()
        .collect()
}

pub(crate) fn last_line(text: &str) -> String {
    let line = text
        .lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or("it printed nothing");
    crate::examples::floor_text(line, 300).to_owned()
}
