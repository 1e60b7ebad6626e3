//! Deliveries as receivers see them: a real database, a real server on a free port.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so and stop"
)]

#[path = "webhooks/guarding.rs"]
mod guarding;
#[path = "webhooks/retrying.rs"]
mod retrying;
#[path = "webhooks/scene.rs"]
mod scene;
#[path = "webhooks/sharing.rs"]
mod sharing;
#[path = "webhooks/signing.rs"]
mod signing;
#[path = "webhooks/sink.rs"]
mod sink;
#[path = "webhooks/targets.rs"]
mod targets;
