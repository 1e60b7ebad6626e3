//! From a model's text to a change of files.
//!
//! ```text
//! reply ─▶ extract_blocks ─▶ choose_block ─▶ align_entry_point ─▶ splice ─▶ FileChange ─▶ ChangeSet ─▶ apply
//!                                            add_missing_imports                            └▶ unified_diff
//! ```
//!
//! Models write whole symbols or whole files, never diffs; a symbol replaces its namesake by syntax-tree span and
//! every other byte of the file stays as it is. What is applied never leaves the repository and is all or nothing.
//! This room runs no code and asks no model.

mod align;
mod apply;
mod diff;
mod draft;
mod missing;
mod mutants;
mod replacements;
mod splice;
mod style;
mod tokens;

pub mod extract;

pub use align::align_entry_point;
pub use apply::{Applied, ApplyError, apply};
pub use diff::{file_diff, unified_diff};
pub use draft::{DraftError, change_set, deleted_file, edited_file, renamed_file, whole_file};
pub use extract::{Block, Chosen, choose_block, extract_blocks};
pub use missing::add_missing_imports;
pub use mutants::{Mutant, mutants};
pub use replacements::replaced;
pub use splice::{Additions, SpliceError, SpliceScope, Spliced, splice};
pub use tokens::{normalised, same_code};
