//! Proposals on disk: one JSON file each, named by id, readable by their owner only.
//!
//! A file is written beside its place and moved there, so that a process killed at any instant leaves either the whole
//! proposal or none. Prompts and code of private repositories are in these files; nothing else may be put here.

mod error;
mod files;
mod listing;
mod store;

pub use error::StoreError;
pub use listing::{Listing, Summary};
pub use store::ProposalStore;
