//! The command as a person or a script meets it: arguments in, text, files and exit codes out.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so and stop"
)]

#[path = "cli/clients.rs"]
mod clients;
#[path = "cli/completing.rs"]
mod completing;
#[path = "cli/delivery.rs"]
mod delivery;
#[path = "cli/inspection.rs"]
mod inspection;
#[path = "cli/real_model.rs"]
mod real_model;
#[path = "cli/serving.rs"]
mod serving;
#[path = "cli/usage.rs"]
mod usage;
#[path = "cli/world.rs"]
mod world;
