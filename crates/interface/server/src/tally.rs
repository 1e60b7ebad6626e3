//! What one request came to. It is counted once, when the last who works on it lets go: the handler, or the task that
//! writes the stream.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tenon_domain::{Criticality, FailureCategory};
use tenon_engine::{AnsweredBy, Completion, Silence};
use tenon_runtime::{Answering, CacheRole, GenerateUsage, SampleEvent};
use tenon_signals::{
    CacheUse, Metrics, RequestAnswered, ShedReason, SuggestionOutcome, TokenDirection, Told,
};
use tracing::Span;
use uuid::Uuid;

use crate::dialect::Dialect;
use crate::failure::Failure;
use crate::generation::Usage;
use crate::service::Service;
use crate::spans;

/// Who watches over the process asks all the time; that is no work.
pub(crate) const UNCOUNTED: [&str; 3] = ["/health/live", "/health/ready", "/metrics"];
pub(crate) const UNKNOWN: &str = "unknown";
/// Nobody was there to hear it.
const CLIENT_WENT: u16 = 499;

tokio::task_local! {
    static CURRENT: Arc<Tally>;
}

/// The tally of one request.
#[derive(Debug)]
pub(crate) struct Tally {
    /// So that a person can ask about the request.
    id: Uuid,
    metrics: Option<Metrics>,
    route: String,
    criticality: Criticality,
    begun: Instant,
    /// The request's; it ends when this does.
    span: Span,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    dialect: Option<Dialect>,
    model: Option<String>,
    /// The model that answered, where a route chose it.
    chosen: Option<String>,
    status: Option<u16>,
    failure: Option<FailureCategory>,
    cache: CacheRole,
    usage: Usage,
    /// Spent waiting for a model or for the caller, before the answer began.
    waited: Duration,
    /// Until the answer began.
    opened: Option<Duration>,
    first_text: Option<Duration>,
    /// Whether a stream is being written that has not come to its end.
    is_streaming: bool,
    was_stream: bool,
}

/// Keeps the tally of every request, and names the answer.
pub(crate) async fn kept(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or(UNKNOWN, MatchedPath::as_str);
    let is_counted = !UNCOUNTED.contains(&route);
    let metrics = service.control().filter(|_| is_counted);
    let metrics = metrics.map(|control| control.metrics().clone());
    let tally = Arc::new(Tally::new(metrics, route, Criticality::Standard));
    let mut response = CURRENT.scope(Arc::clone(&tally), next.run(request)).await;
    if let Ok(id) = tally.id.to_string().parse() {
        response.headers_mut().insert("x-tenon-request-id", id);
    }
    let mut entries = tally.entries();
    entries.status = Some(response.status().as_u16());
    entries.opened = Some(tally.begun.elapsed());
    drop(entries);
    response
}

/// Where lines of batches are counted: how long they take says nothing of those for whom somebody waits.
const LINES: &str = "/v1/batches";

/// Keeps the tally of a line of a batch.
pub(crate) async fn kept_of_line(
    service: &Service,
    answering: impl Future<Output = Result<Response, Failure>>,
) -> Result<Response, Failure> {
    let metrics = service.control().map(|control| control.metrics().clone());
    let tally = Arc::new(Tally::new(metrics, LINES, Criticality::Sheddable));
    let answered = CURRENT.scope(Arc::clone(&tally), answering).await;
    let mut entries = tally.entries();
    let status = answered.as_ref().map(Response::status);
    let status = status.unwrap_or_else(|failure| failure.category.status());
    entries.status = Some(status.as_u16());
    entries.opened = Some(tally.begun.elapsed());
    if let Err(failure) = &answered {
        entries.failure.get_or_insert(failure.category.of_failures());
    }
    drop(entries);
    answered
}

/// The tally of the request that is being worked on.
pub(crate) fn current() -> Arc<Tally> {
    // Outside of a request nothing is counted.
    CURRENT
        .try_with(Arc::clone)
        .unwrap_or_else(|_| Arc::new(Tally::new(None, UNKNOWN, Criticality::Standard)))
}

/// The name of the request that is being worked on, if one is.
pub(crate) fn current_id() -> Option<Uuid> {
    CURRENT.try_with(|tally| tally.id).ok()
}

