//! Decides where a wish belongs: what it names first, ranking second.

use tenon_context::{Definition, Index};
use tenon_domain::{Intent, RepoPath};
use tenon_syntax::{Language, SourceFile, SymbolKind};

use crate::ask::{Action, Ask, is_a_name};
use crate::direct::direct_plan;
use crate::error::EngineError;
use crate::stub;
use crate::target::{Plan, Target};

/// A file up to this many lines may be rewritten as a whole.
const SMALL_FILE_LINES: usize = 60;

/// Decides on a plan for a `generate` intent.
pub(crate) fn locate(intent: &Intent, ask: &Ask, index: &Index) -> Result<Plan, EngineError> {
    if let Some(plan) = direct_plan(ask, index)? {
        return Ok(plan);
    }
    let files = named_files(intent, ask);
    let mut targets: Vec<Target> = Vec::new();
    for path in files.iter().filter(|path| !index.contains(path)) {
        targets.push(Target::NewFile {
            path: path.clone(),
            names: new_names(ask, &files, index),
        });
    }
    let existing: Vec<&RepoPath> = files.iter().filter(|path| index.contains(path)).collect();
    let edited = edited_symbols(ask, &existing, index);
    let added = if targets.is_empty() {
        new_names(ask, &files, index)
    } else {
        Vec::new()
    };

    if ask.action == Action::Add && targets.is_empty() && (!added.is_empty() || edited.is_empty()) {
        let holder = holder_of_method(&intent.text, index)
            .filter(|holder| existing.is_empty() || existing.contains(&&holder.path));
        let path = holder
            .as_ref()
            .map(|holder| holder.path.clone())
            .or_else(|| existing.first().map(|path| (*path).clone()))
            .or_else(|| home_of(&added, intent, ask, index));
        if let Some(path) = path {
            targets.push(add_target(
                path,
                &added,
                holder.map(|holder| holder.qualified_name),
            ));
            if uses_the_new(&intent.text) {
                // What is to use it may stand in another file than the one named for it.
                let elsewhere = edited_symbols(ask, &[], index);
                targets.extend(if edited.is_empty() { elsewhere } else { edited });
            }
        }
    } else {
        targets.extend(together(edited, index));
        let nothing_edited = targets
            .iter()
            .all(|target| matches!(target, Target::NewFile { .. }));
        if nothing_edited && uses_the_new(&intent.text) {
            targets.extend(existing.first().map(|path| in_file(intent, path, index)));
        }
    }
    if targets.is_empty() {
        targets.push(fallback(intent, &existing, index)?);
    }
    Ok(Plan::Write(targets))
}

/// The files the person named, in `--file` or in words; words that name a file only by its last part are resolved.
fn named_files(intent: &Intent, ask: &Ask) -> Vec<RepoPath> {
    let mut files = intent.files.clone();
    for path in &ask.paths {
        let known = files
            .iter()
            .any(|file| file == path || file.as_str().ends_with(&format!("/{path}")));
        if !known && (intent.files.is_empty() || path.as_str().contains('/')) {
            files.push(path.clone());
        }
    }
    files
}

/// Resolves `text.py` to `src/text.py` where only that one exists.
pub(crate) fn resolve_paths(ask: &mut Ask, index: &Index) {
    for path in ask.paths.iter_mut().chain(&mut ask.removed) {
        if let Some(only) = resolved(path, index) {
            *path = only;
        }
    }
    ask.paths.dedup();
}

/// Adds the symbols of the files that an edit names and whose names stand in it as plain words: beside
/// `src/stats.rs`, "average" is a name.
pub(crate) fn resolve_names(ask: &mut Ask, intent: &Intent, index: &Index) {
    if ask.action != Action::Edit {
        return;
    }
    let is_known = |name: &String| !index.definitions_of(name).is_empty();
    if !ask.names.is_empty() && !ask.names.iter().any(is_known) {
        // "I need column(text, name) in tables.py": a wish that names only what is not there asks for it.
        let is_called = |name: &String| intent.text.contains(&format!("{name}("));
        if ask.names.iter().any(is_called) {
            ask.action = Action::Add;
        }
        return;
    }
    let files: Vec<RepoPath> = intent.files.iter().chain(&ask.paths).cloned().collect();
    let mut found: Vec<String> = Vec::new();
    for word in words(&intent.text) {
        let known = ask
            .names
            .iter()
            .any(|name| name.rsplit(['.', ':']).next() == Some(word));
        if known || found.iter().any(|name| name == word) || !is_a_name(word) {
            continue;
        }
        let defined = index.definitions_of(word);
        if defined
            .iter()
            .any(|definition| files.contains(&definition.path) && !is_test_path(&definition.path))
        {
            found.push(word.to_owned());
        }
    }
    ask.names.extend(found);
    let place = |name: &String| intent.text.find(name.as_str());
    ask.names.sort_by_key(place);
}

