//! `>>>` blocks, read as Python's own doctest module reads them.

use std::ops::Range;

use super::{ExampleKind, Reader};

struct Step {
    at: usize,
    source: String,
    want: String,
}

pub(super) fn read(
    reader: &Reader<'_>,
    found: &mut Vec<(usize, ExampleKind)>,
    taken: &mut Vec<Range<usize>>,
) {
    for block in blocks(reader.text, taken) {
        // Steps share one namespace: as soon as one only sets the stage, later ones need all before them.
        let staged = block.iter().any(|step| step.want.is_empty());
        let mut stage = String::new();
        for step in block {
            let source = if staged {
                format!("{stage}{}", step.source)
            } else {
                step.source.clone()
            };
            if staged {
                stage.push_str(&step.source);
                stage.push('\n');
            }
            let known = [
                "math",
                "re",
                "json",
                "datetime",
                "collections",
                "itertools",
                "functools",
            ];
            let about_this = reader.entry_points.is_empty()
                || reader.entry_points.iter().any(|entry| mentions(&source, entry));
            if step.want.is_empty() || !about_this || (!staged && !reader.stands_alone(&source, &known)) {
                continue;
            }
            let want = step.want;
            found.push((step.at, ExampleKind::Doctest { source, want }));
        }
    }
}

fn mentions(source: &str, name: &str) -> bool {
    source.match_indices(name).any(|(at, _)| {
        let inside = |letter: char| letter.is_alphanumeric() || letter == '_';
        let before = source.get(..at).and_then(|head| head.chars().next_back());
        let after = source.get(at + name.len()..).and_then(|tail| tail.chars().next());
        !before.is_some_and(inside) && !after.is_some_and(inside)
    })
}

/// Runs of steps; a line of prose between them starts a new block only when it dedents out of the doc comment.
fn blocks(text: &str, taken: &mut Vec<Range<usize>>) -> Vec<Vec<Step>> {
    let mut blocks: Vec<Vec<Step>> = Vec::new();
    let mut current: Vec<Step> = Vec::new();
    let mut lines = lines_with_offsets(text).peekable();
    while let Some((at, line)) = lines.next() {
        if ends_docstring(line) && !line.trim_start().starts_with(">>>") {
            if !current.is_empty() {
                blocks.push(std::mem::take(&mut current));
            }
            continue;
        }
        let Some(first) = prompt(line, ">>>") else {
            continue;
        };
        let indent = line.len() - line.trim_start().len();
        let mut source = first.to_owned();
        let mut end = at + line.len();
        while let Some((next_at, more)) = lines.peek().copied() {
            let Some(more) = prompt(more, "...") else { break };
            source.push('\n');
            source.push_str(more);
            end = next_at + more.len();
            lines.next();
        }
        let mut want = String::new();
        while let Some((next_at, output)) = lines.peek().copied() {
            if output.trim().is_empty() || prompt(output, ">>>").is_some() {
                break;
            }
            let (output, last) = match closing_quotes(output) {
                Some(before) => (before, true),
                None => (output, false),
            };
            if !output.trim().is_empty() {
                let output = output
                    .get(indent.min(output.len() - output.trim_start().len())..)
                    .unwrap_or(output);
                want.push_str(output.trim_end());
                want.push('\n');
            }
            end = next_at + output.len();
            if last {
                break;
            }
            lines.next();
        }
        let source = source.trim_end().to_owned();
        // `>>> f(2) == 4` without an output line is an equation with a prompt in front.
        if want.is_empty() && source.contains("==") && !source.contains('\n') {
            continue;
        }
        taken.push(at..end);
        if !source.is_empty() {
            current.push(Step { at, source, want });
        }
    }
    blocks.push(current);
    blocks
}

fn lines_with_offsets(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        (start, line.trim_end_matches(['\n', '\r']))
    })
}

/// The code after a prompt; the prompt must be followed by a space or the end of the line.
fn prompt<'line>(line: &'line str, mark: &str) -> Option<&'line str> {
    // Doc comments of other shapes put `#` or `*` before the prompt.
    let rest = line
        .trim_start()
        .trim_start_matches(['#', '*', ' '])
        .strip_prefix(mark)?;
    let body = rest.strip_prefix(' ').unwrap_or(rest);
    (rest.is_empty() || rest.starts_with(' ') || mark == ">>>").then_some(body)
}

fn ends_docstring(line: &str) -> bool {
    line.contains("\"\"\"") || line.contains("'''")
}

fn closing_quotes(line: &str) -> Option<&str> {
    let at = line.find("\"\"\"").or_else(|| line.find("'''"))?;
    line.get(..at)
}
