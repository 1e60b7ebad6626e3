//! A call of a model as a span, by the semantic conventions of OpenTelemetry for generative models (1.41). What is asked
//! and what is answered stand in none.

use tracing::field::Empty;
use tracing::{Span, info_span};

use super::Answered;
use crate::port::{Constraint, GenerateRequest, PromptInput};

/// Who answers for a model, in traces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// Who serves it, such as `openai` or `llama_cpp`.
    pub provider: &'static str,
    /// What it is called there.
    pub model: String,
    /// Host and port of an upstream; none for an embedded model.
    pub address: Option<(String, u16)>,
}

/// A call that begins.
pub(super) fn of_call(served: &Served, request: &GenerateRequest) -> Span {
    let operation = match &request.prompt {
        PromptInput::Chat { .. } => "chat",
        PromptInput::Fill { .. } | PromptInput::Raw { .. } => "text_completion",
    };
    let kind = match &served.address {
        Some(_) => "client",
        None => "internal",
    };
    let output = match &request.constraint {
        Some(Constraint::JsonSchema { .. }) => "json",
        _ => "text",
    };
    let span = info_span!(
        "model call",
        "otel.name" = format!("{operation} {}", served.model),
        "otel.kind" = kind,
        "otel.status_code" = Empty,
        "gen_ai.operation.name" = operation,
        "gen_ai.provider.name" = served.provider,
        "gen_ai.request.model" = served.model,
        "gen_ai.request.choice.count" = i64::from(request.samples),
        "gen_ai.request.max_tokens" = i64::from(request.max_tokens),
        "gen_ai.request.seed" = request.sampling.seed.cast_signed(),
        "gen_ai.request.temperature" = decimal(request.sampling.temperature),
        "gen_ai.request.top_p" = decimal(request.sampling.top_p),
        "gen_ai.output.type" = output,
        "gen_ai.usage.input_tokens" = Empty,
        "gen_ai.usage.output_tokens" = Empty,
        "gen_ai.usage.cache_read.input_tokens" = Empty,
        "gen_ai.response.time_to_first_chunk" = Empty,
        "error.type" = Empty,
        "server.address" = Empty,
        "server.port" = Empty,
    );
    if let Some((host, port)) = &served.address {
        span.record("server.address", host.as_str());
        span.record("server.port", i64::from(*port));
    }
    span
}

/// The same, ended.
pub(super) fn end_call(span: &Span, answered: &Answered) {
    let tokens = [
        ("gen_ai.usage.input_tokens", answered.tokens.prompt),
        ("gen_ai.usage.output_tokens", answered.tokens.completion),
        ("gen_ai.usage.cache_read.input_tokens", answered.tokens.cached),
    ];
    for (name, tokens) in tokens {
        if let Some(tokens) = tokens {
            span.record(name, i64::from(tokens));
        }
    }
    if let Some(first_text) = answered.first_text {
        span.record("gen_ai.response.time_to_first_chunk", first_text.as_secs_f64());
    }
    if let Some(failure) = answered.failure {
        span.record("error.type", failure.as_str());
        span.record("otel.status_code", "ERROR");
    }
}

/// The number that was meant: 0.2 is none in binary.
fn decimal(number: f32) -> f64 {
    (f64::from(number) * 1e4).round() / 1e4
}
