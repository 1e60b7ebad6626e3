use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use tenon_domain::Digest;

use crate::AuditEvent;
use crate::clip::{clip, size};

/// One detail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DetailValue {
    /// A name, a digest, a short text.
    Text(String),
    /// A count or a size.
    Number(i64),
}

impl DetailValue {
    /// The whole numbers that every reader of JSON reads alike.
    const LARGEST_NUMBER: u64 = (1 << 53) - 1;

    fn bounded(self) -> Self {
        match self {
            Self::Number(number) if number.unsigned_abs() > Self::LARGEST_NUMBER => {
                Self::Text(number.to_string())
            }
            Self::Number(number) => Self::Number(number),
            Self::Text(text) => Self::Text(clip(text, AuditEvent::MAX_TEXT_BYTES)),
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Number(_) => 17,
            Self::Text(text) => size(text) + 2,
        }
    }
}

impl From<&str> for DetailValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for DetailValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Digest> for DetailValue {
    fn from(digest: Digest) -> Self {
        Self::Text(digest.to_string())
    }
}

impl From<i64> for DetailValue {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

/// The details that fit, and how many do not.
pub(crate) fn bounded_details(details: BTreeMap<String, DetailValue>) -> BTreeMap<String, DetailValue> {
    let few = details.len() <= AuditEvent::MAX_ENTRIES;
    // The count of what is left out takes a place itself.
    let most = AuditEvent::MAX_ENTRIES - usize::from(!few);
    let (mut kept, mut left_out, mut room) = (BTreeMap::new(), 0, AuditEvent::MAX_DETAILS_BYTES);
    for (name, value) in details {
        let (name, value) = (clip(name, AuditEvent::MAX_NAME_BYTES), value.bounded());
        match room.checked_sub(value.size()) {
            Some(rest) if kept.len() < most => {
                room = rest;
                kept.insert(name, value);
            }
            _ => left_out += 1,
        }
    }
    if left_out > 0 {
        kept.insert("details_left_out".to_owned(), DetailValue::Number(left_out));
    }
    kept
}

/// Writes details in the order of RFC 8785, which compares UTF-16 where Rust compares UTF-8.
pub(crate) fn in_canonical_order<S: Serializer>(
    details: &BTreeMap<String, DetailValue>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut details: Vec<_> = details.iter().collect();
    details.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
    serializer.collect_map(details)
}
