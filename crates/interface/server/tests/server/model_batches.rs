//! Batches of requests to models in OpenAI's words.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Method;
use serde_json::{Value, json};
use tenon_runtime::{GenerateRequest, Model, ModelDescriptor, ModelError, SampleStream};
use tenon_server::{Access, Batcher, BatcherSettings, ServedModel};
use tenon_testkit::{Answer, ScriptedModel};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::desk::Desk;
use crate::house::Reply;

const CHAT: &str = "/v1/chat/completions";

/// Thinks for a moment before it answers.
struct Slow(ScriptedModel);

#[async_trait]
impl Model for Slow {
    fn descriptor(&self) -> &ModelDescriptor {
        self.0.descriptor()
    }

    async fn count_tokens(&self, texts: &[String]) -> Result<Vec<u32>, ModelError> {
        self.0.count_tokens(texts).await
    }

    async fn generate(&self, request: GenerateRequest) -> Result<SampleStream, ModelError> {
        tokio::time::sleep(Duration::from_millis(30)).await;
        self.0.generate(request).await
    }
}

async fn desk(model: &ScriptedModel, access: Access) -> Desk {
    let served = ServedModel {
        name: "scripted".to_owned(),
        model: Arc::new(Slow(model.clone())),
    };
    Desk::with(10_000, vec![served], access).await
}

fn batcher(desk: &Desk, stop: &CancellationToken) -> JoinHandle<()> {
    let settings = BatcherSettings {
        slots: 2,
        lease: Duration::from_millis(600),
        poll: Duration::from_millis(20),
    };
    let batcher = Batcher::new(Arc::clone(&desk.service), settings).unwrap();
    tokio::spawn(batcher.run(stop.clone()))
}

fn line(name: &str, content: &str) -> String {
    let body = json!({ "model": "scripted", "messages": [{ "role": "user", "content": content }] });
    json!({ "custom_id": name, "method": "POST", "url": CHAT, "body": body }).to_string()
}

async fn upload(desk: &Desk, key: &str, text: &str, purpose: &str) -> Reply {
    let form = format!(
        "--x\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\n{purpose}\r\n--x\r\n\
         content-disposition: form-data; name=\"file\"; filename=\"in.jsonl\"\r\n\
         content-type: application/octet-stream\r\n\r\n{text}\r\n--x--\r\n"
    );
    let request = desk.request(Method::POST, "/v1/files", key);
    Reply::of(
        request
            .header("content-type", "multipart/form-data; boundary=x")
            .body(form),
    )
    .await
}

async fn submit(desk: &Desk, key: &str, file: &str, window: &str) -> Reply {
    let body = json!({ "input_file_id": file, "endpoint": CHAT, "completion_window": window,
        "metadata": { "of": "a test" } });
    Reply::of(desk.request(Method::POST, "/v1/batches", key).json(&body)).await
}

/// Uploads these lines and has them answered.
async fn submitted(desk: &Desk, key: &str, lines: &[String], window: &str) -> String {
    let file = upload(desk, key, &lines.join("\n"), "batch").await.json();
    assert_eq!(
        (&file["object"], &file["filename"]),
        (&json!("file"), &json!("in.jsonl"))
    );
    let batch = submit(desk, key, file["id"].as_str().unwrap(), window)
        .await
        .json();
    assert_eq!(
        (&batch["object"], &batch["status"]),
        (&json!("batch"), &json!("validating"))
    );
    batch["id"].as_str().unwrap().to_owned()
}

async fn get(desk: &Desk, key: &str, path: &str) -> Reply {
    Reply::of(desk.request(Method::GET, path, key)).await
}

