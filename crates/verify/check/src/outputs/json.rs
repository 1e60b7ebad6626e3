//! Tools that print JSON.

use serde_json::Value;
use tenon_domain::Severity;

use super::{Reading, TestOutcome, tool_finding};

fn text<'value>(value: &'value Value, path: &[&str]) -> &'value str {
    path.iter()
        .try_fold(value, |value, key| value.get(key))
        .and_then(Value::as_str)
        .unwrap_or("")
}

fn number(value: &Value, path: &[&str]) -> Option<u32> {
    let found = path.iter().try_fold(value, |value, key| value.get(key))?;
    u32::try_from(found.as_u64()?).ok()
}

/// Ruff judges style too; only what cannot run counts against a change.
pub(super) fn ruff(stdout: &str, reading: &mut Reading) {
    let Ok(Value::Array(entries)) = serde_json::from_str::<Value>(stdout) else {
        return;
    };
    for entry in &entries {
        let code = text(entry, &["code"]);
        let fatal = code.is_empty()
            || ["E9", "F63", "F7", "F82"]
                .iter()
                .any(|prefix| code.starts_with(prefix));
        let severity = if fatal { Severity::Error } else { Severity::Warning };
        let rule = if code.is_empty() { "syntax" } else { code };
        let line = number(entry, &["location", "row"]);
        let column = number(entry, &["location", "column"]);
        reading.add(tool_finding(
            rule,
            severity,
            text(entry, &["filename"]),
            line,
            column,
            text(entry, &["message"]),
        ));
    }
}

pub(super) fn eslint(stdout: &str, reading: &mut Reading) {
    let Ok(Value::Array(files)) = serde_json::from_str::<Value>(stdout) else {
        return;
    };
    for file in &files {
        let messages = file.get("messages").and_then(Value::as_array);
        for message in messages.into_iter().flatten() {
            let rule = text(message, &["ruleId"]);
            // A message without a rule is a parse error.
            let fatal = rule.is_empty()
                || matches!(
                    rule,
                    "no-undef" | "no-const-assign" | "no-dupe-keys" | "no-unreachable"
                );
            let counted = fatal && number(message, &["severity"]) == Some(2);
            let severity = if counted {
                Severity::Error
            } else {
                Severity::Warning
            };
            let rule = if rule.is_empty() { "syntax" } else { rule };
            let line = number(message, &["line"]);
            let column = number(message, &["column"]);
            reading.add(tool_finding(
                rule,
                severity,
                text(file, &["filePath"]),
                line,
                column,
                text(message, &["message"]),
            ));
        }
    }
}

pub(super) fn go_test(stdout: &str, reading: &mut Reading) {
    let mut said: std::collections::HashMap<String, String> = std::collections::HashMap::new();
    for line in stdout.lines() {
        let Ok(event) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let test = text(&event, &["Test"]);
        if test.is_empty() {
            continue;
        }
        let id = format!("{}::{test}", text(&event, &["Package"]));
        match text(&event, &["Action"]) {
            "pass" => reading.test(&id, TestOutcome::Passed),
            "skip" => reading.test(&id, TestOutcome::Skipped),
            "fail" => {
                let message = said.remove(&id).map(|said| said.trim_end().to_owned());
                reading.test(&id, TestOutcome::Failed(message));
            }
            "output" => {
                let output = text(&event, &["Output"]);
                let known = said.entry(id).or_default();
                if known.len() < 400 && !output.starts_with("=== ") && !output.trim_start().starts_with("---")
                {
                    known.push_str(output.trim());
                    known.push(' ');
                }
            }
            _ => {}
        }
    }
}

/// The line of a traceback that names the exception: the last one that is not indented and not a diff.
fn exception_line(traceback: &str) -> Option<&str> {
    let names_exception = |line: &&str| {
        let head = line.split(':').next().unwrap_or("");
        !head.is_empty()
            && head
                .chars()
                .all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '.'))
    };
    let lines = || traceback.trim_end().lines().rev();
    lines().find(names_exception).or_else(|| lines().next())
}

/// The lines of Tenon's own test driver.
pub(super) fn python_tests(stdout: &str, reading: &mut Reading) {
    for line in stdout.lines() {
        let Ok(entry) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let outcome = match text(&entry, &["outcome"]) {
            "passed" => TestOutcome::Passed,
            "skipped" => TestOutcome::Skipped,
            "failed" => {
                let message = text(&entry, &["message"]);
                TestOutcome::Failed(exception_line(message).map(str::to_owned))
            }
            _ => continue,
        };
        reading.test(text(&entry, &["id"]), outcome);
    }
}
