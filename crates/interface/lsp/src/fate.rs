//! What becomes of a suggestion, seen by what becomes of the buffer: taking a word of it is an edit like any other.

use tenon_engine::CompletionRequest;

use crate::message::Outcome;

/// What became of the suggestions for one cursor until now.
#[derive(Debug, Default)]
pub(crate) struct Fate {
    /// How much of a suggestion stands in the buffer, in bytes.
    written: usize,
    /// Whether the editor closed a bracket behind it.
    is_closed: bool,
    is_taken_partly: bool,
    is_over: bool,
}

/// Something that became of suggestion `index`; `characters` of it stand in the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn {
    pub index: usize,
    pub outcome: Outcome,
    pub characters: usize,
}

impl Fate {
    /// The buffer is `text` now.
    pub fn after(&mut self, asked: &CompletionRequest, suggestions: &[String], text: &str) -> Option<Turn> {
        if self.is_over {
            return None;
        }
        let Some(written) = inserted(asked, text) else {
            return self.dismissed();
        };
        let all = written.len();
        let Some((index, suggestion, written)) = followed(suggestions, written) else {
            return self.dismissed();
        };
        let step = suggestion.get(self.written..written.len()).unwrap_or_default();
        let typed = step.chars().count();
        let is_closed = written.len() < all;
        // What had been closed stood there already.
        let at_once = typed > 1 + usize::from(self.is_closed && !is_closed);
        (self.written, self.is_closed) = (written.len(), is_closed);
        let outcome = if written.len() == suggestion.len() {
            self.is_over = true;
            match at_once || suggestion.chars().count() == 1 {
                true => Outcome::Taken,
                false => Outcome::Typed,
            }
        } else if at_once && !self.is_taken_partly {
            self.is_taken_partly = true;
            Outcome::TakenPartly
        } else {
            return None;
        };
        let characters = written.chars().count();
        Some(Turn {
            index,
            outcome,
            characters,
        })
    }

    /// The editor says that the suggestion was taken.
    pub fn taken(&mut self, index: usize, suggestion: &str) -> Option<Turn> {
        let was_over = std::mem::replace(&mut self.is_over, true);
        (!was_over).then(|| Turn {
            index,
            outcome: Outcome::Taken,
            characters: suggestion.chars().count(),
        })
    }

    /// The editor says that a part of the suggestion was taken.
    pub fn taken_partly(&mut self, index: usize, characters: usize) -> Option<Turn> {
        let was_told = self.is_over || std::mem::replace(&mut self.is_taken_partly, true);
        (!was_told).then_some(Turn {
            index,
            outcome: Outcome::TakenPartly,
            characters,
        })
    }

    /// Something else is shown now.
    pub fn superseded(&mut self) {
        self.is_over = true;
    }

    /// The buffer is closed, or became something else.
    pub fn dismissed(&mut self) -> Option<Turn> {
        let was_over = std::mem::replace(&mut self.is_over, true);
        (!was_over && !self.is_taken_partly).then_some(Turn {
            index: 0,
            outcome: Outcome::Dismissed,
            characters: 0,
        })
    }
}

/// What stands at the cursor now, where nothing else has changed.
fn inserted<'text>(asked: &CompletionRequest, text: &'text str) -> Option<&'text str> {
    let (before, behind) = asked.text.split_at_checked(asked.cursor)?;
    text.strip_prefix(before)?.strip_suffix(behind)
}

/// The suggestion that goes on what is written, and what of it is written.
fn followed<'a>(suggestions: &'a [String], written: &'a str) -> Option<(usize, &'a str, &'a str)> {
    // Editors close brackets and quotes by themselves.
    let closed = written.strip_suffix([')', ']', '}', '"', '\'']);
    [Some(written), closed].into_iter().flatten().find_map(|written| {
        let mut all = suggestions.iter().enumerate();
        let (index, suggestion) = all.find(|(_, suggestion)| suggestion.starts_with(written))?;
        Some((index, suggestion.as_str(), written))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tenon_domain::RepoPath;
    use tenon_engine::Extent;
    use tenon_runtime::CacheScope;

    use super::*;

    /// What is told while the buffer becomes each of these, `|` being where the suggestion was shown.
    fn told(suggestion: &str, before: &str, texts: &[&str]) -> Vec<(Outcome, usize)> {
        let cursor = before.find('|').unwrap();
        let asked = CompletionRequest {
            path: RepoPath::parse("a.py").unwrap(),
            text: before.replacen('|', "", 1),
            cursor,
            is_excerpt: false,
            extent: Extent::Natural,
            alternatives: 1,
            deadline: Duration::ZERO,
            open_buffers: Vec::new(),
            recent_edits: Vec::new(),
            scope: CacheScope::local(),
        };
        let suggestions = ["other".to_owned(), suggestion.to_owned()];
        let mut fate = Fate::default();
        let turns = texts
            .iter()
            .filter_map(|text| fate.after(&asked, &suggestions, text));
        turns.map(|turn| (turn.outcome, turn.characters)).collect()
    }

    #[test]
    fn what_comes_whole_was_taken() {
        assert_eq!(
            told("a + b", "x = |\ny", &["x = a + b\ny"]),
            [(Outcome::Taken, 5)]
        );
        assert_eq!(told("1", "x = |\ny", &["x = 1\ny"]), [(Outcome::Taken, 1)]);
    }

    #[test]
    fn a_word_of_it_was_taken_and_told_once() {
        let texts = [
            "x = alpha\n",
            "x = alpha + beta\n",
            "x = alpha + beta + c\n",
            "x = alpha + beta + d\n",
        ];
        let expected = [(Outcome::TakenPartly, 5)];
        assert_eq!(told("alpha + beta + gamma", "x = |\n", &texts), expected);
    }

    #[test]
    fn what_is_typed_key_by_key_is_told_at_its_end() {
        assert_eq!(told("abc", "|\n", &["a\n", "ab\n", "a\n", "ab\n"]), []);
        assert_eq!(
            told("abc", "|\n", &["a\n", "ab\n", "abc\n"]),
            [(Outcome::Typed, 3)]
        );
        assert_eq!(
            told("f(a)", "|\n", &["f\n", "f()\n", "f(a)\n"]),
            [(Outcome::Typed, 4)]
        );
    }

    #[test]
    fn what_contradicts_it_dismisses_it() {
        assert_eq!(
            told("abc", "|\n", &["a\n", "ax\n", "ab\n"]),
            [(Outcome::Dismissed, 0)]
        );
        assert_eq!(told("abc", "|\nend", &["\nEnd"]), [(Outcome::Dismissed, 0)]);
        assert_eq!(told("äbc", "é|", &["", "é"]), [(Outcome::Dismissed, 0)]);
    }
}
