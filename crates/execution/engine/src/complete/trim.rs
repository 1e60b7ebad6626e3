//! What of a model's words fits at the cursor.

use super::brackets::{closing_brackets, open_brackets};
use super::place::{Place, first_bytes, indentation, last_bytes};
use super::{Extent, Silence};

/// The most lines of a block.
const MOST_LINES: usize = 12;
/// A line this short may well stand there twice: `}`, `pass`, `else:`.
const TELLING: usize = 8;
/// How far around the cursor brackets are counted.
const BRACKETS_WITHIN: usize = 8_000;

/// What is asked for at a place, when the caller leaves it open.
pub(super) fn natural_extent(place: &Place<'_>) -> Extent {
    if !place.line_after().trim().is_empty() {
        return Extent::Line;
    }
    let opens = |line: &str| line.trim_end().ends_with(['{', ':', '(', '[']) || line.ends_with("=>");
    let line = place.line_before();
    let above = place.lines_above().find(|line| !line.trim().is_empty());
    match line.trim().is_empty() {
        true if above.is_some_and(opens) => Extent::Block,
        false if opens_block(line) => Extent::Block,
        _ => Extent::Line,
    }
}

/// A line that ends in `:` or `{` opens a block; one that ends in `(` is still being typed.
pub(super) fn opens_block(line: &str) -> bool {
    line.trim_end().ends_with([':', '{'])
}

/// Where the suggestion ends by itself: with the line, or before the first line that is not part of the block.
///
/// `text` may still grow; what it returns only shrinks or stays.
pub(super) fn natural_end(text: &str, place: &Place<'_>, extent: Extent) -> usize {
    if extent != Extent::Block {
        return text.find('\n').unwrap_or(text.len());
    }
    let line = place.line_before();
    let base = indentation(line).len();
    let first = format!("{line}{}", text.lines().next().unwrap_or_default());
    let opens = !line.trim().is_empty() && opens_block(&first);
    let mut position = 0;
    let mut blank = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let content = line.trim();
        if number >= MOST_LINES {
            return position;
        }
        if content.is_empty() {
            blank += usize::from(number > 0);
            if blank > 1 {
                return position;
            }
        } else if number > 0 {
            let width = indentation(line).len();
            let closes = content.starts_with(['}', ')', ']']);
            if width < base || (opens && width == base && !closes) {
                return position;
            }
            blank = 0;
            if opens && width == base {
                return position + line.trim_end_matches('\n').len();
            }
        }
        position += line.len();
    }
    text.len()
}

/// The part of `raw` that can be shown, with the buffer's line ends.
pub(super) fn trim(raw: &str, place: &Place<'_>, extent: Extent) -> Result<String, Silence> {
    let raw = raw.replace("\r\n", "\n");
    let end = natural_end(&raw, place, extent);
    let text = without_loops(raw.get(..end).unwrap_or_default());
    if text.trim().is_empty() {
        return Err(Silence::Empty);
    }
    let text = without_extra_closers(text, place);
    let text = without_suffix(text, place);
    let text = match place.line_after().trim().is_empty() {
        true => text.trim_end(),
        false => text,
    };
    if text.trim().is_empty() {
        return Err(Silence::RepeatsSuffix);
    }
    if repeats_above(text, place) {
        return Err(Silence::RepeatsAbove);
    }
    Ok(text.replace('\n', place.line_end()))
}

/// Cut before a line that says for the third time what two lines have said.
fn without_loops(text: &str) -> &str {
    let mut position = 0;
    let mut seen: Vec<&str> = Vec::new();
    for line in text.split_inclusive('\n') {
        let content = line.trim();
        if content.len() >= TELLING && seen.iter().filter(|other| **other == content).count() >= 2 {
            return text.get(..position).unwrap_or_default();
        }
        seen.push(content);
        position += line.len();
    }
    text
}

/// Cut before a bracket that closes what is not open, or what the text behind the cursor closes.
fn without_extra_closers<'text>(text: &'text str, place: &Place<'_>) -> &'text str {
    let open = open_brackets(last_bytes(place.before, BRACKETS_WITHIN), place.language);
    let behind = first_bytes(place.after, BRACKETS_WITHIN);
    let closed_behind = closing_brackets(behind, place.language).len();
    let allowed = open.len().saturating_sub(closed_behind);
    match closing_brackets(text, place.language).get(allowed) {
        Some((position, _)) => text.get(..*position).unwrap_or_default(),
        None => text,
    }
}

/// Cut where the text says what stands behind the cursor already.
fn without_suffix<'text>(text: &'text str, place: &Place<'_>) -> &'text str {
    let rest = place.line_after().trim_end();
    let first = text.lines().next().unwrap_or_default();
    if !rest.trim().is_empty() {
        // Closing brackets have been counted: `f(x)` before `)` is whole.
        let counted = rest.trim_start().starts_with([')', ']', '}']);
        if let Some(kept) = first.trim_end().strip_suffix(rest).filter(|_| !counted) {
            return text.get(..kept.len()).unwrap_or_default();
        }
        let overlap = (1..rest.len())
            .rev()
            .filter(|length| rest.is_char_boundary(*length))
            .find(|length| {
                let beginning = rest.get(..*length).unwrap_or_default();
                // Brackets have been counted; single letters prove nothing.
                beginning.trim().len() >= 3 && first.ends_with(beginning)
            });
        return match overlap {
            Some(length) => first.get(..first.len() - length).unwrap_or_default(),
            None => text,
        };
    }
    let Some(next) = place.lines_below().map(str::trim).find(|line| !line.is_empty()) else {
        return text;
    };
    let mut position = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        // The cursor's own line may be finished like the next one, unless it was empty.
        let own = number == 0 && !place.line_before().trim().is_empty();
        if line.trim() == next && !own && (next.len() >= TELLING || number > 0) {
            return text.get(..position).unwrap_or_default();
        }
        position += line.len();
    }
    text
}

