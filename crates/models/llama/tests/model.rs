//! The port's promises, kept by real models in a real worker.

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
