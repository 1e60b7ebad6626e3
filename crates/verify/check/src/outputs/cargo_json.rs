//! The messages of cargo's compiler as JSON: places, and what the compiler itself would write instead.

use serde::Deserialize;
use tenon_domain::{Replacement, RepoPath, Severity};

use super::{Reading, tool_finding};

#[derive(Deserialize)]
struct Entry {
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Message {
    message: String,
    level: String,
    code: Option<Code>,
    #[serde(default)]
    spans: Vec<Place>,
    #[serde(default)]
    children: Vec<Message>,
    rendered: Option<String>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Place {
    file_name: String,
    byte_start: usize,
    byte_end: usize,
    line_start: u32,
    column_start: u32,
    is_primary: bool,
    label: Option<String>,
    suggested_replacement: Option<String>,
    suggestion_applicability: Option<String>,
}

fn messages(stdout: &str) -> impl Iterator<Item = Message> {
    stdout
        .lines()
        .filter(|line| line.starts_with('{'))
        .filter_map(|line| serde_json::from_str::<Entry>(line).ok()?.message)
}

/// The messages as a terminal shows them, and the lines that are none.
pub(super) fn rendered(stdout: &str) -> String {
    let mut text = String::new();
    for line in stdout.lines() {
        if !line.starts_with('{') {
            text.push_str(line);
            text.push('\n');
        } else if let Ok(Entry {
            message: Some(message),
        }) = serde_json::from_str(line)
        {
            text.push_str(&message.rendered.unwrap_or(message.message));
        }
    }
    text
}

pub(super) fn read(stdout: &str, reading: &mut Reading) {
    for message in messages(stdout) {
        let severity = match message.level.as_str() {
            "error" => Severity::Error,
            "warning" => Severity::Warning,
            _ => continue,
        };
        // A summary such as "aborting due to 2 previous errors" has no place.
        let Some(place) = message.spans.iter().find(|place| place.is_primary) else {
            continue;
        };
        let said = match &place.label {
            Some(label) if !label.is_empty() => format!("{}: {label}", message.message),
            _ => message.message.clone(),
        };
        let rule = message
            .code
            .as_ref()
            .map_or("compiler", |code| code.code.as_str());
        let (line, column) = (Some(place.line_start), Some(place.column_start));
        let mut finding = tool_finding(rule, severity, &place.file_name, line, column, &said);
        finding.help = message
            .children
            .iter()
            .find(|child| child.level == "help")
            .map(help);
        finding.replacements = message.children.iter().find_map(replacements).unwrap_or_default();
        // A library and its tests are compiled from the same file.
        if !reading.findings.contains(&finding) {
            reading.add(finding);
        }
    }
}

fn help(child: &Message) -> String {
    let text = child
        .spans
        .iter()
        .find_map(|place| place.suggested_replacement.as_deref());
    match text.map(str::trim) {
        Some(text) if !text.is_empty() && !child.message.contains(text) => {
            super::bounded(&format!("{}: `{text}`", child.message))
        }
        _ => super::bounded(&child.message),
    }
}

/// What a suggestion would write. Its places belong together, unless two of them lie on each other: then they are
/// alternatives, of which the compiler names the likeliest first.
fn replacements(child: &Message) -> Option<Vec<Replacement>> {
    let mut chosen: Vec<Replacement> = Vec::new();
    for place in &child.spans {
        let (Some(text), Some(applicability)) =
            (&place.suggested_replacement, &place.suggestion_applicability)
        else {
            continue;
        };
        if !matches!(applicability.as_str(), "MachineApplicable" | "MaybeIncorrect") {
            return None;
        }
        let replacement = Replacement {
            path: RepoPath::parse(&place.file_name).ok()?,
            start: place.byte_start,
            end: place.byte_end,
            text: text.clone(),
        };
        let alternative = chosen.iter().any(|known| {
            let overlaps = known.start < replacement.end && replacement.start < known.end;
            known.path == replacement.path && (known.start == replacement.start || overlaps)
        });
        if alternative {
            break;
        }
        chosen.push(replacement);
    }
    (!chosen.is_empty()).then_some(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MISMATCH: &str = r#"{"reason":"compiler-message","message":{"rendered":"error[E0308]: mismatched types\n","level":"error","message":"mismatched types","code":{"code":"E0308","explanation":null},"spans":[{"file_name":"src/lib.rs","byte_start":30,"byte_end":33,"line_start":2,"line_end":2,"column_start":5,"column_end":8,"is_primary":true,"label":"expected `Option<f64>`, found `f64`","suggested_replacement":null,"suggestion_applicability":null}],"children":[{"message":"expected enum","level":"note","code":null,"spans":[],"children":[],"rendered":null},{"message":"try wrapping the expression in `Some`","level":"help","code":null,"spans":[{"file_name":"src/lib.rs","byte_start":30,"byte_end":30,"line_start":2,"line_end":2,"column_start":5,"column_end":5,"is_primary":true,"label":null,"suggested_replacement":"Some(","suggestion_applicability":"MaybeIncorrect"},{"file_name":"src/lib.rs","byte_start":33,"byte_end":33,"line_start":2,"line_end":2,"column_start":8,"column_end":8,"is_primary":true,"label":null,"suggested_replacement":")","suggestion_applicability":"MaybeIncorrect"}],"children":[],"rendered":null}]}}"#;
    const IMPORTS: &str = r#"{"reason":"compiler-message","message":{"rendered":"","level":"error","message":"cannot find type `HashMap` in this scope","code":{"code":"E0412"},"spans":[{"file_name":"src/lib.rs","byte_start":9,"byte_end":16,"line_start":1,"column_start":10,"is_primary":true,"label":"not found in this scope","suggested_replacement":null,"suggestion_applicability":null}],"children":[{"message":"consider importing one of these structs","level":"help","code":null,"spans":[{"file_name":"src/lib.rs","byte_start":0,"byte_end":0,"line_start":1,"column_start":1,"is_primary":true,"label":null,"suggested_replacement":"use std::collections::HashMap;\n","suggestion_applicability":"MaybeIncorrect"},{"file_name":"src/lib.rs","byte_start":0,"byte_end":0,"line_start":1,"column_start":1,"is_primary":true,"label":null,"suggested_replacement":"use hashbrown::HashMap;\n","suggestion_applicability":"MaybeIncorrect"}],"children":[]}]}}"#;

    fn reading(stdout: &str) -> Reading {
        let mut reading = Reading::default();
        read(stdout, &mut reading);
        reading
    }

    #[test]
    fn a_suggestion_in_two_places_is_taken_whole() {
        let text = format!("{MISMATCH}\n{MISMATCH}\nnoise\n");
        let reading = reading(&text);
        assert_eq!(reading.findings.len(), 1);
        let finding = &reading.findings[0];
        assert_eq!(
            finding.message,
            "mismatched types: expected `Option<f64>`, found `f64`"
        );
        assert_eq!(
            finding.help.as_deref(),
            Some("try wrapping the expression in `Some`: `Some(`")
        );
        let texts: Vec<(usize, &str)> = finding
            .replacements
            .iter()
            .map(|replacement| (replacement.start, replacement.text.as_str()))
            .collect();
        assert_eq!(texts, [(30, "Some("), (33, ")")]);
        assert_eq!(rendered(&text).lines().last(), Some("noise"));
    }

    #[test]
    fn of_alternatives_the_first_is_taken() {
        let reading = reading(IMPORTS);
        assert_eq!(reading.findings[0].replacements.len(), 1);
        assert!(
            reading.findings[0].replacements[0]
                .text
                .contains("std::collections")
        );
    }
}
