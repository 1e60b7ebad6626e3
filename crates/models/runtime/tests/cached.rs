//! Answers that are kept.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so and stop"
)]

use std::sync::Arc;

use tenon_runtime::{CacheScope, CachedModel, GenerateRequest, Model, ModelError, PromptInput, Sampling};
use tenon_testkit::{Answer, ScriptedModel};

fn request(prompt: &str, scope: &str) -> GenerateRequest {
    GenerateRequest {
        prompt: PromptInput::Raw {
            text: prompt.to_owned(),
        },
        sampling: Sampling::GREEDY,
        samples: 1,
        max_tokens: 8,
        stop: Vec::new(),
        constraint: None,
        expected: None,
        cache_scope: CacheScope(scope.to_owned()),
    }
}

/// The text, and whether it was kept.
async fn ask(model: &CachedModel, request: GenerateRequest) -> Result<(String, bool), ModelError> {
    let stream = model.generate(request).await?;
    let was_kept = stream.answering().cache.saved_a_call();
    let (samples, _) = stream.collect(1).await?;
    Ok((samples[0].text.clone(), was_kept))
}

fn cached(model: &ScriptedModel, bytes: u64) -> CachedModel {
    CachedModel::new(Arc::new(model.clone()), bytes)
}

#[tokio::test]
async fn the_same_question_of_the_same_person_is_answered_once() {
    let model = ScriptedModel::new().then("one").then("two").then("three");
    let cached = cached(&model, 1 << 20);
    assert_eq!(
        ask(&cached, request("a", "ann")).await.unwrap(),
        ("one".to_owned(), false)
    );
    assert_eq!(
        ask(&cached, request("a", "ann")).await.unwrap(),
        ("one".to_owned(), true)
    );
    assert_eq!(
        ask(&cached, request("a", "bob")).await.unwrap(),
        ("two".to_owned(), false)
    );
    assert_eq!(
        ask(&cached, request("b", "ann")).await.unwrap(),
        ("three".to_owned(), false)
    );
}

#[tokio::test]
async fn draws_are_drawn_each_time() {
    let model = ScriptedModel::new().then("one").then("two");
    let cached = cached(&model, 1 << 20);
    for text in ["one", "two"] {
        let mut request = request("a", "ann");
        request.sampling.temperature = 0.5;
        assert_eq!(ask(&cached, request).await.unwrap(), (text.to_owned(), false));
    }
}

#[tokio::test]
async fn who_asks_meanwhile_waits_for_the_answer() {
    let release = Arc::new(tokio::sync::Notify::new());
    let model = ScriptedModel::new().then(Answer::Paused {
        text: "o".to_owned(),
        release: Arc::clone(&release),
        rest: "ne".to_owned(),
    });
    let cached = cached(&model, 1 << 20);
    let both = async {
        tokio::join!(
            ask(&cached, request("a", "ann")),
            ask(&cached, request("a", "ann"))
        )
    };
    let (both, ()) = tokio::join!(both, async {
        while model.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        release.notify_one();
    });
    assert_eq!(both.0.unwrap().0, "one");
    assert_eq!(both.1.unwrap().0, "one");
    assert_eq!(model.requests().len(), 1);
}

#[tokio::test]
async fn when_the_first_gives_up_the_next_asks() {
    let model = ScriptedModel::new().then(Answer::Hang).then("one");
    let cached = cached(&model, 1 << 20);
    let first = cached.generate(request("a", "ann")).await.unwrap();
    let (second, ()) = tokio::join!(ask(&cached, request("a", "ann")), async {
        tokio::task::yield_now().await;
        drop(first);
    });
    assert_eq!(second.unwrap(), ("one".to_owned(), false));
}

#[tokio::test]
async fn what_failed_or_is_too_large_is_not_kept() {
    let broken = ModelError::Broken {
        reason: "gone".to_owned(),
    };
    let dying = Answer::BreakAfter {
        text: "half".to_owned(),
        error: broken.clone(),
    };
    let model = ScriptedModel::new()
        .then(broken.clone())
        .then(dying)
        .then("one")
        .then("two");
    let cached = cached(&model, 16);
    assert_eq!(ask(&cached, request("a", "ann")).await.unwrap_err(), broken);
    assert_eq!(ask(&cached, request("a", "ann")).await.unwrap_err(), broken);
    assert_eq!(ask(&cached, request("a", "ann")).await.unwrap().0, "one");
    assert_eq!(ask(&cached, request("a", "ann")).await.unwrap().0, "two");
}
