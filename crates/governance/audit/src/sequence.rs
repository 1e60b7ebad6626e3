//! A place in the log as text: padded, so that texts sort as the numbers do.

use serde::{Deserialize, Deserializer, Serializer};

const DIGITS: usize = 19;

pub(crate) fn serialize<S: Serializer>(sequence: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format!("{sequence:0DIGITS$}"))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let text = String::deserialize(deserializer)?;
    from_text(&text)
        .ok_or_else(|| serde::de::Error::custom(format!("`{}` is no place in the log", text.escape_debug())))
}

/// The place that `text` stands for: 1 or later, in all its digits.
pub(crate) fn from_text(text: &str) -> Option<i64> {
    let digits = text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    let sequence: i64 = text.parse().ok().filter(|_| digits)?;
    (sequence > 0).then_some(sequence)
}
