//! Who is refused, and how what goes wrong is said.

use std::time::Duration;

use serde_json::{Value, json};
use tenon_runtime::ModelError;
use tenon_server::Access;
use tenon_testkit::{Answer, ScriptedModel};

use crate::house::{House, Reply};

const KEYS: &str = "aaaaaaaaaaaaaaaaaaaa\nbbbbbbbbbbbbbbbbbbbb\n";

fn chat() -> Value {
    json!({ "messages": [{ "role": "user", "content": "Hi" }] })
}

async fn asked_with(house: &House, key: &str, body: &Value) -> Reply {
    let request = house.client.post(house.url("/v1/completions")).bearer_auth(key);
    Reply::of(request.body(body.to_string())).await
}

#[tokio::test]
async fn without_a_known_key_nothing_is_told() {
    let model = ScriptedModel::new();
    let house = House::with(model, Access::keys(KEYS).unwrap(), 16).await;
    for path in [
        "/v1/chat/completions",
        "/v1/responses",
        "/v1/completions",
        "/infill",
        "/nowhere",
    ] {
        let error = house.post(path, &chat()).await.failed(401);
        assert!(
            error["error"]["message"].as_str().unwrap().contains("Bearer"),
            "{path}"
        );
    }
    let error = house.post("/v1/messages", &chat()).await.failed(401);
    assert_eq!(error["error"]["type"], "authentication_error");
    for path in [
        "/v1/models",
        "/v1/health",
        "/health",
        "/api/tags",
        "/v1beta/server_setting",
    ] {
        assert_eq!(house.get(path).await.status, 401, "{path}");
    }
    assert_eq!(house.get("/health/live").await.status, 200);
    assert!(house.model.requests().is_empty());
}

#[tokio::test]
async fn two_tenants_with_the_same_text_share_nothing() {
    let model = ScriptedModel::new().then("1").then("2");
    let house = House::with(model, Access::keys(KEYS).unwrap(), 16).await;
    let body = json!({ "language": "python", "segments": { "prefix": "x = ", "suffix": "\n" } });
    let [first, second] = ["aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbb"];
    let text = async |key: &str| {
        let object = asked_with(&house, key, &body).await.json();
        object["choices"][0]["text"].as_str().unwrap().to_owned()
    };
    assert_eq!(text(first).await, "1");
    assert_eq!(
        text(second).await,
        "2",
        "the first one's text is not shown to the second"
    );
    assert_eq!(text(first).await, "1", "it is remembered for the first");
    let scopes: Vec<_> = house
        .model
        .requests()
        .into_iter()
        .map(|request| request.cache_scope)
        .collect();
    assert_eq!(scopes.len(), 2);
    assert_ne!(scopes[0], scopes[1]);
}

#[tokio::test]
async fn the_same_question_is_answered_from_memory_and_says_so() {
    let house = House::with(
        ScriptedModel::new().then("1").then("2").then("3"),
        Access::keys(KEYS).unwrap(),
        16,
    )
    .await;
    let mut body = json!({ "prompt": "x = ", "temperature": 0 });
    let [first, second] = ["aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbb"];
    let text = |reply: &Reply| reply.json()["choices"][0]["text"].clone();
    let asked = asked_with(&house, first, &body).await;
    assert_eq!(
        (text(&asked), asked.headers.get("x-tenon-cache")),
        (json!("1"), None)
    );
    let again = asked_with(&house, first, &body).await;
    assert_eq!(text(&again), "1");
    assert_eq!(again.headers["x-tenon-cache"], "hit");
    let other = asked_with(&house, second, &body).await;
    assert_eq!(
        (text(&other), other.headers.get("x-tenon-cache")),
        (json!("2"), None)
    );
    body["temperature"] = json!(0.5);
    assert_eq!(text(&asked_with(&house, first, &body).await), "3");
}

#[tokio::test]
async fn as_many_tokens_are_written_as_fit() {
    let small = ScriptedModel::new().describe(|descriptor| descriptor.context_length = 40);
    let house = House::new(small.otherwise("x")).await;
    let body = json!({ "prompt": "y".repeat(60), "max_tokens": 4000 });
    house.post("/v1/completions", &body).await.json();
    let [request] = house.model.requests().try_into().unwrap();
    assert_eq!(request.max_tokens, 20);
    let body = json!({ "prompt": "y".repeat(600) });
    let error = house.post("/v1/completions", &body).await.failed(400);
    assert_eq!(error["error"]["code"], "context_length_exceeded");
}

