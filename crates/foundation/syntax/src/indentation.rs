//! What the Python grammar accepts and Python refuses.
//!
//! The grammar is lenient on purpose: an editor wants a tree for half-written code. A gate wants to know.

use tree_sitter::Node;

use crate::{Descend, SourceFile, Span, SyntaxError, walk};

pub(crate) fn check(file: &SourceFile, limit: usize) -> Vec<SyntaxError> {
    let mut errors = Vec::new();
    let mut function_end = 0;
    walk(file.tree().root_node(), |node| {
        if errors.len() >= limit || node.is_error() || !node.is_named() {
            return Descend::Over;
        }
        let mut report = |node: Node<'_>, message: &str| {
            errors.push(SyntaxError::at(file, Span::of(node), message.to_owned()));
        };
        match node.kind() {
            "module" => check_alignment(file, node, Some(""), &mut report),
            "block" => {
                if node.named_child_count() == 0 || !has_statement(node) {
                    report(node, "expected an indented block");
                }
                check_alignment(file, node, None, &mut report);
            }
            "print_statement" => report(node, "missing parentheses in call to `print`"),
            "exec_statement" => report(node, "missing parentheses in call to `exec`"),
            "function_definition" => {
                function_end = function_end.max(node.end_byte());
                if node.child_by_field_name("body").is_none() {
                    report(node, "expected an indented block");
                }
            }
            "lambda" => function_end = function_end.max(node.end_byte()),
            "return_statement" if node.start_byte() >= function_end => {
                report(node, "`return` outside a function");
            }
            "yield" if node.start_byte() >= function_end => report(node, "`yield` outside a function"),
            "string" | "comment" | "identifier" => return Descend::Over,
            _ => {}
        }
        Descend::Into
    });
    errors
}

fn has_statement(block: Node<'_>) -> bool {
    let mut cursor = block.walk();
    block
        .named_children(&mut cursor)
        .any(|child| child.kind() != "comment")
}

/// Statements of one suite that start a line must share their indentation.
fn check_alignment<'tree>(
    file: &SourceFile,
    suite: Node<'tree>,
    expected: Option<&str>,
    report: &mut impl FnMut(Node<'tree>, &str),
) {
    let mut expected = expected;
    let mut cursor = suite.walk();
    for statement in suite.named_children(&mut cursor) {
        if statement.kind() == "comment" || statement.is_error() || statement.is_missing() {
            continue;
        }
        let Some(indentation) = leading_white_space(file.text(), statement.start_byte()) else {
            continue;
        };
        match expected {
            None => expected = Some(indentation),
            Some(first) if first == indentation => {}
            Some(first) if indentation.len() > first.len() => report(statement, "unexpected indent"),
            Some(_) => report(statement, "unindent does not match any outer indentation level"),
        }
    }
}

/// The white space before `byte` if nothing else stands before it on its line.
fn leading_white_space(text: &str, byte: usize) -> Option<&str> {
    let before = text.get(..byte)?;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let prefix = before.get(start..)?.trim_start_matches(['\u{feff}', '\u{c}']);
    prefix
        .chars()
        .all(|character| character == ' ' || character == '\t')
        .then_some(prefix)
}
