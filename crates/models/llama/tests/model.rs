//! The port's promises, kept by real models in a real worker.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so and stop"
)]

#[path = "support/setup.rs"]
mod setup;

#[path = "model/constraints.rs"]
mod constraints;
#[path = "model/prefixes.rs"]
mod prefixes;
#[path = "model/prompts.rs"]
mod prompts;
#[path = "model/sampling.rs"]
mod sampling;
