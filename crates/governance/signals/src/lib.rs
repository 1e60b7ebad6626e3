//! What the service measures about itself: [`Metrics`] in Prometheus' text form, [`Quantiles`] of anything, and how far
//! an edited text is from the one that was proposed ([`edit_distance`]).
//!
//! Every label has a bounded number of values: words of an enum, or names from the configuration of which a hundred are
//! told apart. This room speaks no HTTP and reads no file; whoever has `/metrics` asks [`Metrics::encode`]. The alert
//! rules over these metrics are in `deploy/prometheus`.

mod buckets;
mod distance;
mod metrics;
mod names;
mod quantiles;
mod words;

pub use distance::edit_distance;
pub use metrics::{CONTENT_TYPE, InFlight, Metrics, RequestAnswered, Told, Upstream};
pub use quantiles::Quantiles;
pub use words::{
    BreakerState, CacheUse, Feedback, OpeningReason, ShedReason, SuggestionOutcome, TokenDirection, Tries,
};
