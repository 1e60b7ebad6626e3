use std::cmp::Reverse;
use std::ops::Range;

use crate::kind::Kind;

/// A part of a text that is secret or personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first byte.
    pub start: usize,
    /// The byte after its last.
    pub end: usize,
    /// What it is.
    pub kind: Kind,
}

impl Span {
    /// The span of these bytes.
    #[must_use]
    pub fn new(range: Range<usize>, kind: Kind) -> Self {
        Self {
            start: range.start,
            end: range.end,
            kind,
        }
    }

    /// What stands there in the text that was searched.
    #[must_use]
    pub fn of<'text>(&self, text: &'text str) -> &'text str {
        text.get(self.start..self.end).unwrap_or("")
    }
}

/// In order, and what overlaps as one, so that no part of either is left.
#[must_use]
pub fn merge(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| (span.start, Reverse(span.end), span.kind));
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start < last.end => {
                last.end = last.end.max(span.end);
                last.kind = last.kind.min(span.kind);
            }
            _ => merged.push(span),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_overlaps_becomes_one_and_what_touches_stays_apart() {
        let spans = vec![
            Span::new(4..6, Kind::Email),
            Span::new(0..4, Kind::Password),
            Span::new(2..3, Kind::GitHubToken),
            Span::new(5..9, Kind::Credential),
        ];
        let expected = [
            Span::new(0..4, Kind::GitHubToken),
            Span::new(4..9, Kind::Credential),
        ];
        assert_eq!(merge(spans), expected);
    }
}
