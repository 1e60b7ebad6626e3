use std::sync::Arc;

use tenon_runtime::{FinishReason, ModelError};
use tokio::sync::Notify;

/// What a [`ScriptedModel`](crate::ScriptedModel) does with one request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Sample `i` gets entry `i`; when more samples are asked for, the last entry is repeated.
    Samples(Vec<ScriptedSample>),
    /// The request fails before a token was made.
    Refuse(ModelError),
    /// Every sample streams `text`, then the stream fails.
    BreakAfter {
        /// What is still written.
        text: String,
        /// How it fails.
        error: ModelError,
    },
    /// Reads the prompt and then says nothing until the request is cancelled.
    Hang,
    /// The sample streams `text`, goes on with `rest` once it is released, and counts as cancelled when it is dropped
    /// before.
    Paused {
        /// What is written at once.
        text: String,
        /// Lets it go on.
        release: Arc<Notify>,
        /// What is written then.
        rest: String,
    },
}

/// One scripted completion.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptedSample {
    /// What the model writes; it is cut before the first stop string of the request.
    pub text: String,
    /// Why it ends.
    pub finish_reason: FinishReason,
    /// What the model claims about its own certainty.
    pub mean_logprob: Option<f32>,
}

impl Answer {
    /// The same text for every sample.
    pub fn text(text: impl Into<String>) -> Self {
        Self::texts([text])
    }

    /// One text per sample, in order.
    ///
    /// # Panics
    /// When there is none.
    pub fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        let samples: Vec<_> = texts.into_iter().map(ScriptedSample::stopping).collect();
        assert!(!samples.is_empty(), "an answer needs at least one text");
        Self::Samples(samples)
    }

    /// Text that ran out of tokens before the model was done.
    pub fn cut_short(text: impl Into<String>) -> Self {
        Self::Samples(vec![ScriptedSample {
            finish_reason: FinishReason::Length,
            ..ScriptedSample::stopping(text)
        }])
    }
}

impl ScriptedSample {
    /// A completion that ended by itself.
    pub fn stopping(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            finish_reason: FinishReason::Stop,
            mean_logprob: None,
        }
    }
}

impl From<&str> for Answer {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Answer {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<ModelError> for Answer {
    fn from(error: ModelError) -> Self {
        Self::Refuse(error)
    }
}
