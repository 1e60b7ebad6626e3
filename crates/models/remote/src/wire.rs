//! What goes over the wire: the OpenAI shapes, as far as they are used, and llama-server's own answer to `/infill`.
//!
//! Unknown fields are ignored everywhere: upstreams add their own.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The body of `POST chat/completions`.
#[derive(Debug, Serialize)]
pub(crate) struct ChatRequest {
    pub(crate) model: String,
    pub(crate) messages: Vec<ChatMessage>,
    #[serde(flatten)]
    pub(crate) options: Map<String, Value>,
}

/// The body of `POST completions`.
#[derive(Debug, Serialize)]
pub(crate) struct CompletionRequest {
    pub(crate) model: String,
    pub(crate) prompt: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) suffix: Option<String>,
    #[serde(flatten)]
    pub(crate) options: Map<String, Value>,
}

/// The body of `POST /infill`.
#[derive(Debug, Serialize)]
pub(crate) struct InfillRequest {
    pub(crate) input_prefix: String,
    pub(crate) input_suffix: String,
    #[serde(flatten)]
    pub(crate) options: Map<String, Value>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ChatMessage {
    pub(crate) role: &'static str,
    pub(crate) content: String,
}

/// One event of a stream, or a whole answer.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Chunk {
    #[serde(default)]
    pub(crate) choices: Vec<Choice>,
    pub(crate) usage: Option<Usage>,
    pub(crate) error: Option<Value>,
    pub(crate) prompt_progress: Option<PromptProgress>,
    /// `/infill`: more text.
    pub(crate) content: Option<String>,
    /// `/infill`: whether this was the last event.
    pub(crate) stop: Option<bool>,
    /// `/infill`: why it ended.
    pub(crate) stop_type: Option<String>,
    /// `/infill`: tokens written.
    pub(crate) tokens_predicted: Option<u32>,
    /// `/infill`: tokens of the prompt.
    pub(crate) tokens_evaluated: Option<u32>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Choice {
    #[serde(default)]
    pub(crate) index: u32,
    /// A stream's new text.
    pub(crate) delta: Option<Delta>,
    /// The whole text, when the upstream does not stream.
    pub(crate) message: Option<Delta>,
    /// The text of the older completions.
    pub(crate) text: Option<String>,
    pub(crate) finish_reason: Option<String>,
    pub(crate) logprobs: Option<LogProbabilities>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Delta {
    pub(crate) content: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct LogProbabilities {
    /// The shape of chat.
    pub(crate) content: Option<Vec<TokenLogProbability>>,
    /// The shape of the older completions.
    pub(crate) token_logprobs: Option<Vec<Option<f32>>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct TokenLogProbability {
    pub(crate) logprob: f32,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Usage {
    pub(crate) prompt_tokens: Option<u32>,
    pub(crate) completion_tokens: Option<u32>,
    pub(crate) prompt_tokens_details: Option<PromptTokensDetails>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct PromptTokensDetails {
    pub(crate) cached_tokens: Option<u32>,
}

/// llama-server's word on how far the prompt is read.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct PromptProgress {
    pub(crate) total: u32,
    pub(crate) cache: u32,
}

/// The answer of both kinds of `/tokenize`.
#[derive(Debug, Deserialize)]
pub(crate) struct Tokenized {
    pub(crate) count: Option<u32>,
    pub(crate) tokens: Option<Vec<Value>>,
}
