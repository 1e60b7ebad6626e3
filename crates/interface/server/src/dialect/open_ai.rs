//! What OpenAI's routes share.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::frames::Frame;
use crate::generation::Usage;
use crate::service::Service;

/// What a stream carries beside its choices.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct StreamOptions {
    pub include_usage: Option<bool>,
}

/// What every object of one answer says of itself.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub id: String,
    pub object: &'static str,
    pub created: u64,
    pub model: String,
}

impl Head {
    pub fn new(prefix: &str, object: &'static str, model: &str) -> Self {
        Self {
            id: format!("{prefix}{}", Uuid::now_v7().simple()),
            object,
            created: now(),
            model: model.to_owned(),
        }
    }

    /// An object with these choices.
    pub fn object(&self, choices: &Value) -> Value {
        json!({
            "id": self.id, "object": self.object, "created": self.created, "model": self.model, "choices": choices,
        })
    }

    /// The same with tokens, as far as they were reported.
    pub fn with_usage(&self, choices: &Value, usage: &Usage) -> Value {
        let mut object = self.object(choices);
        if let (Some(object), Some(usage)) = (object.as_object_mut(), tokens(usage)) {
            object.insert("usage".to_owned(), usage);
        }
        object
    }

    /// The frames that end a stream.
    pub fn last(&self, options: &StreamOptions, usage: &Usage) -> Vec<Frame> {
        let mut frames = Vec::new();
        if options.include_usage == Some(true) {
            frames.push(Frame::data(&self.with_usage(&json!([]), usage)));
        }
        frames.push(Frame::done());
        frames
    }
}

fn tokens(usage: &Usage) -> Option<Value> {
    let known = usage.known()?;
    let mut tokens = json!({
        "prompt_tokens": known.prompt,
        "completion_tokens": known.completion,
        "total_tokens": known.total(),
    });
    if let (Some(tokens), Some(cached)) = (tokens.as_object_mut(), known.cached) {
        let details = json!({ "cached_tokens": cached });
        tokens.insert("prompt_tokens_details".to_owned(), details);
    }
    Some(tokens)
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

/// `GET /v1/models`.
pub(crate) fn models(service: &Service) -> Value {
    let entries: Vec<Value> = service
        .models()
        .iter()
        .map(|served| {
            let descriptor = served.model.descriptor();
            json!({
                "id": served.name,
                "object": "model",
                "created": service.since(),
                "owned_by": "tenon",
                "tenon": {
                    "context_length": descriptor.context_length,
                    "fills_in_the_middle": descriptor.fills_in_the_middle,
                    "remote": descriptor.remote,
                },
            })
        })
        .collect();
    json!({ "object": "list", "data": entries })
}
