use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tenon_domain::{Criticality, FailureCategory, Task};

use super::{Counters, Histograms, Metrics, Number, histograms, registered};
use crate::buckets;
use crate::names::Names;
use crate::words::{self, CacheUse, ShedReason, TokenDirection};

/// A request as its caller saw it: after every fallback, with the status that was sent.
#[derive(Debug, Clone, Copy)]
pub struct RequestAnswered<'a> {
    /// The route as it was declared, never the path that was asked for.
    pub route: &'a str,
    /// The model that was asked, by its configured name.
    pub model: Option<&'a str>,
    /// The kind of work, where there is one.
    pub task: Option<Task>,
    /// The class it was served in.
    pub criticality: Criticality,
    /// The HTTP status.
    pub status: u16,
    /// How it failed; a stream may fail after its status was sent.
    pub failure: Option<FailureCategory>,
    /// What the cache had to do with it.
    pub cache: CacheUse,
    /// From the first byte read to the last byte written.
    pub took: Duration,
    /// Until the first text came, in a stream.
    pub first_text: Option<Duration>,
    /// Of that, what was not spent waiting for a model or for the caller.
    pub overhead: Duration,
    /// Whether the answer was streamed.
    pub stream: bool,
}

/// Who was told something, in which protocol.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// The model that was asked, by its configured name.
    pub model: &'a str,
    /// The protocol that the caller spoke.
    pub dialect: &'static str,
}

/// What callers saw.
#[derive(Debug)]
pub(super) struct Requests {
    answered: Counters<AnsweredLabels>,
    seconds: Histograms<EndedLabels>,
    first_text: Histograms<PlaceLabels>,
    tokens: Counters<TokenLabels>,
    overhead: Histograms<OverheadLabels>,
    shed: Counters<ShedLabels>,
    budget: Family<ScopeLabels, Number>,
    scopes: Names,
    routes: Names,
    models: Names,
}

impl Requests {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        Self {
            answered: registered(registry, "tenon_requests", "Requests by what their callers saw"),
            seconds: histograms(
                registry,
                "tenon_request_seconds",
                "From the first byte read to the last byte written",
                buckets::answers,
            ),
            first_text: histograms(
                registry,
                "tenon_request_first_token_seconds",
                "Until callers saw the first text of a stream",
                buckets::answers,
            ),
            tokens: registered(
                registry,
                "tenon_request_tokens",
                "Tokens of what callers asked and were told",
            ),
            overhead: histograms(
                registry,
                "tenon_overhead_seconds",
                "What Tenon itself adds to an answer",
                buckets::overhead,
            ),
            shed: registered(
                registry,
                "tenon_requests_shed",
                "Requests that were turned away unread",
            ),
            budget: registered(
                registry,
                "tenon_budget_remaining_ratio",
                "The share of a budget that is left",
            ),
            scopes: Names::new(),
            routes: Names::new(),
            models: Names::new(),
        }
    }
}

impl Metrics {
    /// A request was answered, well or badly.
    pub fn request_answered(&self, request: &RequestAnswered<'_>) {
        let requests = &self.inner.requests;
        let route = requests.routes.bounded(request.route);
        let model = requests.models.bounded(request.model.unwrap_or("none"));
        let labels = AnsweredLabels {
            route: Arc::clone(&route),
            task: words::task(request.task),
            criticality: request.criticality.as_str(),
            status_class: words::status_class(request.status),
            cache: request.cache.as_str(),
        };
        requests.answered.get_or_create(&labels).inc();
        let place = PlaceLabels {
            route: Arc::clone(&route),
            model,
        };
        if let Some(first_text) = request.first_text {
            let seconds = requests.first_text.get_or_create(&place);
            seconds.observe(first_text.as_secs_f64());
        }
        let labels = EndedLabels {
            place,
            outcome: words::ending(request.failure),
        };
        let seconds = requests.seconds.get_or_create(&labels);
        seconds.observe(request.took.as_secs_f64());
        let labels = OverheadLabels {
            route,
            stream: request.stream,
        };
        let overhead = requests.overhead.get_or_create(&labels);
        overhead.observe(request.overhead.as_secs_f64());
    }

    /// Tokens that a caller asked with or was told, from a cache or not. What was not reported is not counted.
    pub fn request_tokens(&self, told: Told<'_>, direction: TokenDirection, count: u64) {
        let requests = &self.inner.requests;
        let labels = TokenLabels {
            model: requests.models.bounded(told.model),
            dialect: told.dialect,
            direction: direction.as_str(),
        };
        requests.tokens.get_or_create(&labels).inc_by(count);
    }

    /// A request was turned away. It is answered, too, and counted as such apart.
    pub fn request_shed(&self, criticality: Criticality, reason: ShedReason) {
        let labels = ShedLabels {
            criticality: criticality.as_str(),
            reason: reason.as_str(),
        };
        self.inner.requests.shed.get_or_create(&labels).inc();
    }

    /// What is left of a budget, 0 to 1. The scope is `service` or the name of a team.
    pub fn budget_remaining(&self, scope: &str, ratio: f64) {
        let requests = &self.inner.requests;
        let scope = requests.scopes.bounded(scope);
        // What cannot be computed is treated as spent, so that somebody looks.
        let ratio = if ratio.is_nan() {
            0.0
        } else {
            ratio.clamp(0.0, 1.0)
        };
        requests.budget.get_or_create(&ScopeLabels { scope }).set(ratio);
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AnsweredLabels {
    route: Arc<str>,
    task: &'static str,
    criticality: &'static str,
    status_class: &'static str,
    cache: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PlaceLabels {
    route: Arc<str>,
    model: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndedLabels {
    #[prometheus(flatten)]
    place: PlaceLabels,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenLabels {
    model: Arc<str>,
    dialect: &'static str,
    direction: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OverheadLabels {
    route: Arc<str>,
    stream: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ShedLabels {
    criticality: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ScopeLabels {
    scope: Arc<str>,
}
