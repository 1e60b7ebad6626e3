//! A server that breaks off, or cannot answer just then, is asked again.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tenon_api::{Job, JobRequest};
use tenon_client::{Client, ClientError};
use tenon_domain::Secret;
use tenon_testkit::{FakeServer, Framing, HttpAnswer, Step};

/// A server that gives these answers one after the other, and the last one ever after.
fn server(answers: Vec<HttpAnswer>) -> FakeServer {
    let asked = AtomicUsize::new(0);
    FakeServer::start(move |_| {
        let number = asked.fetch_add(1, Ordering::Relaxed);
        answers.get(number).or(answers.last()).cloned()
    })
}

fn client(server: &FakeServer) -> Client {
    Client::new(&server.address(), Secret::new("key")).unwrap()
}

fn job() -> Value {
    json!({
        "id": "one", "state": "queued", "task": "explain", "repository": "web", "owner": "ada",
        "criticality": "standard", "attempt": 0, "max_attempts": 3, "created_at": "2026-01-01T00:00:00Z",
    })
}

fn request() -> JobRequest {
    serde_json::from_value(json!({ "task": "explain", "repository": "web", "intent": "half" })).unwrap()
}

fn accepted() -> HttpAnswer {
    HttpAnswer::whole(202, "application/json", job().to_string())
}

/// The server is lost when half of the answer is sent.
fn broken_off() -> HttpAnswer {
    let text = job().to_string();
    let half = text.as_bytes()[..text.len() / 2].to_vec();
    HttpAnswer {
        framing: Framing::Length(text.len() as u64),
        steps: vec![Step::Send(half), Step::Cut],
        ..accepted()
    }
}

fn problem(status: u16) -> HttpAnswer {
    let problem = json!({
        "type": "tag:tenon,2026:problem/any", "title": "No", "status": status, "detail": "not now",
        "failure_category": "internal", "request_id": "r",
    });
    HttpAnswer::whole(status, "application/problem+json", problem.to_string())
}

#[tokio::test]
async fn a_submission_goes_on_under_its_key_until_it_is_answered_whole() {
    let server = server(vec![broken_off(), problem(503), accepted()]);
    assert_eq!(client(&server).submit(&request()).await.unwrap().id, "one");
    let requests = server.requests();
    let keys: Vec<_> = requests
        .iter()
        .map(|request| request.header("idempotency-key").unwrap())
        .collect();
    assert_eq!(keys, [keys[0]; 3]);
    client(&server).submit(&request()).await.unwrap();
    assert_ne!(server.requests()[3].header("idempotency-key"), Some(keys[0]));
}

#[tokio::test]
async fn what_will_not_change_is_asked_once() {
    for status in [400, 401, 403, 404, 409, 422, 429, 500] {
        let server = server(vec![problem(status)]);
        let refused = client(&server).submit(&request()).await;
        assert!(matches!(refused, Err(ClientError::Refused(problem)) if problem.status == status));
        assert_eq!(server.requests().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn what_has_no_key_is_sent_once() {
    let server = server(vec![broken_off(), accepted()]);
    let cancelled = client(&server).post::<Job>("/jobs/one/cancel", &()).await;
    assert!(matches!(cancelled, Err(ClientError::Unreachable { .. })));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn watching_goes_on_after_a_server_that_broke_off_or_was_not_ready() {
    let event = |number: i64| {
        let data = json!({ "sequence": number, "at": "2026-01-01T00:00:00Z", "event": "progress" });
        Step::Send(format!("id: {number}\nevent: progress\ndata: {data}\n\n").into_bytes())
    };
    let server = server(vec![
        HttpAnswer::events(vec![event(1), event(2), Step::Cut]),
        problem(503),
        // What was told before is not told again.
        HttpAnswer::events(vec![event(2), event(3)]),
        HttpAnswer::whole(204, "text/plain", ""),
    ]);
    let mut watched = client(&server).watch("one", 0);
    let mut told = Vec::new();
    while let Some(event) = watched.next().await.unwrap() {
        told.push(event.sequence);
    }
    assert_eq!(told, [1, 2, 3]);
    let requests = server.requests();
    let after: Vec<_> = requests
        .iter()
        .map(|request| request.header("last-event-id").unwrap())
        .collect();
    assert_eq!(after, ["0", "2", "2", "3"]);
}

/// Pieces of a kibibyte, and then whatever comes.
fn pieces(count: usize, then: Step) -> HttpAnswer {
    let mut steps = vec![Step::Send(vec![b'1'; 1024]); count];
    steps.push(then);
    HttpAnswer {
        framing: Framing::Chunked,
        steps,
        ..accepted()
    }
}

#[tokio::test]
async fn an_answer_without_end_is_refused_while_it_is_read() {
    let server = server(vec![pieces(8, Step::Hang)]);
    let client = client(&server).with_largest_answer(4096);
    let refused = client.get::<Value>("/jobs/one").await.unwrap_err();
    assert!(
        refused.to_string().contains("larger than 4096 bytes"),
        "{refused}"
    );
}

#[tokio::test]
async fn what_is_downloaded_may_be_larger_and_says_when_it_broke_off() {
    let whole = HttpAnswer::whole(200, "application/x-ndjson", vec![b'1'; 8192]);
    let server = server(vec![whole, pieces(8, Step::Cut), problem(403)]);
    let client = client(&server).with_largest_answer(4096);
    let read = async || {
        let mut download = client.download("/audit/export").await?;
        let mut bytes = 0;
        while let Some(piece) = download.next().await? {
            bytes += piece.len();
        }
        Ok::<_, ClientError>(bytes)
    };
    assert_eq!(read().await.unwrap(), 8192);
    assert!(matches!(read().await, Err(ClientError::Unreachable { .. })));
    assert!(matches!(read().await, Err(ClientError::Refused(_))));
}
