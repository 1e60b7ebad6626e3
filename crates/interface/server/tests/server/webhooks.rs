//! Webhooks over the service's own interface.

use reqwest::Method;
use serde_json::{Value, json};
use tenon_store::DeliveryOutcome;

use crate::desk::Desk;
use crate::house::Reply;

const URL: &str = "https://hooks.example.com/secret-path";

async fn add(desk: &Desk, body: Value) -> Value {
    desk.post("/api/v1/webhooks", &body).await.with(201)
}

fn id(created: &Value) -> String {
    created["webhook"]["id"].as_str().unwrap().to_owned()
}

async fn as_user(desk: &Desk, key: &str, method: Method, path: &str, body: Option<Value>) -> Reply {
    let request = desk.request(method, path, key);
    Reply::of(match body {
        Some(body) => request.json(&body),
        None => request,
    })
    .await
}

#[tokio::test]
async fn a_secret_is_shown_once_and_changes_when_it_is_rotated() {
    let desk = Desk::new().await;
    let created = add(
        &desk,
        json!({ "url": URL, "events": ["job.failed", "job.failed"] }),
    )
    .await;
    let secret = created["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
    assert_eq!(created["webhook"]["events"], json!(["job.failed"]));
    let listed = desk.get("/api/v1/webhooks").await;
    assert!(!listed.text.contains("whsec_"));
    assert_eq!(listed.json()["webhooks"], json!([created["webhook"]]));

    let path = format!("/api/v1/webhooks/{}", id(&created));
    let rotated = desk.post(&format!("{path}/rotate"), &json!(null)).await.with(200);
    assert_ne!(rotated["secret"], created["secret"]);
    assert_eq!(rotated["webhook"], created["webhook"]);
    // Receivers may know the first one alone, for a day.
    let again = desk
        .post(&format!("{path}/rotate"), &json!(null))
        .await
        .failed(409);
    let detail = again["detail"].as_str().unwrap();
    assert!(
        detail.contains("signs until 2") && detail.contains("?now=true"),
        "{detail}"
    );
    let ended = desk
        .post(&format!("{path}/rotate?now=true"), &json!(null))
        .await
        .with(200);
    assert_ne!(ended["secret"], rotated["secret"]);
    assert_eq!(desk.delete(&path).await.status, 204);
    desk.delete(&path).await.failed(404);
    assert_eq!(desk.get("/api/v1/webhooks").await.json()["webhooks"], json!([]));

    // What opens the address stands in the log no more than the secret.
    let log = desk.get("/api/v1/audit?limit=200").await.text;
    assert!(
        log.contains("hooks.example.com") && !log.contains("secret-path") && !log.contains("whsec_"),
        "{log}"
    );
}

#[tokio::test]
async fn what_cannot_be_a_webhook_is_refused_with_its_place() {
    let desk = Desk::new().await;
    for (field, value, status) in [
        ("url", json!("http://hooks.example.com/"), 400),
        ("url", json!("https://127.0.0.1/"), 400),
        ("url", json!("https://0x7f000001/"), 400),
        ("url", json!("https://169.254.169.254/latest/meta-data/"), 400),
        ("url", json!("https://me:secret@hooks.example.com/"), 400),
        ("url", json!("hooks"), 400),
        ("events", json!(["job.praised"]), 400),
        ("repository", json!("nowhere"), 404),
        ("colour", json!("red"), 400),
    ] {
        let mut body = json!({ "url": URL });
        body[field] = value.clone();
        let problem = desk.post("/api/v1/webhooks", &body).await.failed(status);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(field), "{value}: {detail}");
    }
    assert_eq!(desk.get("/api/v1/webhooks").await.json()["webhooks"], json!([]));
}

#[tokio::test]
async fn deliveries_are_listed_and_replayed() {
    let desk = Desk::new().await;
    desk.repository("web").await;
    let created = add(&desk, json!({ "url": URL })).await;
    let quiet = add(&desk, json!({ "url": URL, "events": ["job.cancelled"] })).await;
    desk.submit(&desk.admin, "web").await;
    desk.submit(&desk.admin, "web").await;
    let all = desk.get("/api/v1/webhooks/deliveries").await.json();
    assert_eq!(all["deliveries"].as_array().unwrap().len(), 2);
    let of = |webhook: &Value| format!("/api/v1/webhooks/deliveries?webhook={}", id(webhook));
    assert_eq!(desk.get(&of(&quiet)).await.json()["deliveries"], json!([]));
    let page = desk.get(&format!("{}&limit=1", of(&created))).await.json();
    let newest = &page["deliveries"][0];
    assert_eq!(
        (&newest["event"], &newest["state"]),
        (&json!("job.submitted"), &json!("pending"))
    );
    let next = page["next"].as_str().unwrap();
    let rest = desk
        .get(&format!("{}&limit=1&cursor={next}", of(&created)))
        .await
        .json();
    assert_ne!(rest["deliveries"][0]["id"], newest["id"]);

    let now = tenon_jobs::now_ms();
    let claimed = desk.database.claim_deliveries(1, now + 1000, now).await.unwrap();
    let failed = DeliveryOutcome::Failed {
        status: Some(500),
        error: "the target answered 500".to_owned(),
    };
    assert!(
        desk.database
            .settle_delivery(&claimed[0], &failed, now)
            .await
            .unwrap()
    );
    let replay = format!("/api/v1/webhooks/deliveries/{}/replay", claimed[0].id);
    let replayed = desk.post(&replay, &json!(null)).await.with(202);
    assert_eq!(
        (&replayed["id"], &replayed["state"]),
        (&json!(claimed[0].id), &json!("pending"))
    );
    desk.post("/api/v1/webhooks/deliveries/unknown/replay", &json!(null))
        .await
        .failed(404);
}

