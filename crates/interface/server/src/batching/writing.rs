//! Writes the files of a batch that comes to its end.

use serde_json::{Value, json};
use tenon_jobs::now_ms;
use tenon_store::{
    AnsweredLine, BatchUsage, Database, LineCounts, ModelBatch, ModelBatchStatus as Status, StoredFile,
};

use crate::dialect::files::{self, FileWriter, new_id};
use crate::failure::Failure;

const AT_ONCE: u32 = 100;
const OK: i64 = 200;

/// Writes what was answered well into one file and the rest into another, and ends the batch; none when another has it by
/// now. One that was lost on the way leaves files that nobody sees.
pub(super) async fn finalize(
    database: &Database,
    batch: &ModelBatch,
    fence: i64,
) -> Result<Option<ModelBatch>, Failure> {
    let end = match batch.status {
        Status::Cancelling => Status::Cancelled,
        _ => Status::Completed,
    };
    let mut output = Output::new(database, batch, "output");
    let mut errors = Output::new(database, batch, "errors");
    let mut counts = LineCounts::default();
    let mut total = BatchUsage::default();
    let mut unanswered = false;
    let mut after = 0;
    loop {
        let lines = database.batch_lines(&batch.id, after, AT_ONCE).await;
        let lines = lines.map_err(files::failure)?;
        let Some(last) = lines.last() else { break };
        after = last.line;
        for line in &lines {
            counts.total += 1;
            unanswered |= line.answer.is_none();
            match &line.answer {
                Some((OK, body)) => {
                    counts.completed += 1;
                    add(&mut total, body);
                    output.push(&answered(&batch.id, line, end)).await?;
                }
                _ => {
                    counts.failed += 1;
                    errors.push(&answered(&batch.id, line, end)).await?;
                }
            }
        }
    }
    let end = match end {
        Status::Completed if unanswered => Status::Expired,
        end => end,
    };
    let (output, errors) = (output.finish().await?, errors.finish().await?);
    let changed = database.change_model_batch(&batch.id, fence, |batch| {
        batch.counts = counts;
        batch.usage = total;
        batch.output_file = output;
        batch.error_file = errors;
        batch.reach(end, now_ms());
    });
    changed.await.map_err(files::failure)
}

/// A line as clients read it.
fn answered(batch: &str, line: &AnsweredLine, end: Status) -> Value {
    let id = format!("{}_{}", batch.replacen("batch_", "batch_req_", 1), line.line);
    let (response, error) = match &line.answer {
        Some((status, body)) => {
            let body: Value = serde_json::from_str(body).unwrap_or(Value::Null);
            (
                json!({ "status_code": status, "request_id": id, "body": body }),
                Value::Null,
            )
        }
        None if end == Status::Cancelled => {
            let message = "the batch was cancelled before this request was answered";
            (
                Value::Null,
                json!({ "code": "batch_cancelled", "message": message }),
            )
        }
        None => {
            let message = "the time of the batch was over before this request was answered";
            (
                Value::Null,
                json!({ "code": "batch_expired", "message": message }),
            )
        }
    };
    json!({ "id": id, "custom_id": line.custom_id, "response": response, "error": error })
}

/// Adds the tokens that an answer reports, in the words of either route.
fn add(total: &mut BatchUsage, body: &str) {
    let body: Value = serde_json::from_str(body).unwrap_or(Value::Null);
    let number = |places: [&str; 2]| {
        let found = places.iter().find_map(|place| body.pointer(place)?.as_i64());
        found.unwrap_or(0)
    };
    total.input_tokens += number(["/usage/prompt_tokens", "/usage/input_tokens"]);
    total.output_tokens += number(["/usage/completion_tokens", "/usage/output_tokens"]);
    total.cached_tokens += number([
        "/usage/prompt_tokens_details/cached_tokens",
        "/usage/input_tokens_details/cached_tokens",
    ]);
}

/// A file that is made with its first line.
struct Output<'run> {
    database: &'run Database,
    file: StoredFile,
    writer: Option<FileWriter<'run>>,
}

impl<'run> Output<'run> {
    fn new(database: &'run Database, batch: &ModelBatch, name: &str) -> Self {
        let now = now_ms();
        Self {
            database,
            file: StoredFile {
                id: new_id("file-"),
                owner: batch.owner.clone(),
                name: format!("{}_{name}.jsonl", batch.id),
                purpose: "batch_output".to_owned(),
                bytes: 0,
                created_at_ms: now,
                expires_at_ms: batch
                    .output_seconds
                    .map(|seconds| now.saturating_add(seconds * 1000)),
            },
            writer: None,
        }
    }

    async fn push(&mut self, line: &Value) -> Result<(), Failure> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => {
                self.database
                    .begin_file(&self.file)
                    .await
                    .map_err(files::failure)?;
                none.insert(FileWriter::new(self.database, &self.file.id).unbounded())
            }
        };
        writer.push(format!("{line}\n").as_bytes()).await
    }

    /// The file, if there is one.
    async fn finish(self) -> Result<Option<String>, Failure> {
        match self.writer {
            Some(writer) => writer.finish().await.map(|()| Some(self.file.id)),
            None => Ok(None),
        }
    }
}
