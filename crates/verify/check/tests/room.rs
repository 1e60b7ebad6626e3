//! The room as others see it, with the real sandbox and the tools of this machine.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so and stop"
)]

#[path = "room/candidates.rs"]
mod candidates;
#[path = "room/gate.rs"]
mod gate;
#[path = "room/javascript_names.rs"]
mod javascript_names;
#[path = "room/projects.rs"]
mod projects;
#[path = "room/python_names.rs"]
mod python_names;
#[path = "room/reading_examples.rs"]
mod reading_examples;
#[path = "room/tampering.rs"]
mod tampering;
#[path = "room/workshop.rs"]
mod workshop;
