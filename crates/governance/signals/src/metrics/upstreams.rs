use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tenon_domain::{FailureCategory, Task};

use super::{Amount, Counters, Histograms, Metrics, histograms, registered};
use crate::buckets;
use crate::names::Names;
use crate::words::{self, BreakerState, OpeningReason, TokenDirection};

/// A model and who serves it, by their configured names: never as a caller typed them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Upstream<'a> {
    /// Who serves it, such as `openai` or `llama_cpp`.
    pub provider: &'a str,
    /// The model.
    pub model: &'a str,
}

/// A request that an upstream is answering, from [`Metrics::in_flight`]; dropped when it no longer is.
#[derive(Debug)]
#[must_use = "the request counts as long as this is held"]
pub struct InFlight {
    gauge: Amount,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.gauge.dec();
    }
}

/// What upstreams did, attempt by attempt.
#[derive(Debug)]
pub(super) struct Upstreams {
    seconds: Histograms<EndedLabels>,
    first_text: Histograms<EndedLabels>,
    tokens: Counters<TokenLabels>,
    cost: Family<TeamLabels, Counter<f64, AtomicU64>>,
    unpriced: Counters<TeamLabels>,
    attempts: Counters<AttemptLabels>,
    fallbacks: Counters<FallbackLabels>,
    retries: Counters<UpstreamLabels>,
    breakers: Family<UpstreamLabels, Amount>,
    openings: Counters<OpeningLabels>,
    in_flight: Family<UpstreamLabels, Amount>,
    truncated: Counters<ProviderLabels>,
    providers: Names,
    models: Names,
    teams: Names,
}

impl Upstreams {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let seconds = "tenon_upstream_request_seconds";
        let first_text = "tenon_time_to_first_token_seconds";
        Self {
            seconds: histograms(registry, seconds, "One attempt at one upstream", buckets::answers),
            first_text: histograms(
                registry,
                first_text,
                "Until the first text came",
                buckets::answers,
            ),
            tokens: registered(registry, "tenon_tokens", "Tokens read and written"),
            cost: registered(registry, "tenon_cost_usd", "What upstreams cost, in US dollars"),
            unpriced: registered(
                registry,
                "tenon_requests_unpriced",
                "Requests without a known price",
            ),
            attempts: registered(registry, "tenon_attempts", "Attempts, and how they failed"),
            fallbacks: registered(
                registry,
                "tenon_fallbacks",
                "Requests handed from one model to another",
            ),
            retries: registered(
                registry,
                "tenon_retries",
                "Requests sent again to a model that asked for a moment",
            ),
            breakers: registered(registry, "tenon_breaker_state", "0 closed, 1 half open, 2 open"),
            openings: registered(
                registry,
                "tenon_breaker_openings",
                "How often an upstream was left alone from then on",
            ),
            in_flight: registered(registry, "tenon_inflight_requests", "Requests being answered"),
            truncated: registered(registry, "tenon_stream_truncated", "Streams that broke off"),
            providers: Names::new(),
            models: Names::new(),
            teams: Names::new(),
        }
    }

    fn labels(&self, upstream: Upstream<'_>) -> UpstreamLabels {
        UpstreamLabels {
            provider: self.providers.bounded(upstream.provider),
            model: self.models.bounded(upstream.model),
        }
    }

    fn team(&self, upstream: Upstream<'_>, team: Option<&str>) -> TeamLabels {
        TeamLabels {
            upstream: self.labels(upstream),
            team: self.teams.bounded(team.unwrap_or("none")),
        }
    }
}

impl Metrics {
    /// An upstream answered, or failed to; `first_text` where any came.
    pub fn upstream_answered(
        &self,
        upstream: Upstream<'_>,
        failure: Option<FailureCategory>,
        took: Duration,
        first_text: Option<Duration>,
    ) {
        let upstreams = &self.inner.upstreams;
        let labels = EndedLabels {
            upstream: upstreams.labels(upstream),
            outcome: words::ending(failure),
        };
        let seconds = upstreams.seconds.get_or_create(&labels);
        seconds.observe(took.as_secs_f64());
        if let Some(first_text) = first_text {
            let seconds = upstreams.first_text.get_or_create(&labels);
            seconds.observe(first_text.as_secs_f64());
        }
    }

