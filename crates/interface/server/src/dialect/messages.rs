//! Anthropic's `POST /v1/messages`.

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tenon_runtime::FinishReason;
use uuid::Uuid;

use super::Dialect;
use super::chat::Content;
use crate::access::Admitted;
use crate::failure::Failure;
use crate::frames::{Frame, Framing, streamed};
use crate::generation::{self, Opened, Usage, Wish, told, whole};
use crate::service::Service;
use crate::speech::{self, Speaking, Speech, SpeechEncoder, Turn, spoken};
use crate::tools::{Tool, ToolCall};

/// The body.
#[derive(Debug, Deserialize)]
pub(crate) struct Body {
    model: Option<String>,
    messages: Vec<Message>,
    system: Option<Content>,
    max_tokens: u32,
    temperature: Option<f32>,
    top_p: Option<f32>,
    top_k: Option<u32>,
    stop_sequences: Option<Vec<String>>,
    tools: Option<Vec<OfferedTool>>,
    stream: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Message {
    role: String,
    content: Content,
}

#[derive(Debug, Deserialize)]
struct OfferedTool {
    name: String,
    description: Option<String>,
    input_schema: Option<Value>,
}

/// The turns of one message: its text, what it called, and the results it brings.
fn turns(message: Message) -> Result<Vec<Turn>, Failure> {
    let parts = match message.content {
        Content::Text(text) => vec![json!({ "type": "text", "text": text })],
        Content::Parts(parts) => parts,
    };
    let text_of = |part: &Value, key: &str| part.get(key).and_then(Value::as_str).map(str::to_owned);
    let mut text: Vec<String> = Vec::new();
    let mut calls = Vec::new();
    let mut turns = Vec::new();
    for part in &parts {
        match part.get("type").and_then(Value::as_str) {
            Some("text") => text.push(text_of(part, "text").unwrap_or_default()),
            Some("tool_use") => {
                let name = text_of(part, "name").unwrap_or_default();
                let arguments = part
                    .get("input")
                    .map_or_else(|| "{}".to_owned(), Value::to_string);
                calls.push((name, arguments));
            }
            Some("tool_result") => {
                let content = part
                    .get("content")
                    .cloned()
                    .unwrap_or(Value::String(String::new()));
                let content: Content = serde_json::from_value(content)
                    .map_err(|error| Failure::bad("messages", format!("a tool's result: {error}")))?;
                turns.push(Turn::Result(content.text()?));
            }
            Some("thinking" | "redacted_thinking") => {}
            other => {
                let kind = other.unwrap_or("unknown");
                let message = format!("blocks of type `{kind}` cannot be read; send text");
                return Err(Failure::bad("messages", message));
            }
        }
    }
    let text = text.join("\n");
    match message.role.as_str() {
        "assistant" => turns.push(Turn::Assistant { text, calls }),
        "system" => turns.push(Turn::System(text)),
        "user" if text.is_empty() && !turns.is_empty() => {}
        "user" => turns.push(Turn::User(text)),
        other => {
            let message = format!("there is no role `{other}`: user and assistant speak");
            return Err(Failure::bad("messages", message));
        }
    }
    Ok(turns)
}

/// Answers one request.
pub(crate) async fn answer(service: &Arc<Service>, asker: Admitted, body: Body) -> Result<Response, Failure> {
    let served = service.chat_model(body.model.as_deref())?;
    let mut conversation: Vec<Turn> = Vec::new();
    if let Some(system) = body.system {
        conversation.push(Turn::System(system.text()?));
    }
    for message in body.messages {
        conversation.extend(turns(message)?);
    }
    let tools: Vec<Tool> = body
        .tools
        .unwrap_or_default()
        .into_iter()
        .map(|tool| Tool {
            name: tool.name,
            description: tool.description,
            parameters: tool.input_schema.unwrap_or_else(|| json!({ "type": "object" })),
        })
        .collect();
    let wish = Wish {
        max_tokens: Some(body.max_tokens),
        temperature: body.temperature,
        top_p: body.top_p,
        top_k: body.top_k,
        stop: body.stop_sequences.unwrap_or_default(),
        ..Wish::default()
    };
    let model = Arc::clone(&served.model);
    let prompt = speech::prompt(conversation, &tools)?;
    let request = generation::request(model.descriptor(), prompt, wish, asker.scope)?;
    let id = format!("msg_{}", Uuid::now_v7().simple());
    if body.stream.unwrap_or(false) {
        let samples = request.samples;
        let opened = Opened::new(asker.account.as_ref(), model.as_ref(), request).await?;
        let writer = Writer {
            id,
            model: served.name.clone(),
            read: opened.prompt_tokens(),
            block: None,
            blocks: 0,
            stop_reason: "end_turn",
        };
        let writer = Speaking::new(writer, samples, &tools);
        return Ok(streamed(opened, writer, Framing::Events, asker.room));
    }
    let answer = whole(asker.account.as_ref(), model.as_ref(), request).await?;
    let mut content = Vec::new();
    let mut reason = "end_turn";
    for sample in &answer.samples {
        let spoken = spoken(sample, &tools);
        if !spoken.text.is_empty() {
            content.push(json!({ "type": "text", "text": spoken.text }));
        }
        content.extend(spoken.calls.iter().map(
            |call| json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": input(call) }),
        ));
        reason = stop_reason(spoken.reason, !spoken.calls.is_empty());
    }
    let message = json!({
        "id": id,
        "type": "message",
        "role": "assistant",
        "model": served.name,
        "content": content,
        "stop_reason": reason,
        "stop_sequence": null,
        "usage": usage(&answer.usage),
    });
    Ok(told(Json(message).into_response(), &answer.answering))
}

fn input(call: &ToolCall) -> Value {
    serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}))
}

