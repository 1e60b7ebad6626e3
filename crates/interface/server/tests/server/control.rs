//! Jobs and proposals over the service's own interface.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use serde_json::{Value, json};
use tenon_domain::{FailureCategory, Proposal};
use tenon_jobs::{Progress, RunError, Runner};
use tenon_store::Job;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::desk::{AtOnce, Desk};
use crate::house::Reply;

/// Runs until it is told to stop.
struct Endless(Arc<Notify>);

#[async_trait]
impl Runner for Endless {
    async fn run(
        &self,
        _job: &Job,
        _request: &str,
        progress: &Progress,
        stop: &CancellationToken,
    ) -> Result<Proposal, RunError> {
        progress.tell("begun");
        self.0.notify_one();
        stop.cancelled().await;
        Err(RunError::new(FailureCategory::Cancelled, "stopped"))
    }
}

/// Fails in one way until it has failed so often, and then succeeds.
struct Failing(FailureCategory, u32);

#[async_trait]
impl Runner for Failing {
    async fn run(
        &self,
        job: &Job,
        request: &str,
        progress: &Progress,
        stop: &CancellationToken,
    ) -> Result<Proposal, RunError> {
        match job.status.attempt <= self.1 {
            true => Err(RunError::new(self.0, "it did not work")),
            false => AtOnce.run(job, request, progress, stop).await,
        }
    }
}

fn kinds(events: &Reply) -> Vec<String> {
    events
        .events()
        .into_iter()
        .map(|(kind, _)| kind.unwrap())
        .collect()
}

#[tokio::test]
async fn a_job_goes_from_its_submission_to_a_proposal_with_feedback() {
    let desk = Desk::new().await;
    desk.repository("web").await;
    let body = json!({ "task": "generate", "repository": "web", "intent": "add a line" });
    let submitted = desk.post("/api/v1/jobs", &body).await;
    let job = submitted.with(202);
    let path = format!("/api/v1/jobs/{}", job["id"].as_str().unwrap());
    assert_eq!(submitted.headers["location"], path.as_str());
    assert_eq!(job["state"], "queued");

    let stop = CancellationToken::new();
    let worker = desk.worker(AtOnce, &stop);
    let events = desk.get(&format!("{path}/events")).await;
    assert_eq!(kinds(&events), ["claimed", "progress", "proposed"]);
    let job = desk.get(&path).await.json();
    assert_eq!(
        (&job["state"], &job["level"]),
        (&json!("succeeded"), &json!("unverified"))
    );

    let proposal = format!("/api/v1/proposals/{}", job["proposal"].as_str().unwrap());
    let read = desk.get(&proposal).await;
    assert_eq!(read.json()["change"][0]["path"], "a.py");
    let known = desk
        .request(Method::GET, &proposal, &desk.admin)
        .header("if-none-match", &read.headers["etag"]);
    assert_eq!(Reply::of(known).await.status, 304);
    assert!(
        desk.get(&format!("{proposal}/diff"))
            .await
            .text
            .contains("+two = 2")
    );

    let edited = json!({ "verdict": "edited", "reason": "renamed", "final_diff": "+three = 3" });
    for _ in 0..2 {
        assert_eq!(
            desk.post(&format!("{proposal}/feedback"), &edited).await.status,
            204
        );
    }
    let signals = desk.get("/api/v1/signals").await.json();
    assert_eq!(
        (
            &signals["quality"][0]["proposals"],
            &signals["quality"][0]["edited"]
        ),
        (&json!(1), &json!(1))
    );
    assert!(signals["quality"][0]["edit_distance"].as_f64().unwrap() > 0.0);

    stop.cancel();
    worker.await.unwrap();
    let metrics = desk.get("/metrics").await;
    assert!(metrics.text.contains("tenon_jobs_total"), "{}", metrics.text);
}

#[tokio::test]
async fn a_stream_of_events_goes_on_where_it_broke() {
    let desk = Desk::new().await;
    desk.repository("web").await;
    let id = desk.submit(&desk.admin, "web").await;
    let stop = CancellationToken::new();
    let _worker = desk.worker(AtOnce, &stop);
    desk.ended(&id).await;

    let path = format!("/api/v1/jobs/{id}/events");
    let after = |number: &str| {
        let request = desk.request(Method::GET, &path, &desk.admin);
        Reply::of(request.header("last-event-id", number))
    };
    assert_eq!(kinds(&after("1").await), ["progress", "proposed"]);
    assert_eq!(kinds(&after("2").await), ["proposed"]);
    assert_eq!(after("3").await.status, 204);
    after("x").await.failed(400);
}

