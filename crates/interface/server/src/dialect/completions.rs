//! Completions in OpenAI's older form, with a suffix or without; Mistral's and DeepSeek's forms of filling in.

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tenon_runtime::{FinishReason, ModelError, PromptInput, SampleEvent};

use super::Dialect;
use super::open_ai::{Head, StreamOptions};
use crate::access::Admitted;
use crate::failure::Failure;
use crate::frames::{Encoder, Frame, Framing, streamed};
use crate::generation::{self, OneOrMany, Opened, Usage, Wish, finish_reason, told, whole};
use crate::service::Service;

/// The body.
#[derive(Debug, Deserialize)]
pub(crate) struct Body {
    model: Option<String>,
    prompt: Option<Value>,
    suffix: Option<String>,
    max_tokens: Option<u32>,
    temperature: Option<f32>,
    top_p: Option<f32>,
    n: Option<u32>,
    seed: Option<i64>,
    stop: Option<OneOrMany>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    echo: Option<bool>,
}

/// What the choices look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `text`.
    Text,
    /// As messages of a chat, which is how Mistral fills in.
    Message,
}

const MAX_TOKENS: u32 = 16;

/// Answers one request.
pub(crate) async fn answer(
    service: &Arc<Service>,
    asker: Admitted,
    body: Body,
    shape: Shape,
) -> Result<Response, Failure> {
    let prompt = one_text(body.prompt)?;
    if body.echo == Some(true) {
        return Err(Failure::bad(
            "echo",
            "the prompt is not repeated; leave `echo` out",
        ));
    }
    // Markers that a client has put into the prompt itself are read as such.
    let prompt = match (body.suffix, shape) {
        (None, Shape::Text) => PromptInput::Raw { text: prompt },
        (suffix, _) => PromptInput::Fill {
            prefix: prompt,
            suffix: suffix.unwrap_or_default(),
        },
    };
    let served = service.fill_model(body.model.as_deref())?;
    let wish = Wish {
        max_tokens: Some(body.max_tokens.unwrap_or(MAX_TOKENS)),
        temperature: body.temperature,
        top_p: body.top_p,
        seed: body.seed,
        samples: body.n,
        stop: body.stop.map(Vec::from).unwrap_or_default(),
        ..Wish::default()
    };
    let model = Arc::clone(&served.model);
    let request = generation::request(model.descriptor(), prompt, wish, asker.scope)?;
    let object = match (shape, body.stream.unwrap_or(false)) {
        (Shape::Text, _) => "text_completion",
        (Shape::Message, false) => "chat.completion",
        (Shape::Message, true) => "chat.completion.chunk",
    };
    let head = Head::new("cmpl-", object, &served.name);
    if body.stream.unwrap_or(false) {
        let opened = Opened::new(asker.account.as_ref(), model.as_ref(), request).await?;
        let writer = Writer {
            head,
            shape,
            options: body.stream_options.unwrap_or_default(),
            usage: Usage::default(),
        };
        return Ok(streamed(opened, writer, Framing::Events, asker.room));
    }
    let answer = whole(asker.account.as_ref(), model.as_ref(), request).await?;
    let choices: Vec<Value> = (0u32..)
        .zip(&answer.samples)
        .map(|(index, sample)| {
            let reason = finish_reason(sample.finish_reason);
            match shape {
                Shape::Text => json!({
                    "index": index, "text": sample.text, "logprobs": null, "finish_reason": reason,
                }),
                Shape::Message => json!({
                    "index": index,
                    "message": { "role": "assistant", "content": sample.text },
                    "finish_reason": reason,
                }),
            }
        })
        .collect();
    let object = head.with_usage(&json!(choices), &answer.usage);
    Ok(told(Json(object).into_response(), &answer.answering))
}

fn one_text(prompt: Option<Value>) -> Result<String, Failure> {
    let prompt = prompt.ok_or_else(|| Failure::bad("prompt", "`prompt` is missing"))?;
    let given: Result<OneOrMany, _> = serde_json::from_value(prompt);
    let given =
        given.map_err(|_| Failure::bad("prompt", "prompts are read as text, not as token numbers"))?;
    let [prompt] = Vec::from(given)
        .try_into()
        .map_err(|_| Failure::bad("prompt", "send one prompt a request"))?;
    Ok(prompt)
}

struct Writer {
    head: Head,
    shape: Shape,
    options: StreamOptions,
    usage: Usage,
}

impl Writer {
    fn chunk(&self, index: u32, text: &str, reason: Option<FinishReason>) -> Frame {
        let reason = reason.map(finish_reason);
        let choice = match self.shape {
            Shape::Text => json!({
                "index": index, "text": text, "logprobs": null, "finish_reason": reason,
            }),
            Shape::Message => json!({
                "index": index, "delta": { "content": text }, "finish_reason": reason,
            }),
        };
        Frame::data(&self.head.object(&json!([choice])))
    }
}

impl Encoder for Writer {
    fn begin(&mut self) -> Vec<Frame> {
        Vec::new()
    }

    fn event(&mut self, event: SampleEvent) -> Vec<Frame> {
        self.usage.hear(&event);
        match event {
            SampleEvent::PromptRead { .. } => Vec::new(),
            SampleEvent::Text { sample, text } => vec![self.chunk(sample, &text, None)],
            SampleEvent::Finished { sample, result } => {
                vec![self.chunk(sample, "", Some(result.finish_reason))]
            }
        }
    }

    fn end(&mut self) -> Vec<Frame> {
        self.head.last(&self.options, &self.usage)
    }

    fn fail(&mut self, error: ModelError) -> Vec<Frame> {
        vec![Frame::data(&Failure::from(error).body(Dialect::OpenAi))]
    }
}
