//! Undefined names, found without running anything.
//!
//! Python and JavaScript get a full scope analysis; in Rust, Go and Java the compiler does it better. What a
//! file already lacked before a change is not held against the change.

mod javascript;
mod python;
mod suggestion;

use std::collections::{HashMap, HashSet};

use tenon_domain::{FileChange, Finding, Severity};
use tenon_syntax::{Language, SourceFile};

pub(crate) use javascript::exported_names;
pub use suggestion::suggested_import;

/// A name that is read and bound nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndefinedName {
    /// The name.
    pub name: String,
    /// 1-based line of the first use.
    pub line: usize,
    /// 1-based column, in characters.
    pub column: usize,
    /// Whether the program fails when it gets there; annotations may never be evaluated.
    pub evaluated: bool,
    /// The visible name that looks most like it.
    pub nearest: Option<String>,
    /// It is promised in `__all__` rather than read.
    pub exported: bool,
}

/// The undefined names of a file; `None` when the file does not parse, makes names out of data, or is written
/// in a language whose compiler does this.
pub fn undefined_names(file: &SourceFile) -> Option<Vec<UndefinedName>> {
    undefined_in(file, false)
}

pub(crate) fn undefined_in(file: &SourceFile, is_package: bool) -> Option<Vec<UndefinedName>> {
    let root = file.tree().root_node();
    match file.language() {
        Language::Python => python::undefined_names(root, file.text(), is_package),
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            javascript::undefined_names(root, file.text())
        }
        Language::Rust | Language::Go | Language::Java => None,
    }
}

/// The names that a Python file binds at module level; `None` when they cannot be known.
pub(crate) fn python_module_names(file: &SourceFile) -> Option<Vec<&str>> {
    python::module_names(file.tree().root_node(), file.text())
}

/// Uses of members of Python's standard modules: module, member, 1-based line.
pub(crate) fn standard_members(file: &SourceFile) -> Vec<(String, String, usize)> {
    let mut modules: HashMap<String, String> = HashMap::new();
    let mut members = Vec::new();
    for import in file
        .imports()
        .into_iter()
        .filter(|import| import.relative_level == 0)
    {
        let top = import.module.split('.').next().unwrap_or_default();
        if !crate::tables::python_modules::is_standard(top) || top == "__future__" {
            continue;
        }
        let line = usize::try_from(import.line).unwrap_or(1);
        members.extend(
            import
                .names
                .iter()
                .map(|name| (import.module.clone(), name.name.clone(), line)),
        );
        if import.names.is_empty() && !import.wildcard {
            match &import.alias {
                Some(alias) => modules.insert(alias.clone(), import.module.clone()),
                None => modules.insert(top.to_owned(), top.to_owned()),
            };
        }
    }
    for (object, member, line) in python::member_reads(file.tree().root_node(), file.text()) {
        if let Some(module) = modules.get(object) {
            members.push((module.clone(), member.to_owned(), line));
        }
    }
    members
}

/// The findings about one changed file.
pub(crate) fn findings(change: &FileChange, before: Option<&SourceFile>, after: &SourceFile) -> Vec<Finding> {
    let is_package = change.path.file_name() == "__init__.py";
    let Some(undefined) = undefined_in(after, is_package) else {
        return Vec::new();
    };
    let known: HashSet<String> = before
        .and_then(|file| undefined_in(file, is_package))
        .unwrap_or_default()
        .into_iter()
        .map(|missing| missing.name)
        .collect();
    let mut reported: HashSet<String> = HashSet::new();
    undefined
        .into_iter()
        .filter(|missing| !known.contains(&missing.name))
        .filter(|missing| reported.insert(missing.name.clone()))
        .map(|missing| finding(change, after.language(), missing))
        .collect()
}

fn finding(change: &FileChange, language: Language, missing: UndefinedName) -> Finding {
    let import = suggested_import(language, &missing.name);
    let help = match (import, &missing.nearest) {
        (Some(import), _) => Some(format!("add `{import}`")),
        (None, Some(nearest)) => Some(format!("the nearest name in reach is `{nearest}`")),
        (None, None) => None,
    };
    let message = if missing.exported {
        format!(
            "`__all__` promises `{}`, which the module does not define",
            missing.name
        )
    } else {
        format!("`{}` is not defined", missing.name)
    };
    Finding {
        rule: "names/undefined".to_owned(),
        severity: if missing.evaluated {
            Severity::Error
        } else {
            Severity::Warning
        },
        path: Some(change.path.clone()),
        line: u32::try_from(missing.line).ok(),
        column: u32::try_from(missing.column).ok(),
        message,
        help,
        replacements: Vec::new(),
    }
}

/// The candidate that looks most like `name`, if one is near enough to be meant.
pub(crate) fn nearest_name<'name>(
    name: &str,
    candidates: impl Iterator<Item = &'name str>,
) -> Option<String> {
    let limit = (name.chars().count() / 3).clamp(1, 3);
    candidates
        .filter(|candidate| *candidate != name && candidate.len().abs_diff(name.len()) <= limit)
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        // Ties by name, so that the same file always gets the same advice.
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}