#[tokio::test]
async fn pages_of_other_hosts_are_refused() {
    let house = House::new(ScriptedModel::new()).await;
    let request = house.client.get(house.url("/v1/models"));
    let reply = Reply::of(request.header("origin", "https://evil.example")).await;
    assert_eq!(reply.status, 403, "{}", reply.text);
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let house = House::new(ScriptedModel::new()).await;
    let message = |error: Value| error["error"]["message"].as_str().unwrap().to_owned();
    let mut body = chat();
    body["model"] = json!("gpt-9");
    let error = house.post("/v1/chat/completions", &body).await.failed(404);
    assert_eq!(error["error"]["code"], "model_not_found");
    assert!(message(error).contains("`scripted`"));
    let wrong = [
        (json!({ "messages": "Hi" }), "messages"),
        (
            json!({ "messages": [{ "role": "user", "content": 1 }] }),
            "messages[0].content",
        ),
        (json!({ "messages": [] }), "message"),
        (
            json!({ "messages": [{ "role": "clown", "content": "" }] }),
            "clown",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": [{ "type": "image_url" }] }] }),
            "image_url",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": "" }], "temperature": 9 }),
            "temperature",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": "" }], "n": 99 }),
            "`n`",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": "" }], "max_tokens": 0 }),
            "max_tokens",
        ),
    ];
    for (body, named) in wrong {
        let said = message(house.post("/v1/chat/completions", &body).await.failed(400));
        assert!(said.contains(named), "{body}: {said}");
    }
    let torn = house
        .client
        .post(house.url("/v1/chat/completions"))
        .body("{\"messages\": [");
    Reply::of(torn).await.failed(400);
    assert_eq!(house.get("/v1/chat/completions").await.status, 405);
    house.get("/v2/anything").await.failed(404);
    let numbers = json!({ "prompt": [1, 2, 3] });
    let error = house.post("/v1/completions", &numbers).await.failed(400);
    assert!(message(error).contains("token numbers"));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let house = House::new(ScriptedModel::new()).await;
    let body = json!({ "prompt": "x".repeat(9 * 1024 * 1024) });
    let reply = house.post("/v1/completions", &body).await;
    assert_eq!(reply.status, 413);
}

#[tokio::test]
async fn a_model_that_fails_says_so_in_the_dialect() {
    let limited = ModelError::RateLimited {
        retry_after_seconds: Some(7),
    };
    let house = House::new(ScriptedModel::new().otherwise(limited)).await;
    let reply = house.post("/v1/chat/completions", &chat()).await;
    reply.failed(429);
    assert_eq!(reply.headers["retry-after"], "7");
    let mut body = chat();
    body["max_tokens"] = json!(5);
    let reply = house.post("/v1/messages", &body).await;
    let id = reply.headers["x-tenon-request-id"].clone();
    let error = reply.failed(429);
    assert_eq!(error["error"]["type"], "rate_limit_error");
    assert_eq!(error["request_id"], id.to_str().unwrap());
    let mut body = chat();
    body["stream"] = json!(true);
    house.post("/v1/chat/completions", &body).await.failed(429);
    let ollama = json!({ "prompt": "Hi" });
    assert!(house.post("/api/generate", &ollama).await.failed(429)["error"].is_string());
}

#[tokio::test]
async fn a_stream_that_dies_says_so() {
    let dying = Answer::BreakAfter {
        text: "Hel".to_owned(),
        error: ModelError::Broken {
            reason: "gone".to_owned(),
        },
    };
    let house = House::new(ScriptedModel::new().otherwise(dying)).await;
    let mut body = chat();
    body["stream"] = json!(true);
    body["max_tokens"] = json!(5);
    let events = house.post("/v1/chat/completions", &body).await.events();
    let last: Value = serde_json::from_str(&events.last().unwrap().1).unwrap();
    assert!(last["error"]["message"].as_str().unwrap().contains("gone"));
    let events = house.post("/v1/messages", &body).await.events();
    assert_eq!(events.last().unwrap().0.as_deref(), Some("error"));
    let body = json!({ "input": "Hi", "stream": true });
    let events = house.post("/v1/responses", &body).await.events();
    assert_eq!(events.last().unwrap().0.as_deref(), Some("response.failed"));
    let lines = house.post("/api/generate", &json!({ "prompt": "Hi" })).await.text;
    assert!(lines.lines().last().unwrap().contains("\"error\""), "{lines}");
    house.post("/v1/chat/completions", &chat()).await.failed(502);
}

#[tokio::test]
async fn more_than_there_is_room_for_is_told_to_come_back() {
    let house = House::with(ScriptedModel::new().then(Answer::Hang), Access::ThisMachine, 1).await;
    let waiting = house.post("/v1/chat/completions", &chat());
    let other = async {
        while house.model.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        house.post("/v1/chat/completions", &chat()).await
    };
    tokio::select! {
        _ = waiting => panic!("it hangs"),
        reply = other => {
            reply.failed(503);
            assert_eq!(reply.headers["retry-after"], "1");
        }
    }
    // Whoever went away made room, and the model was told.
    house.model.cancelled().await;
}

#[tokio::test]
async fn whoever_leaves_a_stream_stops_the_model() {
    let model = ScriptedModel::new().then(Answer::Paused {
        text: "Hel".to_owned(),
        release: std::sync::Arc::default(),
        rest: "lo".to_owned(),
    });
    let house = House::new(model).await;
    let mut body = chat();
    body["stream"] = json!(true);
    let request = house.client.post(house.url("/v1/chat/completions"));
    let mut response = request.body(body.to_string()).send().await.unwrap();
    let first = response.chunk().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&first).starts_with("data: "));
    drop(response);
    house.model.cancelled().await;
}
