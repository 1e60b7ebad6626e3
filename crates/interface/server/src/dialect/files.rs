//! OpenAI's `/v1/files`: what goes into batches and what comes out of them. A file is its owner's alone; to others it is
//! not there.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tenon_jobs::now_ms;
use tenon_store::{Database, DatabaseError, StoredFile};
use tokio::time::timeout;
use uuid::Uuid;

use crate::access::Asking;
use crate::control::Refusal;
use crate::failure::{Category, Failure};
use crate::service::Service;

/// A file with the form around it.
pub(crate) const MOST_UPLOAD: usize = 201 * 1024 * 1024;
const MOST_BYTES: i64 = 200 * 1024 * 1024;
/// Of all files of one owner.
const MOST_OWNED: i64 = 2 * 1024 * 1024 * 1024;
/// A request takes no more.
const LONGEST_LINE: usize = 8 * 1024 * 1024;
const PART: usize = 256 * 1024;
const LONGEST_NAME: usize = 255;
/// A client that sends nothing for so long is given up.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);
const LONGEST_UPLOAD: Duration = Duration::from_secs(900);
const PURPOSE: &str = "batch";
const LEAST_KEPT: i64 = 3_600;
const MOST_KEPT: i64 = 30 * 24 * 3_600;

/// Which part of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct Listed {
    pub after: Option<String>,
    limit: Option<u32>,
}

impl Listed {
    const USUAL: u32 = 20;
    const MOST: u32 = 100;

    pub fn limit(&self) -> Result<u32, Failure> {
        match self.limit.unwrap_or(Self::USUAL) {
            limit @ 1..=Self::MOST => Ok(limit),
            _ => Err(Failure::bad(
                "limit",
                format!("`limit` is from 1 to {}", Self::MOST),
            )),
        }
    }

    /// A list as OpenAI's clients read it.
    pub fn page(rows: &[Value], limit: u32) -> Value {
        let id = |row: Option<&Value>| row.and_then(|row| row.get("id")).cloned();
        json!({
            "object": "list",
            "data": rows,
            "first_id": id(rows.first()),
            "last_id": id(rows.last()),
            "has_more": rows.len() == limit as usize,
        })
    }
}

/// The database, where the service has one.
pub(crate) fn database(service: &Service) -> Result<&Database, Failure> {
    let control = service.control().ok_or_else(|| {
        Failure::new(
            Category::NotServed,
            "files and batches are kept in a database, and there is none",
        )
    })?;
    Ok(control.database())
}

/// What the database says, without what nobody outside should read.
pub(crate) fn failure(error: DatabaseError) -> Failure {
    Failure::from(Refusal::from(error))
}

/// There is nothing of that id, or it is another's.
pub(crate) fn missing(what: &str, id: &str) -> Failure {
    let id: String = id.chars().take(80).flat_map(char::escape_debug).collect();
    Failure {
        parameter: Some("id"),
        ..Failure::new(Category::UnknownRoute, format!("there is no {what} `{id}`"))
    }
}

/// An id that sorts by time.
pub(crate) fn new_id(prefix: &str) -> String {
    format!("{prefix}{}", Uuid::now_v7().simple())
}

/// Keeps a file while it comes.
pub(crate) async fn upload(
    service: &Arc<Service>,
    asking: &Asking,
    form: Multipart,
) -> Result<Json<Value>, Failure> {
    let _room = service.admit()?;
    let kept = timeout(LONGEST_UPLOAD, keep(service, asking, form)).await;
    kept.map_err(|_| {
        let message = format!("the file did not come within {} s", LONGEST_UPLOAD.as_secs());
        Failure::new(Category::BadRequest, message)
    })?
}

