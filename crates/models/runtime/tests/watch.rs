//! What whoever measures is told.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should say so and stop"
)]

use std::any::Any;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tenon_domain::FailureCategory;
use tenon_runtime::{
    Answered, BreakerPolicy, CacheScope, GenerateRequest, Model, ModelError, PromptInput, Route, RoutePolicy,
    RouteTarget, SampleStream, Sampling, Served, Standing, Watch, WatchedModel,
};
use tenon_testkit::{Answer, ScriptedModel};

const WAIT: Duration = Duration::from_millis(500);

#[derive(Default)]
struct Notes {
    answered: Mutex<Vec<(String, Answered)>>,
    decided: Mutex<Vec<String>>,
}

impl Watch for Notes {
    fn asked(&self, _model: &str) -> Box<dyn Any + Send + Sync> {
        Box::new(())
    }

    fn answered(&self, model: &str, answered: &Answered) {
        self.answered.lock().unwrap().push((model.to_owned(), *answered));
    }

    fn fell_back(&self, from: &str, to: &str) {
        self.decided.lock().unwrap().push(format!("{from} to {to}"));
    }

    fn retried(&self, model: &str) {
        self.decided.lock().unwrap().push(format!("{model} again"));
    }

    fn judged(&self, _route: &str, model: &str, standing: Standing) {
        self.decided.lock().unwrap().push(format!("{model} {standing:?}"));
    }
}

impl Notes {
    fn failures(&self) -> Vec<(String, Option<FailureCategory>)> {
        let answered = self.answered.lock().unwrap();
        let said = answered.iter();
        said.map(|(model, answered)| (model.clone(), answered.failure))
            .collect()
    }

    fn decided(&self) -> Vec<String> {
        std::mem::take(&mut *self.decided.lock().unwrap())
    }
}

fn request() -> GenerateRequest {
    GenerateRequest {
        prompt: PromptInput::Raw { text: "a".to_owned() },
        sampling: Sampling::GREEDY,
        samples: 1,
        max_tokens: 8,
        stop: Vec::new(),
        constraint: None,
        expected: None,
        cache_scope: CacheScope::local(),
    }
}

fn refusal(error: ModelError) -> Answer {
    Answer::Refuse(error)
}

fn broken() -> Answer {
    refusal(ModelError::Broken {
        reason: "gone".to_owned(),
    })
}

fn watched(model: &ScriptedModel, notes: &Arc<Notes>) -> Arc<dyn Model> {
    let served = Served {
        provider: "script",
        model: "scripted".to_owned(),
        address: None,
    };
    Arc::new(WatchedModel::new(
        Arc::new(model.clone()),
        Arc::clone(notes) as _,
        served,
    ))
}

fn route(models: &[ScriptedModel], notes: &Arc<Notes>, policy: RoutePolicy) -> Route {
    let targets = (0u32..).zip(models).map(|(tier, model)| RouteTarget {
        model: watched(model, notes),
        weight: 1,
        tier,
    });
    let route = Route::new("route", targets.collect(), policy).unwrap();
    route.watched_by(Arc::clone(notes) as _)
}

async fn all(stream: SampleStream) {
    stream.collect(1).await.unwrap();
}

#[tokio::test]
async fn an_attempt_is_told_once_with_its_tokens_and_its_first_text() {
    let notes = Arc::new(Notes::default());
    let model = watched(&ScriptedModel::new().then("one two three"), &notes);
    all(model.generate(request()).await.unwrap()).await;
    let answered = notes.answered.lock().unwrap();
    let [(name, answered)] = answered.as_slice() else {
        panic!("{answered:?}");
    };
    assert_eq!((name.as_str(), answered.failure), ("scripted", None));
    assert!(answered.first_text.unwrap() <= answered.took);
    assert!(answered.tokens.prompt.is_some() && answered.tokens.completion.is_some());
}

#[tokio::test]
async fn an_answer_that_nobody_waited_for_was_cancelled() {
    let notes = Arc::new(Notes::default());
    let model = watched(&ScriptedModel::new().then("one two three"), &notes);
    drop(model.generate(request()).await.unwrap());
    let cancelled = Some(FailureCategory::Cancelled);
    assert_eq!(notes.failures(), [("scripted".to_owned(), cancelled)]);
}

#[tokio::test]
async fn what_took_too_long_has_failed_and_was_not_cancelled() {
    let notes = Arc::new(Notes::default());
    let slow = ScriptedModel::new().named("slow").otherwise(Answer::Hang);
    let quick = ScriptedModel::new().named("quick").otherwise("one");
    let policy = RoutePolicy {
        first_text: Duration::from_millis(200),
        ..RoutePolicy::default()
    };
    all(route(&[slow, quick], &notes, policy)
        .generate(request())
        .await
        .unwrap())
    .await;
    assert_eq!(
        notes.failures(),
        [
            ("slow".to_owned(), Some(FailureCategory::TimeoutTtft)),
            ("quick".to_owned(), None)
        ]
    );
}

#[tokio::test]
async fn what_a_route_decides_is_told_in_its_order() {
    let notes = Arc::new(Notes::default());
    let limited = refusal(ModelError::RateLimited {
        retry_after_seconds: Some(0),
    });
    let [first, second] = ["first", "second"].map(|name| ScriptedModel::new().named(name));
    let first = first.then(broken()).then(broken()).then("one");
    let second = second.then("two").then(limited).then("two");
    let policy = RoutePolicy {
        breaker: BreakerPolicy {
            failures: 2,
            wait: WAIT,
            longest_wait: WAIT,
        },
        ..RoutePolicy::default()
    };
    let route = route(&[first, second], &notes, policy);
    assert_eq!(notes.decided(), ["first Asked", "second Asked"]);
    all(route.generate(request()).await.unwrap()).await;
    assert_eq!(notes.decided(), ["first to second"]);
    // The second failure in a row opens it; the other asks for a moment, and is asked again after it.
    all(route.generate(request()).await.unwrap()).await;
    assert_eq!(
        notes.decided(),
        [
            "first Failing",
            "first to second",
            "second Limited",
            "second again",
            "second Asked"
        ]
    );
    tokio::time::sleep(WAIT).await;
    all(route.generate(request()).await.unwrap()).await;
    assert_eq!(notes.decided(), ["first OnTrial", "first Asked"]);
}
