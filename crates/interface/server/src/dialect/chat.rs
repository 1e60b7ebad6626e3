//! `POST /v1/chat/completions`.

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tenon_runtime::Constraint;

use super::Dialect;
use super::open_ai::{Head, StreamOptions};
use crate::access::Admitted;
use crate::failure::Failure;
use crate::frames::{Frame, Framing, streamed};
use crate::generation::{self, OneOrMany, Opened, Usage, Wish, finish_reason, told, whole};
use crate::service::Service;
use crate::speech::{self, Speaking, Speech, SpeechEncoder, Turn, spoken};
use crate::tools::{Tool, ToolCall};

/// The body.
#[derive(Debug, Deserialize)]
pub(crate) struct Body {
    model: Option<String>,
    messages: Vec<Message>,
    tools: Option<Vec<OfferedTool>>,
    tool_choice: Option<Value>,
    response_format: Option<Value>,
    max_tokens: Option<u32>,
    max_completion_tokens: Option<u32>,
    /// llama.cpp's word for it: below 0 there is no limit, and with 0 the prompt is read alone.
    n_predict: Option<i64>,
    temperature: Option<f32>,
    top_p: Option<f32>,
    n: Option<u32>,
    seed: Option<i64>,
    stop: Option<OneOrMany>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
}

#[derive(Debug, Deserialize)]
struct Message {
    role: String,
    content: Option<Content>,
    tool_calls: Option<Vec<Call>>,
}

/// Text, or parts of it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Content {
    Text(String),
    Parts(Vec<Value>),
}

#[derive(Debug, Deserialize)]
struct Call {
    function: CalledFunction,
}

#[derive(Debug, Deserialize)]
struct CalledFunction {
    name: String,
    #[serde(default)]
    arguments: String,
}