/// The words of a text; parts of paths, of numbers and of longer names are none.
fn words(text: &str) -> impl Iterator<Item = &str> {
    const SHORTEST: usize = 4;
    text.split(|character: char| character.is_whitespace() || ",;:()\"'`".contains(character))
        .map(|word| word.trim_end_matches(['.', '!', '?']))
        .filter(|word| word.len() >= SHORTEST)
        .filter(|word| {
            word.chars()
                .all(|character| character.is_alphanumeric() || character == '_')
        })
}

/// The one file that is meant by a path or by its last parts.
pub(crate) fn resolved(path: &RepoPath, index: &Index) -> Option<RepoPath> {
    if index.contains(path) {
        return Some(path.clone());
    }
    let tail = format!("/{path}");
    let mut matches = index.paths().filter(|known| known.as_str().ends_with(&tail));
    match (matches.next(), matches.next()) {
        (Some(only), None) => Some(only.clone()),
        _ => None,
    }
}

/// Names that the wish introduces and that are not there yet.
fn new_names(ask: &Ask, files: &[RepoPath], index: &Index) -> Vec<String> {
    let is_new = |name: &String| {
        let definitions = index.definitions_of(name);
        definitions.is_empty()
            || (!files.is_empty() && !definitions.iter().any(|found| files.contains(&found.path)))
    };
    let introduced: Vec<String> = ask
        .introduced
        .iter()
        .filter(|name| is_new(name))
        .cloned()
        .collect();
    if !introduced.is_empty() || ask.action != Action::Add {
        return introduced;
    }
    // "add a function that …, e.g. `shout("a") == "A!"`": the example gives the name.
    ask.names
        .iter()
        .filter(|name| is_new(name) && index.definitions_of(name).is_empty())
        .take(1)
        .cloned()
        .collect()
}

/// Symbols that the wish names and that exist, in the order of mention.
fn edited_symbols(ask: &Ask, existing: &[&RepoPath], index: &Index) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for name in &ask.names {
        let mut definitions = index.definitions_of(name);
        definitions.retain(|definition| !is_test_path(&definition.path));
        if !existing.is_empty() {
            definitions.retain(|definition| existing.contains(&&definition.path));
        }
        let [definition] = definitions.as_slice() else {
            continue;
        };
        let target = symbol_target(&definition.path, &definition.qualified_name, index);
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    // A class that is named beside its own method is only the method's address.
    let methods: Vec<String> = targets
        .iter()
        .filter_map(|target| match target {
            Target::Edit { symbol, .. } => symbol
                .rsplit_once(['.', ':'])
                .map(|(class, _)| class.trim_end_matches(':').to_owned()),
            _ => None,
        })
        .collect();
    targets.retain(|target| !matches!(target, Target::Edit { symbol, .. } if methods.contains(symbol)));
    if ask.action == Action::Edit && targets.len() > 1 {
        // Further names are context unless the wish says "and".
        targets.truncate(3);
    }
    targets
}

/// Several symbols of one small file are rewritten with the file: what belongs together is written together.
fn together(targets: Vec<Target>, index: &Index) -> Vec<Target> {
    let [first @ Target::Edit { path, symbol }, _, ..] = targets.as_slice() else {
        return targets;
    };
    let is_small = index
        .file_text(path)
        .is_some_and(|text| text.lines().count() <= SMALL_FILE_LINES);
    if !is_small || targets.iter().any(|target| target.path() != first.path()) {
        return targets;
    }
    vec![Target::EditFile {
        path: path.clone(),
        subject: Some(symbol.clone()),
    }]
}

/// A stub is completed, anything else is edited.
pub(crate) fn symbol_target(path: &RepoPath, symbol: &str, index: &Index) -> Target {
    let is_stub = index
        .file_text(path)
        .and_then(|text| SourceFile::parse(Language::of_path(path)?, text.to_string()).ok())
        .is_some_and(|file| {
            file.find(symbol)
                .is_some_and(|found| stub::opening(&file, found).is_some())
        });
    if is_stub {
        Target::Complete {
            path: path.clone(),
            symbol: symbol.to_owned(),
        }
    } else {
        Target::Edit {
            path: path.clone(),
            symbol: symbol.to_owned(),
        }
    }
}

