//! Completion in editors, through the language server protocol.
//!
//! ```text
//! editor ─▶ messages in order ─▶ documents, requests ─▶ Completer (a task each) ─▶ items ─▶ editor
//!                                 └ a newer request, a change or a cancel ends the task and the model's work
//! ```
//!
//! Clients that know `textDocument/inlineCompletion` (3.18) get it; others get plain `textDocument/completion`.
//! Code actions are errands for the engine: write what a comment says, fix a diagnostic, write tests, explain. They end in an edit
//! of the editor's own buffers, with the evidence in a message. Each completion is also told as a `tenon/completion` notification, with the reason when nothing is shown,
//! and what became of a suggestion as `tenon/suggestion`.
//!
//! This room names no model and starts no process; what it needs is handed in.

mod action;
mod capabilities;
mod delivery;
mod document;
mod edit;
mod errand;
mod fate;
mod item;
mod message;
mod session;
mod transport;

pub use errand::{Engineer, Workplace};
pub use message::{
    CompletionReport, OUTCOME_METHOD, Outcome, REPORT_METHOD, RUN_COMMAND, SuggestionReport, TAKEN_COMMAND,
};
pub use session::{Open, ServeError, Tell, serve, serve_stdio};