#[derive(Debug, Deserialize)]
struct OfferedTool {
    function: Option<OfferedFunction>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct OfferedFunction {
    pub name: String,
    pub description: Option<String>,
    pub parameters: Option<Value>,
}

impl From<OfferedFunction> for Tool {
    fn from(offered: OfferedFunction) -> Self {
        Self {
            name: offered.name,
            description: offered.description,
            parameters: offered.parameters.unwrap_or_else(|| json!({ "type": "object" })),
        }
    }
}

impl Content {
    /// The text of all parts.
    pub fn text(self) -> Result<String, Failure> {
        let parts = match self {
            Self::Text(text) => return Ok(text),
            Self::Parts(parts) => parts,
        };
        let texts: Result<Vec<String>, Failure> = parts
            .iter()
            .map(|part| {
                let text = part.get("text").and_then(Value::as_str);
                text.map(str::to_owned).ok_or_else(|| {
                    let kind = part.get("type").and_then(Value::as_str).unwrap_or("unknown");
                    Failure::bad(
                        "messages",
                        format!("parts of type `{kind}` cannot be read; send text"),
                    )
                })
            })
            .collect();
        Ok(texts?.join("\n"))
    }
}

fn turn(message: Message) -> Result<Turn, Failure> {
    let text = message.content.map_or_else(|| Ok(String::new()), Content::text)?;
    match message.role.as_str() {
        "system" | "developer" => Ok(Turn::System(text)),
        "user" => Ok(Turn::User(text)),
        "assistant" => {
            let calls = message.tool_calls.unwrap_or_default().into_iter();
            let calls = calls.map(|call| (call.function.name, call.function.arguments));
            Ok(Turn::Assistant {
                text,
                calls: calls.collect(),
            })
        }
        "tool" | "function" => Ok(Turn::Result(text)),
        other => {
            let message =
                format!("there is no role `{other}`: system, developer, user, assistant and tool speak");
            Err(Failure::bad("messages", message))
        }
    }
}

/// What the answer must match.
pub(crate) fn constraint(format: Option<&Value>) -> Result<Option<Constraint>, Failure> {
    let Some(format) = format else { return Ok(None) };
    let schema = match format.get("type").and_then(Value::as_str) {
        None | Some("text") => return Ok(None),
        Some("json_object") => json!({ "type": "object" }),
        Some("json_schema") => {
            let schema = format
                .pointer("/json_schema/schema")
                .or_else(|| format.get("schema"));
            schema
                .cloned()
                .ok_or_else(|| Failure::bad("response_format", "`json_schema.schema` is missing"))?
        }
        Some(other) => {
            let message =
                format!("answers of type `{other}` are not written: text, json_object, json_schema are");
            return Err(Failure::bad("response_format", message));
        }
    };
    Ok(Some(Constraint::JsonSchema { schema }))
}

/// Answers one request.
pub(crate) async fn answer(service: &Arc<Service>, asker: Admitted, body: Body) -> Result<Response, Failure> {
    let served = service.chat_model(body.model.as_deref())?;
    let turns: Result<Vec<Turn>, Failure> = body.messages.into_iter().map(turn).collect();
    let is_refused = body.tool_choice.as_ref().and_then(Value::as_str) == Some("none");
    let offered = body.tools.filter(|_| !is_refused).unwrap_or_default();
    let tools: Vec<Tool> = offered
        .into_iter()
        .filter_map(|tool| tool.function.map(Tool::from))
        .collect();
    let predicted = body.n_predict.filter(|count| *count >= 0);
    // No model reads without writing.
    let predicted = predicted.map(|count| u32::try_from(count.max(1)).unwrap_or(u32::MAX));
    let wish = Wish {
        max_tokens: body.max_completion_tokens.or(body.max_tokens).or(predicted),
        temperature: body.temperature,
        top_p: body.top_p,
        top_k: None,
        seed: body.seed,
        samples: body.n,
        stop: body.stop.map(Vec::from).unwrap_or_default(),
        constraint: constraint(body.response_format.as_ref())?,
    };
    let model = Arc::clone(&served.model);
    let prompt = speech::prompt(turns?, &tools)?;
    let request = generation::request(model.descriptor(), prompt, wish, asker.scope)?;
    if body.stream.unwrap_or(false) {
        let writer = Writer {
            head: Head::new("chatcmpl-", "chat.completion.chunk", &served.name),
            options: body.stream_options.unwrap_or_default(),
            samples: request.samples,
            calls: vec![0; request.samples as usize],
        };
        let writer = Speaking::new(writer, request.samples, &tools);
        let opened = Opened::new(asker.account.as_ref(), model.as_ref(), request).await?;
        return Ok(streamed(opened, writer, Framing::Events, asker.room));
    }
    let head = Head::new("chatcmpl-", "chat.completion", &served.name);
    let answer = whole(asker.account.as_ref(), model.as_ref(), request).await?;
    let choices: Vec<Value> = (0u32..)
        .zip(&answer.samples)
        .map(|(index, sample)| {
            let spoken = spoken(sample, &tools);
            let mut message = json!({ "role": "assistant", "content": spoken.text });
            let mut reason = finish_reason(spoken.reason);
            if !spoken.calls.is_empty() {
                reason = "tool_calls";
                let calls: Vec<Value> = spoken.calls.iter().map(call).collect();
                if let Some(message) = message.as_object_mut() {
                    message.insert("tool_calls".to_owned(), json!(calls));
                    if spoken.text.is_empty() {
                        message.insert("content".to_owned(), Value::Null);
                    }
                }
            }
            json!({ "index": index, "message": message, "logprobs": null, "finish_reason": reason })
        })
        .collect();
    let object = head.with_usage(&json!(choices), &answer.usage);
    Ok(told(Json(object).into_response(), &answer.answering))
}

fn call(call: &ToolCall) -> Value {
    json!({
        "id": call.id,
        "type": "function",
        "function": { "name": call.name, "arguments": call.arguments },
    })
}

struct Writer {
    head: Head,
    options: StreamOptions,
    samples: u32,
    /// Calls so far, of each sample.
    calls: Vec<usize>,
}

impl Writer {
    fn chunk(&self, index: u32, delta: &Value, reason: Option<&str>) -> Frame {
        let choice = json!({ "index": index, "delta": delta, "logprobs": null, "finish_reason": reason });
        Frame::data(&self.head.object(&json!([choice])))
    }
}

impl SpeechEncoder for Writer {
    fn begin(&mut self) -> Vec<Frame> {
        let delta = json!({ "role": "assistant", "content": "" });
        (0..self.samples)
            .map(|index| self.chunk(index, &delta, None))
            .collect()
    }

    fn speech(&mut self, speech: Speech) -> Vec<Frame> {
        let frame = match speech {
            Speech::Text { sample, text } => self.chunk(sample, &json!({ "content": text }), None),
            Speech::Call { sample, call: made } => {
                let count = self.calls.get_mut(sample as usize);
                let number = count.map_or(0, |count| std::mem::replace(count, *count + 1));
                let mut made = call(&made);
                if let Some(made) = made.as_object_mut() {
                    made.insert("index".to_owned(), json!(number));
                }
                self.chunk(sample, &json!({ "tool_calls": [made] }), None)
            }
            Speech::Ended {
                sample,
                reason,
                has_called,
            } => {
                let reason = if has_called {
                    "tool_calls"
                } else {
                    finish_reason(reason)
                };
                self.chunk(sample, &json!({}), Some(reason))
            }
        };
        vec![frame]
    }

    fn end(&mut self, usage: &Usage) -> Vec<Frame> {
        self.head.last(&self.options, usage)
    }

    fn fail(&mut self, failure: &Failure) -> Vec<Frame> {
        vec![Frame::data(&failure.body(Dialect::OpenAi))]
    }
}