#[tokio::test]
async fn a_job_that_is_cancelled_stops_at_once_wherever_it_is() {
    let desk = Desk::new().await;
    desk.repository("web").await;
    let waiting = desk.submit(&desk.admin, "web").await;
    let cancelled = desk
        .post(&format!("/api/v1/jobs/{waiting}/cancel"), &json!(null))
        .await
        .with(202);
    assert_eq!(cancelled["state"], "cancelled");

    let running = desk.submit(&desk.admin, "web").await;
    let begun = Arc::new(Notify::new());
    let stop = CancellationToken::new();
    let _worker = desk.worker(Endless(Arc::clone(&begun)), &stop);
    begun.notified().await;
    let cancel = format!("/api/v1/jobs/{running}/cancel");
    for _ in 0..2 {
        desk.post(&cancel, &json!(null)).await.with(202);
    }
    let ended = tokio::time::timeout(Duration::from_secs(5), desk.ended(&running))
        .await
        .unwrap();
    assert_eq!(ended["state"], "cancelled");

    let retried = desk
        .post(&format!("/api/v1/jobs/{running}/retry"), &json!(null))
        .await
        .with(202);
    assert_eq!(retried["state"], "queued");
    desk.post(&format!("/api/v1/jobs/{running}/retry"), &json!(null))
        .await
        .failed(409);
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_what_will_not_is_not() {
    for (category, failures, state, attempts) in [
        (FailureCategory::Network, 2, "succeeded", 3),
        (FailureCategory::Network, 9, "failed", 3),
        (FailureCategory::BadRequest, 9, "failed", 1),
    ] {
        let desk = Desk::new().await;
        desk.repository("web").await;
        let id = desk.submit(&desk.admin, "web").await;
        let stop = CancellationToken::new();
        let _worker = desk.worker(Failing(category, failures), &stop);
        let job = desk.ended(&id).await;
        assert_eq!(
            (&job["state"], &job["attempt"]),
            (&json!(state), &json!(attempts)),
            "{job}"
        );
        if state == "failed" {
            assert_eq!(job["failure"]["category"], category.as_str());
        }
    }
}

#[tokio::test]
async fn the_same_request_twice_is_one_job() {
    let desk = Desk::new().await;
    desk.repository("web").await;
    let submit = |key: &'static str, intent: &'static str| {
        let body = json!({ "task": "generate", "repository": "web", "intent": intent });
        let request = desk.request(Method::POST, "/api/v1/jobs", &desk.admin);
        Reply::of(request.header("idempotency-key", key).json(&body))
    };
    let first = submit("\"one\"", "a").await.with(202);
    let again = submit("\"one\"", "a").await.with(202);
    assert_eq!(first["id"], again["id"]);
    // The bare form of the key is the same key.
    assert_eq!(submit("one", "a").await.with(202)["id"], first["id"]);
    submit("\"one\"", "b").await.failed(422);
    assert_ne!(submit("\"two\"", "a").await.with(202)["id"], first["id"]);
    submit("\"\"", "a").await.failed(400);
    let listed = desk.get("/api/v1/jobs").await.json();
    assert_eq!(listed["jobs"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn lists_are_read_page_by_page() {
    let desk = Desk::new().await;
    desk.repository("web").await;
    let mut submitted = Vec::new();
    for _ in 0..5 {
        submitted.push(desk.submit(&desk.admin, "web").await);
    }
    let mut seen: Vec<String> = Vec::new();
    let mut next = String::new();
    loop {
        let page = desk.get(&format!("/api/v1/jobs?limit=2{next}")).await.json();
        let jobs = page["jobs"].as_array().unwrap();
        seen.extend(jobs.iter().map(|job| job["id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    submitted.reverse();
    assert_eq!(seen, submitted);
    for wrong in [
        "limit=0",
        "limit=201",
        "limit=x",
        "cursor=x",
        "state=lost",
        "unknown=1",
        "owner=nobody",
    ] {
        let reply = desk.get(&format!("/api/v1/jobs?{wrong}")).await;
        assert!(
            reply.status == 400 || reply.status == 404,
            "{wrong}: {}",
            reply.text
        );
    }
}

#[tokio::test]
async fn a_full_queue_refuses_the_least_urgent_first() {
    let desk = Desk::with_queue(2).await;
    desk.repository("web").await;
    let submit = |criticality: &'static str| {
        let body =
            json!({ "task": "generate", "repository": "web", "intent": "a", "criticality": criticality });
        desk.post_owned("/api/v1/jobs", body)
    };
    assert_eq!(submit("sheddable").await.status, 202);
    let refused = submit("sheddable").await;
    assert_eq!(refused.failed(503)["failure_category"], "shed");
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(submit("standard").await.status, 202);
    assert_eq!(submit("standard").await.status, 503);
    assert_eq!(submit("critical").await.status, 202);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said_with_its_place() {
    let desk = Desk::new().await;
    desk.repository("web").await;
    let good = json!({ "task": "generate", "repository": "web", "intent": "a" });
    for (field, value, status) in [
        ("task", json!("destroy"), 400),
        ("task", json!(7), 400),
        ("repository", json!("nowhere"), 404),
        ("intent", json!(""), 400),
        ("intent", json!("a".repeat(20_000)), 400),
        ("files", json!(["../../etc/passwd"]), 400),
        ("quality", json!("best"), 400),
        ("criticality", json!("urgent"), 400),
        ("max_seconds", json!(0), 400),
        ("max_seconds", json!(-1), 400),
        ("deadline_seconds", json!(9_999_999), 400),
        ("colour", json!("red"), 400),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let problem = desk.post("/api/v1/jobs", &body).await.failed(status);
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains(field) || detail.contains("nowhere"),
            "{field}: {detail}"
        );
        assert_eq!(problem["status"], status);
        assert!(problem["request_id"].as_str().unwrap().len() > 30);
    }
    let raw = |content_type: &'static str, body: &'static str| {
        let request = desk.request(Method::POST, "/api/v1/jobs", &desk.admin);
        Reply::of(request.header("content-type", content_type).body(body))
    };
    assert_eq!(raw("text/plain", "{}").await.failed(415)["status"], 415);
    raw("application/json", "{").await.failed(400);
    raw("application/json", "[]").await.failed(400);
    raw("application/json", "").await.failed(400);
    let huge = desk.request(Method::POST, "/api/v1/jobs", &desk.admin);
    let huge = huge
        .header("content-type", "application/json")
        .body(" ".repeat(2 << 20));
    Reply::of(huge).await.failed(413);
    desk.get("/api/v1/nothing").await.failed(404);
    desk.put("/api/v1/jobs", &json!({})).await.failed(405);
    desk.get("/api/v1/jobs/not-an-id").await.failed(404);
    desk.get("/api/v1/jobs/01890a5d-ac96-774b-bcce-b302099a8057")
        .await
        .failed(404);
}

#[tokio::test]
async fn jobs_of_different_users_take_turns() {
    let desk = Desk::new().await;
    desk.repository("web").await;
    let ada = desk.user("ada", "developer").await;
    let bob = desk.user("bob", "developer").await;
    for _ in 0..4 {
        desk.submit(&ada, "web").await;
    }
    let of_bob = desk.submit(&bob, "web").await;
    let order: Vec<Value> = claim_order(&desk, 5).await;
    let place = order.iter().position(|id| *id == json!(of_bob)).unwrap();
    assert!(place <= 1, "bob's only job came after {place} of ada's");
}

async fn claim_order(desk: &Desk, count: usize) -> Vec<Value> {
    let mut order = Vec::new();
    for _ in 0..count {
        let job = desk
            .database
            .claim_job("w", i64::MAX / 2, tenon_jobs::now_ms())
            .await
            .unwrap()
            .unwrap();
        order.push(json!(job.id.to_string()));
    }
    order
}

#[tokio::test]
async fn a_stream_ends_with_the_key_that_opened_it() {
    let desk = Desk::new().await;
    desk.repository("web").await;
    let ada = desk.user("ada", "developer").await;
    let id = desk.submit(&ada, "web").await;
    let path = format!("/api/v1/jobs/{id}/events");
    let watching = desk.request(Method::GET, &path, &ada).send().await.unwrap();
    assert_eq!(watching.status(), 200);
    let key = ada.split('_').nth(1).unwrap();
    assert_eq!(desk.delete(&format!("/api/v1/keys/{key}")).await.status, 204);
    let told = tokio::time::timeout(Duration::from_secs(60), watching.text()).await;
    told.unwrap().unwrap();
}
