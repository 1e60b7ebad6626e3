//! OpenAI's `POST /v1/responses`, without anything kept between requests.

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tenon_runtime::FinishReason;
use uuid::Uuid;

use super::chat::{Content, OfferedFunction, constraint};
use super::open_ai::now;
use crate::access::Admitted;
use crate::failure::{Category, Failure};
use crate::frames::{Frame, Framing, streamed};
use crate::generation::{self, Opened, Usage, Wish, told, whole};
use crate::service::Service;
use crate::speech::{self, Speaking, Speech, SpeechEncoder, Turn, spoken};
use crate::tools::{Tool, ToolCall};

/// The body.
#[derive(Debug, Deserialize)]
pub(crate) struct Body {
    model: Option<String>,
    instructions: Option<String>,
    input: Input,
    tools: Option<Vec<Value>>,
    tool_choice: Option<Value>,
    max_output_tokens: Option<u32>,
    temperature: Option<f32>,
    top_p: Option<f32>,
    text: Option<Value>,
    metadata: Option<Value>,
    previous_response_id: Option<String>,
    stream: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Input {
    Text(String),
    Items(Vec<Value>),
}

fn turn(item: &Value) -> Result<Option<Turn>, Failure> {
    let text_of = |key: &str| item.get(key).and_then(Value::as_str).map(str::to_owned);
    let content = || -> Result<String, Failure> {
        let content = item.get("content").cloned().unwrap_or_else(|| json!(""));
        let content: Content = serde_json::from_value(content)
            .map_err(|error| Failure::bad("input", format!("an item's content: {error}")))?;
        content.text()
    };
    match item.get("type").and_then(Value::as_str) {
        None | Some("message") => {
            let role = text_of("role").unwrap_or_default();
            match role.as_str() {
                "system" | "developer" => Ok(Some(Turn::System(content()?))),
                "user" => Ok(Some(Turn::User(content()?))),
                "assistant" => Ok(Some(Turn::Assistant {
                    text: content()?,
                    calls: Vec::new(),
                })),
                other => {
                    let message =
                        format!("there is no role `{other}`: system, developer, user and assistant speak");
                    Err(Failure::bad("input", message))
                }
            }
        }
        Some("function_call") => Ok(Some(Turn::Assistant {
            text: String::new(),
            calls: vec![(
                text_of("name").unwrap_or_default(),
                text_of("arguments").unwrap_or_default(),
            )],
        })),
        Some("function_call_output") => {
            let output = item.get("output").cloned().unwrap_or_else(|| json!(""));
            let output = match output {
                Value::String(text) => text,
                other => other.to_string(),
            };
            Ok(Some(Turn::Result(output)))
        }
        // What a model thought, and calls of tools that others run.
        Some(_) => Ok(None),
    }
}

/// What the response says of itself from first to last.
struct Head {
    id: String,
    created: u64,
    model: String,
    instructions: Option<String>,
    metadata: Option<Value>,
}

impl Head {
    fn response(&self, status: &str, output: &[Value], usage: Option<&Usage>) -> Value {
        let tokens = usage.and_then(Usage::known).map(|tokens| {
            json!({
                "input_tokens": tokens.prompt,
                "input_tokens_details": { "cached_tokens": tokens.cached.unwrap_or(0) },
                "output_tokens": tokens.completion,
                "output_tokens_details": { "reasoning_tokens": 0 },
                "total_tokens": tokens.total(),
            })
        });
        let incomplete = (status == "incomplete").then(|| json!({ "reason": "max_output_tokens" }));
        json!({
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "model": self.model,
            "output": output,
            "error": null,
            "incomplete_details": incomplete,
            "instructions": self.instructions,
            "metadata": self.metadata,
            "parallel_tool_calls": true,
            "previous_response_id": null,
            "store": false,
            "tool_choice": "auto",
            "tools": [],
            "usage": tokens,
        })
    }
}

/// Answers one request.
pub(crate) async fn answer(service: &Arc<Service>, asker: Admitted, body: Body) -> Result<Response, Failure> {
    if body.previous_response_id.is_some() {
        let message = "nothing is kept between requests: send the whole conversation as `input`";
        return Err(Failure::bad("previous_response_id", message));
    }
    let served = service.chat_model(body.model.as_deref())?;
    let mut turns: Vec<Turn> = body.instructions.iter().cloned().map(Turn::System).collect();
    match body.input {
        Input::Text(text) => turns.push(Turn::User(text)),
        Input::Items(items) => {
            for item in &items {
                turns.extend(turn(item)?);
            }
        }
    }
    let is_refused = body.tool_choice.as_ref().and_then(Value::as_str) == Some("none");
    let offered = body.tools.filter(|_| !is_refused).unwrap_or_default().into_iter();
    let functions = offered.filter(|tool| tool.get("type").and_then(Value::as_str) == Some("function"));
    let tools: Vec<Tool> = functions
        .filter_map(|tool| serde_json::from_value::<OfferedFunction>(tool).ok())
        .map(Tool::from)
        .collect();
    let wish = Wish {
        max_tokens: body.max_output_tokens,
        temperature: body.temperature,
        top_p: body.top_p,
        constraint: constraint(body.text.as_ref().and_then(|text| text.get("format")))?,
        ..Wish::default()
    };
    let model = Arc::clone(&served.model);
    let prompt = speech::prompt(turns, &tools)?;
    let request = generation::request(model.descriptor(), prompt, wish, asker.scope)?;
    let head = Head {
        id: named("resp_"),
        created: now(),
        model: served.name.clone(),
        instructions: body.instructions,
        metadata: body.metadata,
    };
    if body.stream.unwrap_or(false) {
        let samples = request.samples;
        let opened = Opened::new(asker.account.as_ref(), model.as_ref(), request).await?;
        let writer = Speaking::new(Writer::new(head), samples, &tools);
        return Ok(streamed(opened, writer, Framing::Events, asker.room));
    }
    let answer = whole(asker.account.as_ref(), model.as_ref(), request).await?;
    let mut output = Vec::new();
    let mut status = "completed";
    for sample in &answer.samples {
        let spoken = spoken(sample, &tools);
        if !spoken.text.is_empty() {
            output.push(message(&named("msg_"), "completed", Some(&spoken.text)));
        }
        output.extend(
            spoken
                .calls
                .iter()
                .map(|call| called(call, "completed", &call.arguments)),
        );
        status = ended(spoken.reason);
    }
    let object = head.response(status, &output, Some(&answer.usage));
    Ok(told(Json(object).into_response(), &answer.answering))
}

fn ended(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "completed",
        FinishReason::Length => "incomplete",
    }
}

