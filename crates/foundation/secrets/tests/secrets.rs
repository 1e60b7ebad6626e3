//! What is found, and what is not.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "secrets/innocents.rs"]
mod innocents;
#[path = "secrets/kinds.rs"]
mod kinds;
#[path = "secrets/properties.rs"]
mod properties;
#[path = "secrets/samples.rs"]
mod samples;
