//! Test runners that print text.

use std::sync::LazyLock;

use regex::Regex;

use super::{Reading, TestOutcome};

/// The short summary of `pytest -rA`.
pub(super) fn pytest(stdout: &str, reading: &mut Reading) {
    let summary = stdout
        .rsplit_once("short test summary info")
        .map_or(stdout, |(_, summary)| summary);
    for line in summary.lines() {
        let Some((word, rest)) = line.split_once(' ') else {
            continue;
        };
        // Parameters in brackets may hold ` - ` themselves.
        let cut = rest.rfind(']').unwrap_or(0);
        let at = rest
            .get(cut..)
            .and_then(|tail| tail.find(" - "))
            .map(|at| at + cut);
        let (id, message) = match at {
            Some(at) => (rest.get(..at).unwrap_or(rest), rest.get(at + 3..)),
            None => match rest.split_once(" - ") {
                Some((id, message)) if word != "PASSED" => (id, Some(message)),
                _ => (rest, None),
            },
        };
        if !id.contains(".py") {
            continue;
        }
        match word {
            "PASSED" | "XFAIL" => reading.test(rest_id(id), TestOutcome::Passed),
            "FAILED" | "ERROR" | "XPASS" => {
                reading.test(rest_id(id), TestOutcome::Failed(message.map(str::to_owned)))
            }
            _ => {}
        }
    }
}

fn rest_id(id: &str) -> &str {
    id.trim()
}

/// `test name ... ok`, with the first line of what a failed test said.
pub(super) fn cargo(stdout: &str, reading: &mut Reading) {
    let mut section: Option<&str> = None;
    for line in stdout.lines() {
        if let Some(rest) = line.strip_prefix("test ") {
            let Some((name, result)) = rest.rsplit_once(" ... ") else {
                continue;
            };
            let name = name.trim_end_matches(" - should panic");
            match result.split([' ', ',', '<']).next() {
                Some("ok") => reading.test(name, TestOutcome::Passed),
                Some("FAILED") => reading.test(name, TestOutcome::Failed(None)),
                Some("ignored") => reading.test(name, TestOutcome::Skipped),
                _ => {}
            }
        } else if let Some(rest) = line.strip_prefix("---- ") {
            section = rest.strip_suffix(" stdout ----");
        } else if let Some(name) = section {
            let noise = line.trim().is_empty()
                || line.starts_with("note: ")
                || (line.contains(" panicked at ") && line.ends_with(':'));
            if !noise {
                reading.test(name, TestOutcome::Failed(Some(line.trim().to_owned())));
                section = None;
            }
        }
    }
}

/// TAP with nested subtests, as `node --test` writes it.
pub(super) fn tap(stdout: &str, reading: &mut Reading) {
    let mut names: Vec<String> = Vec::new();
    // Whether results were seen below the open test of each level: then it is a group and not itself a test.
    let mut group: Vec<bool> = Vec::new();
    let mut last_failed: Option<String> = None;
    for line in stdout.lines() {
        let trimmed = line.trim_start();
        let level = (line.len() - trimmed.len()) / 4;
        if let Some(name) = trimmed.strip_prefix("# Subtest: ") {
            names.truncate(level);
            group.truncate(level);
            names.push(name.to_owned());
            group.push(false);
            continue;
        }
        let (failed, rest) = match (trimmed.strip_prefix("ok "), trimmed.strip_prefix("not ok ")) {
            (Some(rest), _) => (false, rest),
            (None, Some(rest)) => (true, rest),
            (None, None) => {
                if let (Some(id), Some(error)) = (&last_failed, trimmed.strip_prefix("error: ")) {
                    let error = error
                        .trim_matches(['\'', '"'])
                        .trim_start_matches("|-")
                        .to_owned();
                    if !error.is_empty() {
                        reading.test(id, TestOutcome::Failed(Some(error)));
                        last_failed = None;
                    }
                }
                continue;
            }
        };
        let description = rest
            .trim_start_matches(|letter: char| letter.is_ascii_digit())
            .trim_start()
            .trim_start_matches("- ");
        let (name, directive) = description.split_once(" # ").unwrap_or((description, ""));
        let is_group =
            group.get(level).copied().unwrap_or(false) && names.get(level).is_some_and(|open| open == name);
        if let Some(parent) = level.checked_sub(1).and_then(|above| group.get_mut(above)) {
            *parent = true;
        }
        let mut id = names
            .get(..level.min(names.len()))
            .unwrap_or_default()
            .join(" > ");
        if !id.is_empty() {
            id.push_str(" > ");
        }
        id.push_str(name);
        group.truncate(level + 1);
        if is_group {
            continue;
        }
        let skipped = directive.to_ascii_uppercase().starts_with("SKIP")
            || directive.to_ascii_uppercase().starts_with("TODO");
        let outcome = match (skipped, failed) {
            (true, _) => TestOutcome::Skipped,
            (false, true) => TestOutcome::Failed(None),
            (false, false) => TestOutcome::Passed,
        };
        last_failed = (failed && !skipped).then(|| id.clone());
        reading.test(&id, outcome);
    }
}

/// The ticks and crosses of jest, vitest and mocha.
pub(super) fn ticks(text: &str, reading: &mut Reading) {
    static TICK: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^\s*(✓|✔|√|✕|✗|✖|×|●|PASS|FAIL)\s+(.+?)(?:\s+\(?\d+(?:\.\d+)?\s*m?s\)?)?$").ok()
    });
    for line in text.lines().filter(|line| line.len() < 1000) {
        let Some(found) = TICK.as_ref().and_then(|pattern| pattern.captures(line)) else {
            continue;
        };
        let (Some(mark), Some(name)) = (found.get(1), found.get(2)) else {
            continue;
        };
        let passed = matches!(mark.as_str(), "✓" | "✔" | "√" | "PASS");
        reading.test(
            name.as_str(),
            if passed {
                TestOutcome::Passed
            } else {
                TestOutcome::Failed(None)
            },
        );
    }
}

/// Surefire's summary names only what failed.
pub(super) fn maven(stdout: &str, reading: &mut Reading) {
    static FAILED: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"^\[ERROR\]\s+([A-Za-z_$][\w$.]*\.[\w$]+)(?::\d+)?(?:->\S+)?\s+(.+)$").ok()
    });
    static RUN: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"Tests run: (\d+), Failures: (\d+), Errors: (\d+), Skipped: (\d+).*(?: in |-- in )(\S+)")
            .ok()
    });
    for line in stdout.lines() {
        if let Some(found) = FAILED.as_ref().and_then(|pattern| pattern.captures(line)) {
            let message = found.get(2).map(|message| message.as_str().to_owned());
            reading.test(
                found.get(1).map_or("", |id| id.as_str()),
                TestOutcome::Failed(message),
            );
        } else if let Some(found) = RUN.as_ref().and_then(|pattern| pattern.captures(line)) {
            let failed = [2, 3]
                .iter()
                .any(|index| found.get(*index).is_some_and(|count| count.as_str() != "0"));
            if !failed {
                reading.test(
                    found.get(5).map_or("", |class| class.as_str()),
                    TestOutcome::Passed,
                );
            }
        }
    }
}
