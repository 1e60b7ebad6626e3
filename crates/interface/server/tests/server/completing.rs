//! Completions: OpenAI's older form, and what editors speak.

use serde_json::{Value, json};
use tenon_runtime::PromptInput;
use tenon_testkit::ScriptedModel;

use crate::house::House;

fn tabby(prefix: &str, suffix: &str) -> Value {
    json!({ "language": "python", "segments": { "prefix": prefix, "suffix": suffix } })
}

#[tokio::test]
async fn a_suffix_is_filled_in_front_of() {
    let house = House::new(ScriptedModel::new().then("a + b")).await;
    let body =
        json!({ "prompt": "def add(a, b):\n    return ", "suffix": "\n", "max_tokens": 9, "stop": "\n" });
    let object = house.post("/v1/completions", &body).await.json();
    // What Zed's parser insists on.
    assert!(object["id"].is_string() && object["created"].is_u64() && object["model"].is_string());
    assert_eq!(object["object"], "text_completion");
    assert_eq!(object["choices"][0]["text"], "a + b");
    for tokens in ["prompt_tokens", "completion_tokens", "total_tokens"] {
        assert!(object["usage"][tokens].is_u64());
    }
    let [request] = house.model.requests().try_into().unwrap();
    let fill = PromptInput::Fill {
        prefix: "def add(a, b):\n    return ".to_owned(),
        suffix: "\n".to_owned(),
    };
    assert_eq!(request.prompt, fill);
}

#[tokio::test]
async fn markers_in_a_prompt_are_read_as_they_are() {
    let house = House::new(ScriptedModel::new().then("x")).await;
    let prompt = "<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>";
    let body = json!({ "model": "scripted", "prompt": prompt, "stream": true });
    let chunks = house.post("/v1/completions", &body).await.chunks();
    assert_eq!(chunks[0]["choices"][0]["text"], "x");
    assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "stop");
    let [request] = house.model.requests().try_into().unwrap();
    let raw = PromptInput::Raw {
        text: prompt.to_owned(),
    };
    assert_eq!((request.prompt, request.max_tokens), (raw, 16));
}

#[tokio::test]
async fn mistrals_form_speaks_in_deltas_and_deepseeks_in_texts() {
    let house = House::new(ScriptedModel::new().otherwise("x")).await;
    let body = json!({ "prompt": "a", "suffix": "b", "max_tokens": 4, "stream": true });
    let chunks = house.post("/v1/fim/completions", &body).await.chunks();
    assert_eq!(chunks[0]["choices"][0]["delta"]["content"], "x");
    for path in ["/beta/completions", "/v1/beta/completions"] {
        let chunks = house.post(path, &body).await.chunks();
        assert_eq!(chunks[0]["choices"][0]["text"], "x");
    }
}

#[tokio::test]
async fn tabbys_body_is_told_from_openais() {
    let house = House::new(ScriptedModel::new().otherwise("first + second")).await;
    let mut body = tabby("def add(first, second):\n    return ", "\n");
    body["prompt"] = json!("ignored");
    let object = house.post("/v1/completions", &body).await.json();
    assert_eq!(
        object["choices"],
        json!([{ "index": 0, "text": "first + second" }])
    );
    assert_eq!(object["mode"], "standard");
    assert!(object.get("object").is_none());
    let neither = house.post("/v1/completions", &json!({})).await;
    assert_eq!(neither.status, 400, "{}", neither.text);
    let error = house
        .post("/v1/completions", &json!({ "model": "scripted" }))
        .await
        .failed(400);
    assert_eq!(error["error"]["param"], "prompt");
}

#[tokio::test]
async fn silence_towards_tabby_has_a_reason() {
    let house = House::new(ScriptedModel::new().otherwise("(1 +")).await;
    let reply = house.post("/v1/completions", &tabby("x = ", "\n")).await;
    assert_eq!(reply.json()["choices"], json!([]));
    assert_eq!(reply.headers["x-tenon-dropped-reason"], "parse_worse");
}

#[tokio::test]
async fn an_excerpt_does_not_make_names_unknown() {
    let house = House::new(ScriptedModel::new().then("elsewhere(1)")).await;
    let object = house.post("/v1/completions", &tabby("x = ", "\n")).await.json();
    assert_eq!(object["choices"][0]["text"], "elsewhere(1)");
}

#[tokio::test]
async fn carriage_returns_stay() {
    let house = House::new(ScriptedModel::new().then("x = 1\n    return x\n")).await;
    let object = house
        .post("/v1/completions", &tabby("def f():\r\n    ", "\r\n"))
        .await
        .json();
    assert_eq!(object["choices"][0]["text"], "x = 1\r\n    return x");
}

#[tokio::test]
async fn what_follows_a_suggestion_that_was_taken_is_prepared() {
    let model = ScriptedModel::new().then("1").then("y = x + 1");
    let house = House::new(model).await;
    let object = house
        .post(
            "/v1/completions",
            &tabby("def f():\n    x = ", "\n    return y\n"),
        )
        .await
        .json();
    let event = json!({ "type": "select", "completion_id": object["id"], "choice_index": 0 });
    let heard = house.post("/v1/events?select_kind=line", &event).await;
    assert_eq!((heard.status, heard.text.as_str()), (200, ""));
    let next = tabby("def f():\n    x = 1\n    ", "\n    return y\n");
    let object = house.post("/v1/completions", &next).await.json();
    assert_eq!(object["choices"][0]["text"], "y = x + 1");
    house.model.assert_used_up();
    let unknown = json!({ "type": "stare", "completion_id": "x" });
    assert_eq!(house.post("/v1/events", &unknown).await.status, 400);
}

