//! What stands in a text instead of a value: `TENON_REDACTED_EMAIL_1_K3F9`.
//!
//! It is a name in every language, so that code still parses and a model copies it whole. The tag at its end is the
//! session's own: text that was there before, and text of other sessions, names another. No tag has a `T`, so that no two
//! placeholders can overlap, and none is part of a kind's name, so that the first tag is the end.

use std::collections::{BTreeMap, HashSet};
use std::ops::{Bound, Range};

use tenon_domain::Digest;
use tenon_secrets::Kind;

const PREFIX: &str = "TENON_REDACTED_";
/// With the longest kind and a number of twelve digits.
const LONGEST: usize = 64;
const TAG_LENGTH: usize = 4;
/// No vowels, so that no words come out.
const TAG_LETTERS: &[u8] = b"BCDFGHJKLMNPQRSVWXZ";
const TAG_CHARACTERS: &[u8] = b"BCDFGHJKLMNPQRSVWXZ23456789";
/// A text that holds so many tags was written to hold them, and is kept apart in another way, too.
const MOST_ATTEMPTS: u32 = 1000;

/// The tag of one session, with the underscore before it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Tag(String);

impl Tag {
    /// A tag that follows from `seed` and is not `taken`.
    ///
    /// The seed must be text that is sent anyway: four characters of a digest of a secret would give some of it away.
    pub fn choose(seed: &str, taken: &HashSet<String>) -> Self {
        let tags = (0..MOST_ATTEMPTS).map(|attempt| tag_of(&Digest::of(format!("{attempt}\n{seed}"))));
        let free = tags.into_iter().find(|tag| !taken.contains(tag));
        Self(free.unwrap_or_else(|| tag_of(&Digest::of(seed))))
    }

    pub fn placeholder(&self, kind: Kind, number: usize) -> String {
        format!("{PREFIX}{}_{number}{}", kind.name().to_ascii_uppercase(), self.0)
    }

    /// Where `text` has what could be a placeholder with this tag.
    pub fn lookalikes(&self, text: &str) -> Vec<Range<usize>> {
        let places = text.match_indices(PREFIX).map(|(at, _)| at);
        places
            .filter_map(|at| Some(at..at + self.length(text.get(at..)?)?))
            .collect()
    }

    /// The length of what `text` begins with, if it could be a placeholder with this tag.
    fn length(&self, text: &str) -> Option<usize> {
        Some(word(text).find(&self.0)? + self.0.len())
    }
}

fn tag_of(digest: &Digest) -> String {
    let hex = digest.hex();
    let mut number = hex
        .get(..15)
        .and_then(|hex| usize::from_str_radix(hex, 16).ok())
        .unwrap_or_default();
    let mut tag = String::from("_");
    for place in 0..TAG_LENGTH {
        let characters = if place == 0 { TAG_LETTERS } else { TAG_CHARACTERS };
        let character = characters.get(number % characters.len()).copied().unwrap_or(b'X');
        number /= characters.len();
        tag.push(char::from(character));
    }
    tag
}

/// The characters of placeholders that `text` begins with.
fn word(text: &str) -> &str {
    let is_part = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    let length = text.bytes().take(LONGEST).take_while(is_part).count();
    text.get(..length).unwrap_or("")
}

/// Adds every tag that something in `text` could be read to have.
pub(crate) fn collect_tags(text: &str, tags: &mut HashSet<String>) {
    for (at, _) in text.match_indices(PREFIX) {
        let word = word(text.get(at..).unwrap_or(""));
        let places = word
            .match_indices('_')
            .filter_map(|(at, _)| word.get(at..=at + TAG_LENGTH));
        tags.extend(places.map(str::to_owned));
    }
}

/// The placeholders of a session and what they stand for.
#[derive(Clone, Default)]
pub(crate) struct Known {
    tag: Option<Tag>,
    values: BTreeMap<String, String>,
}

impl Known {
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    pub fn set_tag(&mut self, tag: Tag) {
        self.tag = Some(tag);
    }

    pub fn insert(&mut self, placeholder: String, value: String) {
        self.values.insert(placeholder, value);
    }

    /// Whether `restore` could change `text`.
    pub fn concerns(&self, text: &str) -> bool {
        !self.values.is_empty() && text.contains(PREFIX)
    }

    /// Appends `text` with values for placeholders to `restored`, and returns how much of it was read: when more text
    /// comes, what may still become a placeholder is left.
    pub fn restore(&self, text: &str, more_comes: bool, restored: &mut String) -> usize {
        let mut at = 0;
        while let Some(found) = text.get(at..).and_then(|rest| rest.find(PREFIX)) {
            let (before, candidate) = text
                .get(at..)
                .unwrap_or("")
                .split_at_checked(found)
                .unwrap_or_default();
            restored.push_str(before);
            at += found;
            if let Some((length, value)) = self.value_at(candidate) {
                restored.push_str(value);
                at += length;
            } else if more_comes && self.may_begin(candidate) {
                return at;
            } else {
                restored.push_str(PREFIX);
                at += PREFIX.len();
            }
        }
        let rest = text.get(at..).unwrap_or("");
        let held = if more_comes {
            self.beginning_at_end(rest)
        } else {
            0
        };
        let certain = rest.len() - held;
        restored.push_str(rest.get(..certain).unwrap_or(""));
        at + certain
    }

    fn value_at(&self, text: &str) -> Option<(usize, &str)> {
        let length = self.tag.as_ref()?.length(text)?;
        let value = self.values.get(text.get(..length)?)?;
        Some((length, value))
    }

    /// Whether some placeholder begins with all of `text`.
    fn may_begin(&self, text: &str) -> bool {
        let mut after = self
            .values
            .range::<str, _>((Bound::Included(text), Bound::Unbounded));
        after
            .next()
            .is_some_and(|(placeholder, _)| placeholder.starts_with(text))
    }

    /// The length of the longest end of `text` that could be a beginning of the prefix.
    fn beginning_at_end(&self, text: &str) -> usize {
        if self.values.is_empty() {
            return 0;
        }
        let lengths = (1..PREFIX.len()).rev();
        let mut beginnings =
            lengths.filter(|length| PREFIX.get(..*length).is_some_and(|part| text.ends_with(part)));
        beginnings.next().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_a_kind_holds_a_tag_and_the_longest_fits() {
        for kind in Kind::ALL {
            let name = format!("_{}_", kind.name().to_ascii_uppercase());
            let tags = name.as_bytes().windows(1 + TAG_LENGTH).filter(|window| {
                window[0] == b'_' && window[1..].iter().all(|byte| TAG_CHARACTERS.contains(byte))
            });
            assert_eq!(tags.count(), 0, "{name}");
            assert!(!name.contains(PREFIX));
            let longest = Tag("_BBBB".into()).placeholder(*kind, 999_999_999_999);
            assert!(longest.len() <= LONGEST, "{longest}");
        }
        assert!(!TAG_CHARACTERS.contains(&b'T'));
    }

    #[test]
    fn a_tag_that_is_taken_is_not_chosen() {
        let first = Tag::choose("text", &HashSet::new());
        let text = format!("x = {}", first.placeholder(Kind::Email, 1));
        let mut taken = HashSet::new();
        collect_tags(&text, &mut taken);
        assert!(Tag::choose("text", &taken) != first);
        assert!(Tag::choose("text", &HashSet::new()) == first);
    }
}