impl Tally {
    fn new(metrics: Option<Metrics>, route: &str, criticality: Criticality) -> Self {
        Self {
            id: Uuid::now_v7(),
            metrics,
            route: route.to_owned(),
            criticality,
            begun: Instant::now(),
            span: Span::current(),
            entries: Mutex::default(),
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The route that was asked.
    pub fn route(&self) -> &str {
        &self.route
    }

    /// The protocol that is spoken.
    pub fn speaks(&self, dialect: Dialect) {
        self.entries().dialect = Some(dialect);
    }

    /// The model that is asked.
    pub fn asks(&self, model: &str) {
        self.entries().model = Some(model.to_owned());
    }

    /// It failed in this way; what was said first counts.
    pub fn failed(&self, failure: FailureCategory) {
        self.entries().failure.get_or_insert(failure);
    }

    /// Waits for somebody else.
    pub async fn waiting<T>(&self, work: impl Future<Output = T>) -> T {
        let begun = Instant::now();
        let done = work.await;
        self.entries().waited += begun.elapsed();
        done
    }

    /// What came back whole.
    pub fn answered(&self, answering: &Answering, usage: Usage) {
        let mut entries = self.entries();
        entries.cache = answering.cache;
        entries.chosen = answering.model.as_ref().map(|model| model.name.clone());
        entries.usage = usage;
    }

    /// A stream began.
    pub fn streams(&self, answering: &Answering) {
        let mut entries = self.entries();
        entries.cache = answering.cache;
        entries.chosen = answering.model.as_ref().map(|model| model.name.clone());
        (entries.is_streaming, entries.was_stream) = (true, true);
    }

    /// What a stream says.
    pub fn hear(&self, event: &SampleEvent) {
        let mut entries = self.entries();
        entries.usage.hear(event);
        if matches!(event, SampleEvent::Text { .. }) {
            entries.first_text.get_or_insert_with(|| self.begun.elapsed());
        }
    }

    /// The stream came to its end.
    pub fn ended(&self) {
        self.entries().is_streaming = false;
    }

    /// What was suggested at a cursor.
    pub fn completed(&self, completion: &Completion) {
        let trace = &completion.trace;
        let mut entries = self.entries();
        entries.cache = match trace.answered_by {
            AnsweredBy::Nobody => CacheRole::None,
            AnsweredBy::Model => CacheRole::Missed,
            AnsweredBy::Memory => CacheRole::Kept,
            AnsweredBy::Underway => CacheRole::Shared,
        };
        entries.usage.read(GenerateUsage {
            prompt_tokens: trace.prompt_tokens,
            cached_tokens: trace.cached_tokens,
        });
        entries.usage.wrote(trace.completion_tokens);
        // An editor shows nothing then, and is not told of a failure.
        entries.failure = match completion.silence {
            Some(Silence::NoModel { .. }) => Some(FailureCategory::Network),
            Some(Silence::Deadline) => Some(FailureCategory::TimeoutTotal),
            _ => entries.failure,
        };
        drop(entries);
        if let Some(metrics) = &self.metrics {
            metrics.completed(completion.silence.as_ref().map(Silence::as_str));
        }
    }

    /// An editor says what became of a suggestion.
    pub fn suggestion(&self, outcome: SuggestionOutcome) {
        if let Some(metrics) = &self.metrics {
            metrics.suggestion(outcome);
        }
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        let entries = std::mem::take(&mut *self.entries());
        let was_left = entries.status.is_none() || entries.is_streaming;
        let failure = match was_left {
            true => entries.failure.or(Some(FailureCategory::Cancelled)),
            false => entries.failure,
        };
        entries.tell(&self.span, failure);
        if let Some(metrics) = &self.metrics {
            self.count(metrics, &entries, failure);
        }
    }
}

impl Tally {
    fn count(&self, metrics: &Metrics, entries: &Entries, failure: Option<FailureCategory>) {
        let took = self.begun.elapsed();
        let model = entries.model.as_deref();
        metrics.request_answered(&RequestAnswered {
            route: &self.route,
            model,
            task: None,
            criticality: self.criticality,
            status: entries.status.unwrap_or(CLIENT_WENT),
            failure,
            cache: entries.cache_use(),
            took,
            first_text: entries.first_text,
            overhead: entries.opened.unwrap_or(took).saturating_sub(entries.waited),
            stream: entries.was_stream,
        });
        if failure == Some(FailureCategory::Shed) {
            metrics.request_shed(self.criticality, ShedReason::Saturated);
        }
        let Some(model) = model else { return };
        let dialect = entries.dialect.unwrap_or(Dialect::OpenAi).as_str();
        let told = Told { model, dialect };
        for (direction, tokens) in entries.usage.reported() {
            metrics.request_tokens(told, direction, u64::from(tokens));
        }
    }
}

impl Entries {
    fn cache_use(&self) -> CacheUse {
        match self.cache {
            CacheRole::None => CacheUse::Bypass,
            CacheRole::Missed => CacheUse::Miss,
            CacheRole::Kept => CacheUse::Hit,
            CacheRole::Shared => CacheUse::Shared,
        }
    }

    /// What it came to, in the request's span.
    fn tell(&self, span: &Span, failure: Option<FailureCategory>) {
        let Some(model) = &self.model else { return };
        span.record("tenon.gateway.request.model", model.as_str());
        span.record("tenon.gateway.streamed", self.was_stream);
        span.record("tenon.gateway.cache", self.cache_use().as_str());
        if let Some(chosen) = &self.chosen {
            span.record("tenon.gateway.response.model", chosen.as_str());
        }
        if failure == Some(FailureCategory::Cancelled) {
            span.record("tenon.gateway.cancelled", true);
        }
        // What the caller did wrong is no failure of the server's.
        let is_ours = self.was_stream || self.status.is_none_or(|status| status >= 500);
        if let Some(failure) = failure.filter(|failure| is_ours && *failure != FailureCategory::Cancelled) {
            spans::tell_failure(span, failure.as_str());
        }
    }
}

impl Usage {
    fn reported(&self) -> impl Iterator<Item = (TokenDirection, u32)> {
        let known = [
            (TokenDirection::Input, self.prompt_tokens),
            (TokenDirection::CacheRead, self.cached_tokens),
            (TokenDirection::Output, self.completion_tokens),
        ];
        known
            .into_iter()
            .filter_map(|(direction, tokens)| Some((direction, tokens?)))
    }
}
