//! `so that 1500 grams give "1.5 kg"`: a value and what becomes of it, where the function takes one value.

use super::literal::{Literal, Shape, closing_bracket, leading_literal};
use super::{ExampleKind, Reader, equation};

const BEGINNINGS: [&str; 6] = [
    "so that ",
    "such that ",
    "e.g. ",
    "for example ",
    "for example, ",
    "for instance, ",
];
const VERBS: [&str; 8] = [
    "gives", "give", "becomes", "become", "returns", "return", "yields", "yield",
];
/// Words between the value and the verb: "1500 grams give".
const MOST_UNITS: usize = 2;

pub(super) fn read(reader: &Reader<'_>, found: &mut Vec<(usize, ExampleKind)>) {
    let [entry] = reader.entry_points else {
        return;
    };
    if required_parameters(reader, entry) != Some(1) {
        return;
    }
    for beginning in BEGINNINGS {
        for (at, _) in reader.text.match_indices(beginning) {
            let rest = reader.text.get(at + beginning.len()..).unwrap_or_default();
            if let Some((given, result)) = outcome(reader, rest) {
                let call = format!("{entry}({given})");
                if reader.stands_alone(&call, &[]) {
                    found.push((at, equation::kind(reader, &call, result)));
                }
            }
        }
    }
}

/// The value and the result, if the text begins with such a sentence.
fn outcome<'text>(reader: &Reader<'text>, text: &'text str) -> Option<(&'text str, &'text str)> {
    let given = value(reader, text)?;
    let mut rest = behind(text, &given)?.trim_start();
    for _ in 0..=MOST_UNITS {
        let end = rest.find(|letter: char| !letter.is_ascii_lowercase())?;
        let (word, after) = rest.split_at(end);
        if VERBS.contains(&word) {
            let after = after.trim_start();
            let result = value(reader, after)?;
            let tail = behind(after, &result)?.trim_start_matches([' ', '\t']);
            let ends =
                tail.is_empty() || tail.starts_with(['.', ',', ';', ')', '\n']) || tail.starts_with("and ");
            return ends.then_some((given.text, result.text));
        }
        if word.is_empty() {
            return None;
        }
        rest = after.trim_start();
    }
    None
}

fn value<'text>(reader: &Reader<'_>, text: &'text str) -> Option<Literal<'text>> {
    leading_literal(text, reader.dialect).filter(|literal| literal.shape != Shape::Parenthesised)
}

fn behind<'text>(text: &'text str, literal: &Literal<'_>) -> Option<&'text str> {
    let start = text.len() - text.trim_start_matches([' ', '\t']).len();
    text.get(start + literal.text.len()..)
}

/// How many values the function needs, as its signature says; `None` where no signature is shown.
fn required_parameters(reader: &Reader<'_>, entry: &str) -> Option<usize> {
    let marks = [
        format!("def {entry}("),
        format!("function {entry}("),
        format!("fn {entry}("),
    ];
    let open = marks
        .iter()
        .find_map(|mark| Some(reader.text.find(mark.as_str())? + mark.len() - 1))?;
    let close = closing_bracket(reader.text, open)?;
    let inside = reader.text.get(open + 1..close - 1)?;
    let mut depth = 0_i32;
    let parts = inside.split(|letter| {
        match letter {
            '[' | '(' | '{' => depth += 1,
            ']' | ')' | '}' => depth -= 1,
            _ => {}
        }
        letter == ',' && depth == 0
    });
    let names = parts.map(str::trim).filter(|part| !part.is_empty());
    let mut names = names.peekable();
    // A method of Rust needs more than the value: an object.
    if names
        .peek()
        .is_some_and(|part| matches!(*part, "self" | "&self" | "&mut self"))
    {
        return None;
    }
    Some(
        names
            .filter(|part| !part.contains('=') && !part.starts_with(['*', '.', '/']))
            .count(),
    )
}
