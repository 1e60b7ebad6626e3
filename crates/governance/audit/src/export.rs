//! The export: one JSON object a line. First every checkpoint, as `{"checkpoint":{…}}`, then every record as it is
//! stored.
//!
//! Checkpoints come first for two reasons: a file that was cut short still says where it should end, and one pass over a
//! file of any size is enough to judge it.

use std::io::{self, BufRead};

use serde::{Deserialize, Serialize};

use crate::json::to_line;
use crate::{AuditError, Checkpoint, MAX_RECORD_BYTES, PublicKey, Report, Verifier};

#[derive(Serialize, Deserialize)]
struct CheckpointLine {
    checkpoint: Checkpoint,
}

/// The line of an export that stands for a checkpoint, without its newline. All of them precede the records.
pub fn checkpoint_line(checkpoint: &Checkpoint) -> String {
    let checkpoint = *checkpoint;
    to_line(&CheckpointLine { checkpoint })
}

/// Judges an export. See [`Verifier::new`] for what the keys do.
///
/// # Errors
/// When the export cannot be read at all. What is wrong inside it is in the report.
pub fn verify_export(reader: impl BufRead, trusted: &[PublicKey]) -> Result<Report, AuditError> {
    let mut lines = Lines(reader);
    let mut checkpoints = Vec::new();
    let mut line = lines.next()?;
    while let Some(CheckpointLine { checkpoint }) = line.as_ref().and_then(parse) {
        checkpoints.push(checkpoint);
        line = lines.next()?;
    }
    let mut verifier = Verifier::new(trusted, checkpoints);
    while let Some(current) = line {
        match current {
            Line::Text(text) => verifier.push(&text),
            Line::Unreadable(reason) => verifier.push_unreadable(reason.to_owned()),
        }
        line = lines.next()?;
    }
    Ok(verifier.finish())
}

enum Line {
    Text(String),
    Unreadable(&'static str),
}

struct Lines<R>(R);

impl<R: BufRead> Lines<R> {
    /// The next line; `None` at the end.
    fn next(&mut self) -> Result<Option<Line>, AuditError> {
        let line = self.read().map_err(|source| AuditError::Export { source })?;
        Ok(line.map(|bytes| match bytes {
            Some(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Line::Text(text),
                Err(_) => Line::Unreadable("it is not UTF-8"),
            },
            None => Line::Unreadable("it is longer than any record"),
        }))
    }

    /// The bytes of the next line, or `Some(None)` for one that is too long.
    fn read(&mut self) -> io::Result<Option<Option<Vec<u8>>>> {
        let mut bytes = Vec::new();
        let limit = MAX_RECORD_BYTES as u64 + 1;
        if io::Read::take(&mut self.0, limit).read_until(b'\n', &mut bytes)? == 0 {
            return Ok(None);
        }
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            return Ok(Some(Some(bytes)));
        }
        if bytes.len() <= MAX_RECORD_BYTES {
            return Ok(Some(Some(bytes)));
        }
        self.0.skip_until(b'\n')?;
        Ok(Some(None))
    }
}

fn parse(line: &Line) -> Option<CheckpointLine> {
    match line {
        Line::Text(text) => serde_json::from_str(text).ok(),
        Line::Unreadable(_) => None,
    }
}
