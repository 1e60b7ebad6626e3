//! The room as others see it: what a scrape says, and the alert rules over it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "signals/alerts.rs"]
mod alerts;
#[path = "signals/metrics.rs"]
mod metrics;
#[path = "signals/scrape.rs"]
mod scrape;