fn stop_reason(reason: FinishReason, has_called: bool) -> &'static str {
    match (has_called, reason) {
        (true, _) => "tool_use",
        (false, FinishReason::Stop) => "end_turn",
        (false, FinishReason::Length) => "max_tokens",
    }
}

/// Here cached tokens are not among those of the input.
fn usage(usage: &Usage) -> Value {
    match usage.known() {
        None => json!({ "input_tokens": null, "output_tokens": null }),
        Some(tokens) => json!({
            "input_tokens": tokens.prompt - tokens.cached.unwrap_or(0).min(tokens.prompt),
            "cache_read_input_tokens": tokens.cached,
            "output_tokens": tokens.completion,
        }),
    }
}

struct Writer {
    id: String,
    model: String,
    /// Tokens of the prompt.
    read: Option<u32>,
    /// The block of text that is open.
    block: Option<usize>,
    blocks: usize,
    stop_reason: &'static str,
}

impl Writer {
    fn close(&mut self) -> Option<Frame> {
        let index = self.block.take()?;
        let stop = json!({ "type": "content_block_stop", "index": index });
        Some(Frame::named("content_block_stop", &stop))
    }

    fn open(&mut self, block: &Value) -> (usize, Frame) {
        let index = self.blocks;
        self.blocks += 1;
        let start = json!({ "type": "content_block_start", "index": index, "content_block": block });
        (index, Frame::named("content_block_start", &start))
    }
}

fn delta(index: usize, delta: &Value) -> Frame {
    let event = json!({ "type": "content_block_delta", "index": index, "delta": delta });
    Frame::named("content_block_delta", &event)
}

impl SpeechEncoder for Writer {
    fn begin(&mut self) -> Vec<Frame> {
        let message = json!({
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [],
            "stop_reason": null,
            "stop_sequence": null,
            "usage": { "input_tokens": self.read, "output_tokens": 0 },
        });
        let start = json!({ "type": "message_start", "message": message });
        vec![Frame::named("message_start", &start)]
    }

    fn speech(&mut self, speech: Speech) -> Vec<Frame> {
        let mut frames = Vec::new();
        match speech {
            Speech::Text { text, .. } => {
                let index = match self.block {
                    Some(index) => index,
                    None => {
                        let (index, frame) = self.open(&json!({ "type": "text", "text": "" }));
                        frames.push(frame);
                        self.block = Some(index);
                        index
                    }
                };
                frames.push(delta(index, &json!({ "type": "text_delta", "text": text })));
            }
            Speech::Call { call, .. } => {
                frames.extend(self.close());
                let block = json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": {} });
                let (index, frame) = self.open(&block);
                frames.push(frame);
                let json = json!({ "type": "input_json_delta", "partial_json": call.arguments });
                frames.push(delta(index, &json));
                self.block = Some(index);
                frames.extend(self.close());
            }
            Speech::Ended {
                reason, has_called, ..
            } => {
                frames.extend(self.close());
                self.stop_reason = stop_reason(reason, has_called);
            }
        }
        frames
    }

    fn end(&mut self, used: &Usage) -> Vec<Frame> {
        let ended = json!({
            "type": "message_delta",
            "delta": { "stop_reason": self.stop_reason, "stop_sequence": null },
            "usage": usage(used),
        });
        vec![
            Frame::named("message_delta", &ended),
            Frame::named("message_stop", &json!({ "type": "message_stop" })),
        ]
    }

    fn fail(&mut self, failure: &Failure) -> Vec<Frame> {
        vec![Frame::named("error", &failure.body(Dialect::Anthropic))]
    }
}
