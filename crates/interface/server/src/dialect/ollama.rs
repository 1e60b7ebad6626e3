//! Ollama's way to complete: `POST /api/generate`, and `GET /api/tags`.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tenon_runtime::{FinishReason, Message, ModelError, PromptInput, Role, SampleEvent};

use super::Dialect;
use crate::access::Admitted;
use crate::failure::Failure;
use crate::frames::{Encoder, Frame, Framing, streamed};
use crate::generation::{self, OneOrMany, Opened, Usage, Wish, finish_reason, told, whole};
use crate::service::Service;

/// The body.
#[derive(Debug, Deserialize)]
pub(crate) struct Body {
    model: Option<String>,
    #[serde(default)]
    prompt: String,
    suffix: Option<String>,
    system: Option<String>,
    raw: Option<bool>,
    stream: Option<bool>,
    options: Option<Options>,
}

#[derive(Debug, Default, Deserialize)]
struct Options {
    num_predict: Option<i64>,
    temperature: Option<f32>,
    top_p: Option<f32>,
    top_k: Option<u32>,
    seed: Option<i64>,
    stop: Option<OneOrMany>,
}

/// `GET /api/tags`.
pub(crate) fn tags(service: &Service) -> Value {
    let models: Vec<Value> = service
        .models()
        .iter()
        .map(|served| {
            let digest = served
                .model
                .descriptor()
                .digest()
                .map(|digest| digest.to_string());
            json!({ "name": served.name, "model": served.name, "digest": digest })
        })
        .collect();
    json!({ "models": models })
}

/// Answers one request.
pub(crate) async fn answer(service: &Arc<Service>, asker: Admitted, body: Body) -> Result<Response, Failure> {
    let begun = Instant::now();
    let name = body
        .model
        .as_deref()
        .map(|name| name.strip_suffix(":latest").unwrap_or(name));
    let (served, prompt) = match body.suffix.filter(|suffix| !suffix.is_empty()) {
        Some(suffix) => (
            service.fill_model(name)?,
            PromptInput::Fill {
                prefix: body.prompt,
                suffix,
            },
        ),
        None if body.raw == Some(true) => (service.chat_model(name)?, PromptInput::Raw { text: body.prompt }),
        None => {
            let said = |role, content| Message { role, content };
            let system = body.system.map(|system| said(Role::System, system));
            let messages = system.into_iter().chain([said(Role::User, body.prompt)]);
            let prompt = PromptInput::Chat {
                messages: messages.collect(),
                prefill: String::new(),
            };
            (service.chat_model(name)?, prompt)
        }
    };
    let options = body.options.unwrap_or_default();
    let wish = Wish {
        // Below zero there is no limit.
        max_tokens: options.num_predict.and_then(|most| u32::try_from(most).ok()),
        temperature: options.temperature,
        top_p: options.top_p,
        top_k: options.top_k,
        seed: options.seed,
        stop: options.stop.map(Vec::from).unwrap_or_default(),
        ..Wish::default()
    };
    let model = Arc::clone(&served.model);
    let request = generation::request(model.descriptor(), prompt, wish, asker.scope)?;
    let writer = Writer {
        model: served.name.clone(),
        begun,
        usage: Usage::default(),
        reason: FinishReason::Stop,
    };
    if body.stream.unwrap_or(true) {
        let opened = Opened::new(asker.account.as_ref(), model.as_ref(), request).await?;
        return Ok(streamed(opened, writer, Framing::Lines, asker.room));
    }
    let answer = whole(asker.account.as_ref(), model.as_ref(), request).await?;
    let sample = answer.samples.into_iter().next();
    let (text, reason) = sample.map_or((String::new(), FinishReason::Stop), |sample| {
        (sample.text, sample.finish_reason)
    });
    let writer = Writer {
        usage: answer.usage,
        reason,
        ..writer
    };
    Ok(told(Json(writer.last(&text)).into_response(), &answer.answering))
}

struct Writer {
    model: String,
    begun: Instant,
    usage: Usage,
    reason: FinishReason,
}

impl Writer {
    fn last(&self, text: &str) -> Value {
        let tokens = self.usage.known();
        json!({
            "model": self.model,
            "response": text,
            "done": true,
            "done_reason": finish_reason(self.reason),
            "total_duration": u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX),
            "prompt_eval_count": tokens.map(|tokens| tokens.prompt),
            "eval_count": tokens.map(|tokens| tokens.completion),
        })
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
            SampleEvent::Text { text, .. } => {
                vec![Frame::data(
                    &json!({ "model": self.model, "response": text, "done": false }),
                )]
            }
            SampleEvent::Finished { result, .. } => {
                self.reason = result.finish_reason;
                Vec::new()
            }
        }
    }

    fn end(&mut self) -> Vec<Frame> {
        vec![Frame::data(&self.last(""))]
    }

    fn fail(&mut self, error: ModelError) -> Vec<Frame> {
        vec![Frame::data(&Failure::from(error).body(Dialect::Ollama))]
    }
}
