//! Where words begin and end in a text that is read as bytes. Every predicate here holds for ASCII only, so that what is cut
//! out by one is text again.

use std::ops::Range;

pub(crate) fn byte_at(text: &str, at: usize) -> Option<u8> {
    text.as_bytes().get(at).copied()
}

pub(crate) fn byte_before(text: &str, at: usize) -> Option<u8> {
    byte_at(text, at.checked_sub(1)?)
}

pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

pub(crate) fn is_base64url(byte: u8) -> bool {
    is_word(byte) || byte == b'-'
}

pub(crate) fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/'
}

/// Whether a word may begin at `at`: also after `\n` and `%3D`, which end in letters but stand for none.
pub(crate) fn starts_word(text: &str, at: usize) -> bool {
    match text.as_bytes().get(..at) {
        Some([.., b'\\', b'n' | b'r' | b't']) => true,
        Some([.., b'%', high, low]) => high.is_ascii_hexdigit() && low.is_ascii_hexdigit(),
        Some([.., last]) => !is_word(*last),
        Some([]) | None => true,
    }
}

/// Whether the word before `at` ends there.
pub(crate) fn ends_word(text: &str, at: usize) -> bool {
    !byte_at(text, at).is_some_and(is_word)
}

/// How many bytes from `at` on belong together.
pub(crate) fn run(text: &str, at: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    rest.iter().take_while(|byte| belongs(**byte)).count()
}

/// How many bytes right before `at` belong together, up to `most`.
pub(crate) fn run_before(text: &str, at: usize, most: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    let run = before.iter().rev().take(most);
    run.take_while(|byte| belongs(**byte)).count()
}

/// At most `length` bytes from `at` on.
pub(crate) fn window(text: &str, at: usize, length: usize) -> &str {
    let end = text.floor_char_boundary(at.saturating_add(length));
    text.get(at..end).unwrap_or("")
}

/// At most `length` bytes before `at`.
pub(crate) fn window_before(text: &str, at: usize, length: usize) -> &str {
    let start = text.ceil_char_boundary(at.saturating_sub(length));
    text.get(start..at).unwrap_or("")
}

/// The runs of bytes that belong together, no further from `place` than `reach`.
pub(crate) fn pieces_around(
    text: &str,
    place: Range<usize>,
    reach: usize,
    belongs: fn(u8) -> bool,
) -> impl Iterator<Item = Range<usize>> {
    let mut at = place.start.saturating_sub(reach);
    let end = place.end.saturating_add(reach).min(text.len());
    let text = window(text, 0, end.saturating_add(reach));
    // A run that is cut by the edge is read as a whole, so that its length is true.
    at -= run_before(text, at, reach, belongs);
    std::iter::from_fn(move || {
        at += run(text, at, |byte| !belongs(byte));
        let start = at;
        at += run(text, at, belongs);
        (start < end).then_some(start..at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_characters_end_a_word() {
        for (text, expected) in [
            ("x=", true),
            ("é", true),
            ("", true),
            (r"\n", true),
            ("%3D", true),
            ("x", false),
            ("_", false),
            ("nn", false),
        ] {
            assert_eq!(starts_word(text, text.len()), expected, "{text}");
        }
    }

    #[test]
    fn pieces_are_whole_however_short_the_reach() {
        let text = "abcdef: ghi, jkl";
        let pieces = |reach| -> Vec<&str> {
            let ranges = pieces_around(text, 8..11, reach, is_word);
            ranges.map(|range| &text[range]).collect()
        };
        assert_eq!(pieces(1), ["ghi"]);
        assert_eq!(pieces(4), ["abcdef", "ghi", "jkl"]);
    }
}
