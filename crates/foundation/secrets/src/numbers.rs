//! Numbers that belong to somebody. They have no anchors, so that every number is looked at, and most are let go at once.

mod address;
mod card;
mod iban;
mod phone;

use std::ops::Range;

use crate::boundary::{byte_at, byte_before, ends_word, is_word, run, window};
use crate::checksum::digits;
use crate::kind::Kind;
use crate::span::Span;

pub(crate) fn find(text: &str, spans: &mut Vec<Span>) {
    let mut at = 0;
    while let Some(start) = next_digit(text, at) {
        let word = start + run(text, start, is_word);
        at = match number_at(text, start) {
            Some((range, kind)) => {
                spans.push(Span::new(range.clone(), kind));
                range.end.max(word)
            }
            None => word,
        };
    }
}

fn next_digit(text: &str, at: usize) -> Option<usize> {
    let rest = text.as_bytes().get(at..)?;
    Some(at + rest.iter().position(u8::is_ascii_digit)?)
}

/// What begins at the first digit of a word.
fn number_at(text: &str, start: usize) -> Option<(Range<usize>, Kind)> {
    match byte_before(text, start) {
        Some(b'+') => Some((phone::at(text, start - 1)?, Kind::Phone)),
        Some(before) if is_word(before) => Some((iban::around(text, start)?, Kind::Iban)),
        _ => {
            let digits = run(text, start, |byte| byte.is_ascii_digit());
            let next = byte_at(text, start + digits);
            match (digits, next) {
                (1..=3, Some(b'.')) => Some((address::version_4(text, start)?, Kind::IpAddress)),
                (3, Some(b'-')) => Some((social_security_number(text, start)?, Kind::SocialSecurityNumber)),
                (4, Some(b' ' | b'-')) | (13.., _) => Some((card::at(text, start)?, Kind::PaymentCard)),
                // Public addresses begin with 2 or 3, but the group may have letters in it.
                (1..=4, _) => Some((address::version_6(text, start)?, Kind::IpAddress)),
                _ => None,
            }
        }
    }
}

/// With dashes, as it is printed.
fn social_security_number(text: &str, start: usize) -> Option<Range<usize>> {
    const LENGTH: usize = 11;
    let number = window(text, start, LENGTH);
    let is_shaped = number.bytes().enumerate().all(|(index, byte)| match index {
        3 | 6 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    let end = start + LENGTH;
    let stands_alone = !joins(text, start) && ends_number(text, end);
    (number.len() == LENGTH && is_shaped && stands_alone && is_social_security_number(number))
        .then_some(start..end)
}

/// Whether the number can have been given to somebody; there are no check digits.
pub(crate) fn is_social_security_number(text: &str) -> bool {
    let number = digits(text).iter().fold(0, |number, digit| number * 10 + digit);
    let (area, group, serial) = (number / 1_000_000, number / 10_000 % 100, number % 10_000);
    // Printed in advertisements, and so nobody's.
    let printed = [78_051_120, 219_099_999, 123_456_789].contains(&number);
    !printed && area != 0 && area != 666 && area < 900 && group != 0 && serial != 0
}

/// Whether the number goes on before `start`, as in `12-345` and `0.5`.
fn joins(text: &str, start: usize) -> bool {
    let earlier = start.checked_sub(1).and_then(|at| byte_before(text, at));
    match byte_before(text, start) {
        Some(b'-') => earlier.is_some_and(|byte| byte.is_ascii_digit()),
        Some(b'.') => !earlier.is_some_and(|byte| byte.is_ascii_alphabetic()),
        _ => false,
    }
}

/// Whether nothing after `end` says that the number goes on.
fn ends_number(text: &str, end: usize) -> bool {
    let goes_on = matches!(byte_at(text, end), Some(b'-' | b'.'))
        && byte_at(text, end + 1).is_some_and(|byte| byte.is_ascii_digit());
    ends_word(text, end) && !goes_on
}
