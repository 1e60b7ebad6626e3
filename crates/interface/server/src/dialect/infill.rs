//! llama.cpp's `POST /infill`, as its editor plugins ask.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tenon_engine::{Buffer, Completion, CompletionRequest, Extent, likely_path};

use super::tabby::{DEADLINE, explain, path};
use crate::access::Admitted;
use crate::failure::Failure;
use crate::generation::completed;
use crate::service::Service;

/// The body.
#[derive(Debug, Deserialize)]
pub(crate) struct Body {
    input_prefix: String,
    input_suffix: String,
    /// What stands on the cursor's line already.
    #[serde(default)]
    prompt: String,
    #[serde(default)]
    input_extra: Vec<Extra>,
    n_predict: Option<i64>,
    n_cmpl: Option<u32>,
    t_max_prompt_ms: Option<u64>,
    t_max_predict_ms: Option<u64>,
    response_fields: Option<Vec<String>>,
    /// Ours: plugins do not say which file they are in.
    filename: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Extra {
    #[serde(default)]
    filename: String,
    #[serde(default)]
    text: String,
}

const MOST_ALTERNATIVES: u32 = 4;
const LEAST_DEADLINE: Duration = Duration::from_millis(100);

/// Answers one request.
pub(crate) async fn answer(service: &Arc<Service>, asker: Admitted, body: Body) -> Result<Response, Failure> {
    let completer = service.completer()?;
    let alternatives = body.n_cmpl.unwrap_or(1).clamp(1, MOST_ALTERNATIVES);
    let budget = body
        .t_max_predict_ms
        .map(|predict| predict.saturating_add(body.t_max_prompt_ms.unwrap_or(0)));
    let is_warm_up = body.n_predict == Some(0);
    let deadline = match budget {
        Some(budget) if !is_warm_up => Duration::from_millis(budget),
        _ => DEADLINE,
    };
    let filename = body.filename.or_else(|| likely_name(&body.input_extra));
    let before = body.input_prefix + &body.prompt;
    let cursor = before.len();
    let text = before + &body.input_suffix;
    let unnamed = || likely_path(&text).unwrap_or_else(|| path(None, None));
    let request = CompletionRequest {
        path: filename.map_or_else(unnamed, |name| path(Some(&name), None)),
        cursor,
        text,
        is_excerpt: true,
        extent: Extent::Natural,
        alternatives,
        deadline: deadline.clamp(LEAST_DEADLINE, DEADLINE),
        open_buffers: body
            .input_extra
            .into_iter()
            .map(|extra| Buffer {
                path: path(Some(&extra.filename), None),
                text: extra.text,
            })
            .collect(),
        recent_edits: Vec::new(),
        scope: asker.scope,
    };
    if is_warm_up {
        // The plugin does not wait for an answer. Some have nothing to say yet.
        if !request.text.trim().is_empty() {
            completer.prepare(request);
        }
        return Ok(Json(json!({})).into_response());
    }
    let completion = completed(asker.account.as_ref(), completer, &request).await?;
    let context_length = service.fill_model(None)?.model.descriptor().context_length;
    let fields = body.response_fields.unwrap_or_default();
    let texts = match completion.suggestions.as_slice() {
        [] => vec![""],
        some => some.iter().map(String::as_str).collect(),
    };
    let mut objects: Vec<Value> = texts
        .into_iter()
        .map(|text| chosen(&object(&completion, text, context_length), &fields))
        .collect();
    let whole = match alternatives {
        1 => objects.swap_remove(0),
        _ => Value::Array(objects),
    };
    let mut response = Json(whole).into_response();
    explain(&mut response, &completion);
    Ok(response)
}

/// A name for the buffer, in the language of most files that were sent along.
fn likely_name(extra: &[Extra]) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for extra in extra {
        if let Some((_, extension)) = extra.filename.rsplit_once('.') {
            *counts.entry(extension).or_default() += 1;
        }
    }
    let (extension, _) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    Some(format!("untitled.{extension}"))
}

fn object(completion: &Completion, text: &str, context_length: u32) -> Value {
    let trace = &completion.trace;
    let mut timings = Map::new();
    if let Some(read) = trace.prompt_tokens {
        let known = trace.cached_tokens.unwrap_or(0);
        timings.insert("prompt_n".to_owned(), json!(read.saturating_sub(known)));
    }
    // The model's time is not told apart into reading and writing.
    timings.insert("prompt_ms".to_owned(), json!(trace.preparing_ms));
    timings.insert("predicted_ms".to_owned(), json!(trace.model_ms));
    if let Some(written) = trace.completion_tokens {
        let seconds = trace.model_ms.max(1.0) / 1000.0;
        timings.insert("predicted_n".to_owned(), json!(written));
        timings.insert(
            "predicted_per_second".to_owned(),
            json!(f64::from(written) / seconds),
        );
    }
    let mut object = json!({
        "content": text,
        "stop": true,
        "truncated": false,
        "generation_settings": { "n_ctx": context_length },
        "timings": timings,
    });
    if let (Some(object), Some(cached)) = (object.as_object_mut(), trace.cached_tokens) {
        object.insert("tokens_cached".to_owned(), json!(cached));
    }
    object
}

/// The fields that were asked for, each under its whole path; without any, everything.
fn chosen(object: &Value, fields: &[String]) -> Value {
    if fields.is_empty() {
        return object.clone();
    }
    let chosen = fields.iter().filter_map(|field| {
        let value = object.pointer(&format!("/{field}"))?;
        Some((field.clone(), value.clone()))
    });
    Value::Object(chosen.collect())
}
