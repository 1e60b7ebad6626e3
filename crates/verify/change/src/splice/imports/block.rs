//! Where import lines go when a file has imports, and when it has none.

use tenon_syntax::{Import, Language, SourceFile, Span, tree_sitter::Node};

use super::top_level_imports;
use crate::splice::Splicer;
use crate::style::line_end;

/// Adds whole lines behind the last import. Gives the lines back.
pub(super) fn add_lines(splicer: &mut Splicer<'_>, lines: Vec<String>) -> Vec<String> {
    if lines.is_empty() {
        return lines;
    }
    let newline = splicer.style.newline;
    let text = splicer.original.text();
    match last_import(splicer.original) {
        Some(end) => {
            let at = line_end(text, end);
            let inserted: String = lines.iter().map(|line| format!("{newline}{line}")).collect();
            splicer.edits.insert_import(at, inserted);
        }
        None => add_first(splicer, &lines),
    }
    lines
}

/// The first imports of a file go behind what must come before them, set off by blank lines.
fn add_first(splicer: &mut Splicer<'_>, lines: &[String]) {
    let newline = splicer.style.newline;
    let text = splicer.original.text();
    let block = lines.join(newline);
    match end_of_prologue(splicer.original) {
        Some(end) => {
            let at = line_end(text, end);
            let rest = text.get(at..).unwrap_or_default();
            let gap = rest
                .get(..rest.len() - rest.trim_start().len())
                .unwrap_or_default()
                .matches('\n')
                .count();
            let tail = if rest.trim().is_empty() || gap >= 2 {
                ""
            } else {
                newline
            };
            splicer
                .edits
                .insert_import(at, format!("{newline}{newline}{block}{tail}"));
        }
        None => {
            let at = if text.starts_with('\u{feff}') {
                '\u{feff}'.len_utf8()
            } else {
                0
            };
            let rest = text.get(at..).unwrap_or_default();
            let blank = if rest.is_empty() || rest.starts_with(['\n', '\r']) {
                newline.to_owned()
            } else if splicer.original.language() == Language::Python
                && starts_with_definition(splicer.original)
            {
                newline.repeat(3)
            } else {
                newline.repeat(2)
            };
            splicer.edits.insert_import(at, format!("{block}{blank}"));
        }
    }
}

fn starts_with_definition(file: &SourceFile) -> bool {
    file.tree()
        .root_node()
        .named_child(0)
        .is_some_and(|first| first.kind().ends_with("definition"))
}

/// The end of the last import of the first run of imports.
fn last_import(file: &SourceFile) -> Option<usize> {
    let imports = top_level_imports(file);
    let root = file.tree().root_node();
    let mut cursor = root.walk();
    let mut last = None;
    for child in root.named_children(&mut cursor) {
        let span = Span::of(child);
        if is_import_node(child, &imports) {
            last = Some(span.end);
        } else if last.is_some() && !is_comment(child) {
            break;
        }
    }
    last
}

fn is_import_node(node: Node<'_>, imports: &[Import]) -> bool {
    let span = Span::of(node);
    matches!(
        node.kind(),
        "import_statement"
            | "import_from_statement"
            | "future_import_statement"
            | "use_declaration"
            | "extern_crate_declaration"
            | "import_declaration"
            | "lexical_declaration"
            | "variable_declaration"
    ) && imports.iter().any(|import| span.covers(import.span))
}

fn is_comment(node: Node<'_>) -> bool {
    node.kind().ends_with("comment")
}

/// The end of what stands before imports: shebang, file comments, docstring, `package`, inner attributes.
fn end_of_prologue(file: &SourceFile) -> Option<usize> {
    let root = file.tree().root_node();
    let mut cursor = root.walk();
    let mut end = None;
    let mut run: Option<(usize, usize)> = None;
    for child in root.named_children(&mut cursor) {
        let text = file.slice(Span::of(child));
        let span = Span::of(child);
        let text_end = span.start + text.trim_end().len();
        if is_comment(child) {
            // A comment belongs to what follows it without a blank line.
            let starts_run = run.is_none_or(|(_, row)| child.start_position().row > row + 1);
            if starts_run && let Some((run_end, _)) = run {
                end = Some(run_end);
            }
            let inner = text.starts_with("//!") || text.starts_with("#!") || text.starts_with("/*!");
            if inner {
                end = Some(text_end);
            }
            let rows = text.trim_end().matches('\n').count();
            run = Some((text_end, child.start_position().row + rows));
            continue;
        }
        if let Some((run_end, row)) = run
            && child.start_position().row > row + 1
        {
            end = Some(run_end);
        }
        run = None;
        let docstring = child.kind() == "expression_statement"
            && child.named_child(0).is_some_and(|inner| inner.kind() == "string");
        let prologue = docstring
            || matches!(
                child.kind(),
                "package_clause" | "package_declaration" | "inner_attribute_item" | "hash_bang_line"
            );
        if !prologue {
            return end;
        }
        end = Some(text_end);
    }
    match run {
        Some((run_end, _)) => Some(run_end),
        None => end,
    }
}
