//! `assert …` lines, and the assertion calls of JavaScript's test libraries.

use std::ops::Range;

use super::literal::{Dialect, closing_bracket};
use super::{ExampleKind, Reader, equation};

pub(super) fn read(
    reader: &Reader<'_>,
    found: &mut Vec<(usize, ExampleKind)>,
    taken: &mut Vec<Range<usize>>,
) {
    match reader.dialect {
        Dialect::Python => python(reader, found, taken),
        Dialect::JavaScript => javascript(reader, found, taken),
        Dialect::Rust => {}
    }
}

fn python(reader: &Reader<'_>, found: &mut Vec<(usize, ExampleKind)>, taken: &mut Vec<Range<usize>>) {
    for at in line_starts_with(reader.text, "assert ") {
        if taken.iter().any(|range| range.contains(&at)) {
            continue;
        }
        let end = statement_end(reader.text, at);
        let Some(code) = reader
            .text
            .get(at..end)
            .map(|code| code.trim_end_matches(['`', ';', ' ', '\r']))
        else {
            continue;
        };
        // `assert f(2) => 4` is an equation with a flourish.
        let known = [
            "math",
            "re",
            "json",
            "datetime",
            "collections",
            "itertools",
            "functools",
            "cmath",
        ];
        let about_this = reader.entry_points.is_empty()
            || reader
                .entry_points
                .iter()
                .any(|entry| code.contains(entry.as_str()));
        if about_this && reader.stands_alone(code, &known) {
            taken.push(at..end);
            found.push((
                at,
                ExampleKind::Assertion {
                    code: code.to_owned(),
                },
            ));
        }
    }
}

/// Where a statement that starts at `at` ends: at the first line end outside brackets.
fn statement_end(text: &str, at: usize) -> usize {
    let mut position = at;
    while let Some(byte) = text.as_bytes().get(position).copied() {
        match byte {
            b'\n' => return position,
            b'(' | b'[' | b'{' => match closing_bracket(text, position) {
                Some(end) => position = end,
                None => {
                    return text
                        .get(position..)
                        .and_then(|rest| rest.find('\n'))
                        .map_or(text.len(), |length| position + length);
                }
            },
            _ => position += 1,
        }
    }
    text.len()
}

fn javascript(reader: &Reader<'_>, found: &mut Vec<(usize, ExampleKind)>, taken: &mut Vec<Range<usize>>) {
    for mark in ["assert.", "assert(", "console.assert("] {
        for at in line_starts_with(reader.text, mark) {
            let Some(open) = reader
                .text
                .get(at..)
                .and_then(|rest| rest.find('('))
                .map(|length| at + length)
            else {
                continue;
            };
            let Some(end) = closing_bracket(reader.text, open) else {
                continue;
            };
            let code = reader.text.get(at..end).unwrap_or_default();
            let about_this = reader.entry_points.is_empty()
                || reader
                    .entry_points
                    .iter()
                    .any(|entry| code.contains(entry.as_str()));
            let called_inside = code.get(open + 1 - at..).unwrap_or_default();
            let known = ["assert", reader.first_called(called_inside).unwrap_or("assert")];
            let known = if reader.entry_points.is_empty() {
                &known[..]
            } else {
                &known[..1]
            };
            if about_this && reader.stands_alone(code, known) {
                taken.push(at..end);
                found.push((
                    at,
                    ExampleKind::Assertion {
                        code: code.to_owned(),
                    },
                ));
            }
        }
    }
    for at in line_starts_with(reader.text, "expect(") {
        let Some((end, kind)) = expectation(reader, at) else {
            continue;
        };
        taken.push(at..end);
        found.push((at, kind));
    }
}

/// `expect(f(2)).toBe(4)`.
fn expectation(reader: &Reader<'_>, at: usize) -> Option<(usize, ExampleKind)> {
    let open = at + "expect".len();
    let close = closing_bracket(reader.text, open)?;
    let call = reader.text.get(open + 1..close - 1)?.trim();
    let rest = reader.text.get(close..)?;
    let matcher = [".toBe(", ".toEqual(", ".toStrictEqual(", ".toBeCloseTo("]
        .into_iter()
        .find(|matcher| rest.starts_with(matcher))?;
    let start = close + matcher.len() - 1;
    let end = closing_bracket(reader.text, start)?;
    let expected = reader.text.get(start + 1..end - 1)?.trim();
    let whole = super::literal::leading_literal(expected, reader.dialect)?.text == expected;
    if !whole || !reader.stands_alone(call, &[]) {
        return None;
    }
    Some((end, equation::kind(reader, call, expected)))
}

/// The positions where a line, after bullets and quotation marks of prose, starts with `mark`.
fn line_starts_with<'text>(text: &'text str, mark: &'text str) -> impl Iterator<Item = usize> + 'text {
    text.match_indices(mark).map(|(at, _)| at).filter(move |at| {
        let line = text
            .get(..*at)
            .and_then(|head| head.rsplit('\n').next())
            .unwrap_or("");
        line.chars()
            .all(|letter| matches!(letter, ' ' | '\t' | '*' | '-' | '`' | '#' | '/' | '>'))
    })
}