async fn keep(service: &Arc<Service>, asking: &Asking, mut form: Multipart) -> Result<Json<Value>, Failure> {
    let database = database(service)?;
    let owner = asking.scope.0.as_str();
    let owned = database.file_bytes(owner).await.map_err(failure)?;
    if owned >= MOST_OWNED {
        let message = format!("your files have {owned} bytes, and {MOST_OWNED} are kept: remove some");
        return Err(Failure::new(Category::TooLarge, message));
    }
    let mut purpose = None;
    let mut seconds = None;
    let mut kept: Option<StoredFile> = None;
    let kept = loop {
        let next = timeout(LONGEST_SILENCE, form.next_field()).await;
        let Some(field) = next.map_err(|_| silent())?.map_err(broken)? else {
            break kept;
        };
        match field.name().unwrap_or_default() {
            "purpose" => purpose = Some(short(field).await?),
            "expires_after[seconds]" => seconds = Some(parse_seconds(&short(field).await?)?),
            "file" if kept.is_none() => {
                let file = StoredFile {
                    id: new_id("file-"),
                    owner: owner.to_owned(),
                    name: field
                        .file_name()
                        .unwrap_or("file")
                        .chars()
                        .take(LONGEST_NAME)
                        .collect(),
                    purpose: PURPOSE.to_owned(),
                    bytes: 0,
                    created_at_ms: now_ms(),
                    expires_at_ms: None,
                };
                database.begin_file(&file).await.map_err(failure)?;
                match receive(database, &file.id, field).await {
                    Ok(()) => kept = Some(file),
                    Err(wrong) => {
                        let _ = database.remove_file(owner, &file.id).await;
                        return Err(wrong);
                    }
                }
            }
            _ => drop(short(field).await?),
        }
    };
    let file = kept.ok_or_else(|| Failure::bad("file", "the form has no `file`"))?;
    if purpose.as_deref() != Some(PURPOSE) {
        let _ = database.remove_file(owner, &file.id).await;
        return Err(Failure::bad(
            "purpose",
            "files are kept for batches: send `purpose=batch`",
        ));
    }
    let expires_at_ms = seconds.map(|seconds| file.created_at_ms + seconds * 1000);
    database
        .finish_file(&file.id, expires_at_ms)
        .await
        .map_err(failure)?;
    let file = database.file(owner, &file.id).await.map_err(failure)?;
    let file = file.ok_or_else(|| Failure::new(Category::Unavailable, "the file was removed meanwhile"))?;
    Ok(Json(object(&file)))
}

/// How long a file is to be kept, if that can be had.
pub(crate) fn parse_seconds(text: &str) -> Result<i64, Failure> {
    let seconds = text.trim().parse::<i64>().ok();
    seconds
        .filter(|seconds| (LEAST_KEPT..=MOST_KEPT).contains(seconds))
        .ok_or_else(|| {
            let message = format!("`seconds` is from {LEAST_KEPT} to {MOST_KEPT}");
            Failure::bad("expires_after", message)
        })
}

async fn short(mut field: Field<'_>) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    while let Some(chunk) = chunk(&mut field).await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > 4096 {
            return Err(Failure::new(
                Category::TooLarge,
                "a field of the form is too long",
            ));
        }
    }
    String::from_utf8(bytes)
        .map_err(|_| Failure::new(Category::BadRequest, "a field of the form is not UTF-8"))
}

async fn chunk(field: &mut Field<'_>) -> Result<Option<Bytes>, Failure> {
    let chunk = timeout(LONGEST_SILENCE, field.chunk()).await;
    chunk.map_err(|_| silent())?.map_err(broken)
}

/// Keeps a file in parts of whole lines.
async fn receive(database: &Database, id: &str, mut field: Field<'_>) -> Result<(), Failure> {
    let mut writer = FileWriter::new(database, id);
    while let Some(chunk) = chunk(&mut field).await? {
        writer.push(&chunk).await?;
    }
    writer.finish().await
}

/// Writes a file in parts of whole lines.
pub(crate) struct FileWriter<'database> {
    database: &'database Database,
    id: String,
    held: Vec<u8>,
    part: i64,
    bytes: i64,
    most: i64,
}

impl<'database> FileWriter<'database> {
    /// A writer of a file that was begun.
    pub fn new(database: &'database Database, id: &str) -> Self {
        Self {
            database,
            id: id.to_owned(),
            held: Vec::new(),
            part: 0,
            bytes: 0,
            most: MOST_BYTES,
        }
    }

    /// The same for what is written here, which is bounded already.
    pub fn unbounded(self) -> Self {
        Self {
            most: i64::MAX,
            ..self
        }
    }

