//! What the code around the cursor leans on, in a few lines: signatures from open buffers and from the repository.

use std::collections::HashSet;

use tenon_context::Index;
use tenon_domain::RepoPath;
use tenon_syntax::{Language, SourceFile};

use super::place::{Window, is_word};
use super::{CompletionRequest, Fragment};

/// The most bytes of all fragments together: some 150 tokens, which are read once for a window.
const MOST_BYTES: usize = 500;
/// The most bytes of one fragment.
const LONGEST: usize = 160;
const MOST_BUFFERS: usize = 5;
/// Shorter names are everybody's.
const SHORTEST_NAME: usize = 3;

/// The fragments in the order in which they are put before the code; the nearest last.
pub(super) fn fragments(
    request: &CompletionRequest,
    language: Language,
    window: &Window,
    index: Option<&Index>,
) -> Vec<Fragment> {
    let mut chosen: Vec<Fragment> = Vec::new();
    let mut room = MOST_BYTES;
    let mut take = |fragment: Fragment| {
        let bytes = fragment.text.len();
        let known = chosen.iter().any(|other| other.text == fragment.text);
        if !known && bytes <= LONGEST && bytes <= room {
            room -= bytes;
            chosen.push(fragment);
        }
    };
    for edit in request.recent_edits.iter().take(2) {
        if edit.path != request.path && Language::of_path(&edit.path) == Some(language) {
            take(Fragment {
                source: format!("edited in {}", edit.path),
                text: edit.text.trim().to_owned(),
            });
        }
    }
    let names = names(&window.prefix);
    let known: HashSet<&str> = names.iter().copied().collect();
    for buffer in request.open_buffers.iter().take(MOST_BUFFERS) {
        if buffer.path == request.path || Language::of_path(&buffer.path) != Some(language) {
            continue;
        }
        let Ok(file) = SourceFile::parse(language, buffer.text.as_str()) else {
            continue;
        };
        for symbol in file.symbols() {
            if known.contains(symbol.name.as_str()) {
                take(Fragment {
                    source: format!("{} in {}", symbol.qualified_name, buffer.path),
                    text: symbol.signature.clone(),
                });
            }
        }
    }
    for definition in names
        .iter()
        .flat_map(|name| definitions(index, name, &request.path))
    {
        if Language::of_path(&definition.path) == Some(language) {
            take(Fragment {
                source: format!("{} in {}", definition.qualified_name, definition.path),
                text: definition.signature,
            });
        }
    }
    chosen.reverse();
    chosen
}

/// The fragments as comments at the top of what the model reads, with the file's path.
pub(super) fn render(fragments: &[Fragment], path: &RepoPath, language: Option<Language>) -> String {
    let Some(language) = language else {
        return String::new();
    };
    let comment = language.line_comment();
    let mut text = String::new();
    for fragment in fragments {
        for line in fragment.text.lines() {
            text.push_str(&format!("{comment} {line}\n"));
        }
    }
    text.push_str(&format!("{comment} {path}\n"));
    text
}

fn definitions(index: Option<&Index>, name: &str, own: &RepoPath) -> Vec<tenon_context::Definition> {
    let found = index.map(|index| index.definitions_of(name)).unwrap_or_default();
    match found.len() {
        // A name of many things says nothing about this one.
        1..=3 => found
            .into_iter()
            .filter(|definition| &definition.path != own)
            .collect(),
        _ => Vec::new(),
    }
}

/// The words of a text, the last ones first, each once.
fn names(text: &str) -> Vec<&str> {
    let mut seen = HashSet::new();
    let words = text.rsplit(|character| !is_word(character));
    words
        .filter(|word| word.len() >= SHORTEST_NAME && seen.insert(*word))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_come_first_and_once() {
        assert_eq!(
            names("from text import slugify\nx = slugify(title)"),
            ["title", "slugify", "import", "text", "from"]
        );
    }

    #[test]
    fn fragments_are_comments() {
        let fragments = [Fragment {
            source: "a".to_owned(),
            text: "def a():\n    pass".to_owned(),
        }];
        let path = RepoPath::parse("b.py").unwrap();
        assert_eq!(
            render(&fragments, &path, Some(Language::Python)),
            "# def a():\n#     pass\n# b.py\n"
        );
        assert_eq!(render(&fragments, &path, None), "");
    }
}
