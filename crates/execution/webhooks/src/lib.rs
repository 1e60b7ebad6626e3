//! Webhooks: brings events to the addresses that want them, signed as Standard Webhooks 1.0.0 has it.
//!
//! ```text
//! database ── claim ─▶ Deliverer ─▶ Guard: is it public? ─▶ POST to the address that was checked ── settle ─▶ database
//! ```
//!
//! An event is sent at least once, always under the same id: a process may be killed between the answer and its record.
//! Whoever adds a webhook chooses an address that this machine then asks, so every address is taken for hostile: it is
//! resolved first, checked, and connected to as it was checked. Others who ask hosts that somebody else chose use the
//! same [`Guard`].

mod address;
mod base64;
mod deliverer;
mod error;
mod guard;
mod message;
mod network;
mod resolver;
mod schedule;
mod secret;
mod sender;

pub use deliverer::{Clock, Deliverer, DelivererSettings};
pub use error::WebhookError;
pub use guard::{Allowed, Destination, Guard};
pub use network::Network;
pub use resolver::{Resolver, SystemResolver};
pub use secret::generate_secret;
