//! The protocols, one module each.

pub(crate) mod batches;
pub(crate) mod chat;
pub(crate) mod completions;
pub(crate) mod files;
pub(crate) mod infill;
pub(crate) mod messages;
pub(crate) mod ollama;
pub(crate) mod open_ai;
pub(crate) mod responses;
pub(crate) mod tabby;

use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

use crate::failure::{Category, Failure};
use crate::tally;

/// Whose words an answer uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    OpenAi,
    Anthropic,
    Tabby,
    LlamaCpp,
    Ollama,
}

impl Dialect {
    /// The dialect that a path belongs to.
    pub fn of_path(path: &str) -> Self {
        match path {
            "/v1/messages" => Self::Anthropic,
            "/v1/health" | "/v1/events" | "/v1beta/server_setting" | "/v1beta/models" => Self::Tabby,
            "/infill" | "/health" => Self::LlamaCpp,
            _ if path.starts_with("/api/") => Self::Ollama,
            _ => Self::OpenAi,
        }
    }

    /// The name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Tabby => "tabby",
            Self::LlamaCpp => "llama_cpp",
            Self::Ollama => "ollama",
        }
    }

    /// The answer, or the failure in this dialect.
    pub fn answer(self, answer: Result<impl IntoResponse, Failure>) -> Response {
        tally::current().speaks(self);
        match answer {
            Ok(answer) => answer.into_response(),
            Err(failure) => failure.response(self),
        }
    }
}

/// Reads a body. What is not known is left alone; what does not fit is named.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let message = match error.path().to_string().as_str() {
            "." => format!("the body is not what this route reads: {}", error.inner()),
            path => format!("`{path}` is not what this route reads: {}", error.inner()),
        };
        Failure::new(Category::BadRequest, message)
    })
}
