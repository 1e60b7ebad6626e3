use tenon_syntax::{Import, ImportedName, SourceFile, Span};

use super::{block, top_level_imports};
use crate::splice::Splicer;
use crate::style::{indentation, line_end};

/// Names join an import of their module where there is one; the rest becomes lines of their own.
pub(super) fn add(splicer: &mut Splicer<'_>, missing: &[Import]) -> Vec<String> {
    let mut added = Vec::new();
    let mut lines = Vec::new();
    for import in missing {
        if import.module == "__future__" {
            let line = line(import);
            add_future(splicer, &line);
            added.push(line);
        } else if !import.names.is_empty() && extend(splicer, import) {
            added.push(line(import));
        } else {
            lines.push(line(import));
        }
    }
    added.extend(block::add_lines(splicer, lines));
    added
}

pub(super) fn line(import: &Import) -> String {
    let module = format!(
        "{}{}",
        ".".repeat(usize::try_from(import.relative_level).unwrap_or(0)),
        import.module
    );
    if import.wildcard {
        return format!("from {module} import *");
    }
    if import.names.is_empty() {
        let alias = import.alias.as_ref().map(|alias| format!(" as {alias}"));
        return format!("import {module}{}", alias.unwrap_or_default());
    }
    format!("from {module} import {}", joined(&import.names, ", "))
}

fn joined(names: &[ImportedName], separator: &str) -> String {
    let names: Vec<String> = names
        .iter()
        .map(|name| match &name.alias {
            Some(alias) => format!("{} as {alias}", name.name),
            None => name.name.clone(),
        })
        .collect();
    names.join(separator)
}

/// Adds the names to the file's `from module import …`, on one line or in parentheses.
fn extend(splicer: &mut Splicer<'_>, import: &Import) -> bool {
    let file = splicer.original;
    let Some(own) = top_level_imports(file).into_iter().find(|own| {
        own.module == import.module
            && own.relative_level == import.relative_level
            && !own.names.is_empty()
            && !own.wildcard
    }) else {
        return false;
    };
    let Some(last) = last_name(file, own.span) else {
        return false;
    };
    let statement = file.slice(own.span);
    let rest = file.text().get(last..own.span.end).unwrap_or_default();
    let before = file.slice(Span::new(own.span.start, last));
    let last_line = before.rsplit('\n').next().unwrap_or_default();
    let spread = statement.contains('\n') && before.contains('\n') && rest.contains('\n');
    let (at, inserted) = if spread {
        let white = indentation(last_line);
        let separator = format!(",{}{white}", splicer.style.newline);
        (last, format!("{separator}{}", joined(&import.names, &separator)))
    } else {
        (last, format!(", {}", joined(&import.names, ", ")))
    };
    // A line with a backslash or of great length is left alone.
    if statement.contains('\\')
        || (!spread && !statement.contains('(') && statement.len() + inserted.len() > 100)
    {
        return false;
    }
    splicer.edits.insert_import(at, inserted);
    true
}

/// The end of the last name of an import statement.
fn last_name(file: &SourceFile, statement: Span) -> Option<usize> {
    let node = file
        .tree()
        .root_node()
        .descendant_for_byte_range(statement.start, statement.end)?;
    let mut cursor = node.walk();
    node.children_by_field_name("name", &mut cursor)
        .last()
        .map(|name| name.end_byte())
}

/// `from __future__` must come first.
fn add_future(splicer: &mut Splicer<'_>, line: &str) {
    let file = splicer.original;
    let newline = splicer.style.newline;
    let root = file.tree().root_node();
    let mut cursor = root.walk();
    let mut end = None;
    let mut first = None;
    for child in root.named_children(&mut cursor) {
        let docstring = child.kind() == "expression_statement"
            && child.named_child(0).is_some_and(|inner| inner.kind() == "string");
        if docstring || child.kind() == "future_import_statement" {
            end = Some(child.end_byte());
        } else if child.kind() != "comment" {
            first = Some(child.start_byte());
            break;
        }
    }
    match end {
        Some(end) => splicer
            .edits
            .insert_import(line_end(file.text(), end), format!("{newline}{line}")),
        None => splicer.edits.insert_import(
            first.unwrap_or(file.text().len()),
            format!("{line}{newline}{newline}"),
        ),
    }
}
