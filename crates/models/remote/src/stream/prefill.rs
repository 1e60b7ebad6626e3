use crate::convert::Prefill;

/// Takes away what an answer repeats of its own beginning.
#[derive(Debug, Clone)]
pub(super) struct PrefillFilter {
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    Through,
    /// An opening fence is looked for; `rest` is what was asked for behind it.
    SeekingFence {
        held: String,
        rest: String,
    },
    /// `expected` is taken away if the text begins with it.
    Comparing {
        held: String,
        expected: String,
        blanks: Blanks,
    },
}

/// Whether white space before the expected text counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blanks {
    Count,
    Skip,
}

const FENCE: &str = "```";
/// Shorter beginnings are likely to begin an honest continuation too.
const MIN_REPEATED: usize = 3;
/// A preface that is longer belongs to an answer without a fence.
const MAX_PREFACE: usize = 2_000;

impl PrefillFilter {
    pub(super) fn new(prefill: &Prefill) -> Self {
        let state = match prefill {
            Prefill::Continued(text) if text.trim().len() >= MIN_REPEATED => State::Comparing {
                held: String::new(),
                expected: text.clone(),
                blanks: Blanks::Count,
            },
            Prefill::None | Prefill::Continued(_) => State::Through,
            Prefill::InWords(text) => match text.find(FENCE) {
                Some(index) => {
                    let fence = text.get(index..).unwrap_or_default();
                    let rest = fence.split_once('\n').map_or("", |(_, rest)| rest);
                    State::SeekingFence {
                        held: String::new(),
                        rest: rest.to_owned(),
                    }
                }
                None => comparing(text),
            },
        };
        Self { state }
    }

    /// What of the text so far belongs to the answer and was not returned before.
    pub(super) fn push(&mut self, piece: &str) -> String {
        match &mut self.state {
            State::Through => piece.to_owned(),
            State::SeekingFence { held, rest } => {
                held.push_str(piece);
                if let Some(after) = after_fence(held) {
                    let (after, next) = (after.to_owned(), comparing(rest));
                    self.state = next;
                    return self.push(&after);
                }
                if held.len() > MAX_PREFACE {
                    self.give_up()
                } else {
                    String::new()
                }
            }
            State::Comparing {
                held,
                expected,
                blanks,
            } => {
                held.push_str(piece);
                let text = if *blanks == Blanks::Skip {
                    held.trim_start()
                } else {
                    held.as_str()
                };
                if let Some(after) = text.strip_prefix(expected.as_str()) {
                    let after = after.to_owned();
                    self.state = State::Through;
                    return after;
                }
                if expected.starts_with(text) {
                    String::new()
                } else {
                    self.give_up()
                }
            }
        }
    }

    /// The rest, when the text ended.
    pub(super) fn finish(&mut self) -> String {
        self.give_up()
    }

    fn give_up(&mut self) -> String {
        match std::mem::replace(&mut self.state, State::Through) {
            State::Through => String::new(),
            State::SeekingFence { held, .. } | State::Comparing { held, .. } => held,
        }
    }
}

fn comparing(expected: &str) -> State {
    if expected.trim().is_empty() {
        return State::Through;
    }
    State::Comparing {
        held: String::new(),
        expected: expected.to_owned(),
        blanks: Blanks::Skip,
    }
}

/// What follows the first whole line that opens a fence.
fn after_fence(text: &str) -> Option<&str> {
    let mut left = text;
    while let Some((line, rest)) = left.split_once('\n') {
        if line.trim_start().starts_with(FENCE) {
            return Some(rest);
        }
        left = rest;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filter(prefill: &Prefill, pieces: &[&str]) -> String {
        let mut filter = PrefillFilter::new(prefill);
        let mut out: String = pieces.iter().map(|piece| filter.push(piece)).collect();
        out.push_str(&filter.finish());
        out
    }

    #[test]
    fn a_beginning_asked_for_in_words_is_taken_away() {
        let fence = Prefill::InWords("```python\n".to_owned());
        assert_eq!(filter(&fence, &["```pyth", "on\nx = 1\n"]), "x = 1\n");
        assert_eq!(
            filter(&fence, &["Sure! Here it is:\n\n```py\n", "x = 1\n"]),
            "x = 1\n"
        );
        assert_eq!(filter(&fence, &["x = 1\n"]), "x = 1\n");
        let signature = Prefill::InWords("```python\ndef f(x):\n".to_owned());
        assert_eq!(
            filter(&signature, &["```python\ndef f", "(x):\n    return x\n"]),
            "    return x\n"
        );
        assert_eq!(
            filter(&signature, &["```python\n    return x\n"]),
            "    return x\n"
        );
        let words = Prefill::InWords("The reason is".to_owned());
        assert_eq!(filter(&words, &["The reason", " is simple"]), " simple");
        assert_eq!(filter(&words, &["Because"]), "Because");
    }

    #[test]
    fn a_continuation_loses_only_a_whole_repetition() {
        let prefill = Prefill::Continued("```rust\n".to_owned());
        assert_eq!(filter(&prefill, &["```rust\nfn", " main"]), "fn main");
        assert_eq!(filter(&prefill, &["``", "`"]), "```");
        let short = Prefill::Continued("a".to_owned());
        assert_eq!(filter(&short, &["abc"]), "abc");
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            text in "[a`\n ]{0,30}",
            prefill in "[a`\n]{1,8}",
            cut in 1_usize..5,
            in_words: bool,
        ) {
            let prefill = if in_words { Prefill::InWords(prefill) } else { Prefill::Continued(prefill) };
            let pieces: Vec<String> =
                text.chars().collect::<Vec<_>>().chunks(cut).map(|piece| piece.iter().collect()).collect();
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            prop_assert_eq!(filter(&prefill, &pieces), filter(&prefill, &[&text]));
        }
    }
}
