//! What requests to models may spend, and what they spent.

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use tenon_domain::Price;
use tenon_runtime::CachedModel;
use tenon_server::ServedModel;
use tenon_testkit::ScriptedModel;

use crate::desk::Desk;
use crate::house::Reply;

async fn desk(model: ScriptedModel) -> Desk {
    let served = ServedModel {
        name: "large".to_owned(),
        model: Arc::new(CachedModel::new(Arc::new(model), 1 << 20)),
    };
    Desk::with_models(vec![served]).await
}

/// An upstream with a price.
fn upstream() -> ScriptedModel {
    ScriptedModel::new().named("large").describe(|descriptor| {
        descriptor.reference.digest = None;
        descriptor.reference.price = Some(Price {
            input: 1_000_000,
            output: 10_000_000,
        });
    })
}

async fn limit(desk: &Desk, unit: &str, quota: u32) {
    let limit = json!({ "scope": "each:user", "unit": unit, "window_seconds": 3600, "quota": quota });
    assert_eq!(desk.put("/api/v1/limits", &limit).await.status, 200);
}

async fn ask(desk: &Desk, key: &str, body: Value) -> Reply {
    Reply::of(
        desk.request(Method::POST, "/v1/chat/completions", key)
            .json(&body),
    )
    .await
}

fn chat(temperature: f32, stream: bool) -> Value {
    json!({
        "messages": [{ "role": "user", "content": "say something" }],
        "max_tokens": 100, "temperature": temperature, "stream": stream,
        "stream_options": { "include_usage": true },
    })
}

