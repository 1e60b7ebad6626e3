//! How a file writes its lines: what a spliced piece has to put on so that the file stays one hand.

use tenon_syntax::{Descend, Language, SourceFile, Span, walk};

/// The line ends and the indentation of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileStyle {
    pub(crate) newline: &'static str,
    /// One step of indentation; `None` when nothing in the file is indented.
    pub(crate) unit: Option<Unit>,
}

/// One step of indentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Tab,
    Spaces(usize),
}

impl Unit {
    pub(crate) fn text(self) -> String {
        match self {
            Self::Tab => "\t".to_owned(),
            Self::Spaces(count) => " ".repeat(count),
        }
    }
}

impl FileStyle {
    pub(crate) fn of(text: &str) -> Self {
        let windows = text.matches("\r\n").count();
        let all = text.matches('\n').count();
        Self {
            newline: if windows * 2 > all { "\r\n" } else { "\n" },
            unit: indentation_unit(text),
        }
    }

    /// One step of indentation, guessed for the language when the file shows none.
    pub(crate) fn unit_or_default(&self, language: Language, other: &FileStyle) -> Unit {
        self.unit.or(other.unit).unwrap_or(match language {
            Language::Go => Unit::Tab,
            Language::JavaScript | Language::TypeScript | Language::Tsx => Unit::Spaces(2),
            _ => Unit::Spaces(4),
        })
    }
}

/// The most frequent step by which indentation grows from one line to the next.
fn indentation_unit(text: &str) -> Option<Unit> {
    let mut steps = [0_usize; 9];
    let mut tabs = 0_usize;
    let mut previous = 0;
    for line in text.lines().filter(|line| !line.trim().is_empty()).take(4000) {
        let white = indentation(line);
        if white.starts_with('\t') {
            tabs += 1;
            continue;
        }
        let width = white.len();
        if let Some(count) = width.checked_sub(previous).and_then(|step| steps.get_mut(step)) {
            *count += 1;
        }
        previous = width;
    }
    let (width, count) = steps
        .into_iter()
        .enumerate()
        .skip(2)
        .max_by_key(|(width, count)| (*count, usize::MAX - width))?;
    if tabs > count {
        return Some(Unit::Tab);
    }
    (count > 0).then_some(Unit::Spaces(width))
}

/// The white space a line starts with.
pub(crate) fn indentation(line: &str) -> &str {
    let end = line
        .find(|character| character != ' ' && character != '\t')
        .unwrap_or(line.len());
    line.get(..end).unwrap_or_default()
}

/// The byte at which the line of `byte` starts.
pub(crate) fn line_start(text: &str, byte: usize) -> usize {
    let before = text.get(..byte).unwrap_or(text);
    before.rfind('\n').map_or(0, |newline| newline + 1)
}

/// The byte at which the line of `byte` ends, before its newline.
pub(crate) fn line_end(text: &str, byte: usize) -> usize {
    let rest = text.get(byte..).unwrap_or_default();
    let end = rest.find('\n').map_or(text.len(), |newline| byte + newline);
    if end > byte && text.as_bytes().get(end - 1) == Some(&b'\r') {
        end - 1
    } else {
        end
    }
}

/// The indentation of the line that `byte` is on.
pub(crate) fn indentation_at(text: &str, byte: usize) -> &str {
    indentation(text.get(line_start(text, byte)..).unwrap_or_default())
}

/// Takes the indentation that all lines share off every line.
pub(crate) fn dedent(text: &str) -> String {
    let margin = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(indentation)
        .reduce(shared_prefix)
        .unwrap_or_default();
    if margin.is_empty() {
        return text.to_owned();
    }
    text.split_inclusive('\n')
        .map(|line| {
            line.strip_prefix(margin)
                .unwrap_or(line.trim_start_matches([' ', '\t']))
        })
        .collect()
}