/// Whether the whole suggestion stands right above the cursor already.
fn repeats_above(text: &str, place: &Place<'_>) -> bool {
    let first = text.lines().next().unwrap_or_default();
    let whole = format!("{}{first}", place.line_before());
    let mut lines: Vec<&str> = vec![whole.trim()];
    lines.extend(text.lines().skip(1).map(str::trim));
    lines.retain(|line| !line.is_empty());
    if lines.iter().all(|line| line.len() < TELLING) {
        return false;
    }
    let mut above = place.lines_above().map(str::trim).filter(|line| !line.is_empty());
    lines.iter().rev().all(|line| above.next() == Some(line))
}

#[cfg(test)]
mod tests {
    use tenon_syntax::Language;

    use super::*;

    /// Trims `raw` at the `|` of `buffer`.
    fn trimmed(buffer: &str, raw: &str, extent: Extent) -> Result<String, Silence> {
        let cursor = buffer.find('|').unwrap();
        let text = buffer.replacen('|', "", 1);
        let place = Place::new(&text, cursor, Some(Language::Python)).unwrap();
        trim(raw, &place, extent)
    }

    fn line(buffer: &str, raw: &str) -> String {
        trimmed(buffer, raw, Extent::Line).unwrap()
    }

    fn block(buffer: &str, raw: &str) -> String {
        trimmed(buffer, raw, Extent::Block).unwrap()
    }

    #[test]
    fn a_line_ends_with_the_line() {
        assert_eq!(line("x = |\ny = 2\n", "1 + 2  \nz = 3"), "1 + 2");
    }

    #[test]
    fn a_block_ends_where_it_dedents() {
        let buffer = "def f(x):\n    |\n\ndef g():\n    pass\n";
        let raw = "if x:\n        return 1\n    return 2\n\n\ndef h():\n    pass\n";
        assert_eq!(block(buffer, raw), "if x:\n        return 1\n    return 2");
        let raw = "y = x\n\n    return y\nprint(1)\n";
        assert_eq!(block(buffer, raw), "y = x\n\n    return y");
    }

    #[test]
    fn a_block_behind_its_opening_line_ends_with_its_bracket() {
        let buffer = "fn f() {|\n\nfn g() {}\n";
        let raw = "\n    1\n}\n\nfn h() {}\n";
        assert_eq!(block(buffer, raw), "\n    1\n}");
        let buffer = "if x:|\n";
        assert_eq!(block(buffer, "\n    return 1\nreturn 2\n"), "\n    return 1");
    }

    #[test]
    fn brackets_that_stand_there_are_not_closed_again() {
        assert_eq!(line("print(|)\n", "f(x))"), "f(x)");
        assert_eq!(line("print(|)\n", "f(x)"), "f(x)");
        assert_eq!(line("print(|\n", "f(x))"), "f(x))");
        assert_eq!(line("print(|\n", "x)) + 1"), "x)");
        assert_eq!(line("x = [f(|)]\n", "1)]"), "1");
    }

    #[test]
    fn what_follows_is_not_repeated() {
        assert_eq!(line("x = | + offset\n", "width + offset"), "width");
        assert_eq!(line("x = f(|, timeout=3)\n", "url, timeout=3)"), "url");
        assert_eq!(
            trimmed("x = f(|, timeout=3)\n", ", timeout=3)", Extent::Line),
            Err(Silence::RepeatsSuffix)
        );
        let buffer = "def f():\n    |\n    return total\n";
        assert_eq!(block(buffer, "total = 1\n    return total\n"), "total = 1");
        assert_eq!(
            trimmed(buffer, "return total", Extent::Line),
            Err(Silence::RepeatsSuffix)
        );
    }

    #[test]
    fn what_stands_above_is_not_said_again() {
        let buffer = "total = total + 1\n|\n";
        assert_eq!(
            trimmed(buffer, "total = total + 1", Extent::Line),
            Err(Silence::RepeatsAbove)
        );
        assert_eq!(line("{{\n    }\n    |\n", "}"), "}", "short lines may repeat");
    }

    #[test]
    fn a_loop_is_cut() {
        let raw = "append(1)\n    x.append(1)\n    x.append(1)\n    x.append(1)\n";
        let cut = block("def f():\n    x = []\n    x.|\n", raw);
        assert_eq!(cut.lines().count(), 3, "{cut}");
    }

    #[test]
    fn nothing_is_nothing() {
        for raw in ["", "  ", "\n", "\nx = 1"] {
            assert_eq!(trimmed("x = |\n", raw, Extent::Line), Err(Silence::Empty));
        }
    }

    #[test]
    fn line_ends_are_the_buffers() {
        let buffer = "def f():\r\n    |\r\n";
        assert_eq!(block(buffer, "x = 1\n    return x\n"), "x = 1\r\n    return x");
    }

    #[test]
    fn the_extent_follows_from_the_place() {
        for (buffer, extent) in [
            ("def f():\n    |\n", Extent::Block),
            ("def f():|\n", Extent::Block),
            ("x = 1\n|\n", Extent::Line),
            ("x = |\n", Extent::Line),
            ("print(|\n", Extent::Line),
            ("if x:\n    return |1\n", Extent::Line),
        ] {
            let cursor = buffer.find('|').unwrap();
            let text = buffer.replacen('|', "", 1);
            let place = Place::new(&text, cursor, Some(Language::Python)).unwrap();
            assert_eq!(natural_extent(&place), extent, "{buffer:?}");
        }
    }
}
