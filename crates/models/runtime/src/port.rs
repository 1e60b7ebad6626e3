//! The [`Model`] port and its words.

use std::any::Any;
use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tenon_domain::{Digest, FailureCategory, ModelReference};
use tokio::sync::mpsc;

/// A model that can be asked. One value serves many requests at once.
#[async_trait]
pub trait Model: Send + Sync {
    /// What is known about the model.
    fn descriptor(&self) -> &ModelDescriptor;

    /// Token counts of `texts`, in order, without special tokens.
    ///
    /// An upstream that cannot count answers with a conservative estimate (bytes divided by three, rounded up).
    ///
    /// # Errors
    /// When the model cannot be reached.
    async fn count_tokens(&self, texts: &[String]) -> Result<Vec<u32>, ModelError>;

    /// Starts sampling. Events of the samples interleave; dropping the stream cancels the request.
    ///
    /// # Errors
    /// When the request is refused before a token was made. Later failures arrive in the stream.
    async fn generate(&self, request: GenerateRequest) -> Result<SampleStream, ModelError>;
}

/// Starts sampling with as many tokens as fit into the context, when more are wanted: only an embedded model says by how
/// much a request is too long.
///
/// # Errors
/// As [`Model::generate`].
pub async fn generate_fitting(
    model: &dyn Model,
    mut request: GenerateRequest,
) -> Result<SampleStream, ModelError> {
    match model.generate(request.clone()).await {
        Err(ModelError::TooLong {
            prompt_tokens,
            context_length,
            ..
        }) if prompt_tokens < context_length => {
            request.max_tokens = context_length - prompt_tokens;
            model.generate(request).await
        }
        answer => answer,
    }
}

/// What is known about a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelDescriptor {
    /// Its configured name and, for a local file, the digest.
    pub reference: ModelReference,
    /// Tokens of context, prompt and completion together.
    pub context_length: u32,
    /// Whether [`PromptInput::Fill`] works.
    pub fills_in_the_middle: bool,
    /// Whether [`Constraint`]s are honoured exactly.
    pub constrains: bool,
    /// Whether tokens are counted with the model's own vocabulary.
    pub counts_exactly: bool,
    /// Whether text leaves this machine.
    pub remote: bool,
}

/// One request: `samples` completions of one prompt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GenerateRequest {
    /// What is put before the model.
    pub prompt: PromptInput,
    /// How tokens are chosen. Sample `i` uses `sampling.seed + i`.
    pub sampling: Sampling,
    /// How many completions; they share one reading of the prompt. At least 1.
    pub samples: u32,
    /// The most tokens per completion.
    pub max_tokens: u32,
    /// A completion ends before the first of these that is complete (see [`StopFilter`](crate::StopFilter)); the string
    /// itself is not part of the text.
    pub stop: Vec<String>,
    /// What the text must match, if anything.
    pub constraint: Option<Constraint>,
    /// The [`Sample::tokens`] of an earlier answer to the same request, to be drawn again; `samples` is 1 then.
    ///
    /// Sums are rounded otherwise when other requests share the batch, so that a draw may fall to another token where
    /// two come out nearly even. There the earlier token is kept and counted in [`Sample::near_ties`]; at the first
    /// token that rounding does not explain the answer goes its own way. Upstreams pay no heed to it.
    pub expected: Option<Vec<u32>>,
    /// Whose cached prompts may be reused.
    pub cache_scope: CacheScope,
}

/// What is put before a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PromptInput {
    /// A conversation, rendered with the model's own chat template.
    Chat {
        /// The messages, oldest first.
        messages: Vec<Message>,
        /// How the answer begins: the assistant's turn is opened with this text, which is not repeated in the sample.
        prefill: String,
    },
    /// Fill in the middle, with the model's own markers.
    Fill {
        /// The text before the cursor.
        prefix: String,
        /// The text after it.
        suffix: String,
    },
    /// Text as it is; markers in it are read as special tokens.
    Raw {
        /// The text.
        text: String,
    },
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said. Markers in it are plain text, never special tokens.
    pub content: String,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The operator.
    System,
    /// The person, and everything read from the repository.
    User,
    /// The model.
    Assistant,
}

/// How tokens are chosen. Applied in this order: repetition penalty, temperature, top-k, top-p, min-p, draw.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// 0 takes the likeliest token and ignores the rest.
    pub temperature: f32,
    /// The smallest set of tokens whose mass reaches this; 1 keeps all.
    pub top_p: f32,
    /// The likeliest `top_k` tokens; 0 keeps all.
    pub top_k: u32,
    /// Tokens at least this likely relative to the likeliest; 0 keeps all.
    pub min_p: f32,
    /// Seeds the draw.
    pub seed: u64,
}

impl Sampling {
    /// The likeliest token at every step.
    pub const GREEDY: Self = Self {
        temperature: 0.0,
        top_p: 1.0,
        top_k: 0,
        min_p: 0.0,
        seed: 0,
    };
}

