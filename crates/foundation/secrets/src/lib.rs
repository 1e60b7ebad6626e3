//! Where in a text secrets and personal data stand. Who asks decides what becomes of them.
//!
//! ```text
//! text ─▶ anchors ─▶ pattern ─▶ checksum, chance, words of tests ─▶ spans
//! ```
//!
//! One automaton looks for literal anchors (`ghp_`, `password`, `@`), a pattern reads on from each, and what it reads must look
//! like what it claims to be. Numbers have no anchors: they are read digit by digit. No IO; nothing found is ever printed.
//!
//! ```
//! use tenon_secrets::{Kind, Settings, scan};
//!
//! let text = "ask maria.lopez@mail.test-company.dev";
//! let spans = scan(text, Settings::default());
//! assert_eq!(spans[0].kind, Kind::Email);
//! assert_eq!(spans[0].of(text), "maria.lopez@mail.test-company.dev");
//! ```

mod boundary;
mod checksum;
mod encoding;
mod kind;
mod numbers;
mod plausibility;
mod rules;
mod scan;
mod span;

pub use kind::Kind;
pub use plausibility::{entropy, is_credential};
pub use scan::{Settings, prepare, scan};
pub use span::{Span, merge};
