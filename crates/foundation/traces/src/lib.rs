//! Where a trace goes on: in from a caller, out to an upstream, along with a job.
//!
//! Rooms say what they do in spans of `tracing`, and know nothing of who collects them. Only the hand-over of a trace
//! needs more than that: whoever collects installs a [`Carrier`], and without one nothing is taken in and nothing handed
//! on.

mod traceparent;

use std::sync::OnceLock;

use tracing::Span;

pub use traceparent::{NoTraceparent, Traceparent};

/// The name of the header, in and out.
pub const HEADER: &str = "traceparent";

/// How whoever collects spans hands traces over.
#[derive(Debug, Clone, Copy)]
pub struct Carrier {
    /// Where the current span stands, if it is part of a trace.
    pub current: fn() -> Option<Traceparent>,
    /// Makes a span that was not entered yet the child of another process's.
    pub adopt: fn(&Span, Traceparent),
    /// Points from a span to another.
    pub link: fn(&Span, Traceparent),
}

static CARRIER: OnceLock<Carrier> = OnceLock::new();

/// Hands traces over from now on; the first carrier of a process stays.
pub fn install(carrier: Carrier) {
    let _ = CARRIER.set(carrier);
}

/// Where the current span stands; nothing while nobody collects.
pub fn current() -> Option<Traceparent> {
    CARRIER.get().and_then(|carrier| (carrier.current)())
}

/// Makes a span the child of the one that a caller sent. What cannot be understood is left alone, as W3C has it.
pub fn adopt(span: &Span, sent: Option<&str>) {
    let parent = sent.and_then(|sent| sent.parse().ok());
    if let (Some(carrier), Some(parent)) = (CARRIER.get(), parent) {
        (carrier.adopt)(span, parent);
    }
}

/// Points from a span to the one that its work goes back to.
pub fn link(span: &Span, origin: Option<Traceparent>) {
    if let (Some(carrier), Some(origin)) = (CARRIER.get(), origin) {
        (carrier.link)(span, origin);
    }
}
