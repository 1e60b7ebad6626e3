//! Which names a JavaScript or TypeScript file reads without anybody binding them.
//!
//! Values only: types are the type-checker's business. Where browser and Node differ both count, so that
//! what is reported exists nowhere.

mod export;
mod walk;

use std::collections::HashSet;

use tree_sitter::Node;

use super::UndefinedName;
use crate::tables::javascript_globals::is_global;

pub(crate) use export::exported_names;

/// The undefined names of a file, in order of position; `None` when the file cannot be judged.
pub(crate) fn undefined_names(root: Node<'_>, text: &str) -> Option<Vec<UndefinedName>> {
    if root.has_error() {
        return None;
    }
    let mut walker = walk::Walker::new(text);
    walker.walk(root);
    if walker.dynamic {
        return None;
    }
    let announced = announced_globals(text);
    let mut found: Vec<UndefinedName> = walker
        .usages
        .iter()
        .filter(|usage| !walker.resolves(usage.scope, usage.name))
        .filter(|usage| !is_global(usage.name) && !announced.contains(usage.name))
        // Assigning to an undeclared name makes a global, unless the code is strict.
        .filter(|usage| !usage.assigned || walker.strict)
        .filter(|usage| walker.strict || !walker.sloppy_globals.contains(usage.name))
        .map(|usage| UndefinedName {
            name: usage.name.to_owned(),
            line: usage.line,
            column: usage.column,
            evaluated: true,
            nearest: super::nearest_name(usage.name, walker.visible(usage.scope)),
            exported: false,
        })
        .collect();
    found.sort_by_key(|undefined| (undefined.line, undefined.column));
    Some(found)
}

/// The names in `/* global a, b */` comments.
fn announced_globals(text: &str) -> HashSet<&str> {
    text.match_indices("global")
        .filter_map(|(at, mark)| {
            let head = text.get(..at)?.trim_end_matches([' ', '\t', '*']);
            let rest = text.get(at + mark.len()..)?;
            let rest = rest.strip_prefix('s').unwrap_or(rest);
            let is_comment = head.ends_with('/') && rest.starts_with([' ', '\t']);
            is_comment.then(|| rest.split("*/").next().unwrap_or(""))
        })
        .flat_map(|list| list.split(','))
        .map(|entry| entry.split(':').next().unwrap_or("").trim())
        .filter(|name| !name.is_empty())
        .collect()
}
