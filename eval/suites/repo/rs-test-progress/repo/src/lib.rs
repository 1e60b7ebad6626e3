//! Progress of long jobs.

pub mod bar;
pub mod progress;