fn shared_prefix<'text>(left: &'text str, right: &str) -> &'text str {
    let shared = left
        .bytes()
        .zip(right.bytes())
        .take_while(|(left, right)| left == right)
        .count();
    left.get(..shared).unwrap_or_default()
}

/// A part of `file`, moved from its own indentation to `target` and written in the style of another file.
///
/// The first line keeps its start; the caller puts it behind the target's indentation. Lines inside string
/// literals stay as they are, except those of docstrings, which move along with their code.
pub(crate) fn restyle(
    file: &SourceFile,
    span: Span,
    base: &str,
    target: &str,
    from: &FileStyle,
    to: &FileStyle,
) -> String {
    let protected = protected_lines(file, span);
    let units = match (from.unit, to.unit) {
        (Some(from), Some(to)) if from != to => Some((from, to)),
        _ => None,
    };
    let mut result = String::new();
    let mut offset = span.start;
    for (index, line) in file.slice(span).split_inclusive('\n').enumerate() {
        let (content, ended) = match line.strip_suffix('\n') {
            Some(content) => (content.strip_suffix('\r').unwrap_or(content), true),
            None => (line, false),
        };
        if index == 0 || protected.contains(&offset) {
            result.push_str(content);
        } else {
            let white = indentation(content);
            let rest = content.get(white.len()..).unwrap_or_default();
            // A blank line needs no indentation; the unfinished last line is the indentation of what follows.
            if !(rest.is_empty() && ended) {
                result.push_str(target);
                result.push_str(&converted(white.strip_prefix(base).unwrap_or_default(), units));
                result.push_str(rest);
            }
        }
        if ended {
            result.push_str(to.newline);
        }
        offset += line.len();
    }
    result
}

fn converted(white: &str, units: Option<(Unit, Unit)>) -> String {
    let Some((from, to)) = units else {
        return white.to_owned();
    };
    let (steps, rest) = match from {
        Unit::Tab => {
            let steps = white.bytes().take_while(|byte| *byte == b'\t').count();
            (steps, white.len() - steps)
        }
        Unit::Spaces(width) => (white.len() / width, white.len() % width),
    };
    to.text().repeat(steps) + &" ".repeat(rest)
}

/// The starts of lines that lie inside string literals whose text must not move.
fn protected_lines(file: &SourceFile, span: Span) -> Vec<usize> {
    let mut lines = Vec::new();
    walk(file.tree().root_node(), |node| {
        let own = Span::of(node);
        if own.end <= span.start
            || own.start >= span.end
            || node.start_position().row == node.end_position().row
        {
            return Descend::Over;
        }
        let literal = matches!(
            node.kind(),
            "string" | "string_literal" | "raw_string_literal" | "template_string" | "text_block"
        );
        if !literal {
            return Descend::Into;
        }
        let statement = node
            .parent()
            .filter(|parent| parent.kind() == "expression_statement");
        let docstring = file.language() == Language::Python && statement.is_some();
        if !docstring {
            let text = file.slice(own);
            lines.extend(
                text.match_indices('\n')
                    .map(|(newline, _)| own.start + newline + 1),
            );
        }
        Descend::Over
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_of_a_file_is_seen() {
        let style = FileStyle::of("def f():\r\n\treturn 1\r\n");
        assert_eq!(style.newline, "\r\n");
        assert_eq!(style.unit, Some(Unit::Tab));
        assert_eq!(
            FileStyle::of("a {\n  b {\n    c\n  }\n}\n").unit,
            Some(Unit::Spaces(2))
        );
        assert_eq!(FileStyle::of("x = 1\n").unit, None);
    }

    #[test]
    fn shared_indentation_is_taken_off() {
        assert_eq!(dedent("    a\n\n      b\n"), "a\n\n  b\n");
        assert_eq!(dedent("\ta\n  b\n"), "\ta\n  b\n");
        assert_eq!(dedent("  a\n b"), " a\nb");
    }
}
