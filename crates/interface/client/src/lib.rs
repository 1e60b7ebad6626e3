//! A client of the service's own interface: the words of [`tenon_api`] over HTTP, with the patience that a network needs.
//!
//! What only reads is asked again when the connection breaks. What changes something is sent with a key of idempotency
//! where the service takes one, and once where it does not.

mod client;
mod download;
mod error;
mod watch;

pub use client::{Client, SuggestionEvent, query};
pub use download::Download;
pub use error::ClientError;
pub use watch::Watched;
