//! The protocols as clients see them: a real server on a free port, a scripted model behind it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so and stop"
)]

#[path = "server/batches.rs"]
mod batches;
#[path = "server/bounds.rs"]
mod bounds;
#[path = "server/chat.rs"]
mod chat;
#[path = "server/completing.rs"]
mod completing;
#[path = "server/control.rs"]
mod control;
#[path = "server/desk.rs"]
mod desk;
#[path = "server/governing.rs"]
mod governing;
#[path = "server/house.rs"]
mod house;
#[path = "server/measuring.rs"]
mod measuring;
#[path = "server/model_batches.rs"]
mod model_batches;
#[path = "server/provider.rs"]
mod provider;
#[path = "server/signing_in.rs"]
mod signing_in;
#[path = "server/spending.rs"]
mod spending;
#[path = "server/webhooks.rs"]
mod webhooks;
