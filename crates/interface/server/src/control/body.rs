//! Bodies: bounded in size and time, JSON, and nothing in them that is not understood.

use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use tenon_api::Operation;

use super::Refusal;

/// A megabyte is many times what a request needs.
const MOST: usize = 1024 * 1024;
const LONGEST: Duration = Duration::from_secs(20);

/// A tree is more, and takes longer.
const MOST_OF_AN_ARCHIVE: usize = 64 * 1024 * 1024;
const LONGEST_OF_AN_ARCHIVE: Duration = Duration::from_secs(300);

/// Reads a body whole.
pub(super) async fn receive(operation: Operation, request: Request) -> Result<Bytes, Refusal> {
    let (most, longest) = match operation {
        Operation::UploadArchive => (MOST_OF_AN_ARCHIVE, LONGEST_OF_AN_ARCHIVE),
        _ => (MOST, LONGEST),
    };
    let reading = tokio::time::timeout(longest, to_bytes(request.into_body(), most));
    match reading.await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_too_large(&error) => {
            let detail = format!("the body is larger than {most} bytes");
            Err(Refusal::body(StatusCode::PAYLOAD_TOO_LARGE, detail))
        }
        Ok(Err(_)) => Err(Refusal::bad("the body broke off")),
        Err(_) => {
            let detail = format!("the body did not come within {} s", longest.as_secs());
            Err(Refusal::body(StatusCode::REQUEST_TIMEOUT, detail))
        }
    }
}

fn is_too_large(error: &axum::Error) -> bool {
    // The limit's own error is not public where it is thrown: it is known by its words.
    error.to_string().contains("limit")
}

/// Reads JSON as `T`.
pub(super) fn read<T: DeserializeOwned>(headers: &HeaderMap, bytes: &[u8]) -> Result<T, Refusal> {
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = media_type.map(|value| value.split(';').next().unwrap_or_default().trim());
    let is_json = essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    if !is_json {
        let detail = "the body is read as JSON: send it with `Content-Type: application/json`";
        return Err(Refusal::body(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        match path.as_str() {
            "." => Refusal::bad(format!("the body: {}", error.inner())),
            path => Refusal::bad(format!("the body, at `{path}`: {}", error.inner())),
        }
    })?;
    deserializer
        .end()
        .map_err(|error| Refusal::bad(format!("the body goes on after its end: {error}")))?;
    Ok(value)
}
