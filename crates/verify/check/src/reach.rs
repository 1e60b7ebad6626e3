//! Which symbols a change is about, and whether any test mentions them.

use std::collections::BTreeSet;

use tenon_domain::{ChangeSet, FileChange};
use tenon_syntax::{Language, SourceFile, Symbol, SymbolKind};

use crate::policy::is_test_file;
use crate::project::{Project, read_text};

/// The bare names of the symbols that the change adds or alters. A container counts only when none of its
/// members does: a test that names a class need not touch the method that changed.
pub(crate) fn changed_symbols(change: &ChangeSet) -> Vec<String> {
    let mut names = BTreeSet::new();
    for file in change.files.iter().filter(|file| !is_test_file(&file.path)) {
        names.extend(changed_in(file));
    }
    names.into_iter().collect()
}

fn changed_in(file: &FileChange) -> Vec<String> {
    let (Some(language), Some(after)) = (Language::of_path(&file.path), file.after.as_deref()) else {
        return Vec::new();
    };
    let Ok(after) = SourceFile::parse(language, after) else {
        return Vec::new();
    };
    let before = file
        .before
        .as_deref()
        .and_then(|before| SourceFile::parse(language, before).ok());
    let old = |symbol: &Symbol| {
        let before = before.as_ref()?;
        let same =
            |other: &&Symbol| other.qualified_name == symbol.qualified_name && other.kind == symbol.kind;
        before
            .symbols()
            .iter()
            .find(same)
            .map(|other| before.slice(other.span))
    };
    let symbols = after.symbols();
    let changed: Vec<usize> = symbols
        .iter()
        .enumerate()
        .filter(|(_, symbol)| old(symbol) != Some(after.slice(symbol.span)))
        .map(|(index, _)| index)
        .collect();
    changed
        .iter()
        .filter(|index| {
            !changed.iter().any(|other| {
                symbols
                    .get(*other)
                    .is_some_and(|inner| inner.parent == Some(**index))
            })
        })
        .filter_map(|index| symbols.get(*index))
        .map(|symbol| spoken_name(symbols, symbol))
        .collect()
}

/// The name by which a test reaches a symbol: a constructor is reached through its class.
fn spoken_name(symbols: &[Symbol], symbol: &Symbol) -> String {
    let special = matches!(
        symbol.name.as_str(),
        "__init__"
            | "constructor"
            | "new"
            | "default"
            | "__new__"
            | "__call__"
            | "__repr__"
            | "__eq__"
            | "__str__"
            | "__len__"
    );
    let parent = symbol.parent.and_then(|parent| symbols.get(parent));
    match parent {
        Some(parent) if special || symbol.kind == SymbolKind::Variable => parent.name.clone(),
        _ => symbol.name.clone(),
    }
}

/// Whether a test of the changed tree mentions one of `names`, or the change brings tests of its own.
pub(crate) fn is_reached(project: &Project, change: &ChangeSet, names: &[String]) -> bool {
    const MOST_READ: usize = 2000;
    let names: Vec<&str> = names
        .iter()
        .map(|name| name.rsplit(['.', ':', '#']).next().unwrap_or(name))
        .collect();
    let brings_tests = change
        .files
        .iter()
        .any(|file| is_test_file(&file.path) && file.after.is_some() && file.after != file.before);
    if brings_tests {
        return true;
    }
    let mentions = |text: &str| names.iter().any(|name| mentions_word(text, name));
    let changed_rust = change
        .files
        .iter()
        .filter_map(|file| file.after.as_deref())
        .any(|text| inline_tests(text).is_some_and(mentions));
    if changed_rust {
        return true;
    }
    project
        .files
        .paths()
        .filter(|path| {
            let parsed = tenon_domain::RepoPath::parse(path);
            let replaced = change.files.iter().any(|file| file.path.as_str() == *path);
            !replaced && parsed.is_ok_and(|path| is_test_file(&path) || path.extension() == Some("rs"))
        })
        .take(MOST_READ)
        .filter_map(|path| Some((path, read_text(project.root(), path)?)))
        .any(|(path, text)| {
            let is_test = tenon_domain::RepoPath::parse(path).is_ok_and(|path| is_test_file(&path));
            if is_test {
                mentions(&text)
            } else {
                inline_tests(&text).is_some_and(mentions)
            }
        })
}

/// The test module at the end of a Rust file.
fn inline_tests(text: &str) -> Option<&str> {
    text.find("#[cfg(test)]").and_then(|at| text.get(at..))
}

pub(crate) fn mentions_word(text: &str, word: &str) -> bool {
    let inside = |letter: char| letter.is_alphanumeric() || letter == '_';
    !word.is_empty()
        && text.match_indices(word).any(|(at, _)| {
            let before = text.get(..at).and_then(|head| head.chars().next_back());
            let after = text.get(at + word.len()..).and_then(|tail| tail.chars().next());
            !before.is_some_and(inside) && !after.is_some_and(inside)
        })
}

#[cfg(test)]
mod tests {
    use tenon_domain::RepoPath;

    use super::*;

    fn change(path: &str, before: &str, after: &str) -> ChangeSet {
        let path = RepoPath::parse(path).unwrap();
        let file = FileChange {
            path,
            renamed_from: None,
            before: Some(before.into()),
            after: Some(after.into()),
        };
        ChangeSet { files: vec![file] }
    }

    #[test]
    fn a_changed_method_stands_for_itself_and_a_constructor_for_its_class() {
        let before = "class A:\n    def f(self):\n        return 1\n    def __init__(self):\n        pass\n\ndef g():\n    pass\n";
        let method = before.replace("return 1", "return 2");
        assert_eq!(changed_symbols(&change("a.py", before, &method)), ["f"]);
        let constructor = before.replace("        pass\n\n", "        self.x = 1\n\n");
        assert_eq!(changed_symbols(&change("a.py", before, &constructor)), ["A"]);
    }

    #[test]
    fn words_are_matched_whole() {
        assert!(mentions_word("x = slug(1)", "slug") && !mentions_word("slugify(1)", "slug"));
    }
}
