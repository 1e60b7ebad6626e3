//! OpenAI's `/v1/batches`: many requests in one file, answered when there is room. The work itself is in
//! [`batching`](crate::batching).

use std::sync::Arc;

use axum::Json;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tenon_jobs::now_ms;
use tenon_store::{BatchUsage, LineCounts, LineError, ModelBatch, ModelBatchStatus};

use super::files::{Listed, database, failure, missing, new_id, parse_seconds};
use crate::access::Asking;
use crate::failure::{Category, Failure};
use crate::service::Service;

/// The body.
#[derive(Debug, Deserialize)]
pub(crate) struct Body {
    input_file_id: String,
    endpoint: String,
    completion_window: String,
    metadata: Option<Map<String, Value>>,
    output_expires_after: Option<Value>,
}

/// The routes that lines may be for.
pub(crate) const ENDPOINTS: [&str; 3] = ["/v1/chat/completions", "/v1/completions", "/v1/responses"];
const MOST_METADATA: usize = 16;
const LONGEST_KEY: usize = 64;
const LONGEST_VALUE: usize = 512;
/// Of one owner.
const MOST_OPEN: i64 = 100;
const LONGEST_WINDOW_MS: i64 = 7 * 24 * 3_600_000;

pub(crate) async fn submit(
    service: &Arc<Service>,
    asking: &Asking,
    body: Body,
) -> Result<Json<Value>, Failure> {
    let database = database(service)?;
    let owner = asking.scope.0.as_str();
    if asking.account.is_some() && asking.key.is_none() {
        let message =
            "a batch goes on when a session is over: submit it with a key, which `tenon login` gives you";
        return Err(Failure::new(Category::Forbidden, message));
    }
    if !ENDPOINTS.contains(&body.endpoint.as_str()) {
        let message = format!("batches are for {}", ENDPOINTS.join(", "));
        return Err(Failure::bad("endpoint", message));
    }
    let window = window_ms(&body.completion_window).ok_or_else(|| {
        Failure::bad(
            "completion_window",
            "give `24h`, or another time up to 7 days such as `30m` or `3d`",
        )
    })?;
    if let Some(metadata) = &body.metadata {
        check_metadata(metadata)?;
    }
    let output_seconds = match &body.output_expires_after {
        None | Some(Value::Null) => None,
        Some(after) => Some(parse_seconds(
            &after.get("seconds").map(Value::to_string).unwrap_or_default(),
        )?),
    };
    let input = database.file(owner, &body.input_file_id).await.map_err(failure)?;
    let input = input.ok_or_else(|| Failure {
        parameter: Some("input_file_id"),
        ..missing("file", &body.input_file_id)
    })?;
    if database.open_model_batches(owner).await.map_err(failure)? >= MOST_OPEN {
        let message = format!("{MOST_OPEN} of your batches have not ended: wait for one, or cancel one");
        return Err(Failure {
            retry_after: Some(60),
            ..Failure::new(Category::RateLimited, message)
        });
    }
    let now = now_ms();
    let batch = ModelBatch {
        id: new_id("batch_"),
        owner: owner.to_owned(),
        key: asking.key.clone(),
        endpoint: body.endpoint,
        input_file: input.id,
        window: body.completion_window,
        metadata: body.metadata,
        output_seconds,
        status: ModelBatchStatus::Validating,
        created_at_ms: now,
        expires_at_ms: now.saturating_add(window),
        reached_at_ms: Vec::new(),
        errors: Vec::new(),
        counts: LineCounts::default(),
        usage: BatchUsage::default(),
        output_file: None,
        error_file: None,
    };
    database.submit_model_batch(&batch).await.map_err(failure)?;
    service.batch_submitted();
    Ok(Json(object(&batch)))
}

/// A number of seconds, minutes, hours or days, in milliseconds.
fn window_ms(text: &str) -> Option<i64> {
    let unit = text.chars().last()?;
    let number: i64 = text.strip_suffix(unit)?.parse().ok()?;
    let unit = match unit {
        's' => 1_000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 24 * 3_600_000,
        _ => return None,
    };
    let window = number.checked_mul(unit)?;
    (1..=LONGEST_WINDOW_MS).contains(&window).then_some(window)
}

