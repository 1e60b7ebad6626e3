//! From the bytes of an answer to the events of the port.
//!
//! ```text
//! bytes ─event_parser─▶ data ─event_reader─▶ Chunk ─relay─▶ text per sample ─prefill, stop─▶ SampleEvent
//! ```

mod event_parser;
mod event_reader;
mod prefill;
mod relay;
mod reporter;
mod sample;

pub(crate) use event_reader::EventReader;
pub(crate) use relay::relay;
pub(crate) use reporter::Reporter;
