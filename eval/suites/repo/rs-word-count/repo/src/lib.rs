//! Figures about texts.

pub mod text;

/// Minutes to read so many words, rounded up.
pub fn reading_minutes(words: usize) -> usize {
    words.div_ceil(200)
}
