use std::ops::Range;

use crate::boundary::{byte_before, ends_word, is_word, window};
use crate::checksum::digits;

/// A plus, fifteen digits (ITU-T E.164) and what people put between them.
const LONGEST: usize = 32;

/// A telephone number whose plus is at `start`.
pub(super) fn at(text: &str, start: usize) -> Option<Range<usize>> {
    let before = byte_before(text, start);
    if before.is_some_and(|byte| is_word(byte) || matches!(byte, b'+' | b')' | b']' | b'.' | b'*' | b'/')) {
        return None;
    }
    let number = number_in(window(text, start, LONGEST))?;
    let end = start + number.len();
    // In a patch every added line begins with a plus.
    let begins_line = matches!(before, None | Some(b'\n'));
    let is_plain = number.bytes().skip(1).all(|byte| byte.is_ascii_digit());
    (ends_word(text, end) && !(begins_line && is_plain) && is_subscriber(number)).then_some(start..end)
}

/// The longest beginning of `window` that is written like a number: no two marks together but around brackets.
fn number_in(window: &str) -> Option<&str> {
    let mut end = 0;
    let mut previous = b'+';
    for (index, byte) in window.bytes().enumerate() {
        let goes_on = match byte {
            b'+' => index == 0,
            b'0'..=b'9' => true,
            b'(' => previous == b' ' || previous.is_ascii_digit(),
            b')' => previous.is_ascii_digit(),
            b' ' | b'-' | b'.' => previous.is_ascii_digit() || previous == b')',
            _ => false,
        };
        if !goes_on {
            break;
        }
        if byte.is_ascii_digit() {
            end = index + 1;
        }
        previous = byte;
    }
    window.get(..end)
}

fn is_subscriber(number: &str) -> bool {
    let groups = number
        .split(|character: char| !character.is_ascii_digit())
        .filter(|group| !group.is_empty());
    let groups: Vec<usize> = groups.map(str::len).collect();
    let digits = digits(number);
    // `+1.5e10` and its like.
    let is_fraction = number.contains('.') && groups.len() < 3;
    let least = if groups.len() > 1 { 8 } else { 10 };
    // `+12024-05-06`, a year beyond four digits.
    let is_date = number.find('-').is_some_and(|first| first > 4);
    let is_written = (least..=15).contains(&digits.len()) && groups.len() <= 7 && !is_fraction && !is_date;
    is_written && is_planned(&digits)
}

/// What the numbering plans allow: no country begins with 0, and North America's numbers have a form and examples.
fn is_planned(digits: &[u32]) -> bool {
    match digits {
        [1, area, _, _, exchange, middle, last, line @ ..] => {
            let is_fictional = [*exchange, *middle, *last] == [5, 5, 5] && line.starts_with(&[0, 1]);
            line.len() == 4 && *area >= 2 && *exchange >= 2 && !is_fictional
        }
        // Kept for films.
        [4, 4, 7, 7, 0, 0, 9, 0, 0, ..] => false,
        // Given to no country; +2147483647 is the largest number of 32 bits.
        [0 | 1, ..] | [2, 1, 0 | 4 | 5 | 7 | 9, ..] | [2, 8, ..] | [8, 3 | 9, ..] => false,
        _ => true,
    }
}
