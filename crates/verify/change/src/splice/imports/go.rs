use std::collections::BTreeSet;

use tenon_syntax::{Import, SourceFile, Span, tree_sitter::Node};

use super::block;
use crate::splice::Splicer;
use crate::style::{indentation_at, line_end, line_start};

/// Specifications join the file's first import group; without one they become declarations.
pub(super) fn add(splicer: &mut Splicer<'_>, missing: &[Import]) -> Vec<String> {
    let specifications: Vec<String> = missing.iter().map(specification).collect();
    if specifications.is_empty() {
        return Vec::new();
    }
    match group(splicer.original) {
        Some(group) => {
            for specification in &specifications {
                add_to_group(splicer, group, specification);
            }
            specifications
        }
        None => {
            let lines = specifications
                .into_iter()
                .map(|specification| format!("import {specification}"));
            block::add_lines(splicer, lines.collect())
        }
    }
}

fn specification(import: &Import) -> String {
    let name = match (&import.alias, import.wildcard) {
        (_, true) => ". ".to_owned(),
        (Some(alias), _) => format!("{alias} "),
        (None, _) => String::new(),
    };
    format!("{name}\"{}\"", import.module)
}

/// The first `( … )` behind `import`.
fn group(file: &SourceFile) -> Option<Node<'_>> {
    let root = file.tree().root_node();
    let mut cursor = root.walk();
    root.named_children(&mut cursor)
        .filter(|child| child.kind() == "import_declaration")
        .find_map(|declaration| {
            let list = declaration.named_child(0)?;
            (list.kind() == "import_spec_list").then_some(list)
        })
}

/// In path order among the lines that touch each other: the standard library and the rest stay apart.
fn add_to_group(splicer: &mut Splicer<'_>, group: Node<'_>, specification: &str) {
    let file = splicer.original;
    let text = file.text();
    let newline = splicer.style.newline;
    let mut cursor = group.walk();
    let own: Vec<Span> = group
        .named_children(&mut cursor)
        .filter(|child| child.kind() == "import_spec")
        .map(Span::of)
        .collect();
    let path = |specification: &str| specification.rsplit(' ').next().unwrap_or_default().to_owned();
    let external = |path: &str| path.split('/').next().unwrap_or_default().contains('.');
    let new = path(specification);
    let alike: Vec<Span> = own
        .iter()
        .copied()
        .filter(|span| external(&path(file.slice(*span))) == external(&new))
        .collect();
    let before = alike.iter().rev().find(|span| path(file.slice(**span)) < new);
    match (before, alike.first(), own.last()) {
        (Some(before), _, _) => {
            let white = indentation_at(text, before.start);
            splicer.edits.insert_import(
                line_end(text, before.end),
                format!("{newline}{white}{specification}"),
            );
        }
        (None, Some(first), _) => {
            let white = indentation_at(text, first.start);
            splicer.edits.insert_import(
                line_start(text, first.start),
                format!("{white}{specification}{newline}"),
            );
        }
        (None, None, Some(last)) => {
            let white = indentation_at(text, last.start);
            splicer.edits.insert_import(
                line_end(text, last.end),
                format!("{newline}{newline}{white}{specification}"),
            );
        }
        (None, None, None) => {
            splicer.edits.insert_import(
                group.start_byte() + 1,
                format!("{newline}\t{specification}{newline}"),
            );
        }
    }
}

/// `result` without the imports that it no longer uses although `original` did: Go refuses to build with them.
pub(in crate::splice) fn without_unused(original: &SourceFile, result: &SourceFile) -> Option<String> {
    let used_before: BTreeSet<&str> = names(original);
    let used = names(result);
    let mut text = result.text().to_owned();
    let imports = result.imports();
    for import in imports.iter().rev() {
        let bound = import.bound_names();
        let Some(name) = bound.first() else {
            continue;
        };
        if used.contains(name) || !used_before.contains(name) {
            continue;
        }
        let alone = text
            .get(line_start(&text, import.span.start)..import.span.start)
            .is_some_and(|before| before.trim().is_empty() || before.trim() == "import");
        let start = line_start(&text, import.span.start);
        let end = line_end(&text, import.span.end);
        let free = text
            .get(import.span.end..end)
            .is_some_and(|rest| rest.trim().is_empty());
        if alone && free {
            let rest = text.get(end..).unwrap_or_default();
            let newline = if rest.starts_with("\r\n") {
                2
            } else {
                usize::from(rest.starts_with('\n'))
            };
            text.replace_range(start..end + newline, "");
            close_gap(&mut text, start);
        }
    }
    (text != result.text()).then_some(text)
}

/// Takes away the blank line that set off a group of imports which is now empty.
fn close_gap(text: &mut String, at: usize) {
    let before = text.get(..at).unwrap_or_default();
    let after = text.get(at..).unwrap_or_default();
    let blank = before.ends_with("\n\n") || before.ends_with("\n\r\n");
    let next = after.lines().next().unwrap_or_default().trim();
    if blank && (next.is_empty() || next == ")") {
        let start = before.trim_end_matches(['\n', '\r']).len();
        let newline = if before.ends_with("\r\n") { 2 } else { 1 };
        text.replace_range(start + newline..at, "");
    }
}

fn names(file: &SourceFile) -> BTreeSet<&str> {
    file.references()
        .into_iter()
        .map(|reference| reference.name)
        .collect()
}
