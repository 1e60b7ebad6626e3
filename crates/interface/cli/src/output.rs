//! The only place that writes to the terminal.
//!
//! Results go to standard output, everything else to standard error. Colours appear only on a terminal and never when
//! `NO_COLOR` is set.

use std::io::{IsTerminal as _, Write as _};

use console::{Style, style};
use serde::Serialize;
use tenon_domain::{CheckReport, Evidence, Level, Outcome, Proposal, Severity};

/// Where and how a command prints.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    quiet: bool,
}

impl Output {
    /// Decides about colours once for the process.
    pub fn new(quiet: bool, no_color: bool) -> Self {
        console::set_colors_enabled(!no_color && std::io::stdout().is_terminal());
        console::set_colors_enabled_stderr(!no_color && std::io::stderr().is_terminal());
        Self { quiet }
    }

    /// Whether progress is wanted and somebody can see it move.
    pub fn shows_live_progress(&self) -> bool {
        !self.quiet && std::io::stderr().is_terminal()
    }

    /// Whether prose on standard error is wanted.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Writes a result to standard output. A reader that went away is not an error.
    pub fn result(&self, text: &str) {
        let mut stdout = std::io::stdout().lock();
        let _ = stdout.write_all(text.as_bytes());
        if !text.ends_with('\n') {
            let _ = stdout.write_all(b"\n");
        }
        let _ = stdout.flush();
    }

    /// Writes a piece of a result as it is; whether somebody still reads.
    pub fn piece(&self, bytes: &[u8]) -> bool {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(bytes).and_then(|()| stdout.flush()).is_ok()
    }

    /// Writes a result as one JSON document to standard output.
    pub fn json(&self, value: &impl Serialize) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => self.result(&text),
            Err(error) => self.problem(&format!("the result cannot be written as JSON: {error}")),
        }
    }

    /// Writes one of many results as JSON on a line of its own to standard output.
    pub fn json_line(&self, value: &impl Serialize) {
        match serde_json::to_string(value) {
            Ok(text) => self.result(&text),
            Err(error) => self.problem(&format!("the result cannot be written as JSON: {error}")),
        }
    }

    /// Writes prose to standard error, unless the command is quiet.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            self.problem(text);
        }
    }

    /// Writes to standard error, quiet or not.
    pub fn problem(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// A unified diff in the usual colours.
    pub fn diff(&self, diff: &str) {
        let mut text = String::with_capacity(diff.len() + diff.len() / 4);
        for line in diff.split_inclusive('\n') {
            let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
            let coloured = match line.as_bytes().first() {
                Some(b'+') if line.starts_with("+++") => style(line).bold(),
                Some(b'-') if line.starts_with("---") => style(line).bold(),
                Some(b'+') => style(line).green(),
                Some(b'-') => style(line).red(),
                Some(b'@') => style(line).cyan(),
                Some(b'd') if line.starts_with("diff ") => style(line).bold(),
                _ => style(line),
            };
            text.push_str(&coloured.to_string());
            text.push_str(end);
        }
        self.result(&text);
    }
}

/// A size as people read it.
pub fn human_bytes(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

/// The table of evidence, for standard error.
pub fn evidence_table(evidence: &Evidence) -> String {
    let name_width = evidence
        .checks
        .iter()
        .map(|report| report.check.chars().count().min(40))
        .max()
        .unwrap_or(5)
        .max(5);
    let mut text = String::new();
    for report in &evidence.checks {
        text.push_str(&check_line(report, name_width));
        text.push('\n');
        for finding in report.findings.iter().take(6) {
            let place = match (&finding.path, finding.line) {
                (Some(path), Some(line)) => format!("{path}:{line}: "),
                (Some(path), None) => format!("{path}: "),
                _ => String::new(),
            };
            let help = finding
                .help
                .as_ref()
                .map(|help| format!(" ({help})"))
                .unwrap_or_default();
            let line = format!("      {place}{}{help}", finding.message);
            let line = match finding.severity {
                Severity::Error => style(line).red().for_stderr(),
                Severity::Warning => style(line).yellow().for_stderr(),
                Severity::Note => style(line).dim().for_stderr(),
            };
            text.push_str(&format!("{line}\n"));
        }
    }
    if let Some(sandbox) = &evidence.sandbox {
        let missing = if sandbox.missing.is_empty() {
            String::new()
        } else {
            format!("; not held: {}", sandbox.missing.join("; "))
        };
        let line = format!(
            "  sandbox: {} ({}{missing})",
            sandbox.name,
            sandbox.guarantees.join(", ")
        );
        text.push_str(&format!("{}\n", style(line).dim().for_stderr()));
    }
    text
}

fn check_line(report: &CheckReport, name_width: usize) -> String {
    let (mark, colour) = match report.outcome {
        Outcome::Passed => ("✔", Style::new().green()),
        Outcome::Failed => ("✘", Style::new().red()),
        Outcome::Skipped => ("–", Style::new().dim()),
    };
    let name: String = report.check.chars().take(40).collect();
    let time = if report.outcome == Outcome::Skipped {
        String::new()
    } else {
        format!("{:>6} ms", report.duration_ms)
    };
    let reason = report
        .reason
        .as_ref()
        .map(|reason| format!("  {reason}"))
        .unwrap_or_default();
    let padded = format!("{name:name_width$}");
    format!(
        "  {} {padded}  {time:>9}{reason}",
        colour.for_stderr().apply_to(mark)
    )
}

/// One line that says how far a change was checked.
pub fn verdict(proposal: &Proposal) -> String {
    let level = proposal.level();
    let colour = match level {
        Level::Tested => Style::new().green().bold(),
        Level::Built | Level::Parsed => Style::new().yellow().bold(),
        Level::Unverified => Style::new().red().bold(),
    };
    let usage = &proposal.usage;
    format!(
        "{} {}  ({} {}, {} tokens written, {:.1} s)",
        colour.for_stderr().apply_to(level),
        proposal.summary,
        usage.attempts,
        if usage.attempts == 1 {
            "attempt"
        } else {
            "attempts"
        },
        usage.completion_tokens,
        usage.seconds
    )
}
