//! Many jobs in one call over the service's own interface.

use async_trait::async_trait;
use reqwest::Method;
use serde_json::{Value, json};
use tenon_domain::{FailureCategory, Proposal};
use tenon_jobs::{Progress, RunError, Runner};
use tenon_store::Job;
use tokio_util::sync::CancellationToken;

use crate::desk::{AtOnce, Desk};
use crate::house::Reply;

/// Does what it is asked, except what is asked in bad faith, until that is forgiven.
struct Picky;

#[async_trait]
impl Runner for Picky {
    async fn run(
        &self,
        job: &Job,
        request: &str,
        progress: &Progress,
        stop: &CancellationToken,
    ) -> Result<Proposal, RunError> {
        match request.contains("bad") && job.last_event < 4 {
            true => Err(RunError::new(FailureCategory::InvalidOutput, "it did not work")),
            false => AtOnce.run(job, request, progress, stop).await,
        }
    }
}

fn batch(intents: &[&str]) -> Value {
    let items: Vec<Value> = intents
        .iter()
        .map(|intent| json!({ "custom_id": format!("the {intent}"), "intent": intent }))
        .collect();
    json!({ "repository": "web", "concurrency": 2, "defaults": { "task": "generate" }, "items": items })
}

/// The batch, once it has ended.
async fn ended(desk: &Desk, path: &str) -> Value {
    loop {
        let batch = desk.get(path).await.json();
        if !["running", "cancelling"].contains(&batch["state"].as_str().unwrap()) {
            return batch;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_batch_goes_from_its_submission_over_a_partial_failure_to_its_end() {
    let desk = Desk::new().await;
    desk.repository("web").await;
    let submitted = desk
        .post("/api/v1/batches", &batch(&["a", "bad", "c", "d", "e"]))
        .await;
    let first = submitted.with(202);
    let path = format!("/api/v1/batches/{}", first["id"].as_str().unwrap());
    assert_eq!(submitted.headers["location"], path.as_str());
    assert_eq!((&first["state"], &first["items"]), (&json!("running"), &json!(5)));
    let counts = &desk.get(&path).await.json()["counts"];
    assert_eq!((&counts["queued"], &counts["parked"]), (&json!(2), &json!(3)));

    let stop = CancellationToken::new();
    let _worker = desk.worker(Picky, &stop);
    let failed = ended(&desk, &path).await;
    assert_eq!(
        (&failed["state"], &failed["counts"]["succeeded"]),
        (&json!("failed"), &json!(4))
    );
    let items = desk.get(&format!("{path}/items?state=failed")).await.json();
    let [item] = items["items"].as_array().unwrap().as_slice() else {
        panic!("{items}");
    };
    assert_eq!(
        (&item["custom_id"], &item["index"]),
        (&json!("the bad"), &json!(1))
    );
    assert_eq!(item["job"]["failure"]["category"], "invalid_output");
    assert_eq!(item["job"]["batch"], first["id"]);

    let resumed = desk.post(&format!("{path}/resume"), &json!(null)).await.with(202);
    assert_eq!(resumed["id"], first["id"]);
    assert_eq!(ended(&desk, &path).await["state"], "succeeded");
    let page = desk.get(&format!("{path}/items?limit=3")).await.json();
    assert_eq!(page["items"].as_array().unwrap().len(), 3);
    let next = page["next"].as_str().unwrap();
    let rest = desk
        .get(&format!("{path}/items?limit=3&cursor={next}"))
        .await
        .json();
    assert_eq!(rest["items"][0]["custom_id"], "the d");
    assert_eq!(rest["next"], json!(null));
    let listed = desk.get("/api/v1/batches?owner=me&repository=web").await.json();
    assert_eq!(listed["batches"][0]["id"], first["id"]);

    let log = desk.get("/api/v1/audit?limit=200").await.text;
    for kind in ["batch.submitted", "batch.resumed", "job.submitted"] {
        assert!(log.contains(kind), "{kind}");
    }
    assert!(log.contains("\"batch\""), "what ended says what it was part of");
}

#[tokio::test]
async fn a_batch_that_is_cancelled_begins_nothing_more() {
    let desk = Desk::new().await;
    desk.repository("web").await;
    let submitted = desk
        .post("/api/v1/batches", &batch(&["a", "b", "c"]))
        .await
        .with(202);
    let path = format!("/api/v1/batches/{}", submitted["id"].as_str().unwrap());
    for _ in 0..2 {
        let cancelled = desk.post(&format!("{path}/cancel"), &json!(null)).await.with(202);
        assert_eq!(
            (&cancelled["state"], &cancelled["counts"]["cancelled"]),
            (&json!("cancelled"), &json!(3))
        );
    }
    let jobs = desk.get("/api/v1/jobs?state=cancelled").await.json();
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_bad_item_is_refused_with_its_place_before_anything_is_made() {
    let desk = Desk::new().await;
    desk.repository("web").await;
    let good = json!({ "custom_id": "good", "task": "generate", "intent": "a" });
    for (item, place) in [
        (json!({ "intent": "a" }), "items[1].task"),
        (json!({ "task": "generate", "intent": " " }), "items[1].intent"),
        (json!({ "task": "fix" }), "items[1].tests"),
        (
            json!({ "task": "test", "intent": "a", "quality": "best" }),
            "items[1].quality",
        ),
        (
            json!({ "task": "test", "intent": "a", "files": ["../a"] }),
            "items[1].files",
        ),
        (
            json!({ "task": "test", "intent": "a", "max_seconds": 0 }),
            "items[1].max_seconds",
        ),
        (
            json!({ "task": "test", "intent": "a", "custom_id": "good" }),
            "items[1].custom_id",
        ),
        (
            json!({ "task": "test", "intent": "a", "custom_id": "" }),
            "items[1].custom_id",
        ),
        (
            json!({ "task": "test", "intent": "a", "colour": "red" }),
            "items[1]",
        ),
    ] {
        let body = json!({ "repository": "web", "items": [good, item] });
        let problem = desk.post("/api/v1/batches", &body).await.failed(400);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(place), "{place}: {detail}");
    }
    let with = |field: &str, value: Value| {
        let mut body = json!({ "repository": "web", "items": [good] });
        body[field] = value;
        desk.post_owned("/api/v1/batches", body)
    };
    with("items", json!([])).await.failed(400);
    with(
        "items",
        json!(vec![json!({ "task": "test", "intent": "a" }); 1001]),
    )
    .await
    .failed(400);
    with("concurrency", json!(0)).await.failed(400);
    with("concurrency", json!(65)).await.failed(400);
    with("defaults", json!({ "criticality": "urgent" }))
        .await
        .failed(400);
    with("repository", json!("nowhere")).await.failed(404);
    let huge = desk.request(Method::POST, "/api/v1/batches", &desk.admin);
    let huge = huge
        .header("content-type", "application/json")
        .body(" ".repeat(9 << 20));
    Reply::of(huge).await.failed(413);
    assert_eq!(desk.get("/api/v1/batches").await.json()["batches"], json!([]));
    assert_eq!(desk.get("/api/v1/jobs").await.json()["jobs"], json!([]));
    desk.get("/api/v1/batches/01890a5d-ac96-774b-bcce-b302099a8057")
        .await
        .failed(404);
}

#[tokio::test]
async fn the_same_batch_twice_is_one_and_there_is_an_end_to_what_fits() {
    let desk = Desk::with_queue(4).await;
    desk.repository("web").await;
    let submit = |key: &'static str, body: Value| {
        let request = desk.request(Method::POST, "/api/v1/batches", &desk.admin);
        Reply::of(request.header("idempotency-key", key).json(&body))
    };
    let first = submit("one", batch(&["a", "b", "c"])).await.with(202);
    assert_eq!(
        submit("one", batch(&["a", "b", "c"])).await.with(202)["id"],
        first["id"]
    );
    submit("one", batch(&["a"])).await.failed(422);
    let refused = submit("two", batch(&["a", "b", "c", "d"])).await.failed(503);
    assert_eq!(refused["failure_category"], "shed");
    assert_eq!(
        desk.get("/api/v1/batches").await.json()["batches"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn whose_batch_it_is_decides_who_sees_and_steers_it() {
    let desk = Desk::new().await;
    desk.repository("web").await;
    let ada = desk.user("ada", "developer").await;
    let bob = desk.user("bob", "developer").await;
    let eve = desk.user("eve", "maintainer").await;
    let submitted = desk
        .request(Method::POST, "/api/v1/batches", &ada)
        .json(&batch(&["a"]));
    let id = Reply::of(submitted).await.with(202)["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let get = |key: &str, path: String| Reply::of(desk.request(Method::GET, &path, key));
    let post = |key: &str, what: &str| {
        let path = format!("/api/v1/batches/{id}/{what}");
        Reply::of(desk.request(Method::POST, &path, key))
    };
    assert_eq!(get(&ada, format!("/api/v1/batches/{id}/items")).await.status, 200);
    assert_eq!(get(&bob, format!("/api/v1/batches/{id}")).await.status, 403);
    assert_eq!(get(&bob, format!("/api/v1/batches/{id}/items")).await.status, 403);
    assert_eq!(
        get(&bob, "/api/v1/batches".to_owned()).await.json()["batches"],
        json!([])
    );
    let seen = get(&eve, "/api/v1/batches".to_owned()).await.json();
    assert_eq!(seen["batches"][0]["id"], id.as_str());
    assert_eq!(post(&bob, "cancel").await.status, 403);
    assert_eq!(post(&eve, "cancel").await.status, 202);
    assert_eq!(post(&bob, "resume").await.status, 403);
    assert_eq!(post(&ada, "resume").await.status, 202);

    // A key that may make batches and no jobs makes no batch.
    let scopes = json!({ "name": "half", "scopes": ["batches:create", "repository:web"] });
    let half = desk.post("/api/v1/keys", &scopes).await.with(201);
    let half = half["secret"].as_str().unwrap();
    let request = desk.request(Method::POST, "/api/v1/batches", half);
    Reply::of(request.json(&batch(&["a"]))).await.failed(403);
}
