use std::ops::Range;

use super::{ends_number, joins};
use crate::boundary::{byte_at, run, run_before};
use crate::checksum::{digits, luhn};

/// How issuers print their numbers; the first digits that begin a number say who issued it.
const GROUPS: [&[usize]; 3] = [&[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4]];

/// How far away a neighbour may stand.
const FAR: usize = 64;

/// A payment card's number, plain or in groups.
pub(super) fn at(text: &str, start: usize) -> Option<Range<usize>> {
    let plain = run(text, start, |byte| byte.is_ascii_digit());
    let end = match plain {
        4 => GROUPS.iter().find_map(|groups| end_of(text, start, groups))?,
        14..=16 => start + plain,
        _ => return None,
    };
    let is_alone = !joins(text, start) && ends_number(text, end);
    let is_constant = plain > 4 && is_among_numbers(text, start..end);
    (is_alone && is_card(text.get(start..end)?) && !is_constant).then_some(start..end)
}

fn is_card(text: &str) -> bool {
    let digits = digits(text);
    is_issued(&digits) && luhn(&digits)
}

/// One number in ten has the right check digit: in a list of long numbers that are no cards, neither is this.
fn is_among_numbers(text: &str, place: Range<usize>) -> bool {
    let is_between = |byte: u8| byte.is_ascii_whitespace() || byte == b',';
    let is_digit = |byte: u8| byte.is_ascii_digit();
    let before = place.start - run_before(text, place.start, FAR, is_between);
    let after = place.end + run(text, place.end, is_between);
    let neighbours = [
        before - run_before(text, before, FAR, is_digit)..before,
        after..after + run(text, after, is_digit),
    ];
    neighbours
        .into_iter()
        .filter(|range| range.len() >= 10)
        .any(|range| !is_card(text.get(range).unwrap_or("")))
}

fn end_of(text: &str, start: usize, groups: &[usize]) -> Option<usize> {
    let separator = byte_at(text, start + 4)?;
    let mut at = start;
    for (index, length) in groups.iter().enumerate() {
        if index > 0 {
            if byte_at(text, at) != Some(separator) {
                return None;
            }
            at += 1;
        }
        if run(text, at, |byte| byte.is_ascii_digit()) != *length {
            return None;
        }
        at += length;
    }
    Some(at)
}

/// The ranges of ISO/IEC 7812 that cards of the big networks have, with their lengths.
fn is_issued(digits: &[u32]) -> bool {
    let prefix = |length| {
        digits
            .iter()
            .take(length)
            .fold(0, |prefix, digit| prefix * 10 + digit)
    };
    match digits.len() {
        14 => matches!(prefix(3), 300..=305) || matches!(prefix(2), 36 | 38 | 39),
        15 => matches!(prefix(2), 34 | 37),
        16 => {
            prefix(1) == 4
                || matches!(prefix(2), 51..=55 | 62 | 65)
                || matches!(prefix(3), 644..=649)
                || matches!(prefix(4), 2221..=2720 | 3528..=3589 | 6011)
        }
        _ => false,
    }
}
