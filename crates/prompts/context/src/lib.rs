//! The repository as a model may see it: symbols, imports and references, ranked and bounded snippets.
//!
//! ```text
//! walk ─▶ record (one file: symbols, imports, references, terms) ─▶ Index ─▶ rank ─▶ Snippet
//!            ▲ only for files whose size or time changed              └▶ disk (one file, written atomically)
//! ```
//!
//! This room asks no model and changes nothing in the repository.

mod disk;
mod index;
mod rank;
mod record;
mod related;
mod terms;
mod walk;

pub use index::{ContextError, Definition, Index};
pub use rank::{RankedFile, RankedSymbol, Snippet, SnippetKind};
