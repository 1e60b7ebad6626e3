//! What went wrong with an upstream, as the port's typed errors.

use std::error::Error;

use reqwest::header::RETRY_AFTER;
use reqwest::{Response, StatusCode};
use serde_json::Value;
use tenon_runtime::ModelError;

use crate::configuration::RemoteConfiguration;

/// More of an error page says no more.
const MAX_BODY: usize = 8 * 1024;
const MAX_REASON: usize = 300;

/// A request that got no answer.
pub(crate) fn of_transport(error: &reqwest::Error, configuration: &RemoteConfiguration) -> ModelError {
    let cause = innermost(error);
    if error.is_connect() && error.is_timeout() {
        return timeout("connect", configuration.timeouts.connect.as_secs());
    }
    if error.is_connect() {
        let reason = format!(
            "`{}` does not connect: {cause}; is the server running?",
            configuration.base_url
        );
        return unavailable(configuration, reason);
    }
    broken(configuration, &format!("the connection was lost: {cause}"))
}

/// An answer that is not a success.
pub(crate) async fn of_response(response: Response, configuration: &RemoteConfiguration) -> ModelError {
    let status = response.status();
    let retry_after = retry_after_seconds(&response);
    let body = bounded_body(response).await;
    let (error, said) = said(&body, configuration);
    let answer = if said.is_empty() {
        status.to_string()
    } else {
        format!("{status}: {said}")
    };
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ModelError::Unauthorised {
            reason: format!("{answer}; check the api key of model `{}`", configuration.name),
        },
        StatusCode::TOO_MANY_REQUESTS => ModelError::RateLimited {
            retry_after_seconds: retry_after,
        },
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => unavailable(
            configuration,
            format!(
                "{answer}; check its base_url `{}` and whether the upstream has `{}`",
                configuration.base_url, configuration.model
            ),
        ),
        // Loading, or overloaded.
        StatusCode::SERVICE_UNAVAILABLE => unavailable(configuration, answer),
        status if status.is_redirection() => unavailable(
            configuration,
            format!("it redirects ({status}); set its base_url to where it is"),
        ),
        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
            ModelError::Broken { reason: answer }
        }
        _ => refused(&error, answer, configuration),
    }
}

/// An error that arrived as an event.
pub(crate) fn of_event(error: &Value, configuration: &RemoteConfiguration) -> ModelError {
    let said = configuration_redacted(&message_of(error), configuration);
    let code = error.get("code").map(ToString::to_string).unwrap_or_default();
    let code = code.trim_matches('"');
    match code {
        "429" | "rate_limit_exceeded" => ModelError::RateLimited {
            retry_after_seconds: None,
        },
        "400" | "context_length_exceeded" | "invalid_request_error" => refused(error, said, configuration),
        "401" | "403" | "invalid_api_key" => ModelError::Unauthorised { reason: said },
        _ => ModelError::Broken { reason: said },
    }
}

/// What upstreams call a prompt that leaves no room: OpenAI, llama.cpp.
const OVERLONG: [&str; 2] = ["context_length_exceeded", "exceed_context_size_error"];
/// How others say it, who have no word for it: vLLM, Mistral, Anthropic, llama.cpp of old.
const OVERLONG_PHRASES: [&str; 6] = [
    "context length",
    "context size",
    "context window",
    "context limit",
    "prompt is too long",
    "input is too long",
];

/// A request that is wrong, or too long for this upstream alone.
fn refused(error: &Value, reason: String, configuration: &RemoteConfiguration) -> ModelError {
    let is_named = ["code", "type"].iter().any(|key| {
        let word = error.get(key).and_then(Value::as_str);
        word.is_some_and(|word| OVERLONG.contains(&word))
    });
    let plain = reason.to_lowercase();
    match is_named || OVERLONG_PHRASES.iter().any(|phrase| plain.contains(phrase)) {
        true => ModelError::Overlong {
            reason,
            context_length: configuration.context_length,
        },
        false => ModelError::Refused { reason },
    }
}

pub(crate) fn broken(configuration: &RemoteConfiguration, reason: &str) -> ModelError {
    ModelError::Broken {
        reason: configuration_redacted(
            &format!("upstream `{}`: {reason}", configuration.name),
            configuration,
        ),
    }
}

pub(crate) fn unavailable(configuration: &RemoteConfiguration, reason: String) -> ModelError {
    ModelError::Unavailable {
        model: configuration.name.clone(),
        reason,
    }
}

pub(crate) fn timeout(phase: &str, seconds: u64) -> ModelError {
    ModelError::Timeout {
        phase: phase.to_owned(),
        seconds,
    }
}

/// At most [`MAX_BODY`] bytes of the body, or as much as arrives.
async fn bounded_body(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() >= MAX_BODY {
            body.truncate(MAX_BODY);
            break;
        }
    }
    body
}

/// The error in the body, and what it says in words, on one line, without the key.
fn said(body: &[u8], configuration: &RemoteConfiguration) -> (Value, String) {
    let text = String::from_utf8_lossy(body);
    let error = serde_json::from_str::<Value>(&text).map(|mut value| {
        let inner = value.get_mut("error").map(Value::take);
        inner.unwrap_or(value)
    });
    let error = error.unwrap_or_else(|_| Value::String(text.into_owned()));
    let message = message_of(&error);
    (error, configuration_redacted(&message, configuration))
}

fn message_of(error: &Value) -> String {
    let message = error
        .get("message")
        .or_else(|| error.get("detail"))
        .unwrap_or(error);
    message
        .as_str()
        .map_or_else(|| message.to_string(), str::to_owned)
}

fn configuration_redacted(text: &str, configuration: &RemoteConfiguration) -> String {
    // Upstreams quote what they refuse.
    let text = configuration
        .api_key
        .as_ref()
        .map_or_else(|| text.to_owned(), |key| key.redact(text));
    let words: Vec<_> = text.split_whitespace().collect();
    words
        .join(" ")
        .chars()
        .filter(|character| !character.is_control())
        .take(MAX_REASON)
        .collect()
}

/// The wait that the upstream asks for, where it says it in seconds.
fn retry_after_seconds(response: &Response) -> Option<u64> {
    let value = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    let seconds: f64 = value.trim().parse().ok()?;
    (0.0..1e9).contains(&seconds).then_some(seconds.ceil() as u64)
}

fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