#[tokio::test]
async fn clients_of_tabby_and_llama_find_the_server_healthy() {
    let house = House::new(ScriptedModel::new()).await;
    for reply in [
        house.get("/v1/health").await,
        house.post("/v1/health", &json!({})).await,
    ] {
        let health = reply.json();
        assert_eq!(health["status"], "ok");
        assert_eq!(health["models"]["completion"]["local"]["model_id"], "scripted");
        assert!(health["version"]["git_describe"].is_string());
    }
    let settings = house.get("/v1beta/server_setting").await.json();
    assert_eq!(settings, json!({ "disable_client_side_telemetry": true }));
    assert_eq!(
        house.get("/v1beta/models").await.json()["completion"],
        json!(["scripted"])
    );
    assert_eq!(house.get("/v1/models").await.json()["data"][0]["id"], "scripted");
    assert_eq!(
        house.get("/api/tags").await.json()["models"][0]["name"],
        "scripted"
    );
}

#[tokio::test]
async fn infill_answers_as_llama_does() {
    let house = House::new(ScriptedModel::new().then("first + second")).await;
    let body = json!({
        "input_prefix": "def add(first, second):\n",
        "input_suffix": "\n",
        "prompt": "    return ",
        "input_extra": [{ "filename": "shop.py", "text": "def price(name):\n    return 1\n" }],
        "n_predict": 128,
        "samplers": ["top_k", "top_p", "infill"],
        "filename": "add.py",
    });
    let reply = house.post("/infill", &body).await;
    assert!(
        reply.text.contains("\"content\":\"first + second\""),
        "{}",
        reply.text
    );
    let flat = json!(["content", "timings/predicted_n", "timings/of_nothing"]);
    let mut body = body;
    body["response_fields"] = flat;
    let object = house.post("/infill", &body).await.json();
    assert_eq!(object["content"], "first + second");
    assert!(object.get("timings/of_nothing").is_none());
}

#[tokio::test]
async fn infill_takes_the_language_from_what_is_sent_along() {
    let house = House::new(ScriptedModel::new().otherwise("(1 +")).await;
    let mut body = json!({ "input_prefix": "", "input_suffix": "\n", "prompt": "x = ", "t_max_predict_ms": u64::MAX, "t_max_prompt_ms": 1 });
    let object = house.post("/infill", &body).await.json();
    assert_eq!(object["content"], "(1 +");
    assert!(
        object["timings"]["predicted_per_second"].as_f64() > Some(0.0),
        "{object}"
    );
    let mut named_by_its_text = body.clone();
    named_by_its_text["input_prefix"] = json!("def one():\n    return 1\n\n");
    assert_eq!(
        house.post("/infill", &named_by_its_text).await.json()["content"],
        ""
    );
    body["input_extra"] = json!([{ "filename": "shop.py", "text": "y = 1\n" }]);
    let reply = house.post("/infill", &body).await;
    assert_eq!(reply.json()["content"], "");
    assert_eq!(reply.headers["x-tenon-dropped-reason"], "parse_worse");
}

#[tokio::test]
async fn a_warm_up_is_answered_at_once_and_prepares() {
    let house = House::new(ScriptedModel::new().then("1")).await;
    let mut body = json!({
        "input_prefix": "", "input_suffix": "\n", "prompt": "x = ", "n_predict": 0, "response_fields": [""],
        "t_max_prompt_ms": 1, "t_max_predict_ms": 1,
    });
    assert_eq!(house.post("/infill", &body).await.text, "{}");
    body["n_predict"] = json!(64);
    body["response_fields"] = json!(["content"]);
    assert_eq!(
        house.post("/infill", &body).await.json(),
        json!({ "content": "1" })
    );
    house.model.assert_used_up();
}

#[tokio::test]
async fn ollama_streams_lines() {
    let house = House::new(ScriptedModel::new().otherwise("a + b")).await;
    let body = json!({ "model": "scripted:latest", "prompt": "return ", "suffix": "\n", "options": { "num_predict": 9 } });
    let reply = house.post("/api/generate", &body).await;
    let lines: Vec<Value> = reply
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let text: String = lines
        .iter()
        .map(|line| line["response"].as_str().unwrap())
        .collect();
    assert_eq!(text, "a + b");
    let last = lines.last().unwrap();
    assert_eq!(
        (&last["done"], &last["done_reason"]),
        (&json!(true), &json!("stop"))
    );
    let mut body = body;
    body["stream"] = json!(false);
    let whole = house.post("/api/generate", &body).await.json();
    assert_eq!(whole["response"], "a + b");
    let requests = house.model.requests();
    assert!(matches!(requests[0].prompt, PromptInput::Fill { .. }));
    assert_eq!(requests[0].max_tokens, 9);
}
