use serde::Serialize;

/// `value` as one line of JSON.
pub(crate) fn to_line(value: &impl Serialize) -> String {
    // Only keys that are no text cannot be written, and no value here holds one. If one ever did, the verifier would
    // report the empty line.
    serde_json::to_string(value).unwrap_or_default()
}