fn add_target(path: RepoPath, names: &[String], holder: Option<String>) -> Target {
    let named = names.iter().find_map(|name| {
        let (container, _) = name.rsplit_once(['.', ':'])?;
        Some(container.trim_end_matches(':').to_owned())
    });
    Target::Add {
        path,
        names: names.to_vec(),
        container: named.or(holder),
    }
}

/// The type that a wish for a method names: "add a method total() to Cart".
fn holder_of_method(text: &str, index: &Index) -> Option<Definition> {
    let said = text.to_lowercase();
    if !["method", "getter", "setter"]
        .iter()
        .any(|word| said.contains(word))
    {
        return None;
    }
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.split(|letter| !is_name(letter))
        .filter(|word| word.starts_with(char::is_uppercase))
        .find_map(|word| {
            let mut holders = index.definitions_of(word);
            holders.retain(|holder| {
                holder.kind.is_container() && holder.kind != SymbolKind::Module && !is_test_path(&holder.path)
            });
            // In Rust a method stands with the others, not with the fields.
            holders.sort_by_key(|holder| holder.kind != SymbolKind::Implementation);
            holders.into_iter().next()
        })
}

/// The file where a new name fits: the one of its container, else the best ranked source file.
fn home_of(names: &[String], intent: &Intent, ask: &Ask, index: &Index) -> Option<RepoPath> {
    let container = names.iter().chain(&ask.names).find_map(|name| {
        let holder = name
            .rsplit_once(['.', ':'])
            .map_or(name.as_str(), |(holder, _)| holder.trim_end_matches(':'));
        index
            .definitions_of(holder)
            .into_iter()
            .find(|definition| !is_test_path(&definition.path))
    });
    container.map(|definition| definition.path).or_else(|| {
        let ranked = index.rank_files(&intent.text, 8);
        ranked
            .into_iter()
            .map(|file| file.path)
            .find(|path| Language::of_path(path).is_some() && !is_test_path(path))
            .or_else(|| only_source_file(index))
    })
}

fn only_source_file(index: &Index) -> Option<RepoPath> {
    let mut sources = index
        .paths()
        .filter(|path| Language::of_path(path).is_some() && !is_test_path(path));
    match (sources.next(), sources.next()) {
        (Some(only), None) => Some(only.clone()),
        _ => None,
    }
}

/// Whether the wish also wants the new symbol to be used somewhere.
fn uses_the_new(text: &str) -> bool {
    let text = text.to_lowercase();
    [
        "use it in",
        "uses it in",
        "call it from",
        "call it in",
        "used by",
        "and use it",
        "and make",
        "and update",
        "and change",
    ]
    .iter()
    .any(|phrase| text.contains(phrase))
}

/// The whole of a small file, the best ranked symbol of a large one.
fn in_file(intent: &Intent, path: &RepoPath, index: &Index) -> Target {
    let ranked = index.rank_symbols(&intent.text, 16);
    let lines = index.file_text(path).map_or(0, |text| text.lines().count());
    let best = ranked.iter().find(|symbol| &symbol.path == path);
    match best {
        Some(best) if lines > SMALL_FILE_LINES => symbol_target(&best.path, &best.qualified_name, index),
        _ => Target::EditFile {
            path: path.clone(),
            subject: None,
        },
    }
}

/// No name helps: rank.
fn fallback(intent: &Intent, existing: &[&RepoPath], index: &Index) -> Result<Target, EngineError> {
    if let Some(path) = existing.first() {
        return Ok(in_file(intent, path, index));
    }
    let ranked = index.rank_symbols(&intent.text, 8);
    if let Some(best) = ranked.iter().find(|symbol| !is_test_path(&symbol.path)) {
        return Ok(symbol_target(&best.path, &best.qualified_name, index));
    }
    if let Some(path) = only_source_file(index) {
        return Ok(Target::EditFile { path, subject: None });
    }
    Err(EngineError::NotFound {
        what: "a place for this change".to_owned(),
        hint: Some("name a file with --file, or a function in the text".to_owned()),
    })
}

/// Whether a path holds tests by the conventions of its language.
pub(crate) fn is_test_path(path: &RepoPath) -> bool {
    let name = path.file_name();
    let in_test_folder = path
        .folder()
        .split('/')
        .any(|folder| matches!(folder, "test" | "tests" | "__tests__" | "spec"));
    in_test_folder
        || name.starts_with("test_")
        || [
            "_test.py",
            "_test.go",
            ".test.js",
            ".test.mjs",
            ".test.ts",
            ".test.tsx",
            ".spec.js",
            ".spec.ts",
            "Test.java",
        ]
        .iter()
        .any(|ending| name.ends_with(ending))
}