    /// Tokens went one way. What an upstream did not report is not counted.
    pub fn tokens(&self, upstream: Upstream<'_>, direction: TokenDirection, task: Option<Task>, count: u64) {
        let upstreams = &self.inner.upstreams;
        let labels = TokenLabels {
            upstream: upstreams.labels(upstream),
            direction: direction.as_str(),
            task: words::task(task),
        };
        upstreams.tokens.get_or_create(&labels).inc_by(count);
    }

    /// An upstream was tried, and failed in this way or did not.
    pub fn attempt(&self, upstream: Upstream<'_>, failure: Option<FailureCategory>) {
        let upstreams = &self.inner.upstreams;
        let labels = AttemptLabels {
            upstream: upstreams.labels(upstream),
            failure_category: failure.map_or("none", FailureCategory::as_str),
        };
        upstreams.attempts.get_or_create(&labels).inc();
    }

    /// The model `from` failed, and `to` was asked.
    pub fn fallback(&self, from: &str, to: &str) {
        let upstreams = &self.inner.upstreams;
        let labels = FallbackLabels {
            from: upstreams.models.bounded(from),
            to: upstreams.models.bounded(to),
        };
        upstreams.fallbacks.get_or_create(&labels).inc();
    }

    /// An upstream that had asked for a moment is asked the same again.
    pub fn retry(&self, upstream: Upstream<'_>) {
        let upstreams = &self.inner.upstreams;
        upstreams.retries.get_or_create(&upstreams.labels(upstream)).inc();
    }

    /// From now on an upstream is left alone.
    pub fn breaker_opened(&self, upstream: Upstream<'_>, reason: OpeningReason) {
        let upstreams = &self.inner.upstreams;
        let labels = OpeningLabels {
            upstream: upstreams.labels(upstream),
            reason: reason.as_str(),
        };
        upstreams.openings.get_or_create(&labels).inc();
    }

    /// An upstream is asked again, or no longer.
    pub fn breaker(&self, upstream: Upstream<'_>, state: BreakerState) {
        let upstreams = &self.inner.upstreams;
        let gauge = upstreams.breakers.get_or_create(&upstreams.labels(upstream));
        gauge.set(state.value());
    }

    /// A request is being answered for as long as the result is held.
    pub fn in_flight(&self, upstream: Upstream<'_>) -> InFlight {
        let upstreams = &self.inner.upstreams;
        let gauge = upstreams
            .in_flight
            .get_or_create_owned(&upstreams.labels(upstream));
        gauge.inc();
        InFlight { gauge }
    }

    /// A stream of this provider broke off before its end.
    pub fn stream_truncated(&self, provider: &str) {
        let upstreams = &self.inner.upstreams;
        let provider = upstreams.providers.bounded(provider);
        upstreams
            .truncated
            .get_or_create(&ProviderLabels { provider })
            .inc();
    }

    /// What a request cost, in US dollars. Less than nothing is not counted, since a counter only grows.
    pub fn cost(&self, upstream: Upstream<'_>, team: Option<&str>, dollars: f64) {
        let upstreams = &self.inner.upstreams;
        if dollars.is_finite() && dollars >= 0.0 {
            let cost = upstreams.cost.get_or_create(&upstreams.team(upstream, team));
            cost.inc_by(dollars);
        }
    }

    /// What a request cost is not known.
    pub fn unpriced(&self, upstream: Upstream<'_>, team: Option<&str>) {
        let upstreams = &self.inner.upstreams;
        upstreams
            .unpriced
            .get_or_create(&upstreams.team(upstream, team))
            .inc();
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProviderLabels {
    provider: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UpstreamLabels {
    provider: Arc<str>,
    model: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OpeningLabels {
    #[prometheus(flatten)]
    upstream: UpstreamLabels,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndedLabels {
    #[prometheus(flatten)]
    upstream: UpstreamLabels,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    #[prometheus(flatten)]
    upstream: UpstreamLabels,
    direction: &'static str,
    task: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TeamLabels {
    #[prometheus(flatten)]
    upstream: UpstreamLabels,
    team: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    #[prometheus(flatten)]
    upstream: UpstreamLabels,
    failure_category: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FallbackLabels {
    from: Arc<str>,
    to: Arc<str>,
}
