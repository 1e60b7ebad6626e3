//! What was suggested, so that typing it costs nothing.

use std::collections::VecDeque;

use tenon_domain::RepoPath;
use tenon_runtime::CacheScope;

use super::anchor::{Anchor, Since};
use super::place::Place;

/// The latest suggestions, newest last.
#[derive(Debug, Default)]
pub(super) struct Memory {
    entries: VecDeque<Remembered>,
}

#[derive(Debug)]
struct Remembered {
    anchor: Anchor,
    texts: Vec<String>,
}

const MOST_ENTRIES: usize = 32;

/// What is left of a suggestion.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Left {
    pub text: String,
    /// Whether the buffer becomes exactly what was checked when the suggestion was made.
    pub is_checked: bool,
}

impl Memory {
    /// Keeps what was suggested at a place.
    pub fn remember(&mut self, scope: &CacheScope, path: &RepoPath, place: &Place<'_>, texts: Vec<String>) {
        if self.entries.len() == MOST_ENTRIES {
            self.entries.pop_front();
        }
        self.entries.push_back(Remembered {
            anchor: Anchor::new(scope, path, place),
            texts,
        });
    }

    /// What is left of suggestions whose beginning was typed meanwhile; empty when nothing is.
    pub fn recall(&self, scope: &CacheScope, path: &RepoPath, place: &Place<'_>) -> Vec<Left> {
        let mut entries = self.entries.iter().rev();
        let left = entries.find_map(|entry| {
            let since = entry.anchor.since(scope, path, place)?;
            Some(entry.left(since)).filter(|left| !left.is_empty())
        });
        left.unwrap_or_default()
    }
}

impl Remembered {
    fn left(&self, since: Since<'_>) -> Vec<Left> {
        let rest = self
            .texts
            .iter()
            .filter_map(|text| text.strip_prefix(since.typed));
        rest.filter(|rest| !rest.trim().is_empty())
            .map(|rest| Left {
                text: rest.to_owned(),
                is_checked: since.closed.is_empty(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recall(memory: &Memory, scope: &str, buffer: &str) -> Vec<String> {
        let left = left(memory, scope, buffer).into_iter();
        left.map(|left| left.text).collect()
    }

    fn left(memory: &Memory, scope: &str, buffer: &str) -> Vec<Left> {
        at(buffer, |place| {
            memory.recall(&CacheScope(scope.to_owned()), &path(), place)
        })
    }

    fn at<T>(buffer: &str, look: impl FnOnce(&Place<'_>) -> T) -> T {
        let cursor = buffer.find('|').unwrap();
        let text = buffer.replacen('|', "", 1);
        look(&Place::new(&text, cursor, None).unwrap())
    }

    fn path() -> RepoPath {
        RepoPath::parse("a.py").unwrap()
    }

    fn memory(buffer: &str, texts: &[&str]) -> Memory {
        let mut memory = Memory::default();
        let texts = texts.iter().map(|text| (*text).to_owned()).collect();
        at(buffer, |place| {
            memory.remember(&CacheScope("ann".to_owned()), &path(), place, texts);
        });
        memory
    }

    #[test]
    fn what_is_typed_along_leaves_the_rest() {
        let memory = memory("x = |\n", &["compute(1)", "1"]);
        assert_eq!(recall(&memory, "ann", "x = |\n"), ["compute(1)", "1"]);
        assert_eq!(recall(&memory, "ann", "x = comp|\n"), ["ute(1)"]);
        assert!(recall(&memory, "ann", "x = cat|\n").is_empty());
        assert!(
            recall(&memory, "ann", "x = compute(1)|\n").is_empty(),
            "all is typed"
        );
        assert!(recall(&memory, "ann", "x =|\n").is_empty());
        assert!(
            recall(&memory, "ann", "x = comp|\ny\n").is_empty(),
            "the rest changed"
        );
        assert!(recall(&memory, "bob", "x = comp|\n").is_empty());
    }

    #[test]
    fn brackets_that_the_editor_closed_do_not_disturb() {
        let memory = memory("x = |\n", &["compute(1)"]);
        assert_eq!(recall(&memory, "ann", "x = compute(|)\n"), ["1)"]);
        assert!(recall(&memory, "ann", "x = comp|)\n").is_empty());
        assert!(left(&memory, "ann", "x = compute(|\n")[0].is_checked);
        assert!(!left(&memory, "ann", "x = compute(|)\n")[0].is_checked);
    }

    #[test]
    fn only_the_latest_are_kept() {
        let mut memory = memory("x = |\n", &["1"]);
        for number in 0..MOST_ENTRIES {
            at(&format!("y{number} = |\n"), |place| {
                memory.remember(
                    &CacheScope("ann".to_owned()),
                    &path(),
                    place,
                    vec!["2".to_owned()],
                );
            });
        }
        assert!(recall(&memory, "ann", "x = |\n").is_empty());
        assert_eq!(recall(&memory, "ann", "y0 = |\n"), ["2"]);
    }
}
