//! Code out of what a model wrote.
//!
//! Small models forget to close fences, name the language on the next line, put fences into docstrings, echo
//! the prompt, or write no fence at all. Nothing here trusts a fence more than a parser.

mod choose;
mod fence;
mod label;
mod slice;

pub use choose::{Chosen, choose_block};
pub use fence::extract_blocks;

/// A piece of a reply that may be code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The language the reply names, as [`Language::name`](tenon_syntax::Language::name) where it is known,
    /// else as written.
    pub language: Option<String>,
    /// The file the reply names: in the fence, in a heading above it or in a comment on the first line.
    pub path: Option<String>,
    /// The code, with Unix line ends.
    pub code: String,
    /// Whether a fence ended it; an unclosed block may be cut off.
    pub closed: bool,
}

/// The part of a reply that is read, in bytes.
pub const MAX_REPLY_BYTES: usize = 1024 * 1024;

/// The number of blocks that are read.
pub const MAX_BLOCKS: usize = 64;
