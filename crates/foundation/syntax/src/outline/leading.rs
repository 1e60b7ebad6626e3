use tree_sitter::Node;

use crate::{Language, SourceFile, Span};

/// The run of comments and attributes that leads up to an item without a blank line between.
#[derive(Debug, Default)]
pub(super) struct Leading<'tree> {
    parts: Vec<Node<'tree>>,
    last_row: Option<usize>,
}

impl<'tree> Leading<'tree> {
    /// Takes `node` into the run if it is a comment or attribute that stands on lines of its own.
    pub(super) fn take(&mut self, node: Node<'tree>, file: &SourceFile) -> bool {
        if !is_trivia(node) {
            return false;
        }
        let trailing = self.parts.is_empty() && self.last_row == Some(node.start_position().row);
        if trailing || belongs_to_the_file(node, file) {
            self.parts.clear();
            self.last_row = Some(last_row(node));
            return true;
        }
        self.detach_if_apart(node);
        self.parts.push(node);
        self.last_row = Some(last_row(node));
        true
    }

    /// Forgets the run if a blank line separates it from `node`.
    pub(super) fn detach_if_apart(&mut self, node: Node<'_>) {
        if self
            .last_row
            .is_some_and(|row| node.start_position().row > row + 1)
        {
            self.parts.clear();
        }
    }

    /// Starts anew behind an item.
    pub(super) fn start_after(&mut self, item: Node<'_>) {
        self.parts.clear();
        self.last_row = Some(item.end_position().row);
    }

    pub(super) fn start(&self) -> Option<usize> {
        self.parts.first().map(|part| part.start_byte())
    }

    /// The first attribute behind the last comment.
    pub(super) fn attributes_start(&self) -> Option<usize> {
        self.parts
            .iter()
            .rev()
            .take_while(|part| is_attribute(**part))
            .last()
            .map(|part| part.start_byte())
    }

    pub(super) fn comments(&self) -> impl Iterator<Item = Span> + '_ {
        self.parts
            .iter()
            .filter(|part| !is_attribute(**part))
            .map(|part| Span::of(*part))
    }
}

/// The node with which the item proper starts: behind decorators, annotations and comments.
pub(super) fn first_plain(outer: Node<'_>) -> Node<'_> {
    let mut node = outer;
    loop {
        let mut cursor = node.walk();
        let first = node.children(&mut cursor).find(|child| {
            !matches!(
                child.kind(),
                "decorator"
                    | "annotation"
                    | "marker_annotation"
                    | "comment"
                    | "line_comment"
                    | "block_comment"
            ) && !only_annotations(*child)
        });
        let decorated = node.child(0).is_some_and(|child| {
            matches!(
                child.kind(),
                "decorator" | "annotation" | "marker_annotation" | "modifiers"
            )
        });
        match first {
            Some(first) if decorated => node = first,
            _ => return node,
        }
    }
}

fn only_annotations(node: Node<'_>) -> bool {
    if node.kind() != "modifiers" {
        return false;
    }
    let mut cursor = node.walk();
    node.children(&mut cursor)
        .all(|child| matches!(child.kind(), "annotation" | "marker_annotation"))
}

/// Rust's attributes, and the decorators that TypeScript's grammar puts beside the member they decorate.
fn is_attribute(node: Node<'_>) -> bool {
    matches!(node.kind(), "attribute_item" | "decorator")
}

fn is_trivia(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "comment" | "line_comment" | "block_comment" | "attribute_item" | "decorator"
    )
}

/// Shebangs, encoding lines and inner doc comments speak of the file, not of the item below them.
fn belongs_to_the_file(node: Node<'_>, file: &SourceFile) -> bool {
    let text = file.slice(Span::of(node));
    match file.language() {
        Language::Python => {
            node.start_position().row < 2 && (text.starts_with("#!") || text.contains("coding"))
        }
        Language::Rust => text.starts_with("//!") || text.starts_with("/*!"),
        _ => false,
    }
}

/// Rust's doc comments count their newline in.
fn last_row(node: Node<'_>) -> usize {
    let end = node.end_position();
    if end.column == 0 && end.row > node.start_position().row {
        end.row - 1
    } else {
        end.row
    }
}