/// What a completion must match, from its first character to its last (the prefill not included).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Constraint {
    /// Exactly one of these texts.
    Choice {
        /// The texts.
        options: Vec<String>,
    },
    /// A regular expression, in Rust's `regex` syntax.
    Regex {
        /// The expression.
        pattern: String,
    },
    /// A JSON document that the schema admits.
    JsonSchema {
        /// The schema.
        schema: serde_json::Value,
    },
    /// A context-free grammar in Lark's syntax, as llguidance reads it.
    Lark {
        /// The grammar.
        grammar: String,
    },
}

/// Whose cached prompts a request may reuse: cached state is never visible across scopes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CacheScope(pub String);

impl CacheScope {
    /// The one scope of a command that runs for the person who typed it.
    pub fn local() -> Self {
        Self("local".to_owned())
    }
}

/// What a stream carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum SampleEvent {
    /// The prompt was read. Sent before the first token; an upstream that does not say sends `None`s, and sends the
    /// event again when it says at the end.
    PromptRead {
        /// Tokens of the prompt.
        prompt_tokens: Option<u32>,
        /// How many of them came from the prefix cache.
        cached_tokens: Option<u32>,
    },
    /// More text of one sample: always whole characters, never part of a stop string.
    Text {
        /// Which sample, from 0.
        sample: u32,
        /// The text to append.
        text: String,
    },
    /// One sample ended.
    Finished {
        /// Which sample, from 0.
        sample: u32,
        /// The whole of it.
        result: Sample,
    },
}

/// A finished completion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The text, without prefill and stop string.
    pub text: String,
    /// Tokens written; `None` when not reported.
    pub completion_tokens: Option<u32>,
    /// Mean natural log-probability of the chosen tokens under the unmodified distribution; `None` when not reported.
    pub mean_logprob: Option<f32>,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// The tokens by their numbers in the model's vocabulary, an end marker included; empty when not reported.
    pub tokens: Vec<u32>,
    /// How many of them were kept from [`GenerateRequest::expected`] because rounding alone spoke for another.
    pub near_ties: u32,
}

/// Why a completion ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model ended its turn, or a stop string was reached, or the constraint was complete.
    Stop,
    /// `max_tokens` or the context was used up.
    Length,
}

/// Tokens of a whole request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GenerateUsage {
    /// Tokens of the prompt; `None` when not reported.
    pub prompt_tokens: Option<u32>,
    /// How many of them came from the prefix cache.
    pub cached_tokens: Option<u32>,
}

/// A running request. Dropping it cancels the request.
pub struct SampleStream {
    events: mpsc::Receiver<Result<SampleEvent, ModelError>>,
    answering: Answering,
    /// What must stay as long as the answer comes.
    held: Option<Box<dyn Any + Send + Sync>>,
    listener: Option<Box<dyn Listener>>,
}

/// Hears a stream as it is read. It is dropped with the stream, whether or not that came to its end.
pub trait Listener: Send + Sync {
    /// The next event was read; `None` after the last one.
    fn hear(&mut self, event: Option<&Result<SampleEvent, ModelError>>);
}

/// Who answers, where that is not plain from who was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answering {
    /// The model that a route chose.
    pub model: Option<ModelReference>,
    /// How many were asked before it.
    pub fallbacks: u32,
    /// What a cache had to do with it.
    pub cache: CacheRole,
}

/// What a cache had to do with an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CacheRole {
    /// Nothing: there is none, or such answers are not kept.
    #[default]
    None,
    /// The answer was looked for and not there.
    Missed,
    /// It was given before and kept.
    Kept,
    /// It was being given to another who asked the same.
    Shared,
}

impl CacheRole {
    /// Whether no model was asked for this answer alone.
    pub fn saved_a_call(self) -> bool {
        matches!(self, Self::Kept | Self::Shared)
    }
}

impl fmt::Debug for SampleStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut written = formatter.debug_struct("SampleStream");
        written
            .field("answering", &self.answering)
            .finish_non_exhaustive()
    }
}

impl SampleStream {
    /// A stream over the receiving end of a bounded channel; the adapter treats a closed channel as a cancel.
    pub fn new(events: mpsc::Receiver<Result<SampleEvent, ModelError>>) -> Self {
        Self {
            events,
            answering: Answering::default(),
            held: None,
            listener: None,
        }
    }

    /// The same, keeping `held` until it ends.
    #[must_use]
    pub fn holding(mut self, held: impl Send + Sync + 'static) -> Self {
        self.held = Some(Box::new(held));
        self
    }

