//! Which names a Python file uses without binding them anywhere it could see.
//!
//! The analysis follows the language's scopes and ignores order: a name that is bound on any path counts
//! as bound, so what is reported is wrong on every path. Where a file makes names out of data
//! (`from x import *`, `globals()[…]`, `exec`) it keeps silent.

mod scope;
mod walk;

use tree_sitter::Node;

use super::UndefinedName;
use crate::tables::python_builtins::{is_builtin, is_module_attribute};
use scope::Scopes;

/// The undefined names of a file, in order of position; `None` when the file cannot be judged.
pub(crate) fn undefined_names(root: Node<'_>, text: &str, is_package: bool) -> Option<Vec<UndefinedName>> {
    if root.has_error() || makes_names_from_data(text) {
        return None;
    }
    let mut walker = walk::Walker::new(text);
    walker.walk(root);
    if walker.star_import {
        return None;
    }
    let mut found: Vec<UndefinedName> = Vec::new();
    for usage in &walker.usages {
        if walker.scopes.resolves(usage.scope, usage.name)
            || is_builtin(usage.name)
            || is_module_attribute(usage.name)
        {
            continue;
        }
        found.push(UndefinedName {
            name: usage.name.to_owned(),
            line: usage.position.row + 1,
            column: character_column(text, usage.byte),
            evaluated: !usage.lazy,
            nearest: nearest(&walker.scopes, usage.scope, usage.name),
            exported: false,
        });
    }
    let submodules_may_fill_in = is_package || walker.scopes.module_binds("__getattr__");
    if !submodules_may_fill_in {
        for export in &walker.exports {
            if !walker.scopes.module_binds(export.name) && !is_module_attribute(export.name) {
                found.push(UndefinedName {
                    name: export.name.to_owned(),
                    line: export.position.row + 1,
                    column: character_column(text, export.byte),
                    evaluated: true,
                    nearest: nearest(&walker.scopes, Scopes::MODULE, export.name),
                    exported: true,
                });
            }
        }
    }
    found.sort_by_key(|undefined| (undefined.line, undefined.column));
    Some(found)
}

/// The names a file binds at module level, with whether the list is complete.
pub(crate) fn module_names<'text>(root: Node<'_>, text: &'text str) -> Option<Vec<&'text str>> {
    if root.has_error() || makes_names_from_data(text) {
        return None;
    }
    let mut walker = walk::Walker::new(text);
    walker.walk(root);
    if walker.star_import || walker.scopes.module_binds("__getattr__") {
        return None;
    }
    Some(walker.scopes.module_bindings().collect())
}

/// Reads of `module.member` where `module` can only be an imported module: the name bound by the import, the
/// member, and its 1-based line.
pub(crate) fn member_reads<'text>(root: Node<'_>, text: &'text str) -> Vec<(&'text str, &'text str, usize)> {
    // Code that asks first knows that a member may be missing.
    if root.has_error() || text.contains("hasattr(") || text.contains("AttributeError") {
        return Vec::new();
    }
    let mut walker = walk::Walker::new(text);
    walker.walk(root);
    let only_imported = |name: &str| {
        let imported = walker.times_imported.get(name).copied().unwrap_or(0);
        imported > 0 && imported == walker.scopes.times_bound(name)
    };
    walker
        .member_reads
        .iter()
        .filter(|(object, _)| only_imported(object))
        .map(|(object, member)| {
            (
                *object,
                text.get(member.byte_range()).unwrap_or(""),
                member.start_position().row + 1,
            )
        })
        .collect()
}

/// Files that add to their namespace by other means than statements cannot be judged from the syntax tree.
fn makes_names_from_data(text: &str) -> bool {
    [
        "exec(",
        "_convert_(",
        "global_enum",
        "__builtins__",
        "setattr(builtins",
        "setattr(sys.modules",
        "sys.modules[__name__]",
    ]
    .iter()
    .any(|mark| text.contains(mark))
        || ["globals()", "vars()", "locals()"].iter().any(|call| {
            text.match_indices(call).any(|(at, _)| {
                let after = text.get(at + call.len()..).unwrap_or("").trim_start();
                ["[", ".update", ".setdefault", ".__setitem__", ")"]
                    .iter()
                    .any(|mark| after.starts_with(mark))
            })
        })
}

fn nearest(scopes: &Scopes<'_>, scope: usize, name: &str) -> Option<String> {
    super::nearest_name(
        name,
        scopes
            .visible(scope)
            .chain(crate::tables::python_builtins::common_builtins()),
    )
}

fn character_column(text: &str, byte: usize) -> usize {
    let line_start = text
        .get(..byte)
        .and_then(|head| head.rfind('\n'))
        .map_or(0, |at| at + 1);
    text.get(line_start..byte).map_or(0, |head| head.chars().count()) + 1
}
