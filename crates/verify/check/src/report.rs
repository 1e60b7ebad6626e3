//! Small makers of findings and reports.

use std::time::{Duration, Instant};

use tenon_domain::{CheckKind, CheckReport, Finding, Level, Outcome, Severity};

pub(crate) fn finding(rule: &str, severity: Severity, message: String) -> Finding {
    Finding {
        rule: rule.to_owned(),
        severity,
        path: None,
        line: None,
        column: None,
        message,
        help: None,
        replacements: Vec::new(),
    }
}

/// A report whose outcome follows from its findings.
pub(crate) fn judged(
    check: &str,
    kind: CheckKind,
    proves: Option<Level>,
    started: Instant,
    findings: Vec<Finding>,
) -> CheckReport {
    let first_error = findings
        .iter()
        .find(|finding| finding.severity == Severity::Error);
    let reason = first_error.map(summary);
    CheckReport {
        check: check.to_owned(),
        kind,
        outcome: if first_error.is_some() {
            Outcome::Failed
        } else {
            Outcome::Passed
        },
        proves,
        duration_ms: milliseconds(started.elapsed()),
        findings,
        reason,
        log: None,
    }
}

pub(crate) fn skipped(check: &str, kind: CheckKind, reason: impl Into<String>) -> CheckReport {
    CheckReport {
        check: check.to_owned(),
        kind,
        outcome: Outcome::Skipped,
        proves: None,
        duration_ms: 0,
        findings: Vec::new(),
        reason: Some(reason.into()),
        log: None,
    }
}

/// A finding in one sentence, with its mend.
pub(crate) fn summary(finding: &Finding) -> String {
    let place = match (&finding.path, finding.line) {
        (Some(path), Some(line)) => format!("{path}:{line}: "),
        (Some(path), None) => format!("{path}: "),
        _ => String::new(),
    };
    let help = finding
        .help
        .as_ref()
        .map(|help| format!(": {help}"))
        .unwrap_or_default();
    format!("{place}{}{help}", finding.message)
}

pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The end of a text, cut at a line where possible.
pub(crate) fn tail(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut start = text.len() - limit;
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let kept = text.get(start..).unwrap_or_default();
    let kept = kept.split_once('\n').map_or(kept, |(_, rest)| rest);
    format!("…\n{kept}")
}
