//! The embedded model: llama.cpp in a process of its own, behind the [`Model`](tenon_runtime::Model) port.
//!
//! ```text
//!   LlamaModel ──▶ supervisor thread ══ socket ══▶ worker process
//!   (any task)     one owner of the                reader     orders in, cancels, end of the client
//!                  child, its socket               preparer   templates, tokens, constraints, counts
//!                  and every request               decoder    the only one to touch the context
//! ```
//!
//! The worker may crash, hang or be killed: the supervisor fails or repeats the requests in flight and starts
//! another. It must not be able to take its client down, and it ends when its client does.
//!
//! The only crate that links C++. It needs no `unsafe` of its own.

mod benchmark;
mod client;
mod configuration;
mod gguf;
mod wire;
mod worker;

pub use benchmark::{Benchmark, BenchmarkPlan, TimedRequest, measure, time_request};
pub use client::LlamaModel;
pub use configuration::{WorkerConfiguration, WorkerLog};
pub use worker::{WorkerError, run_worker};