    /// Writes more.
    pub async fn push(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        self.held.extend_from_slice(chunk);
        self.bytes += i64::try_from(chunk.len()).unwrap_or(i64::MAX);
        if self.bytes > self.most {
            let message = format!("the file is larger than {} bytes", self.most);
            return Err(Failure::new(Category::TooLarge, message));
        }
        if self.held.len() < PART {
            return Ok(());
        }
        match self.held.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => {
                let rest = self.held.split_off(end + 1);
                self.write(rest).await
            }
            None if self.held.len() > LONGEST_LINE => {
                let message = format!("a line of the file is longer than {LONGEST_LINE} bytes");
                Err(Failure::new(Category::TooLarge, message))
            }
            None => Ok(()),
        }
    }

    /// Writes what is left.
    pub async fn finish(mut self) -> Result<(), Failure> {
        match self.held.is_empty() {
            true => Ok(()),
            false => self.write(Vec::new()).await,
        }
    }

    async fn write(&mut self, rest: Vec<u8>) -> Result<(), Failure> {
        let text = String::from_utf8(std::mem::replace(&mut self.held, rest));
        let text = text.ok().filter(|text| !text.contains('\0'));
        let text = text.ok_or_else(|| Failure::bad("file", "the file is not text in UTF-8"))?;
        let written = self.database.write_file_part(&self.id, self.part, &text);
        written.await.map_err(failure)?;
        self.part += 1;
        Ok(())
    }
}

fn broken(error: MultipartError) -> Failure {
    let category = match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Category::TooLarge,
        _ => Category::BadRequest,
    };
    Failure::new(category, error.body_text())
}

fn silent() -> Failure {
    let message = format!("nothing came for {} s", LONGEST_SILENCE.as_secs());
    Failure::new(Category::BadRequest, message)
}

pub(crate) async fn list(
    service: &Arc<Service>,
    asking: &Asking,
    listed: &Listed,
) -> Result<Json<Value>, Failure> {
    let limit = listed.limit()?;
    let files = database(service)?
        .files(&asking.scope.0, listed.after.as_deref(), limit)
        .await
        .map_err(failure)?;
    let files: Vec<Value> = files.iter().map(object).collect();
    Ok(Json(Listed::page(&files, limit)))
}

pub(crate) async fn read(service: &Arc<Service>, asking: &Asking, id: &str) -> Result<Json<Value>, Failure> {
    Ok(Json(object(&found(service, asking, id).await?)))
}

pub(crate) async fn remove(
    service: &Arc<Service>,
    asking: &Asking,
    id: &str,
) -> Result<Json<Value>, Failure> {
    let file = found(service, asking, id).await?;
    let removed = database(service)?.remove_file(&asking.scope.0, &file.id).await;
    removed.map_err(failure)?;
    Ok(Json(json!({ "id": file.id, "object": "file", "deleted": true })))
}

/// The text of a file, a part at a time.
pub(crate) async fn content(service: &Arc<Service>, asking: &Asking, id: &str) -> Result<Response, Failure> {
    let file = found(service, asking, id).await?;
    let database = database(service)?.clone();
    let parts = futures::stream::unfold(Some((database, file.id, 0)), |going| async move {
        let (database, id, part) = going?;
        match database.file_part(&id, part).await {
            Ok(Some(text)) => Some((Ok(Bytes::from(text)), Some((database, id, part + 1)))),
            Ok(None) => None,
            // A body that breaks off must not look like one that is whole.
            Err(error) => Some((Err(error), None)),
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "application/jsonl"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::from_stream(parts)).into_response())
}

async fn found(service: &Arc<Service>, asking: &Asking, id: &str) -> Result<StoredFile, Failure> {
    let file = database(service)?
        .file(&asking.scope.0, id)
        .await
        .map_err(failure)?;
    file.ok_or_else(|| missing("file", id))
}

fn object(file: &StoredFile) -> Value {
    json!({
        "id": file.id,
        "object": "file",
        "bytes": file.bytes,
        "created_at": file.created_at_ms / 1000,
        "expires_at": file.expires_at_ms.map(|at| at / 1000),
        "filename": file.name,
        "purpose": file.purpose,
        "status": "processed",
    })
}
