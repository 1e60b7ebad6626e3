//! The HTTP door: the protocols that editors and clients speak already, each converted into one request to a model or
//! to the completer, and the answer converted back.
//!
//! ```text
//! bytes ─▶ access ─▶ dialect: parse ─▶ GenerateRequest ─▶ Model ─▶ SampleEvents ─▶ dialect: encode ─▶ frames
//!                                   └▶ CompletionRequest ─▶ Completer ─▶ Completion ─▶ dialect ─▶ one JSON value
//! ```
//!
//! Unknown fields are accepted and left alone. A failure before the first text is an error of the dialect with its
//! status; a failure after it is an error event, never a clean end.

mod access;
mod app;
mod batching;
mod control;
mod dialect;
mod failure;
mod frames;
mod generation;
mod meter;
mod service;
mod spans;
mod speech;
mod tally;
mod tools;
mod vitals;

pub use access::{Access, AccessError};
pub use app::{app, serve};
pub use batching::{Batcher, BatcherSettings};
pub use control::{Control, ControlParts, GovernedRunner, Keeping, SignIn};
pub use meter::ModelMeter;
pub use service::{ServedModel, Service};
pub use vitals::Vitals;