/// What was spent, once so many answers are in the ledger.
async fn spent(desk: &Desk, answers: u64) -> Vec<Value> {
    for _ in 0..500 {
        let report = desk.get("/api/v1/spending").await.json();
        let rows = report["spending"].as_array().unwrap().clone();
        let sum: u64 = rows.iter().map(|row| row["answers"].as_u64().unwrap()).sum();
        if sum >= answers {
            return rows;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the ledger never heard of {answers} answers");
}

#[tokio::test]
async fn every_answer_is_in_the_ledger_with_its_tokens_and_its_cost() {
    let desk = desk(upstream().otherwise("some words of an answer")).await;
    let ada = desk.user("ada", "developer").await;
    let whole = ask(&desk, &ada, chat(0.0, false)).await.json();
    let usage = &whole["usage"];
    let (read, wrote) = (
        usage["prompt_tokens"].as_u64().unwrap(),
        usage["completion_tokens"].as_u64().unwrap(),
    );
    let rows = spent(&desk, 1).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    let row = &rows[0];
    assert_eq!((&row["user"], &row["model"]), (&json!("ada"), &json!("large")));
    assert_eq!(row["door"], "/v1/chat/completions");
    assert_eq!(
        (&row["prompt_tokens"], &row["completion_tokens"]),
        (&json!(read), &json!(wrote))
    );
    assert_eq!(row["cost_micros"], json!(read + 10 * wrote));

    // Streams count the same, and what was kept from before costs nothing.
    ask(&desk, &ada, chat(0.5, true)).await.chunks();
    ask(&desk, &ada, chat(0.0, false)).await.json();
    let rows = spent(&desk, 3).await;
    assert_eq!(rows[0]["cost_micros"], json!(2 * (read + 10 * wrote)));
    assert_eq!(
        (&rows[0]["unreported"], &rows[0]["unpriced"]),
        (&json!(0), &json!(0))
    );
    let scrape = desk.metrics.encode();
    let counted = scrape
        .lines()
        .filter(|line| line.starts_with(r#"tenon_cost_usd_total{provider="upstream",model="large""#))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap());
    let dollars = (2 * (read + 10 * wrote)) as f64 / 1_000_000.0;
    assert!((counted.sum::<f64>() - dollars).abs() < 1e-9, "{scrape}");
}

#[tokio::test]
async fn what_may_be_spent_is_reserved_settled_and_warned_of() {
    let desk = desk(upstream().otherwise("some words of an answer")).await;
    let ada = desk.user("ada", "developer").await;
    limit(&desk, "tokens", 200).await;
    let first = ask(&desk, &ada, chat(0.5, false)).await;
    let came_to = first.json()["usage"]["total_tokens"].as_u64().unwrap();
    // 100 and the prompt were reserved of 200.
    let warning = first.headers["x-tenon-limit-warning"].to_str().unwrap();
    assert_eq!(warning, "50 % of 200 tokens in 3600 s for each:user");
    assert!(
        first.headers["ratelimit"]
            .to_str()
            .unwrap()
            .contains("each:user-tokens-3600")
    );
    spent(&desk, 1).await;
    let limits = desk.get("/api/v1/limits").await.json();
    let row = &limits["limits"][0];
    assert_eq!((&row["user"], &row["used"]), (&json!("ada"), &json!(came_to)));

    let mut count = 1;
    let refused = loop {
        let reply = ask(&desk, &ada, chat(0.5, false)).await;
        if reply.status != 200 {
            break reply;
        }
        count += 1;
        spent(&desk, count).await;
    };
    refused.failed(429);
    assert!(
        count * came_to <= 200 && count * came_to > 60,
        "{count} of {came_to}"
    );
    // Another has their own.
    let bob = desk.user("bob", "developer").await;
    assert_eq!(ask(&desk, &bob, chat(0.5, false)).await.status, 200);
}

#[tokio::test]
async fn a_budget_of_money_ends_and_a_free_model_does_not_count() {
    let desk = desk(upstream().otherwise("some words of an answer")).await;
    let ada = desk.user("ada", "developer").await;
    limit(&desk, "cost_micros", 1).await;
    ask(&desk, &ada, chat(0.5, false)).await.failed(429);

    let free = ScriptedModel::new().named("large").otherwise("some words");
    let desk = self::desk(free).await;
    let ada = desk.user("ada", "developer").await;
    limit(&desk, "cost_micros", 1).await;
    for _ in 0..3 {
        assert_eq!(ask(&desk, &ada, chat(0.5, false)).await.status, 200);
    }
}

#[tokio::test]
async fn a_model_that_fails_costs_nothing() {
    let failing = tenon_runtime::ModelError::Broken {
        reason: "it broke".to_owned(),
    };
    let desk = desk(upstream().then(failing).otherwise("some words of an answer")).await;
    let ada = desk.user("ada", "developer").await;
    limit(&desk, "tokens", 150).await;
    assert_ne!(ask(&desk, &ada, chat(0.5, false)).await.status, 200);
    // What was reserved is there again.
    for _ in 0..200 {
        if ask(&desk, &ada, chat(0.5, false)).await.status == 200 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("what was reserved was never given back");
}

#[tokio::test]
async fn whoever_is_shut_out_is_refused_from_that_moment_on() {
    let desk = Desk::new().await;
    let ada = desk.user("ada", "developer").await;
    let me = async || {
        Reply::of(desk.request(Method::GET, "/api/v1/me", &ada))
            .await
            .status
    };
    assert_eq!(me().await, 200);
    let out = json!({ "name": "ada", "role": "developer", "disabled": true });
    assert_eq!(desk.put("/api/v1/users/ada", &out).await.json()["disabled"], true);
    assert_eq!(me().await, 401);
    let users = desk.get("/api/v1/users").await.json();
    let disabled = |name: &str| {
        let mut all = users["users"].as_array().unwrap().iter();
        all.find(|user| user["name"] == name).unwrap()["disabled"].clone()
    };
    assert_eq!((disabled("admin"), disabled("ada")), (Value::Null, json!(true)));
    let again = json!({ "name": "ada", "role": "developer" });
    assert_eq!(desk.put("/api/v1/users/ada", &again).await.status, 200);
    assert_eq!(me().await, 200);
    let own = json!({ "name": "admin", "role": "admin", "disabled": true });
    desk.put("/api/v1/users/admin", &own).await.failed(409);
    let other = json!({ "name": "ada", "role": "developer", "kind": "service_account" });
    desk.put("/api/v1/users/ada", &other).await.failed(400);
}

#[tokio::test]
async fn a_key_makes_none_that_may_more_or_holds_longer() {
    let desk = Desk::new().await;
    let short = json!({ "name": "short", "expires_seconds": 600 });
    let short = desk.post("/api/v1/keys", &short).await.with(201);
    let short = short["secret"].as_str().unwrap().to_owned();
    let make =
        async |body: Value| Reply::of(desk.request(Method::POST, "/api/v1/keys", &short).json(&body)).await;
    let child = make(json!({ "name": "child" })).await.with(201);
    assert!(child["key"]["expires_at"].is_string(), "{child}");
    make(json!({ "name": "longer", "expires_seconds": 6000 }))
        .await
        .failed(403);
    // The attempt is in the log as what it was.
    let page = desk.get("/api/v1/audit?limit=50").await.json();
    let records = page["records"].as_array().unwrap();
    let of_kind = |kind: &str| {
        let found = records
            .iter()
            .filter(|one| one["type"].as_str().unwrap().ends_with(kind));
        found.count()
    };
    assert_eq!(
        (of_kind("key.created"), of_kind("request.refused")),
        (2, 1),
        "{page}"
    );
}
