use serde::{Deserialize, Serialize};
use tree_sitter::Node;

use crate::{Descend, Language, SourceFile, Span, indentation, walk};

/// A place that does not parse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyntaxError {
    /// The bytes that do not fit; empty where something is missing.
    pub span: Span,
    /// 1-based line.
    pub line: u32,
    /// 1-based column, in characters.
    pub column: u32,
    /// What is wrong: lower case, no final period.
    pub message: String,
}

/// Beyond this a file is hopeless, and more of the same helps nobody.
const MAX_ERRORS: usize = 200;

pub(crate) fn collect(file: &SourceFile) -> Vec<SyntaxError> {
    let mut errors = Vec::new();
    walk(file.tree().root_node(), |node| {
        if errors.len() >= MAX_ERRORS || !node.has_error() {
            return Descend::Over;
        }
        if node.is_missing() {
            let message = format!("expected `{}`", node.kind());
            errors.push(SyntaxError::at(file, Span::of(node), message));
            return Descend::Over;
        }
        if node.is_error() {
            errors.push(SyntaxError::at(file, Span::of(node), describe(file, node)));
            return Descend::Over;
        }
        Descend::Into
    });
    if file.language() == Language::Python {
        errors.extend(indentation::check(file, MAX_ERRORS.saturating_sub(errors.len())));
        errors.sort_by_key(|error| error.span.start);
    }
    errors
}

impl SyntaxError {
    pub(crate) fn at(file: &SourceFile, span: Span, message: String) -> Self {
        let before = file.text().get(..span.start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        Self {
            span,
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
            message,
        }
    }
}

fn describe(file: &SourceFile, node: Node<'_>) -> String {
    let text = file.slice(Span::of(node));
    let first_line = text.trim_start().lines().next().unwrap_or_default().trim_end();
    if first_line.is_empty() {
        return "something is missing here".to_owned();
    }
    let shown: String = first_line.chars().take(40).collect();
    let more = if shown.len() < text.trim().len() {
        "…"
    } else {
        ""
    };
    format!("unexpected `{shown}{more}`")
}