    /// The same, heard by `listener` alone.
    #[must_use]
    pub fn heard_by(mut self, listener: impl Listener + 'static) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// The same, with a word on who answers.
    #[must_use]
    pub fn answered_by(mut self, answering: Answering) -> Self {
        self.answering = answering;
        self
    }

    /// Who answers.
    pub fn answering(&self) -> &Answering {
        &self.answering
    }

    /// The next event; `None` after the last sample finished.
    pub async fn next(&mut self) -> Option<Result<SampleEvent, ModelError>> {
        let event = self.events.recv().await;
        if let Some(listener) = &mut self.listener {
            listener.hear(event.as_ref());
        }
        event
    }

    /// Waits for all `samples` and returns them in order.
    ///
    /// # Errors
    /// The first error of the stream, or [`ModelError::Broken`] when it ends before every sample did.
    pub async fn collect(mut self, samples: u32) -> Result<(Vec<Sample>, GenerateUsage), ModelError> {
        let mut finished: Vec<Option<Sample>> = vec![None; samples as usize];
        let mut usage = GenerateUsage::default();
        while let Some(event) = self.next().await {
            match event? {
                SampleEvent::PromptRead {
                    prompt_tokens,
                    cached_tokens,
                } => {
                    usage = GenerateUsage {
                        prompt_tokens,
                        cached_tokens,
                    };
                }
                SampleEvent::Text { .. } => {}
                SampleEvent::Finished { sample, result } => {
                    if let Some(slot) = finished.get_mut(sample as usize) {
                        *slot = Some(result);
                    }
                }
            }
        }
        let samples = finished.into_iter().collect::<Option<Vec<_>>>();
        let samples = samples.ok_or_else(|| ModelError::Broken {
            reason: "the stream ended early".to_owned(),
        })?;
        Ok((samples, usage))
    }
}

/// Why a model did not answer. `reason` texts are for people and name the mend where there is one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ModelError {
    /// The request cannot be served as it is: a bad constraint, FIM on a model that has none.
    #[error("the request does not fit the model: {reason}")]
    Refused {
        /// Why.
        reason: String,
    },
    /// The prompt leaves no room in the context.
    #[error(
        "the prompt has {prompt_tokens} tokens; with {max_tokens} to write, the context holds {context_length}"
    )]
    TooLong {
        /// Tokens of the prompt.
        prompt_tokens: u32,
        /// Tokens asked for.
        max_tokens: u32,
        /// Tokens of context.
        context_length: u32,
    },
    /// An upstream says that the prompt leaves no room in its context, in its own words.
    #[error("the prompt is too long for the model: {reason}")]
    Overlong {
        /// What it says.
        reason: String,
        /// Tokens of context, as configured.
        context_length: u32,
    },
    /// The model cannot be loaded or reached.
    #[error("model `{model}` is not available: {reason}")]
    Unavailable {
        /// Its name.
        model: String,
        /// Why.
        reason: String,
    },
    /// It failed while answering; a retry may help.
    #[error("the model failed while answering: {reason}")]
    Broken {
        /// Why.
        reason: String,
    },
    /// No answer in time.
    #[error("no answer within {seconds} s ({phase})")]
    Timeout {
        /// Which wait: `connect`, `first token`, `between tokens`.
        phase: String,
        /// How long was waited, in seconds.
        seconds: u64,
    },
    /// The upstream asks for patience.
    #[error("the upstream limits the rate; {}", when(*retry_after_seconds))]
    RateLimited {
        /// What it asked for, in seconds.
        retry_after_seconds: Option<u64>,
    },
    /// The upstream refuses the credentials.
    #[error("the upstream refused the credentials: {reason}")]
    Unauthorised {
        /// Why.
        reason: String,
    },
}

fn when(retry_after_seconds: Option<u64>) -> String {
    match retry_after_seconds {
        Some(seconds) => format!("try again in {seconds} s"),
        None => "it does not say for how long".to_owned(),
    }
}

impl ModelError {
    /// The category in metrics and traces.
    pub fn category(&self) -> FailureCategory {
        match self {
            Self::Refused { .. } => FailureCategory::BadRequest,
            Self::TooLong { .. } | Self::Overlong { .. } => FailureCategory::ContextWindow,
            Self::Unavailable { .. } => FailureCategory::Network,
            Self::Broken { .. } => FailureCategory::Upstream5xx,
            Self::Timeout { phase, .. } => match phase.as_str() {
                "connect" => FailureCategory::TimeoutConnect,
                "first token" => FailureCategory::TimeoutTtft,
                _ => FailureCategory::TimeoutTotal,
            },
            Self::RateLimited { .. } => FailureCategory::RateLimited,
            Self::Unauthorised { .. } => FailureCategory::Auth,
        }
    }

    /// Whether the same request may succeed when sent again, here or to another model.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Broken { .. } | Self::Timeout { .. } | Self::RateLimited { .. } | Self::Unavailable { .. }
        )
    }
}

impl ModelDescriptor {
    /// The digest of the model's file, if it has one.
    pub fn digest(&self) -> Option<Digest> {
        self.reference.digest
    }
}
