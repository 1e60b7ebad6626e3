//! What is replaced, and how it comes back.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "redact/replacing.rs"]
mod replacing;
#[path = "redact/restoring.rs"]
mod restoring;
#[path = "../../../foundation/secrets/tests/secrets/samples.rs"]
mod samples;
