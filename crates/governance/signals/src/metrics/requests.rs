use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tenon_domain::{Criticality, Task};

use super::{Counters, Histograms, Metrics, Number, histograms, registered};
use crate::buckets;
use crate::names::Names;
use crate::words::{self, CacheUse, ShedReason};

/// A request as its caller saw it: after every fallback, with the status that was sent.
#[derive(Debug, Clone, Copy)]
pub struct RequestAnswered {
    /// The route as it was declared, never the path that was asked for.
    pub route: &'static str,
    /// The kind of work, where there is one.
    pub task: Option<Task>,
    /// The class it was served in.
    pub criticality: Criticality,
    /// The HTTP status.
    pub status: u16,
    /// What the cache had to do with it.
    pub cache: CacheUse,
    /// From the first byte read to the last byte written.
    pub took: Duration,
    /// Of that, what was not spent waiting for a model or for the caller.
    pub overhead: Duration,
    /// Whether the answer was streamed.
    pub stream: bool,
}

/// What callers saw.
#[derive(Debug)]
pub(super) struct Requests {
    answered: Counters<AnsweredLabels>,
    seconds: Histograms<RouteLabels>,
    overhead: Histograms<OverheadLabels>,
    shed: Counters<ShedLabels>,
    budget: Family<ScopeLabels, Number>,
    scopes: Names,
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
        }
    }
}

impl Metrics {
    /// A request was answered, well or badly.
    pub fn request_answered(&self, request: &RequestAnswered) {
        let requests = &self.inner.requests;
        let route = request.route;
        let labels = AnsweredLabels {
            route,
            task: words::task(request.task),
            criticality: request.criticality.as_str(),
            status_class: words::status_class(request.status),
            cache: request.cache.as_str(),
        };
        requests.answered.get_or_create(&labels).inc();
        let seconds = requests.seconds.get_or_create(&RouteLabels { route });
        seconds.observe(request.took.as_secs_f64());
        let labels = OverheadLabels {
            route,
            stream: request.stream,
        };
        let overhead = requests.overhead.get_or_create(&labels);
        overhead.observe(request.overhead.as_secs_f64());
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
    route: &'static str,
    task: &'static str,
    criticality: &'static str,
    status_class: &'static str,
    cache: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OverheadLabels {
    route: &'static str,
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
