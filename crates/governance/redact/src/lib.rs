//! Secrets and personal data leave a text before it goes to a remote model, a log or a stored prompt, and come back in the
//! answer.
//!
//! ```text
//! text ─▶ spans (`tenon-secrets`) ─▶ placeholders ─▶ model ─▶ restored answer
//! ```
//!
//! No IO; nothing found is ever printed.
//!
//! ```
//! use tenon_redact::{Redactor, Settings};
//!
//! let mut session = Redactor::new(Settings::default()).session();
//! let text = "ask maria.lopez@mail.test-company.dev";
//! let redacted = session.redact(text).into_owned();
//! assert!(!redacted.contains("maria"));
//! assert_eq!(session.restore(&redacted), text);
//! ```

mod finding;
mod placeholder;
mod redactor;
mod restorer;
mod session;

pub use finding::Finding;
pub use redactor::Redactor;
pub use restorer::Restorer;
pub use session::Session;
pub use tenon_secrets::{Kind, Settings};
