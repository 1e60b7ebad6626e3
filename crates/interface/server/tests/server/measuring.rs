//! What `/metrics` says of what callers were answered.

use std::sync::Arc;

use serde_json::{Value, json};
use tenon_engine::Completer;
use tenon_runtime::{CachedModel, ModelError};
use tenon_server::ServedModel;
use tenon_testkit::{Answer, ScriptedModel};
use tokio::sync::Notify;

use crate::desk::Desk;

const CHAT: &str = "/v1/chat/completions";

async fn desk(model: &ScriptedModel) -> Desk {
    let model = CachedModel::new(Arc::new(model.clone()), 1 << 20);
    let served = ServedModel {
        name: "scripted".to_owned(),
        model: Arc::new(model),
    };
    Desk::with_models(vec![served]).await
}

fn question(text: &str) -> Value {
    json!({
        "model": "scripted", "temperature": 0, "messages": [{ "role": "user", "content": text }],
    })
}

fn streamed(text: &str) -> Value {
    let mut question = question(text);
    question["stream"] = json!(true);
    question
}

/// The value of a sample, once it is there: what is written is counted after its last byte.
async fn counted(desk: &Desk, sample: &str) -> f64 {
    for _ in 0..200 {
        let scrape = desk.get("/metrics").await.text;
        let line = scrape
            .lines()
            .find(|line| line.starts_with(&format!("{sample} ")));
        if let Some(value) = line.and_then(|line| line.rsplit(' ').next()) {
            return value.parse().unwrap();
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("there is no {sample} in\n{}", desk.metrics.encode());
}

fn requests(status: &str, cache: &str) -> String {
    format!(
        r#"tenon_requests_total{{route="{CHAT}",task="none",criticality="standard",status_class="{status}",cache="{cache}"}}"#
    )
}

fn ended(model: &str, outcome: &str) -> String {
    format!(r#"tenon_request_seconds_count{{route="{CHAT}",model="{model}",outcome="{outcome}"}}"#)
}

#[tokio::test]
async fn answers_are_counted_by_route_model_outcome_and_cache() {
    let desk = desk(&ScriptedModel::new().then("one two").then("three")).await;
    for _ in 0..2 {
        assert_eq!(desk.post(CHAT, &question("a")).await.status, 200);
    }
    assert!(!desk.post(CHAT, &streamed("b")).await.chunks().is_empty());
    assert_eq!(counted(&desk, &ended("scripted", "success")).await, 3.0);
    assert_eq!(counted(&desk, &requests("2xx", "miss")).await, 2.0);
    assert_eq!(counted(&desk, &requests("2xx", "hit")).await, 1.0);
    let first = format!(r#"tenon_request_first_token_seconds_count{{route="{CHAT}",model="scripted"}}"#);
    assert_eq!(
        counted(&desk, &first).await,
        1.0,
        "streams alone have a first text"
    );
    for direction in ["input", "output"] {
        let tokens = format!(
            r#"tenon_request_tokens_total{{model="scripted",dialect="openai",direction="{direction}"}}"#
        );
        assert!(counted(&desk, &tokens).await > 0.0);
    }
    let overhead = format!(r#"tenon_overhead_seconds_count{{route="{CHAT}",stream="true"}}"#);
    assert_eq!(counted(&desk, &overhead).await, 1.0);
}

#[tokio::test]
async fn an_answer_that_is_shared_is_neither_a_hit_nor_a_miss() {
    let release = Arc::new(Notify::new());
    let paused = Answer::Paused {
        text: "one ".to_owned(),
        release: Arc::clone(&release),
        rest: "two".to_owned(),
    };
    let model = ScriptedModel::new().then(paused);
    let desk = desk(&model).await;
    let question = question("a");
    let asking = async {
        // The second asks when the first is being answered.
        while model.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        let second = desk.post(CHAT, &question);
        let released = async {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            release.notify_waiters();
            release.notify_one();
        };
        tokio::join!(second, released).0
    };
    let (first, second) = tokio::join!(desk.post(CHAT, &question), asking);
    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(counted(&desk, &requests("2xx", "miss")).await, 1.0);
    assert_eq!(counted(&desk, &requests("2xx", "shared")).await, 1.0);
}

#[tokio::test]
async fn failures_are_counted_by_what_they_were_after_their_status_too() {
    let breaking = Answer::BreakAfter {
        text: "one".to_owned(),
        error: ModelError::Broken {
            reason: "gone".to_owned(),
        },
    };
    let limited = Answer::Refuse(ModelError::RateLimited {
        retry_after_seconds: Some(7),
    });
    let desk = desk(&ScriptedModel::new().then(breaking).then(limited)).await;
    assert_eq!(desk.post(CHAT, &streamed("a")).await.status, 200);
    assert_eq!(counted(&desk, &ended("scripted", "stream_truncated")).await, 1.0);
    assert_eq!(desk.post(CHAT, &question("b")).await.status, 429);
    assert_eq!(counted(&desk, &ended("scripted", "rate_limited")).await, 1.0);
}

#[tokio::test]
async fn a_caller_who_went_away_is_counted_as_such() {
    let model = ScriptedModel::new().then(Answer::Hang);
    let desk = desk(&model).await;
    let question = question("a");
    let asked = async {
        while model.requests().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = desk.post(CHAT, &question) => panic!("nobody answers"),
        () = asked => {}
    }
    assert_eq!(counted(&desk, &ended("scripted", "cancelled")).await, 1.0);
    assert_eq!(counted(&desk, &requests("4xx", "bypass")).await, 1.0);
}

#[tokio::test]
async fn nothing_that_a_caller_sends_becomes_a_label() {
    let desk = desk(&ScriptedModel::new()).await;
    let mut other = question("a");
    other["model"] = json!("sent-by-a-caller");
    assert_eq!(desk.post(CHAT, &other).await.status, 404);
    assert_eq!(desk.get("/v1/sent-by-a-caller").await.status, 404);
    assert_eq!(desk.get("/health/live").await.status, 200);
    assert_eq!(counted(&desk, &ended("none", "not_found")).await, 1.0);
    let scrape = desk.get("/metrics").await.text;
    assert!(scrape.contains(r#"route="unknown""#), "{scrape}");
    assert!(!scrape.contains("sent-by-a-caller"), "{scrape}");
    assert!(!scrape.contains("/health/live"), "{scrape}");
}

#[tokio::test]
async fn what_becomes_of_suggestions_is_counted() {
    let model = ScriptedModel::new().then("1");
    let desk = desk(&model).await;
    let completer = Completer::new(Arc::new(model), desk.folder.path());
    desk.service.set_completer(Arc::new(completer));
    let asked = json!({ "language": "python", "segments": { "prefix": "x = ", "suffix": "\n" } });
    let object = desk.post("/v1/completions", &asked).await.json();
    assert_eq!(object["choices"][0]["text"], "1");
    assert_eq!(
        counted(&desk, r#"tenon_completions_total{outcome="shown"}"#).await,
        1.0
    );
    for (kind, query, outcome) in [
        ("view", "", "viewed"),
        ("select", "?select_kind=line", "taken_partly"),
        ("select", "", "taken"),
        ("typed", "", "typed"),
        ("dismiss", "", "dismissed"),
    ] {
        let event = json!({ "type": kind, "completion_id": object["id"], "choice_index": 0 });
        assert_eq!(desk.post(&format!("/v1/events{query}"), &event).await.status, 200);
        let sample = format!(r#"tenon_suggestions_total{{outcome="{outcome}"}}"#);
        assert_eq!(counted(&desk, &sample).await, 1.0, "{outcome}");
    }
}