fn check_metadata(metadata: &Map<String, Value>) -> Result<(), Failure> {
    let fits = |(key, value): (&String, &Value)| {
        key.len() <= LONGEST_KEY && value.as_str().is_some_and(|value| value.len() <= LONGEST_VALUE)
    };
    match metadata.len() <= MOST_METADATA && metadata.iter().all(fits) {
        true => Ok(()),
        false => Err(Failure::bad(
            "metadata",
            format!(
                "`metadata` has up to {MOST_METADATA} texts, of {LONGEST_VALUE} bytes at most, with names of \
                 {LONGEST_KEY} bytes at most"
            ),
        )),
    }
}

pub(crate) async fn list(
    service: &Arc<Service>,
    asking: &Asking,
    listed: &Listed,
) -> Result<Json<Value>, Failure> {
    let limit = listed.limit()?;
    let batches = database(service)?
        .model_batches(&asking.scope.0, listed.after.as_deref(), limit)
        .await
        .map_err(failure)?;
    let batches: Vec<Value> = batches.iter().map(object).collect();
    Ok(Json(Listed::page(&batches, limit)))
}

pub(crate) async fn read(service: &Arc<Service>, asking: &Asking, id: &str) -> Result<Json<Value>, Failure> {
    let batch = database(service)?.model_batch(&asking.scope.0, id).await;
    let batch = batch.map_err(failure)?.ok_or_else(|| missing("batch", id))?;
    Ok(Json(object(&batch)))
}

pub(crate) async fn cancel(
    service: &Arc<Service>,
    asking: &Asking,
    id: &str,
) -> Result<Json<Value>, Failure> {
    let database = database(service)?;
    let batch = database.cancel_model_batch(&asking.scope.0, id, now_ms()).await;
    let batch = batch.map_err(failure)?.ok_or_else(|| missing("batch", id))?;
    service.batch_submitted();
    Ok(Json(object(&batch)))
}

fn object(batch: &ModelBatch) -> Value {
    use ModelBatchStatus as Status;
    let reached = |status: Status| {
        let mut reached = batch.reached_at_ms.iter().filter(|(to, _)| *to == status);
        reached.next().map(|(_, at)| at / 1000)
    };
    let errors = (!batch.errors.is_empty()).then(|| {
        let data: Vec<Value> = batch.errors.iter().map(error).collect();
        json!({ "object": "list", "data": data })
    });
    let usage = batch.status.is_final().then(|| usage(&batch.usage));
    json!({
        "id": batch.id,
        "object": "batch",
        "endpoint": batch.endpoint,
        "errors": errors,
        "input_file_id": batch.input_file,
        "completion_window": batch.window,
        "status": batch.status.as_str(),
        "output_file_id": batch.output_file,
        "error_file_id": batch.error_file,
        "created_at": batch.created_at_ms / 1000,
        "in_progress_at": reached(Status::InProgress),
        "expires_at": batch.expires_at_ms / 1000,
        "finalizing_at": reached(Status::Finalizing),
        "completed_at": reached(Status::Completed),
        "failed_at": reached(Status::Failed),
        "expired_at": reached(Status::Expired),
        "cancelling_at": reached(Status::Cancelling),
        "cancelled_at": reached(Status::Cancelled),
        "request_counts": {
            "total": batch.counts.total,
            "completed": batch.counts.completed,
            "failed": batch.counts.failed,
        },
        "usage": usage,
        "metadata": batch.metadata,
    })
}

fn error(error: &LineError) -> Value {
    json!({ "code": error.code, "message": error.message, "param": null, "line": error.line })
}

fn usage(usage: &BatchUsage) -> Value {
    json!({
        "input_tokens": usage.input_tokens,
        "input_tokens_details": { "cached_tokens": usage.cached_tokens },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": { "reasoning_tokens": 0 },
        "total_tokens": usage.input_tokens + usage.output_tokens,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_a_number_and_a_unit() {
        assert_eq!(window_ms("24h"), Some(24 * 3_600_000));
        assert_eq!(window_ms("1s"), Some(1_000));
        assert_eq!(window_ms("7d"), Some(LONGEST_WINDOW_MS));
        for wrong in [
            "",
            "h",
            "0h",
            "-1h",
            "8d",
            "24",
            "1 h",
            "99999999999999999h",
            "1é",
        ] {
            assert_eq!(window_ms(wrong), None, "{wrong}");
        }
    }
}
