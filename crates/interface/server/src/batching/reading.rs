//! Reads the lines of a batch: all of them are understood, or none is asked.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::Value;
use tenon_jobs::now_ms;
use tenon_store::{BatchLine, Database, LineError, ModelBatch, ModelBatchStatus as Status};

use crate::dialect::files;
use crate::failure::Failure;

const MOST_LINES: i64 = 50_000;
const LONGEST_ID: usize = 512;
/// What is wrong is told of so many lines.
const MOST_ERRORS: usize = 100;
const AT_ONCE: usize = 200;

/// A line as clients write it.
#[derive(Deserialize)]
struct Line {
    custom_id: String,
    method: String,
    url: String,
    body: Value,
}

/// Keeps the lines of a batch, or has it fail with what is wrong with them; none when another has it by now.
pub(super) async fn validate(
    database: &Database,
    batch: &ModelBatch,
    fence: i64,
) -> Result<Option<ModelBatch>, Failure> {
    let mut reader = Reader::new(&batch.endpoint);
    let mut part = 0;
    let mut is_first = true;
    let is_there = database
        .file(&batch.owner, &batch.input_file)
        .await
        .map_err(files::failure)?;
    if is_there.is_none() {
        reader.wrong("missing_file", "the file was removed", None);
    }
    while is_there.is_some()
        && let Some(text) = database
            .file_part(&batch.input_file, part)
            .await
            .map_err(files::failure)?
    {
        part += 1;
        let lines = reader.read(&text);
        for lines in lines.chunks(AT_ONCE) {
            let added = database.add_batch_lines(&batch.id, fence, lines, is_first).await;
            if !added.map_err(files::failure)? {
                return Ok(None);
            }
            is_first = false;
        }
        if reader.is_hopeless() {
            break;
        }
    }
    let errors = reader.finish();
    let changed = database.change_model_batch(&batch.id, fence, |batch| {
        // Somebody may have cancelled it meanwhile.
        if batch.status == Status::Validating {
            match errors.is_empty() {
                true => batch.reach(Status::InProgress, now_ms()),
                false => {
                    batch.errors = errors;
                    batch.reach(Status::Failed, now_ms());
                }
            }
        }
    });
    changed.await.map_err(files::failure)
}

struct Reader<'batch> {
    endpoint: &'batch str,
    number: i64,
    names: HashSet<String>,
    errors: Vec<LineError>,
}

impl<'batch> Reader<'batch> {
    fn new(endpoint: &'batch str) -> Self {
        Self {
            endpoint,
            number: 0,
            names: HashSet::new(),
            errors: Vec::new(),
        }
    }

    fn wrong(&mut self, code: &str, message: impl Into<String>, line: Option<i64>) {
        if self.errors.len() < MOST_ERRORS {
            self.errors.push(LineError {
                code: code.to_owned(),
                message: message.into(),
                line,
            });
        }
    }

    /// The lines of a part, those left out that are wrong, or empty.
    fn read(&mut self, text: &str) -> Vec<BatchLine> {
        let mut lines = Vec::new();
        for text in text.lines() {
            self.number += 1;
            if text.trim().is_empty() {
                continue;
            }
            match self.line(text) {
                Ok(line) => lines.push(line),
                Err((code, message)) => self.wrong(code, message, Some(self.number)),
            }
        }
        lines
    }

    fn line(&mut self, text: &str) -> Result<BatchLine, (&'static str, String)> {
        let line: Line =
            serde_json::from_str(text).map_err(|error| ("invalid_json_line", error.to_string()))?;
        if line.custom_id.is_empty() || line.custom_id.len() > LONGEST_ID {
            let message = format!("`custom_id` has 1 to {LONGEST_ID} bytes");
            return Err(("invalid_custom_id", message));
        }
        if !line.method.eq_ignore_ascii_case("POST") {
            return Err(("invalid_method", "`method` is `POST`".to_owned()));
        }
        if line.url != self.endpoint {
            let message = format!("`url` is `{}`, as the batch says", self.endpoint);
            return Err(("mismatched_endpoint", message));
        }
        if !line.body.is_object() {
            return Err(("invalid_body", "`body` is an object".to_owned()));
        }
        if !self.names.insert(line.custom_id.clone()) {
            let message = format!("another line is called `{}` already", line.custom_id);
            return Err(("duplicate_custom_id", message));
        }
        Ok(BatchLine {
            line: self.number,
            custom_id: line.custom_id,
            request: line.body.to_string(),
        })
    }

    fn is_hopeless(&self) -> bool {
        self.errors.len() >= MOST_ERRORS || self.number > MOST_LINES
    }

    /// What is wrong with all of it.
    fn finish(mut self) -> Vec<LineError> {
        if self.number > MOST_LINES {
            let message = format!("a batch has {MOST_LINES} lines at most");
            self.wrong("too_many_lines", message, None);
        } else if self.names.is_empty() && self.errors.is_empty() {
            self.wrong("empty_file", "the file has no line", None);
        }
        self.errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: &str) -> Vec<(String, Option<i64>)> {
        let mut reader = Reader::new("/v1/completions");
        reader.read(text);
        let errors = reader.finish().into_iter();
        errors.map(|error| (error.code, error.line)).collect()
    }

    #[test]
    fn what_is_wrong_with_a_line_is_told_with_its_number() {
        let good = r#"{"custom_id":"a","method":"POST","url":"/v1/completions","body":{"prompt":"x"}}"#;
        assert_eq!(errors(good), []);
        assert_eq!(errors("\n\n"), [("empty_file".to_owned(), None)]);
        for (text, code) in [
            ("{", "invalid_json_line"),
            ("{}", "invalid_json_line"),
            (good, "duplicate_custom_id"),
            (&good.replace("\"a\"", "\"\""), "invalid_custom_id"),
            (&good.replace("POST", "GET"), "invalid_method"),
            (
                &good.replace("/v1/completions", "/v1/responses"),
                "mismatched_endpoint",
            ),
            (&good.replace(r#"{"prompt":"x"}"#, "7"), "invalid_body"),
        ] {
            assert_eq!(
                errors(&format!("{good}\n\n{text}\n")),
                [(code.to_owned(), Some(3))],
                "{text}"
            );
        }
        assert_eq!(errors(&"{\n".repeat(300)).len(), MOST_ERRORS);
    }
}