fn named(prefix: &str) -> String {
    format!("{prefix}{}", Uuid::now_v7().simple())
}

fn message(id: &str, status: &str, text: Option<&str>) -> Value {
    let content: Vec<Value> = text.into_iter().map(part).collect();
    json!({ "id": id, "type": "message", "status": status, "role": "assistant", "content": content })
}

fn part(text: &str) -> Value {
    json!({ "type": "output_text", "text": text, "annotations": [] })
}

fn called(call: &ToolCall, status: &str, arguments: &str) -> Value {
    json!({
        "id": format!("fc_{}", call.id),
        "type": "function_call",
        "status": status,
        "call_id": call.id,
        "name": call.name,
        "arguments": arguments,
    })
}

struct Writer {
    head: Head,
    sequence: u64,
    /// The message that is being written.
    open: Option<OpenMessage>,
    output: Vec<Value>,
    status: &'static str,
}

struct OpenMessage {
    id: String,
    text: String,
}

impl Writer {
    fn new(head: Head) -> Self {
        Self {
            head,
            sequence: 0,
            open: None,
            output: Vec::new(),
            status: "completed",
        }
    }

    fn frame(&mut self, kind: &'static str, mut event: Value) -> Frame {
        if let Some(event) = event.as_object_mut() {
            event.insert("type".to_owned(), json!(kind));
            event.insert("sequence_number".to_owned(), json!(self.sequence));
        }
        self.sequence += 1;
        Frame::named(kind, &event)
    }

