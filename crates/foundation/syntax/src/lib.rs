//! Source text as syntax trees: one parse shared by the rooms that read, change and check code.
//!
//! A [`SourceFile`] is text of one [`Language`] and its tree. From it come the outline ([`Symbol`]s with the
//! byte spans a splice needs), the [`Import`]s, the [`Reference`]s and the [`SyntaxError`]s, each computed at
//! most once. Everything is bounded: text beyond [`SourceFile::MAX_BYTES`] and parses beyond
//! [`SourceFile::MAX_PARSE_TIME`] are refused, and no walk recurses with the depth of the input.
//!
//! This room reads no files and knows no repository.

mod error;
mod file;
mod imports;
mod indentation;
mod language;
mod outline;
mod reference;
mod span;
mod symbol;
mod walk;

pub use error::SyntaxError;
pub use file::{ParseFailure, SourceFile};
pub use imports::{Import, ImportKind, ImportedName};
pub use language::{Language, UnknownLanguage};
pub use reference::Reference;
pub use span::Span;
pub use symbol::{Symbol, SymbolKind};
pub use tree_sitter;
pub use walk::{Descend, walk};
