//! From an intent to a proposal.
//!
//! ```text
//! Intent ─▶ Ask ─▶ Plan ─▶ Assignment ─▶ question ─▶ samples ─▶ draft ─▶ gate ─▶ Candidates ─▶ Proposal
//!           words  where    what a round   rendered    model     change   evidence    choose
//!                           needs
//! ```
//!
//! Completion as one types is the short path: see [`Completer`].
//!
//! Plain data in, plain data out: this room knows no transport, no terminal and no database. It writes nothing to the
//! repository; what becomes of a proposal is the caller's decision.

mod ask;
mod assignment;
mod briefing;
mod candidates;
mod complete;
mod direct;
mod engine;
mod error;
mod explain;
mod failure_output;
mod fix;
mod invented_calls;
mod locate;
mod observer;
mod opening;
mod redacting;
mod run;
mod sampling;
mod schedule;
mod stub;
mod target;
mod write_tests;

pub use complete::{
    AnsweredBy, Buffer, Completer, Completion, CompletionRequest, CompletionTrace, Dropped, Extent, Fragment,
    Silence, likely_path,
};
pub use engine::{Engine, Repository, Verification};
pub use error::EngineError;
pub use observer::{Event, Observer, Silent};
pub use redacting::{RedactingModel, redact_provenance};
// Who wraps a model makes its redactor.
pub use tenon_redact::{Redactor, Settings as RedactionSettings};
