//! The port's request in the upstream's words.

mod constraint;
mod grammar;
mod sampling;

use serde::Serialize;
use serde_json::{Map, Value, json};
use tenon_runtime::{GenerateRequest, Message, ModelError, PromptInput, Role};

use crate::configuration::RemoteConfiguration;
use crate::dialect::{FillRoute, PrefillDialect, SampleDialect, SamplingDialect};
use crate::wire::{ChatMessage, ChatRequest, CompletionRequest, InfillRequest};

pub(crate) use constraint::Unwrap;

/// What is to be sent, and how the answers are to be read.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) route: Route,
    /// At least one.
    pub(crate) calls: Vec<Call>,
    pub(crate) reading: Reading,
}

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Chat,
    Completions,
    Infill,
}

/// One HTTP request.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) first_sample: u32,
    pub(crate) samples: u32,
    pub(crate) body: Value,
}

/// How answers are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) prefill: Prefill,
    pub(crate) stop: Vec<String>,
    pub(crate) unwrap: Unwrap,
    /// No honest answer is longer.
    pub(crate) max_bytes: usize,
}

/// What an answer may begin with although it should not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Prefill {
    None,
    /// The model continues this; some servers put it before the answer.
    Continued(String),
    /// The model was asked to begin with this.
    InWords(String),
}

/// No token of a known vocabulary is longer.
const MAX_TOKEN_BYTES: usize = 256;

/// # Errors
/// [`ModelError::Refused`] when the upstream cannot do what is asked.
pub(crate) fn plan(
    configuration: &RemoteConfiguration,
    request: &GenerateRequest,
) -> Result<Exchange, ModelError> {
    if request.samples == 0 || request.max_tokens == 0 {
        return Err(refused("a request needs at least one sample and one token"));
    }
    let dialect = configuration.dialect;
    let (constraint, unwrap) = constraint::convert(request.constraint.as_ref(), dialect.constraint)?;
    let (route, prefill) = match &request.prompt {
        PromptInput::Chat { messages, prefill } => {
            (Route::Chat, read_prefill(prefill, messages, dialect.prefill)?)
        }
        PromptInput::Fill { .. } => (fill_route(configuration)?, Prefill::None),
        PromptInput::Raw { .. } => (raw_route(configuration)?, Prefill::None),
    };
    let in_words = matches!(prefill, Prefill::InWords(_));
    let calls = calls(dialect.samples, request.samples).map(|(first_sample, samples)| {
        let mut options = sampling::options(dialect.sampling, request, first_sample, samples, route);
        options.extend(constraint.clone());
        // A stop string may lie before what is cut off; then only the answer's reader can tell.
        let stop: &[String] = if in_words || unwrap != Unwrap::No {
            &[]
        } else {
            &request.stop
        };
        sampling::insert_stop(dialect.sampling, stop, &mut options);
        let body = body(configuration, request, options)?;
        Ok(Call {
            first_sample,
            samples,
            body,
        })
    });
    Ok(Exchange {
        route,
        calls: calls.collect::<Result<_, ModelError>>()?,
        reading: Reading {
            prefill,
            stop: request.stop.clone(),
            unwrap,
            max_bytes: (request.max_tokens as usize)
                .saturating_mul(MAX_TOKEN_BYTES)
                .saturating_add(1 << 16),
        },
    })
}

pub(crate) fn refused(reason: &str) -> ModelError {
    ModelError::Refused {
        reason: reason.to_owned(),
    }
}

fn calls(dialect: SampleDialect, samples: u32) -> impl Iterator<Item = (u32, u32)> {
    let (calls, each) = match dialect {
        SampleDialect::OneRequest => (1, samples),
        SampleDialect::RequestEach => (samples, 1),
    };
    (0..calls).map(move |call| (call, each))
}

