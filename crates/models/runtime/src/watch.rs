//! Whoever measures what models do: each attempt, and what routes decide between them.

mod span;

use std::any::Any;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tenon_domain::FailureCategory;
use tokio::time::Instant;
use tracing::{Instrument as _, Span};

pub use self::span::Served;
use crate::port::{GenerateRequest, Listener, Model, ModelDescriptor, ModelError, SampleEvent, SampleStream};

/// Hears what becomes of requests. Models and routes go by their configured names. It is told from within locks, and
/// must neither wait nor ask back.
pub trait Watch: Send + Sync {
    /// A model is asked. What comes back is held until it has answered.
    fn asked(&self, model: &str) -> Box<dyn Any + Send + Sync>;

    /// A model answered, or failed to.
    fn answered(&self, model: &str, answered: &Answered);

    /// The model `from` failed, and `to` is asked.
    fn fell_back(&self, from: &str, to: &str);

    /// A model that asked for a moment is asked again.
    fn retried(&self, model: &str);

    /// What a route thinks of a model changed, or is known for the first time.
    fn judged(&self, route: &str, model: &str, standing: Standing);
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// Why it failed, if it did.
    pub failure: Option<FailureCategory>,
    /// From the question to the end of the answer.
    pub took: Duration,
    /// Until the first text came, if any did.
    pub first_text: Option<Duration>,
    /// Tokens, as far as they were reported.
    pub tokens: Tokens,
}

/// Tokens of one answer; `None` where they were not reported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Of the prompt.
    pub prompt: Option<u32>,
    /// Of the prompt's, those that came from the prefix cache.
    pub cached: Option<u32>,
    /// Written, in all samples together.
    pub completion: Option<u32>,
}

/// Whether a route asks a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is asked.
    Asked,
    /// One request finds out whether it answers again.
    OnTrial,
    /// It failed too often, and is left alone.
    Failing,
    /// It asked for patience, and is left alone.
    Limited,
}

/// A model whose attempts are watched: each is told of, and is a span.
pub struct WatchedModel {
    model: Arc<dyn Model>,
    watch: Arc<dyn Watch>,
    served: Served,
}

impl WatchedModel {
    /// Tells `watch` of every request to `model`.
    pub fn new(model: Arc<dyn Model>, watch: Arc<dyn Watch>, served: Served) -> Self {
        Self { model, watch, served }
    }
}

#[async_trait]
impl Model for WatchedModel {
    fn descriptor(&self) -> &ModelDescriptor {
        self.model.descriptor()
    }

    async fn count_tokens(&self, texts: &[String]) -> Result<Vec<u32>, ModelError> {
        self.model.count_tokens(texts).await
    }

    async fn generate(&self, request: GenerateRequest) -> Result<SampleStream, ModelError> {
        let name = &self.descriptor().reference.name;
        let (span, samples) = (span::of_call(&self.served, &request), request.samples);
        let asking = self.model.generate(request).instrument(span.clone());
        let mut attempt = Attempt::begin(Arc::clone(&self.watch), name, samples, span);
        match asking.await {
            Ok(stream) => Ok(stream.heard_by(attempt)),
            Err(error) => {
                attempt.end(Some(error.category()));
                Err(error)
            }
        }
    }
}

/// One request, which is told of when it has ended or nobody waits for it any more.
struct Attempt {
    watch: Arc<dyn Watch>,
    model: String,
    span: Span,
    _held: Box<dyn Any + Send + Sync>,
    begun: Instant,
    first_text: Option<Duration>,
    unfinished: u32,
    tokens: Tokens,
    is_over: bool,
}

impl Attempt {
    fn begin(watch: Arc<dyn Watch>, model: &str, samples: u32, span: Span) -> Self {
        Self {
            _held: watch.asked(model),
            watch,
            model: model.to_owned(),
            span,
            begun: Instant::now(),
            first_text: None,
            unfinished: samples,
            tokens: Tokens::default(),
            is_over: false,
        }
    }

    fn end(&mut self, failure: Option<FailureCategory>) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let answered = Answered {
            failure,
            took: self.begun.elapsed(),
            first_text: self.first_text,
            tokens: self.tokens,
        };
        span::end_call(&self.span, &answered);
        self.watch.answered(&self.model, &answered);
    }
}

impl Listener for Attempt {
    fn hear(&mut self, event: Option<&Result<SampleEvent, ModelError>>) {
        match event {
            Some(Ok(SampleEvent::PromptRead {
                prompt_tokens,
                cached_tokens,
            })) => {
                self.tokens.prompt = prompt_tokens.or(self.tokens.prompt);
                self.tokens.cached = cached_tokens.or(self.tokens.cached);
            }
            Some(Ok(SampleEvent::Text { .. })) => {
                self.first_text.get_or_insert_with(|| self.begun.elapsed());
            }
            Some(Ok(SampleEvent::Finished { result, .. })) => {
                self.unfinished = self.unfinished.saturating_sub(1);
                if let Some(tokens) = result.completion_tokens {
                    let so_far = self.tokens.completion.unwrap_or(0);
                    self.tokens.completion = Some(so_far.saturating_add(tokens));
                }
            }
            Some(Err(ModelError::Broken { .. })) if self.first_text.is_some() => {
                self.end(Some(FailureCategory::StreamTruncated));
            }
            Some(Err(error)) => self.end(Some(error.category())),
            None if self.unfinished > 0 => self.end(Some(FailureCategory::StreamTruncated)),
            None => self.end(None),
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        // An answer of which every sample is there is whole, even where nobody read on to its end.
        let failure = match self.unfinished {
            0 => None,
            _ => Some(GIVING_UP.get().unwrap_or(FailureCategory::Cancelled)),
        };
        self.end(failure);
    }
}

thread_local! {
    /// Why what is being dropped on this thread is dropped.
    static GIVING_UP: Cell<Option<FailureCategory>> = const { Cell::new(None) };
}

/// Drops a request because it took too long for this: it has failed then, and was not merely cancelled.
pub(crate) fn give_up<T>(request: T, reason: FailureCategory) {
    GIVING_UP.set(Some(reason));
    drop(request);
    GIVING_UP.set(None);
}
