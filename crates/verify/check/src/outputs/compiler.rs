//! `path:line:column: level: message` and its relatives.

use std::sync::LazyLock;

use regex::Regex;
use tenon_domain::Severity;

use super::{Reading, tool_finding};

static LINE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^(?:vet: )?([^\s:][^:]*):(\d+):(?:(\d+):)? (?:(error|warning|note|help|info)(?:\[([A-Za-z0-9_:]+)\])?: )?(.+)$").ok()
});
static TSC: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(.+?)\((\d+),(\d+)\): (error|warning) (TS\d+): (.+)$").ok());
static MAVEN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^\[(ERROR|WARNING)\] (/?.+?):\[(\d+)(?:,(\d+))?\] (.+)$").ok());

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| line.len() < 4000).take(20_000)
}

pub(super) fn read(text: &str, reading: &mut Reading) {
    for line in lines(text) {
        let Some(found) = LINE.as_ref().and_then(|pattern| pattern.captures(line)) else {
            continue;
        };
        let part = |index: usize| found.get(index).map_or("", |part| part.as_str());
        let severity = match part(4) {
            "warning" => Severity::Warning,
            "note" | "help" | "info" => Severity::Note,
            // Go writes no level.
            _ => Severity::Error,
        };
        let (message, code) = trailing_code(part(6));
        let rule = [part(5), code]
            .into_iter()
            .find(|rule| !rule.is_empty())
            .unwrap_or("compiler");
        reading.add(tool_finding(
            rule,
            severity,
            part(1),
            part(2).parse().ok(),
            part(3).parse().ok(),
            message,
        ));
    }
}

/// Mypy's `message  [code]`.
fn trailing_code(message: &str) -> (&str, &str) {
    match message.rsplit_once("  [") {
        Some((text, code)) => (text, code.trim_end_matches(']')),
        None => (message, ""),
    }
}

/// Cargo's long form: `error[E0425]: message` and, on a later line, ` --> path:line:column`.
pub(super) fn read_cargo_long(text: &str, reading: &mut Reading) {
    let mut pending: Option<(&str, &str)> = None;
    for line in lines(text) {
        if let Some(rest) = line.strip_prefix("error")
            && let Some((code, message)) = rest.split_once(": ")
        {
            pending = Some((code.trim_matches(['[', ']']), message));
        } else if let Some(place) = line.trim_start().strip_prefix("--> ")
            && let Some((code, message)) = pending.take()
        {
            let mut parts = place.rsplitn(3, ':');
            let column = parts.next().and_then(|part| part.parse().ok());
            let line = parts.next().and_then(|part| part.parse().ok());
            let rule = if code.is_empty() { "compiler" } else { code };
            reading.add(tool_finding(
                rule,
                Severity::Error,
                parts.next().unwrap_or(""),
                line,
                column,
                message,
            ));
        }
    }
}

pub(super) fn read_tsc(text: &str, reading: &mut Reading) {
    for line in lines(text) {
        let Some(found) = TSC.as_ref().and_then(|pattern| pattern.captures(line)) else {
            continue;
        };
        let part = |index: usize| found.get(index).map_or("", |part| part.as_str());
        let severity = if part(4) == "warning" {
            Severity::Warning
        } else {
            Severity::Error
        };
        reading.add(tool_finding(
            part(5),
            severity,
            part(1),
            part(2).parse().ok(),
            part(3).parse().ok(),
            part(6),
        ));
    }
}

pub(super) fn read_maven(text: &str, reading: &mut Reading) {
    for line in lines(text) {
        let Some(found) = MAVEN.as_ref().and_then(|pattern| pattern.captures(line)) else {
            continue;
        };
        let part = |index: usize| found.get(index).map_or("", |part| part.as_str());
        let severity = if part(1) == "WARNING" {
            Severity::Warning
        } else {
            Severity::Error
        };
        let path = part(2)
            .find("/src/")
            .and_then(|at| part(2).get(at + 1..))
            .unwrap_or(part(2));
        reading.add(tool_finding(
            "maven",
            severity,
            path,
            part(3).parse().ok(),
            part(4).parse().ok(),
            part(5),
        ));
    }
}
