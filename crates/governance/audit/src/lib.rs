//! What happened, in a log that cannot be changed unnoticed.
//!
//! ```text
//! AuditEvent ─▶ Record::seal(head) ─▶ one canonical line ─▶ the store, an export
//!                    │                                          │
//!               digest of the line without `hash`,         Verifier: content, order, links
//!               over the digest of the record before            │
//!                    ▼                                          ▼
//!               Checkpoint: a signed head              Report: every problem and its place
//! ```
//!
//! Records hold digests, counts and names, never bodies; those are kept, and expire, elsewhere. The room keeps no rows
//! and speaks to nobody: the only files it touches are the signing key and the keys that are trusted beside it.
//! Retention removes whole records, only from the front, and only up to a head that was signed for it.

mod checkpoint;
mod clip;
mod detail;
mod error;
mod event;
mod export;
mod gaps;
mod hexadecimal;
mod journal;
mod json;
mod key;
mod key_file;
mod kind;
mod public_key;
mod record;
mod report;
mod retention;
mod row;
mod sequence;
mod trusted;
mod verifier;

pub use checkpoint::{Checkpoint, CheckpointKind, Signature};
pub use detail::DetailValue;
pub use error::AuditError;
pub use event::{AuditEvent, Authentication, DecisionRecord};
pub use export::{checkpoint_line, verify_export};
pub use journal::{Journal, JournalError, JournalWriter};
pub use key::SigningKey;
pub use kind::EventKind;
pub use public_key::PublicKey;
pub use record::{Head, MAX_RECORD_BYTES, Record};
pub use report::{Problem, Report};
pub use retention::{RETENTION_DEFAULT, RETENTION_FLOOR, Retention, Truncation};
pub use trusted::read_trusted;
pub use verifier::Verifier;
