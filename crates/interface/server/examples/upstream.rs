//! An upstream that answers at once, to measure what stands before it: `upstream ADDRESS:PORT`.
//!
//! It speaks `POST /v1/chat/completions` with and without streams, and tells at `GET /count` how many requests came.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a measuring instrument that cannot go on should say so and stop"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let listener = TcpListener::bind(address).await.unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    let app = Router::new()
        .route("/v1/chat/completions", post(chat))
        .route("/count", get(count))
        .with_state(Arc::new(AtomicU64::new(0)));
    axum::serve(listener, app).await.unwrap();
}

async fn chat(State(counted): State<Arc<AtomicU64>>, body: Bytes) -> Response {
    counted.fetch_add(1, Ordering::Relaxed);
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let head = |object: &str, choices: Value| json!({ "id": "chatcmpl-1", "object": object, "created": 1, "model": "m", "choices": choices });
    if body["stream"] == true {
        let chunk = |delta: Value, reason: Value| {
            let choices = json!([{ "index": 0, "delta": delta, "finish_reason": reason }]);
            format!("data: {}\n\n", head("chat.completion.chunk", choices))
        };
        let text = [
            chunk(json!({ "role": "assistant", "content": "Hel" }), Value::Null),
            chunk(json!({ "content": "lo." }), Value::Null),
            chunk(json!({}), json!("stop")),
            "data: [DONE]\n\n".to_owned(),
        ];
        return ([(header::CONTENT_TYPE, "text/event-stream")], text.concat()).into_response();
    }
    let message = json!({ "role": "assistant", "content": "Hello." });
    let mut whole = head(
        "chat.completion",
        json!([{ "index": 0, "message": message, "finish_reason": "stop" }]),
    );
    whole["usage"] = json!({ "prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11 });
    Json(whole).into_response()
}

async fn count(State(counted): State<Arc<AtomicU64>>) -> String {
    counted.load(Ordering::Relaxed).to_string()
}
