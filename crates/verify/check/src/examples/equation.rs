//! Call lines: `f(2) => 4`, `f(2) == 4`, `f(2) returns 4`, `f(2)  # 4`, `f(-1) raises ValueError`.

use std::ops::Range;

use super::literal::{Dialect, Literal, Shape, closing_bracket, leading_literal};
use super::{ExampleKind, Reader};
use crate::tables::python_builtins::is_builtin_exception;

struct Equation<'text> {
    at: usize,
    end: usize,
    call: &'text str,
    expected: Literal<'text>,
    strength: Strength,
}

/// How clearly the text says that this is an expectation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strength {
    /// `=>`, `==`, `->`, `returns`.
    Stated,
    /// A lone `=`, as mathematics writes definitions.
    Mathematical,
    /// Only a comment behind the call.
    Commented,
}

pub(super) fn read(
    reader: &Reader<'_>,
    found: &mut Vec<(usize, ExampleKind)>,
    taken: &mut Vec<Range<usize>>,
) {
    let mut equations: Vec<Equation<'_>> = Vec::new();
    let mut at = 0;
    while let Some((start, name_end)) = next_call(reader, at) {
        at = name_end;
        if taken.iter().any(|range| range.contains(&start)) {
            continue;
        }
        let Some(call_end) = call_end(reader.text, name_end) else {
            continue;
        };
        let (start, call_end) = wrapped(reader, start, call_end);
        let call = reader.text.get(start..call_end).unwrap_or_default();
        if excluded_by_context(reader.text, start) || !reader.stands_alone(call, &[]) {
            continue;
        }
        if let Some(kind) = raised(reader, call, call_end) {
            taken.push(start..call_end);
            found.push((start, kind));
            at = call_end;
            continue;
        }
        let Some((strength, after)) = separator(reader, call_end) else {
            continue;
        };
        let Some((expected, end)) = expectation(reader, after, strength) else {
            continue;
        };
        at = end;
        equations.push(Equation {
            at: start,
            end,
            call,
            expected,
            strength,
        });
    }
    // `tri(2) = 2` beside `tri(3) = [1, 3, 2, 8]`: the first kind defines a sequence, the second states a result.
    let mathematical: Vec<Shape> = equations
        .iter()
        .filter(|equation| equation.strength == Strength::Mathematical)
        .map(|equation| equation.expected.shape)
        .collect();
    let contradictory = mathematical.windows(2).any(|pair| pair.first() != pair.last());
    for equation in equations {
        if equation.strength == Strength::Mathematical && contradictory {
            continue;
        }
        taken.push(equation.at..equation.end);
        found.push((equation.at, kind(reader, equation.call, equation.expected.text)));
    }
}

/// An equation with the expected value in the language's own words.
pub(super) fn kind(reader: &Reader<'_>, call: &str, expected: &str) -> ExampleKind {
    let expected = match (reader.dialect, expected) {
        (Dialect::Python, "true") => "True",
        (Dialect::Python, "false") => "False",
        (Dialect::Python, "null") => "None",
        (Dialect::JavaScript | Dialect::Rust, "True") => "true",
        (Dialect::JavaScript | Dialect::Rust, "False") => "false",
        (Dialect::JavaScript, "None") => "null",
        (Dialect::Rust, "null") => "None",
        (_, other) => other,
    };
    ExampleKind::Equation {
        call: call.to_owned(),
        expected: expected.to_owned(),
    }
}