#[tokio::test]
async fn a_webhook_that_was_disabled_is_enabled_again() {
    let desk = Desk::new().await;
    desk.repository("web").await;
    let created = add(&desk, json!({ "url": URL })).await;
    desk.submit(&desk.admin, "web").await;
    let now = tenon_jobs::now_ms();
    let claimed = desk.database.claim_deliveries(1, now + 1000, now).await.unwrap();
    let gone = DeliveryOutcome::Gone { status: 410 };
    assert!(
        desk.database
            .settle_delivery(&claimed[0], &gone, now)
            .await
            .unwrap()
    );
    let listed = desk.get("/api/v1/webhooks").await.json();
    assert!(
        listed["webhooks"][0]["disabled_reason"]
            .as_str()
            .unwrap()
            .contains("410")
    );
    let replay = format!("/api/v1/webhooks/deliveries/{}/replay", claimed[0].id);
    desk.post(&replay, &json!(null)).await.failed(409);

    let enable = format!("/api/v1/webhooks/{}/enable", id(&created));
    let enabled = desk.post(&enable, &json!(null)).await.with(200);
    assert_eq!(
        (enabled.get("disabled_at"), &enabled["failures"]),
        (None, &json!(0))
    );
    desk.post(&replay, &json!(null)).await.with(202);
}

#[tokio::test]
async fn who_looks_after_one_repository_manages_its_webhooks_and_no_others() {
    let desk = Desk::new().await;
    for name in ["web", "api"] {
        desk.repository(name).await;
    }
    let user = json!({ "name": "ada", "role": "viewer", "repositories": { "web": "maintainer" } });
    assert_eq!(desk.post("/api/v1/users", &user).await.status, 201);
    let key = desk
        .post("/api/v1/keys", &json!({ "name": "test", "user": "ada" }))
        .await
        .with(201);
    let key = key["secret"].as_str().unwrap();

    let path = "/api/v1/webhooks";
    for body in [json!({ "url": URL }), json!({ "url": URL, "repository": "api" })] {
        as_user(&desk, key, Method::POST, path, Some(body))
            .await
            .failed(403);
    }
    let own = json!({ "url": URL, "repository": "web" });
    let own = as_user(&desk, key, Method::POST, path, Some(own)).await.with(201);
    let others = [
        add(&desk, json!({ "url": URL })).await,
        add(&desk, json!({ "url": URL, "repository": "api" })).await,
    ];
    desk.submit(&desk.admin, "web").await;

    as_user(&desk, key, Method::GET, path, None).await.failed(403);
    let listed = as_user(&desk, key, Method::GET, "/api/v1/webhooks?repository=web", None)
        .await
        .json();
    assert_eq!(listed["webhooks"], json!([own["webhook"]]));
    as_user(&desk, key, Method::GET, "/api/v1/webhooks?repository=api", None)
        .await
        .failed(403);
    let of = |webhook: &Value| format!("/api/v1/webhooks/deliveries?webhook={}", id(webhook));
    let deliveries = as_user(&desk, key, Method::GET, &of(&own), None).await.json();
    let delivery = deliveries["deliveries"][0]["id"].as_str().unwrap().to_owned();
    let replay = format!("/api/v1/webhooks/deliveries/{delivery}/replay");
    assert_eq!(as_user(&desk, key, Method::POST, &replay, None).await.status, 202);
    as_user(&desk, key, Method::GET, "/api/v1/webhooks/deliveries", None)
        .await
        .failed(403);
    for other in &others {
        as_user(&desk, key, Method::GET, &of(other), None)
            .await
            .failed(403);
        for (method, rest) in [
            (Method::DELETE, ""),
            (Method::POST, "/enable"),
            (Method::POST, "/rotate"),
        ] {
            let path = format!("/api/v1/webhooks/{}{rest}", id(other));
            as_user(&desk, key, method, &path, None).await.failed(403);
        }
    }
    // Nothing is said about what there is.
    as_user(&desk, key, Method::DELETE, "/api/v1/webhooks/unknown", None)
        .await
        .failed(403);
    let own = format!("/api/v1/webhooks/{}", id(&own));
    assert_eq!(as_user(&desk, key, Method::DELETE, &own, None).await.status, 204);
}

#[tokio::test]
async fn the_sink_is_changed_where_it_is_configured() {
    let desk = Desk::new().await;
    desk.database
        .ensure_sink(Some("http://broker.example/"), tenon_jobs::now_ms())
        .await
        .unwrap();
    let listed = desk.get("/api/v1/webhooks").await.json();
    assert_eq!(
        (&listed["webhooks"][0]["id"], &listed["webhooks"][0]["kind"]),
        (&json!("sink"), &json!("sink"))
    );
    desk.delete("/api/v1/webhooks/sink").await.failed(409);
    desk.post("/api/v1/webhooks/sink/rotate", &json!(null))
        .await
        .failed(409);
    desk.database
        .ensure_sink(None, tenon_jobs::now_ms())
        .await
        .unwrap();
    desk.post("/api/v1/webhooks/sink/enable", &json!(null))
        .await
        .failed(409);
    let listed = desk.get("/api/v1/webhooks").await.json();
    assert!(listed["webhooks"][0]["disabled_at"].is_string(), "{listed}");
    assert!(!listed.to_string().contains("broker.example"));
}
