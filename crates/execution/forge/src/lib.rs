//! Git, for what leaves a proposal behind: the base commit it rests on, and a branch that holds its change. And trees
//! that come without it, as an archive.
//!
//! A branch is made from objects alone: the working tree, the index and `HEAD` stay as they are, so that nothing the
//! person has open or staged is touched, and a failure half-way leaves only objects that Git throws away.
//!
//! The repository's own settings are not trusted: no hook, file-system monitor, filter, signing program or network
//! command that they name is started, and every command has a deadline.

pub mod archive;
mod branch;
mod error;
mod git;
mod identity;
mod mirror;
mod repository;
mod tree;

pub use error::ForgeError;
pub use git::Git;
pub use identity::Identity;
pub use mirror::Mirror;
pub use repository::GitRepository;
