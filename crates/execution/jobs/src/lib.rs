//! Durable jobs: workers take them from the database, keep hold of them while they run, and settle what came of them.
//!
//! ```text
//! database ── claim ─▶ worker ─▶ Runner (engine) ─▶ proposal ── settle, with the fence of the claim ─▶ database
//!                        └─ every third of the lease: hold; asked to stop? → cancel
//! ```
//!
//! A worker may be killed at any instant: its lease runs out and another takes the job, with a higher fence. What the
//! first one still writes then is refused, so that nothing is done twice.

mod clock;
mod engine_runner;
mod progress;
mod request;
mod runner;
mod sources;
mod worker;

pub use clock::now_ms;
pub use engine_runner::EngineRunner;
pub use progress::Progress;
pub use request::JobRequest;
pub use runner::{RunError, Runner};
pub use sources::{Gate, Sources, Tree};
pub use worker::{Worker, WorkerSettings};