async fn ended(desk: &Desk, key: &str, id: &str) -> Value {
    loop {
        let batch = get(desk, key, &format!("/v1/batches/{id}")).await.json();
        if ["completed", "failed", "expired", "cancelled"].contains(&batch["status"].as_str().unwrap()) {
            return batch;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn lines(desk: &Desk, key: &str, file: &Value) -> Vec<Value> {
    let content = get(
        desk,
        key,
        &format!("/v1/files/{}/content", file.as_str().unwrap()),
    )
    .await;
    assert_eq!(content.status, 200, "{}", content.text);
    content
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn a_file_of_requests_comes_back_as_files_of_answers() {
    let model = ScriptedModel::new()
        .when_prompt_contains(
            "fail",
            Answer::Refuse(ModelError::Refused {
                reason: "not that".to_owned(),
            }),
        )
        .otherwise("fine");
    let desk = desk(&model, Access::Governed).await;
    let stop = CancellationToken::new();
    let worker = batcher(&desk, &stop);
    let asked: Vec<String> = (0..7)
        .map(|number| {
            line(
                &format!("line {number}"),
                if number == 3 { "fail" } else { "hello" },
            )
        })
        .collect();
    let id = submitted(&desk, &desk.admin, &asked, "24h").await;
    let batch = ended(&desk, &desk.admin, &id).await;
    assert_eq!(batch["status"], "completed", "{batch}");
    assert_eq!(
        batch["request_counts"],
        json!({ "total": 7, "completed": 6, "failed": 1 })
    );
    for stamp in [
        "created_at",
        "in_progress_at",
        "finalizing_at",
        "completed_at",
        "expires_at",
    ] {
        assert!(batch[stamp].is_i64(), "{stamp}: {batch}");
    }
    assert_eq!(
        (&batch["cancelled_at"], &batch["errors"]),
        (&json!(null), &json!(null))
    );
    assert_eq!(batch["metadata"]["of"], "a test");
    let usage = &batch["usage"];
    assert_eq!(
        usage["total_tokens"].as_i64().unwrap(),
        usage["input_tokens"].as_i64().unwrap() + usage["output_tokens"].as_i64().unwrap()
    );
    let good = lines(&desk, &desk.admin, &batch["output_file_id"]).await;
    assert_eq!(good.len(), 6);
    assert_eq!(good[0]["custom_id"], "line 0");
    assert_eq!(
        (&good[0]["error"], &good[0]["response"]["status_code"]),
        (&json!(null), &json!(200))
    );
    let body = &good[0]["response"]["body"];
    assert_eq!(body["choices"][0]["message"]["content"], "fine");
    let bad = lines(&desk, &desk.admin, &batch["error_file_id"]).await;
    assert_eq!(bad.len(), 1);
    assert_eq!(
        (&bad[0]["custom_id"], &bad[0]["response"]["status_code"]),
        (&json!("line 3"), &json!(400))
    );
    assert!(
        bad[0]["response"]["body"]["error"]["message"]
            .as_str()
            .unwrap()
            .contains("not that")
    );

    // Each line was a request: it stands in the log as one.
    let log = desk.get("/api/v1/audit?limit=200").await.json();
    let records = log["records"].as_array().unwrap();
    let answered = |record: &&Value| record["type"].as_str().unwrap().ends_with("request.answered");
    let of_lines = records
        .iter()
        .filter(answered)
        .filter(|record| record["subject"] == CHAT)
        .count();
    assert_eq!(of_lines, 7);
    let scrape = desk.metrics.encode();
    for (class, count) in [("2xx", 6), ("4xx", 1)] {
        let counted = scrape.lines().filter(|line| {
            line.starts_with(
                r#"tenon_requests_total{route="/v1/batches",task="none",criticality="sheddable""#,
            ) && line.contains(&format!(r#"status_class="{class}""#))
        });
        let counts = counted.map(|line| line.rsplit(' ').next().unwrap().parse::<u32>().unwrap());
        assert_eq!(counts.sum::<u32>(), count, "{scrape}");
    }
    stop.cancel();
    worker.await.unwrap();
}

#[tokio::test]
async fn what_is_wrong_with_a_batch_is_told_before_a_model_is_asked() {
    let model = ScriptedModel::new();
    let desk = desk(&model, Access::Governed).await;
    let stop = CancellationToken::new();
    let _worker = batcher(&desk, &stop);
    let good = line("a", "hello");
    let lines = [good.clone(), "{".to_owned(), good];
    let id = submitted(&desk, &desk.admin, &lines, "24h").await;
    let batch = ended(&desk, &desk.admin, &id).await;
    assert_eq!(batch["status"], "failed");
    let errors = batch["errors"]["data"].as_array().unwrap();
    assert_eq!(
        (&errors[0]["code"], &errors[0]["line"]),
        (&json!("invalid_json_line"), &json!(2))
    );
    assert_eq!(
        (&errors[1]["code"], &errors[1]["line"]),
        (&json!("duplicate_custom_id"), &json!(3))
    );
    assert!(batch["failed_at"].is_i64());
    assert!(model.requests().is_empty());

    let error = upload(&desk, &desk.admin, "{}", "fine-tune").await.failed(400);
    assert_eq!(error["error"]["param"], "purpose");
    let error = submit(&desk, &desk.admin, "file-none", "24h").await.failed(404);
    assert_eq!(error["error"]["param"], "input_file_id");
    let error = submit(&desk, &desk.admin, "file-none", "soon").await.failed(400);
    assert_eq!(error["error"]["param"], "completion_window");
    // Files that did not come whole are not there.
    let files = get(&desk, &desk.admin, "/v1/files").await.json();
    assert_eq!(files["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn files_and_batches_are_of_whoever_made_them_and_nobody_elses() {
    let model = ScriptedModel::new().otherwise("fine");
    let desk = desk(&model, Access::Governed).await;
    let stop = CancellationToken::new();
    let _worker = batcher(&desk, &stop);
    let ada = desk.user("ada", "developer").await;
    let bob = desk.user("bob", "developer").await;
    let eve = desk.user("eve", "viewer").await;
    let id = submitted(&desk, &ada, &[line("a", "hello")], "24h").await;
    let batch = ended(&desk, &ada, &id).await;
    let (input, output) = (
        batch["input_file_id"].as_str().unwrap(),
        batch["output_file_id"].as_str().unwrap(),
    );
    let routes = [
        (Method::GET, format!("/v1/files/{input}")),
        (Method::GET, format!("/v1/files/{output}/content")),
        (Method::DELETE, format!("/v1/files/{output}")),
        (Method::GET, format!("/v1/batches/{id}")),
        (Method::POST, format!("/v1/batches/{id}/cancel")),
    ];
    for (method, path) in &routes {
        let of_bob = Reply::of(desk.request(method.clone(), path, &bob)).await;
        assert_eq!(
            of_bob.failed(404)["error"]["type"],
            "invalid_request_error",
            "{path}"
        );
        let of_eve = Reply::of(desk.request(method.clone(), path, &eve)).await;
        assert_eq!(of_eve.status, 403, "{path}");
        let of_nobody = Reply::of(reqwest::Client::new().request(method.clone(), desk.url(path))).await;
        assert_eq!(of_nobody.status, 401, "{path}");
    }
    upload(&desk, &eve, "{}", "batch").await.failed(403);
    submit(&desk, &bob, input, "24h").await.failed(404);
    for path in ["/v1/files", "/v1/batches"] {
        assert_eq!(get(&desk, &bob, path).await.json()["data"], json!([]), "{path}");
    }
    let of_ada = get(&desk, &ada, "/v1/batches?limit=1").await.json();
    assert_eq!(
        (&of_ada["data"][0]["id"], &of_ada["has_more"]),
        (&json!(id), &json!(true))
    );
    let next = get(&desk, &ada, &format!("/v1/batches?after={id}")).await.json();
    assert_eq!(next["data"], json!([]));
    let removed = Reply::of(desk.request(Method::DELETE, &format!("/v1/files/{input}"), &ada)).await;
    assert_eq!(removed.json()["deleted"], true);
    get(&desk, &ada, &format!("/v1/files/{input}")).await.failed(404);
}

#[tokio::test]
async fn a_batch_goes_on_after_its_process_was_stopped() {
    let model = ScriptedModel::new().otherwise("fine");
    let desk = desk(&model, Access::Governed).await;
    let asked: Vec<String> = (0..12).map(|number| line(&number.to_string(), "hello")).collect();
    let id = submitted(&desk, &desk.admin, &asked, "24h").await;
    for _ in 0..3 {
        let stop = CancellationToken::new();
        let worker = batcher(&desk, &stop);
        tokio::time::sleep(Duration::from_millis(90)).await;
        // One is stopped, the others are killed amid their lines.
        worker.abort();
        stop.cancel();
        let _ = worker.await;
    }
    let stop = CancellationToken::new();
    let _worker = batcher(&desk, &stop);
    let batch = ended(&desk, &desk.admin, &id).await;
    assert_eq!(
        batch["request_counts"],
        json!({ "total": 12, "completed": 12, "failed": 0 })
    );
    let good = lines(&desk, &desk.admin, &batch["output_file_id"]).await;
    let names: Vec<&str> = good
        .iter()
        .map(|line| line["custom_id"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"]
    );
    assert_eq!(batch["error_file_id"], json!(null));
}

#[tokio::test]
async fn a_batch_ends_with_its_time_or_when_it_is_cancelled_and_keeps_what_it_has() {
    let model = ScriptedModel::new()
        .when_prompt_contains("slow", Answer::Hang)
        .otherwise("fine");
    let desk = desk(&model, Access::Governed).await;
    let stop = CancellationToken::new();
    let _worker = batcher(&desk, &stop);
    let asked = [
        line("a", "hello"),
        line("b", "slow"),
        line("c", "slow"),
        line("d", "slow"),
    ];
    let id = submitted(&desk, &desk.admin, &asked, "1s").await;
    let batch = ended(&desk, &desk.admin, &id).await;
    assert_eq!(
        (&batch["status"], &batch["request_counts"]["completed"]),
        (&json!("expired"), &json!(1))
    );
    assert!(batch["expired_at"].is_i64());
    let bad = lines(&desk, &desk.admin, &batch["error_file_id"]).await;
    assert_eq!(bad.len(), 3);
    assert_eq!(
        (&bad[0]["response"], &bad[0]["error"]["code"]),
        (&json!(null), &json!("batch_expired"))
    );

    let id = submitted(&desk, &desk.admin, &asked, "24h").await;
    loop {
        let batch = get(&desk, &desk.admin, &format!("/v1/batches/{id}")).await.json();
        if batch["request_counts"]["completed"] == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let cancelled = desk
        .post(&format!("/v1/batches/{id}/cancel"), &json!(null))
        .await
        .json();
    assert_eq!(cancelled["status"], "cancelling");
    let batch = ended(&desk, &desk.admin, &id).await;
    assert_eq!(batch["status"], "cancelled");
    assert!(batch["cancelling_at"].is_i64() && batch["cancelled_at"].is_i64());
    assert_eq!(lines(&desk, &desk.admin, &batch["output_file_id"]).await.len(), 1);
    let bad = lines(&desk, &desk.admin, &batch["error_file_id"]).await;
    assert_eq!(bad[0]["error"]["code"], "batch_cancelled");
}

#[tokio::test]
async fn what_holds_for_a_request_holds_for_each_line() {
    let model = ScriptedModel::new().otherwise("fine");
    let desk = desk(&model, Access::Governed).await;
    let ada = desk.user("ada", "developer").await;
    let asked: Vec<String> = (0..6).map(|number| line(&number.to_string(), "hello")).collect();
    let id = submitted(&desk, &ada, &asked, "24h").await;
    // What is limited is waited for, and is no failure.
    let limit = json!({ "scope": "user:ada", "unit": "requests", "window_seconds": 2, "quota": 4 });
    assert_eq!(desk.put("/api/v1/limits", &limit).await.status, 200);
    // So are tokens, of which a line holds a thousand until it is answered.
    let tokens = json!({ "scope": "user:ada", "unit": "tokens", "window_seconds": 1, "quota": 2500 });
    assert_eq!(desk.put("/api/v1/limits", &tokens).await.status, 200);
    let stop = CancellationToken::new();
    let worker = batcher(&desk, &stop);
    let lift = "/api/v1/limits?scope=user:ada&unit=requests&window_seconds=2";
    loop {
        let owner = desk.database.principal_named("ada").await.unwrap().unwrap().id;
        let batch = desk
            .database
            .model_batch(&format!("principal {owner}"), &id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(batch.counts.failed, 0);
        if batch.counts.completed == 6 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(desk.delete(lift).await.status == 204);
    assert_eq!(ended(&desk, &ada, &id).await["status"], "completed");

    // A key that is revoked answers nothing more.
    stop.cancel();
    worker.await.unwrap();
    let id = submitted(&desk, &ada, &asked[..2], "24h").await;
    let key = ada.split('_').nth(1).unwrap();
    assert_eq!(desk.delete(&format!("/api/v1/keys/{key}")).await.status, 204);
    let second = desk
        .post("/api/v1/keys", &json!({ "name": "second", "user": "ada" }))
        .await
        .with(201);
    let second = second["secret"].as_str().unwrap();
    let stop = CancellationToken::new();
    let _worker = batcher(&desk, &stop);
    let batch = ended(&desk, second, &id).await;
    assert_eq!(batch["request_counts"]["failed"], 2);
    let bad = lines(&desk, second, &batch["error_file_id"]).await;
    assert_eq!(bad[0]["response"]["status_code"], 401);
}

#[tokio::test]
async fn without_keys_programs_of_this_machine_have_files_too() {
    let model = ScriptedModel::new().otherwise("fine");
    let desk = desk(&model, Access::ThisMachine).await;
    let stop = CancellationToken::new();
    let _worker = batcher(&desk, &stop);
    let id = submitted(&desk, "none", &[line("a", "hello")], "24h").await;
    let batch = ended(&desk, "none", &id).await;
    assert_eq!(batch["request_counts"]["completed"], 1);
    get(&desk, &desk.admin, &format!("/v1/batches/{id}"))
        .await
        .failed(404);
}

#[tokio::test]
async fn a_file_is_bounded_and_comes_back_byte_for_byte() {
    let model = ScriptedModel::new();
    let desk = desk(&model, Access::Governed).await;
    let long = line("a", &"é".repeat(300_000));
    let text: String = (0..5).map(|number| format!("{number}{long}\n")).collect();
    let file = upload(&desk, &desk.admin, &text, "batch").await.json();
    assert_eq!(file["bytes"], text.len());
    let id = file["id"].as_str().unwrap();
    let content = get(&desk, &desk.admin, &format!("/v1/files/{id}/content")).await;
    assert!(content.text == text);
    let endless = "x".repeat((8 << 20) + (300 << 10));
    upload(&desk, &desk.admin, &endless, "batch").await.failed(413);
    let files = get(&desk, &desk.admin, "/v1/files").await.json();
    assert_eq!(files["data"].as_array().unwrap().len(), 1);
}
