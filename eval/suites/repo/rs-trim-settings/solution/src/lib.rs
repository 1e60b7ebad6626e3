//! Settings, one `key=value` on each line.

use std::collections::HashMap;

/// Splits one line; `None` when it has no `=`.
pub fn parse_line(line: &str) -> Option<(&str, &str)> {
    line.split_once('=').map(|(key, value)| (key.trim(), value.trim()))
}

/// Reads all lines; those without `=` are skipped.
pub fn parse(text: &str) -> HashMap<String, String> {
    text.lines()
        .filter_map(parse_line)
        .map(|(key, value)| (key.to_string(), value.to_string()))
        .collect()
}

/// The number behind a key.
pub fn number(settings: &HashMap<String, String>, key: &str) -> Option<i64> {
    settings.get(key)?.parse().ok()
}