/// The next place at or after `from` where an entry point (or, without entry points, any name) is called.
fn next_call(reader: &Reader<'_>, from: usize) -> Option<(usize, usize)> {
    let text = reader.text;
    let mut at = from;
    loop {
        let open = at + text.get(at..)?.find('(')?;
        let head = text.get(from..open)?;
        let name = head
            .rfind(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
            .map_or(head, |before| {
                head.get(
                    before
                        + head
                            .get(before..)
                            .and_then(|rest| rest.chars().next())
                            .map_or(1, char::len_utf8)..,
                )
                .unwrap_or("")
            });
        let start = open - name.len();
        let method = text.get(..start).is_some_and(|head| head.ends_with('.'));
        let wanted = if reader.entry_points.is_empty() {
            name.chars()
                .next()
                .is_some_and(|letter| letter.is_alphabetic() || letter == '_')
        } else {
            reader.is_entry_point(name)
        };
        if wanted && !method {
            return Some((start, open));
        }
        at = open + 1;
    }
}

/// The end of a call and of what is chained to it.
fn call_end(text: &str, open: usize) -> Option<usize> {
    let mut end = closing_bracket(text, open)?;
    loop {
        let rest = text.get(end..)?;
        if rest.starts_with('(') || rest.starts_with('[') {
            end = closing_bracket(text, end)?;
            continue;
        }
        let Some(member) = rest.strip_prefix('.') else {
            return Some(end);
        };
        let length = member
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
            .count();
        if length == 0 || !member.get(length..)?.starts_with('(') {
            return Some(end);
        }
        end = closing_bracket(text, end + 1 + length)?;
    }
}

/// `sorted(f(x))`: the expectation is about the outer call.
fn wrapped(reader: &Reader<'_>, start: usize, end: usize) -> (usize, usize) {
    let known: &[&str] = match reader.dialect {
        Dialect::Python => &[
            "list", "sorted", "len", "set", "tuple", "dict", "next", "str", "sum", "round", "type", "repr",
            "bool", "abs",
        ],
        Dialect::JavaScript => &["String", "Number", "JSON.stringify"],
        Dialect::Rust => &[],
    };
    let head = reader.text.get(..start).unwrap_or_default();
    for name in known {
        let Some(before) = head.strip_suffix('(').and_then(|head| head.strip_suffix(name)) else {
            continue;
        };
        let boundary =
            !before.ends_with(|letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.'));
        let open = before.len() + name.len();
        if let (true, Some(close)) = (boundary, closing_bracket(reader.text, open))
            && close > end
        {
            return (before.len(), close);
        }
    }
    (start, end)
}

/// `…, e.g. f(2) == 4`, `… (f(2) == 4)`: punctuation of a sentence before a call, not an operator.
fn reads_as_prose(line: &str, untrimmed: &str) -> bool {
    let spaced = untrimmed.len() > line.len();
    let count = |sign: char| line.matches(sign).count();
    let balanced = count('(') == count(')') && count('[') == count(']') && count('{') == count('}');
    match line.chars().next_back() {
        Some('.') => spaced,
        Some(',') => spaced && balanced,
        Some('(') => {
            let before = line.strip_suffix('(').unwrap_or(line);
            before.is_empty() || before.ends_with(char::is_whitespace)
        }
        _ => false,
    }
}

/// Definitions, negations and parts of larger expressions are no examples.
fn excluded_by_context(text: &str, start: usize) -> bool {
    let untrimmed = text
        .get(..start)
        .and_then(|head| head.rsplit('\n').next())
        .unwrap_or("");
    let line = untrimmed.trim_end();
    if reads_as_prose(line, untrimmed) {
        return false;
    }
    let last_word = line
        .rsplit(|letter: char| letter.is_whitespace() || letter == '`')
        .next()
        .unwrap_or("");
    let operator = line.ends_with([
        '+', '/', '%', '=', '<', '(', '[', '{', ',', '&', '|', '!', '.', '"', '\'',
    ]) || (line.ends_with('*') && !line.trim_start_matches(['*', ' ']).is_empty())
        || (line.ends_with('-') && !line.trim_start_matches(['-', ' ']).is_empty());
    operator
        || matches!(
            last_word,
            "def"
                | "function"
                | "class"
                | "not"
                | "if"
                | "while"
                | "unless"
                | "never"
                | "except"
                | "return"
                | "lambda"
                | "elif"
                | "and"
                | "or"
                | "in"
                | "when"
                | "async"
                | "const"
                | "let"
                | "var"
                | "new"
                | "@"
        ) && !(matches!(last_word, "and" | "or" | "in" | "when")
            && ["==", "return", " gives "].iter().any(|sign| line.contains(sign)))
}

/// What stands between a call and its value; the position behind it.
fn separator(reader: &Reader<'_>, call_end: usize) -> Option<(Strength, usize)> {
    const SIGNS: [&str; 13] = [
        "===", "==>", "==", "=>", "-->", "->", "➞", "→", "⇒", "↦", "⟶", "≈", "=",
    ];
    const WORDS: [&str; 25] = [
        "should return",
        "should be equal to",
        "should equal",
        "should give",
        "should be",
        "must return",
        "must equal",
        "must be",
        "will return",
        "would return",
        "returns",
        "return",
        "evaluates to",
        "is equal to",
        "results in",
        "gives",
        "yields",
        "produces",
        "equals",
        "outputs",
        "becomes",
        "output:",
        "output",
        "is",
        "→",
    ];
    let text = reader.text;
    let mut at = call_end + blanks(text, call_end);
    if text.get(at..)?.starts_with('`') {
        at += 1;
        at += blanks(text, at);
    }
    let mut commented = false;
    for mark in ["#", "//", ";"] {
        if text.get(at..)?.starts_with(mark) {
            at += mark.len();
            at += blanks(text, at);
            commented |= mark != ";";
        }
    }
    let rest = text.get(at..)?;
    for sign in SIGNS {
        if let Some(after) = rest.strip_prefix(sign) {
            // `=` followed by another sign (`= >`, `=~`) is something else.
            if after.starts_with(['=', '>', '~']) {
                return None;
            }
            let strength = if sign == "=" {
                Strength::Mathematical
            } else {
                Strength::Stated
            };
            return Some((strength, at + sign.len()));
        }
    }
    let line = rest.split('\n').next()?;
    let lower = line.to_ascii_lowercase();
    for word in WORDS {
        if let Some(after) = lower.strip_prefix(word)
            && (after.starts_with([' ', '\t', ':']) || word.ends_with(':'))
        {
            let blank = after.len() - after.trim_start().len();
            let colon = usize::from(after.trim_start().starts_with(':')) * (blank + 1);
            return Some((Strength::Stated, at + word.len() + colon));
        }
    }
    commented.then_some((Strength::Commented, at))
}

/// The value at `after`, if what follows it does not change its meaning; the position behind it.
fn expectation<'text>(
    reader: &Reader<'text>,
    after: usize,
    strength: Strength,
) -> Option<(Literal<'text>, usize)> {
    let text = reader.text;
    let mut at = after + blanks(text, after);
    if text.get(at..)?.starts_with('`') && reader.dialect != Dialect::JavaScript {
        at += 1;
    }
    let mut value = leading_literal(text.get(at..)?, reader.dialect)?;
    let mut end = at + text.get(at..)?.find(value.text)? + value.text.len();
    // `f(x) -> 19 - 5 - 6 = 8`: the last link of the chain is the value.
    while let Some(next) = text.get(end..)?.trim_start_matches([' ', '\t']).strip_prefix('=') {
        if next.starts_with(['=', '>']) {
            return None;
        }
        let start = text.len() - next.len();
        value = leading_literal(next, reader.dialect)?;
        end = start + next.find(value.text)? + value.text.len();
    }
    let tail = text.get(end..)?.split('\n').next().unwrap_or("");
    let plain = value.shape != Shape::Parenthesised;
    (plain && harmless_tail(tail, strength)).then_some((value, end))
}

/// Whether the rest of the line leaves the value alone. `3 if x` or `3 items` does not.
fn harmless_tail(tail: &str, strength: Strength) -> bool {
    let spaced = tail.starts_with([' ', '\t']);
    let rest = tail.trim();
    if rest.is_empty() {
        return true;
    }
    if strength == Strength::Commented {
        return matches!(rest, "." | ";" | "," | "*/");
    }
    if let Some(after) = rest.strip_prefix(['.', ',', ';', '`']) {
        return after.is_empty() || after.starts_with([' ', '`', '.', ',', ')', ';', '"', '\'', '*']);
    }
    if rest.starts_with([')', '#', '—', '–', '*', '"', '“', '”'])
        || rest.starts_with("//")
        || rest.starts_with("...")
    {
        return true;
    }
    if spaced && (rest.starts_with('(') || rest.starts_with("- ") || rest.starts_with("-- ")) {
        return true;
    }
    let word = rest
        .split(|letter: char| !letter.is_alphabetic())
        .next()
        .unwrap_or("");
    spaced
        && matches!(
            word,
            "because" | "since" | "as" | "and" | "while" | "but" | "also" | "rather" | "instead" | "whereas"
        )
}

/// `f(-1) raises ValueError`.
fn raised(reader: &Reader<'_>, call: &str, call_end: usize) -> Option<ExampleKind> {
    if reader.dialect != Dialect::Python {
        return None;
    }
    let rest = reader
        .text
        .get(call_end..)?
        .trim_start_matches([' ', '\t', '`', '#', '-', '=', '>']);
    let lower = rest.split('\n').next()?.to_ascii_lowercase();
    let word = [
        "raises a ",
        "raises an ",
        "raises ",
        "raise ",
        "should raise a ",
        "should raise an ",
        "should raise ",
        "must raise ",
        "throws ",
    ]
    .into_iter()
    .find(|word| lower.starts_with(word))?;
    let rest = rest.get(word.len()..)?.trim_start_matches('`');
    let length = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let exception = rest.get(..length)?;
    if !is_builtin_exception(exception) {
        return None;
    }
    let code = format!(
        "try:\n    {call}\nexcept {exception}:\n    pass\nelse:\n    raise AssertionError('expected {exception}')"
    );
    Some(ExampleKind::Assertion { code })
}

fn blanks(text: &str, at: usize) -> usize {
    text.get(at..)
        .map_or(0, |rest| rest.len() - rest.trim_start_matches([' ', '\t']).len())
}
