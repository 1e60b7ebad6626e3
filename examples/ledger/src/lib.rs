//! A tiny double-entry ledger.

pub mod journal;
pub mod money;

pub use journal::{Entry, Journal, JournalError, Transaction};
pub use money::{Cents, format_cents, parse_cents};