fn read_prefill(prefill: &str, messages: &[Message], dialect: PrefillDialect) -> Result<Prefill, ModelError> {
    if messages.is_empty() {
        return Err(refused("a conversation needs at least one message"));
    }
    Ok(match dialect {
        _ if prefill.is_empty() => Prefill::None,
        PrefillDialect::TrailingMessage | PrefillDialect::ContinueFinalMessage => {
            Prefill::Continued(prefill.to_owned())
        }
        PrefillDialect::InWords => Prefill::InWords(prefill.to_owned()),
    })
}

fn fill_route(configuration: &RemoteConfiguration) -> Result<Route, ModelError> {
    match configuration.dialect.fill {
        FillRoute::CompletionsWithSuffix => Ok(Route::Completions),
        FillRoute::Infill => Ok(Route::Infill),
        FillRoute::None => Err(ModelError::Refused {
            reason: format!(
                "model `{}` is not set up to fill in the middle: set `fill` for it, or use another model",
                configuration.name
            ),
        }),
    }
}

fn raw_route(configuration: &RemoteConfiguration) -> Result<Route, ModelError> {
    match configuration.dialect.sampling {
        SamplingDialect::LlamaServer | SamplingDialect::Vllm => Ok(Route::Completions),
        // They wrap every prompt into a template of theirs.
        SamplingDialect::Common | SamplingDialect::OpenAi => Err(ModelError::Refused {
            reason: format!(
                "the upstream of model `{}` takes no raw prompts",
                configuration.name
            ),
        }),
    }
}

fn body(
    configuration: &RemoteConfiguration,
    request: &GenerateRequest,
    mut options: Map<String, Value>,
) -> Result<Value, ModelError> {
    let model = configuration.model.clone();
    match &request.prompt {
        PromptInput::Chat { messages, prefill } => {
            let dialect = configuration.dialect.prefill;
            if dialect == PrefillDialect::ContinueFinalMessage && !prefill.is_empty() {
                options.insert("continue_final_message".to_owned(), json!(true));
                options.insert("add_generation_prompt".to_owned(), json!(false));
            }
            let messages = convert_messages(messages, prefill, dialect);
            encode(ChatRequest {
                model,
                messages,
                options,
            })
        }
        PromptInput::Fill { prefix, suffix } if configuration.dialect.fill == FillRoute::Infill => {
            encode(InfillRequest {
                input_prefix: prefix.clone(),
                input_suffix: suffix.clone(),
                options,
            })
        }
        PromptInput::Fill { prefix, suffix } => encode(CompletionRequest {
            model,
            prompt: prefix.clone(),
            suffix: Some(suffix.clone()),
            options,
        }),
        PromptInput::Raw { text } => encode(CompletionRequest {
            model,
            prompt: text.clone(),
            suffix: None,
            options,
        }),
    }
}

fn convert_messages(messages: &[Message], prefill: &str, dialect: PrefillDialect) -> Vec<ChatMessage> {
    let mut converted: Vec<_> = messages
        .iter()
        .map(|message| ChatMessage {
            role: match message.role {
                Role::System => "system",
                Role::User => "user",
                Role::Assistant => "assistant",
            },
            content: message.content.clone(),
        })
        .collect();
    match dialect {
        _ if prefill.is_empty() => {}
        PrefillDialect::TrailingMessage | PrefillDialect::ContinueFinalMessage => {
            converted.push(ChatMessage {
                role: "assistant",
                content: prefill.to_owned(),
            });
        }
        PrefillDialect::InWords => {
            if let Some(last) = converted.last_mut() {
                last.content
                    .push_str("\n\nBegin your answer with exactly this text and continue it:\n");
                last.content.push_str(prefill.trim_end());
            }
        }
    }
    converted
}

fn encode(body: impl Serialize) -> Result<Value, ModelError> {
    serde_json::to_value(body).map_err(|error| ModelError::Refused {
        reason: format!("the request cannot be written as JSON: {error}"),
    })
}
