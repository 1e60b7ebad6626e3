//! Changes that a wish states completely: a rename or a deletion needs no model.

use std::collections::BTreeMap;

use tenon_change::{change_set, deleted_file, edited_file, renamed_file};
use tenon_context::Index;
use tenon_domain::{FileChange, RepoPath};
use tenon_syntax::{Language, SourceFile};

use crate::ask::{Action, Ask, looks_like_a_file};
use crate::error::EngineError;
use crate::explain::nearest_symbol;
use crate::locate::resolved;
use crate::target::Plan;

/// The change that the wish states, if it states one completely.
///
/// # Errors
/// When what is to go or to be renamed is not there, or something else has the new name.
pub(crate) fn direct_plan(ask: &Ask, index: &Index) -> Result<Option<Plan>, EngineError> {
    match (ask.action, &ask.rename) {
        (Action::Rename, Some((from, to))) => match rename_file(from, to, index)? {
            Some(plan) => Ok(Some(plan)),
            None => {
                must_be_there(from, ask, index)?;
                Ok(rename_symbol(from, to, ask, index))
            }
        },
        (Action::Delete, _) => delete_files(ask, index),
        _ => Ok(None),
    }
}

fn missing(path: &RepoPath) -> EngineError {
    EngineError::NotFound {
        what: format!("`{path}`"),
        hint: None,
    }
}

fn must_be_there(name: &str, ask: &Ask, index: &Index) -> Result<(), EngineError> {
    if !ask.names.iter().any(|known| known == name) || !index.definitions_of(name).is_empty() {
        return Ok(());
    }
    Err(EngineError::NotFound {
        what: format!("`{name}`"),
        hint: nearest_symbol(name, index),
    })
}

fn rename_file(from: &str, to: &str, index: &Index) -> Result<Option<Plan>, EngineError> {
    let (Ok(named), Ok(to)) = (RepoPath::parse(from), RepoPath::parse(to)) else {
        return Ok(None);
    };
    if !looks_like_a_file(&named) || to.extension().is_none() {
        return Ok(None);
    }
    let from = resolved(&named, index).ok_or_else(|| missing(&named))?;
    // `rename text.py to words.py` leaves it in its folder.
    let beside = format!("{}/{to}", from.folder());
    let stays = from != named && !to.as_str().contains('/');
    let to = RepoPath::parse(&beside).ok().filter(|_| stays).unwrap_or(to);
    if index.contains(&to) {
        let reason = format!("it exists already, and {from} would replace it: choose another name");
        return Err(EngineError::Uneditable { path: to, reason });
    }
    let Some(text) = index.file_text(&from) else {
        return Ok(None);
    };
    let description = format!("rename {from} to {to}");
    let renamed = renamed_file(from, to, text.to_string(), text.to_string());
    let change = change_set(vec![renamed]).ok();
    Ok(change.map(|change| Plan::Direct { change, description }))
}

fn delete_files(ask: &Ask, index: &Index) -> Result<Option<Plan>, EngineError> {
    let mut files = Vec::new();
    for path in &ask.removed {
        match index.file_text(path) {
            Some(text) => files.push(deleted_file(path.clone(), text.to_string())),
            None if index.contains(path) => return Ok(None),
            None => return Err(missing(path)),
        }
    }
    if files.is_empty() {
        return Ok(None);
    }
    let names: Vec<&str> = ask.removed.iter().map(RepoPath::as_str).collect();
    let description = format!("delete {}", names.join(", "));
    let change = change_set(files).ok();
    Ok(change.map(|change| Plan::Direct { change, description }))
}

/// Renames a symbol that is defined once: its definition and every identifier of that name in files that define it,
/// import it or stand in the same folder.
fn rename_symbol(from: &str, to: &str, ask: &Ask, index: &Index) -> Option<Plan> {
    let old = from.rsplit(['.', ':']).next()?;
    let new = to.rsplit(['.', ':']).next()?;
    let is_identifier = |name: &str| {
        name.chars()
            .all(|character| character.is_alphanumeric() || character == '_' || character == '$')
            && !name.starts_with(|character: char| character.is_ascii_digit())
    };
    if old == new || !is_identifier(old) || !is_identifier(new) {
        return None;
    }
    let definitions = index.definitions_of(from);
    let in_named_files = |path: &RepoPath| ask.paths.is_empty() || ask.paths.contains(path);
    let defined: Vec<_> = definitions
        .iter()
        .filter(|definition| in_named_files(&definition.path))
        .collect();
    let [definition] = defined.as_slice() else {
        return None;
    };
    if !index.definitions_of(new).is_empty() {
        return None;
    }
    let language = Language::of_path(&definition.path)?;
    let mut paths: BTreeMap<RepoPath, ()> = BTreeMap::from([(definition.path.clone(), ())]);
    for (path, _) in index.references_to(old) {
        if Language::of_path(&path)
            .is_some_and(|other| other == language || (other.is_ecmascript() && language.is_ecmascript()))
        {
            paths.insert(path, ());
        }
    }
    let files: Vec<FileChange> = paths
        .into_keys()
        .filter_map(|path| rename_in_file(path, old, new, index))
        .collect();
    if files.is_empty() {
        return None;
    }
    let description = format!(
        "rename {from} to {new} in {} {}",
        files.len(),
        if files.len() == 1 { "file" } else { "files" }
    );
    Some(Plan::Direct {
        change: change_set(files).ok()?,
        description,
    })
}

fn rename_in_file(path: RepoPath, old: &str, new: &str, index: &Index) -> Option<FileChange> {
    let text = index.file_text(&path)?;
    let file = SourceFile::parse(Language::of_path(&path)?, text.to_string()).ok()?;
    let mut spans: Vec<(usize, usize)> = file
        .references()
        .iter()
        .filter(|reference| reference.name == old)
        .map(|reference| (reference.span.start, reference.span.end))
        .chain(
            file.symbols()
                .iter()
                .filter(|symbol| symbol.name == old)
                .map(|symbol| (symbol.name_span.start, symbol.name_span.end)),
        )
        .chain(file.imports().iter().flat_map(|import| {
            let inside = file.slice(import.span);
            let start = import.span.start;
            whole_words(inside, old)
                .into_iter()
                .map(move |at| (start + at, start + at + old.len()))
                .collect::<Vec<_>>()
        }))
        .collect();
    spans.sort_unstable();
    spans.dedup();
    let mut after = String::with_capacity(text.len());
    let mut end = 0;
    for (start, stop) in &spans {
        after.push_str(text.get(end..*start)?);
        after.push_str(new);
        end = *stop;
    }
    after.push_str(text.get(end..)?);
    (!spans.is_empty()).then(|| edited_file(path, text.to_string(), after))
}

fn whole_words(text: &str, word: &str) -> Vec<usize> {
    let part = |character: char| character.is_alphanumeric() || character == '_' || character == '$';
    text.match_indices(word)
        .filter(|(at, _)| {
            let before = text.get(..*at).and_then(|before| before.chars().next_back());
            let after = text.get(at + word.len()..).and_then(|after| after.chars().next());
            !before.is_some_and(part) && !after.is_some_and(part)
        })
        .map(|(at, _)| at)
        .collect()
}
