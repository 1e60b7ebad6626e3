//! The upper bounds of the histograms. Durations double from ten milliseconds, as the semantic conventions of
//! OpenTelemetry for generative models have it.

use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

/// What a person waits for: 10 ms to 82 s.
pub(crate) fn answers() -> Histogram {
    Histogram::new(exponential_buckets(0.01, 2.0, 14))
}

/// What nobody waits for at the screen, on the same grid: 80 ms to 44 minutes.
pub(crate) fn jobs() -> Histogram {
    Histogram::new(exponential_buckets(0.08, 2.0, 16))
}

/// What Tenon itself adds to an answer: 50 µs to 100 ms.
pub(crate) fn overhead() -> Histogram {
    Histogram::new([
        0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1,
    ])
}

/// Shares of a whole. The first holds what was not edited at all.
pub(crate) fn ratios() -> Histogram {
    Histogram::new([0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
}
