//! Completion in editors, through the language server protocol.
//!
//! ```text
//! editor ─▶ messages in order ─▶ documents, requests ─▶ Completer (a task each) ─▶ items ─▶ editor
//!                                 └ a newer request, a change or a cancel ends the task and the model's work
//! ```
//!
//! Clients that know `textDocument/inlineCompletion` (3.18) get it; others get plain `textDocument/completion`.
//! Each answer is also told as a `tenon/completion` notification, with the reason when nothing is shown.
//!
//! This room names no model and starts no process; what it needs is handed in.

mod document;
mod item;
mod message;
mod session;

pub use message::{CompletionReport, REPORT_METHOD, TAKEN_COMMAND};
pub use session::{Open, ServeError, serve, serve_stdio};