    fn text(&mut self, text: &str) -> Vec<Frame> {
        let index = self.output.len();
        let mut frames = Vec::new();
        let mut open = match self.open.take() {
            Some(open) => open,
            None => {
                let id = named("msg_");
                let item = message(&id, "in_progress", None);
                let added = json!({ "output_index": index, "item": item });
                frames.push(self.frame("response.output_item.added", added));
                let begun = json!({
                    "item_id": id, "output_index": index, "content_index": 0, "part": part(""),
                });
                frames.push(self.frame("response.content_part.added", begun));
                OpenMessage {
                    id,
                    text: String::new(),
                }
            }
        };
        let delta = json!({
            "item_id": open.id, "output_index": index, "content_index": 0, "delta": text,
        });
        frames.push(self.frame("response.output_text.delta", delta));
        open.text.push_str(text);
        self.open = Some(open);
        frames
    }

    fn close(&mut self) -> Vec<Frame> {
        let Some(open) = self.open.take() else {
            return Vec::new();
        };
        let index = self.output.len();
        let at = |key: &str, value: Value| {
            let mut at = json!({ "item_id": open.id, "output_index": index, "content_index": 0 });
            if let Some(at) = at.as_object_mut() {
                at.insert(key.to_owned(), value);
            }
            at
        };
        let item = message(&open.id, "completed", Some(&open.text));
        let frames = vec![
            self.frame("response.output_text.done", at("text", json!(open.text))),
            self.frame("response.content_part.done", at("part", part(&open.text))),
            self.frame(
                "response.output_item.done",
                json!({ "output_index": index, "item": item }),
            ),
        ];
        self.output.push(item);
        frames
    }

    fn call(&mut self, call: &ToolCall) -> Vec<Frame> {
        let mut frames = self.close();
        let index = self.output.len();
        let item = called(call, "completed", &call.arguments);
        let id = item.get("id").cloned().unwrap_or_default();
        let begun = json!({ "output_index": index, "item": called(call, "in_progress", "") });
        frames.push(self.frame("response.output_item.added", begun));
        let delta = json!({ "item_id": id, "output_index": index, "delta": call.arguments });
        frames.push(self.frame("response.function_call_arguments.delta", delta));
        let done = json!({ "item_id": id, "output_index": index, "arguments": call.arguments });
        frames.push(self.frame("response.function_call_arguments.done", done));
        let done = json!({ "output_index": index, "item": item });
        frames.push(self.frame("response.output_item.done", done));
        self.output.push(item);
        frames
    }
}

impl SpeechEncoder for Writer {
    fn begin(&mut self) -> Vec<Frame> {
        let response = self.head.response("in_progress", &[], None);
        vec![
            self.frame("response.created", json!({ "response": response })),
            self.frame("response.in_progress", json!({ "response": response })),
        ]
    }

    fn speech(&mut self, speech: Speech) -> Vec<Frame> {
        match speech {
            Speech::Text { text, .. } => self.text(&text),
            Speech::Call { call, .. } => self.call(&call),
            Speech::Ended { reason, .. } => {
                self.status = ended(reason);
                self.close()
            }
        }
    }

    fn end(&mut self, usage: &Usage) -> Vec<Frame> {
        let response = self.head.response(self.status, &self.output, Some(usage));
        let kind = match self.status {
            "incomplete" => "response.incomplete",
            _ => "response.completed",
        };
        vec![self.frame(kind, json!({ "response": response }))]
    }

    fn fail(&mut self, failure: &Failure) -> Vec<Frame> {
        let code = match failure.category {
            Category::ContextWindow => "context_length_exceeded",
            Category::RateLimited => "rate_limit_exceeded",
            _ => "server_error",
        };
        let mut response = self.head.response("failed", &self.output, None);
        if let Some(response) = response.as_object_mut() {
            let error = json!({ "code": code, "message": failure.message });
            response.insert("error".to_owned(), error);
        }
        vec![self.frame("response.failed", json!({ "response": response }))]
    }
}
