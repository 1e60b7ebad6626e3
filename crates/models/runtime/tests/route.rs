//! Several models behind one name.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so and stop"
)]

use std::sync::Arc;
use std::time::Duration;

use tenon_runtime::{
    BreakerPolicy, CacheScope, GenerateRequest, Message, Model, ModelError, PromptInput, Role, Route,
    RoutePolicy, RouteTarget, Sampling,
};
use tenon_testkit::{Answer, ScriptedModel};

fn broken() -> Answer {
    Answer::Refuse(ModelError::Broken {
        reason: "gone".to_owned(),
    })
}

fn limited(seconds: u64) -> ModelError {
    ModelError::RateLimited {
        retry_after_seconds: Some(seconds),
    }
}

fn target(model: &ScriptedModel, weight: u32, tier: u32) -> RouteTarget {
    RouteTarget {
        model: Arc::new(model.clone()),
        weight,
        tier,
    }
}

fn policy() -> RoutePolicy {
    RoutePolicy {
        first_text: Duration::from_secs(2),
        breaker: BreakerPolicy {
            failures: 2,
            wait: Duration::from_secs(10),
            longest_wait: Duration::from_secs(60),
        },
        ..RoutePolicy::default()
    }
}

fn route(targets: Vec<RouteTarget>) -> Route {
    Route::new("route", targets, policy()).unwrap()
}

async fn ask(route: &Route) -> Result<String, ModelError> {
    let request = GenerateRequest {
        prompt: PromptInput::Chat {
            messages: vec![Message {
                role: Role::User,
                content: "Hi".to_owned(),
            }],
            prefill: String::new(),
        },
        sampling: Sampling::GREEDY,
        samples: 1,
        max_tokens: 8,
        stop: Vec::new(),
        constraint: None,
        expected: None,
        cache_scope: CacheScope::local(),
    };
    let (samples, _) = route.generate(request).await?.collect(1).await?;
    Ok(samples[0].text.clone())
}

#[tokio::test]
async fn the_load_is_shared_by_weight() {
    let [heavy, light] = ["heavy", "light"].map(|name| ScriptedModel::new().named(name).otherwise(name));
    let route = route(vec![target(&heavy, 3, 0), target(&light, 1, 0)]);
    for _ in 0..40 {
        ask(&route).await.unwrap();
    }
    assert_eq!((heavy.requests().len(), light.requests().len()), (30, 10));
}

#[tokio::test]
async fn a_higher_tier_answers_when_the_lower_does_not() {
    let first = ScriptedModel::new()
        .named("first")
        .then(broken())
        .otherwise("first");
    let spare = ScriptedModel::new().named("spare").otherwise("spare");
    let route = route(vec![target(&first, 1, 0), target(&spare, 1, 1)]);
    assert_eq!(ask(&route).await.unwrap(), "spare");
    assert_eq!(ask(&route).await.unwrap(), "first");
    assert_eq!(spare.requests().len(), 1);
}

#[tokio::test]
async fn a_target_that_fails_again_and_again_is_left_alone_and_probed() {
    let first = ScriptedModel::new()
        .named("first")
        .then(broken())
        .then(broken())
        .then("back");
    let spare = ScriptedModel::new().named("spare").otherwise("spare");
    let mut soon = policy();
    soon.breaker.wait = Duration::from_millis(500);
    let route = Route::new("route", vec![target(&first, 1, 0), target(&spare, 1, 1)], soon).unwrap();
    for _ in 0..4 {
        assert_eq!(ask(&route).await.unwrap(), "spare");
    }
    assert_eq!(first.requests().len(), 2, "it is left alone after two failures");
    tokio::time::sleep(soon.breaker.wait).await;
    assert_eq!(ask(&route).await.unwrap(), "back");
}

#[tokio::test]
async fn without_any_target_left_the_wait_is_named() {
    let only = ScriptedModel::new().named("only").otherwise(broken());
    let route = route(vec![target(&only, 1, 0)]);
    for _ in 0..2 {
        let error = ask(&route).await.unwrap_err();
        assert!(matches!(error, ModelError::Broken { .. }), "{error}");
    }
    let error = ask(&route).await.unwrap_err().to_string();
    assert!(error.contains("`only`") && error.contains("in 10 s"), "{error}");
    assert_eq!(only.requests().len(), 2);
}

#[tokio::test]
async fn a_target_without_a_first_text_in_time_is_given_up() {
    let slow = ScriptedModel::new().named("slow").then(Answer::Hang);
    let spare = ScriptedModel::new().named("spare").otherwise("spare");
    let hasty = RoutePolicy {
        first_text: Duration::from_millis(50),
        ..policy()
    };
    let route = Route::new("route", vec![target(&slow, 1, 0), target(&spare, 1, 1)], hasty).unwrap();
    assert_eq!(ask(&route).await.unwrap(), "spare");
    slow.cancelled().await;
}

#[tokio::test]
async fn nothing_is_asked_again_once_text_was_seen() {
    let dying = Answer::BreakAfter {
        text: "half".to_owned(),
        error: ModelError::Broken {
            reason: "gone".to_owned(),
        },
    };
    let first = ScriptedModel::new().named("first").otherwise(dying);
    let spare = ScriptedModel::new().named("spare").otherwise("spare");
    let route = route(vec![target(&first, 1, 0), target(&spare, 1, 1)]);
    let error = ask(&route).await.unwrap_err();
    assert!(matches!(error, ModelError::Broken { .. }), "{error}");
    assert!(spare.requests().is_empty());
    ask(&route).await.unwrap_err();
    assert_eq!(
        ask(&route).await.unwrap(),
        "spare",
        "streams that die count as failures"
    );
}

#[tokio::test]
async fn patience_that_is_asked_for_is_kept_by_another_or_by_waiting() {
    let only = ScriptedModel::new().named("only").then(limited(1)).then("served");
    let alone = route(vec![target(&only, 1, 0)]);
    let begun = std::time::Instant::now();
    assert_eq!(ask(&alone).await.unwrap(), "served");
    assert!(begun.elapsed() >= Duration::from_secs(1));

    let first = ScriptedModel::new().named("first").then(limited(60));
    let spare = ScriptedModel::new().named("spare").otherwise("spare");
    let both = route(vec![target(&first, 1, 0), target(&spare, 1, 0)]);
    assert_eq!(ask(&both).await.unwrap(), "spare");
    assert_eq!(
        ask(&both).await.unwrap(),
        "spare",
        "the first is not asked before its time"
    );

    let only = ScriptedModel::new().named("only").then(limited(600));
    let alone = route(vec![target(&only, 1, 0)]);
    assert_eq!(ask(&alone).await.unwrap_err(), limited(600));
}

#[tokio::test]
async fn patience_without_end_is_bounded() {
    let first = ScriptedModel::new().named("first").then(limited(u64::MAX));
    let spare = ScriptedModel::new().named("spare").otherwise("spare");
    let route = route(vec![target(&first, 1, 0), target(&spare, 1, 0)]);
    for _ in 0..2 {
        assert_eq!(ask(&route).await.unwrap(), "spare");
    }
    assert_eq!(first.requests().len(), 1);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_not_asked_elsewhere_but_a_larger_context_is() {
    let refused = ModelError::Refused {
        reason: "a bad schema".to_owned(),
    };
    let first = ScriptedModel::new().named("first").then(refused.clone());
    let spare = ScriptedModel::new().named("spare").otherwise("spare");
    let strict = route(vec![target(&first, 1, 0), target(&spare, 1, 1)]);
    assert_eq!(ask(&strict).await.unwrap_err(), refused);

    let small = ScriptedModel::new()
        .named("small")
        .describe(|descriptor| descriptor.context_length = 1);
    let same = small.clone().named("same");
    let large = ScriptedModel::new().named("large").otherwise("large");
    let sized = route(vec![
        target(&small, 1, 0),
        target(&same, 1, 1),
        target(&large, 1, 2),
    ]);
    assert_eq!(sized.descriptor().context_length, 1);
    assert_eq!(ask(&sized).await.unwrap(), "large");

    let overlong = ModelError::Overlong {
        reason: "the prompt is too long".to_owned(),
        context_length: 8,
    };
    let remote = ScriptedModel::new()
        .named("remote")
        .describe(|descriptor| descriptor.context_length = 8)
        .then(overlong.clone());
    let same = ScriptedModel::new()
        .named("same")
        .describe(|descriptor| descriptor.context_length = 8);
    let sized = route(vec![
        target(&remote, 1, 0),
        target(&same, 1, 1),
        target(&large, 1, 2),
    ]);
    assert_eq!(ask(&sized).await.unwrap(), "large");
    let alone = route(vec![
        target(&remote.then(overlong.clone()), 1, 0),
        target(&same, 1, 1),
    ]);
    assert_eq!(ask(&alone).await.unwrap_err(), overlong);
}

#[tokio::test]
async fn as_many_tokens_are_asked_of_a_target_as_fit() {
    let small = ScriptedModel::new()
        .named("small")
        .describe(|descriptor| descriptor.context_length = 4)
        .otherwise("small");
    let large = ScriptedModel::new().named("large");
    let route = route(vec![target(&small, 1, 0), target(&large, 1, 1)]);
    assert_eq!(ask(&route).await.unwrap(), "small");
    assert_eq!(small.requests()[0].max_tokens, 3);
}

#[tokio::test]
async fn retries_do_not_multiply_trouble() {
    let models: Vec<ScriptedModel> = (0..3)
        .map(|number| {
            ScriptedModel::new()
                .named(&format!("model-{number}"))
                .otherwise(broken())
        })
        .collect();
    let targets = models.iter().map(|model| target(model, 1, 0)).collect();
    let patient = RoutePolicy {
        breaker: BreakerPolicy {
            failures: u32::MAX,
            ..BreakerPolicy::default()
        },
        ..policy()
    };
    let route = Route::new("route", targets, patient).unwrap();
    for _ in 0..100 {
        ask(&route).await.unwrap_err();
    }
    let asked: usize = models.iter().map(|model| model.requests().len()).sum();
    assert!((110..=121).contains(&asked), "{asked} for 100 requests");
}

#[tokio::test]
async fn a_route_can_do_what_all_of_its_targets_can() {
    let able = ScriptedModel::new();
    let unable = ScriptedModel::new().describe(|descriptor| {
        descriptor.fills_in_the_middle = false;
        descriptor.remote = true;
    });
    let route = route(vec![target(&able, 1, 0), target(&unable, 1, 0)]);
    assert!(!route.descriptor().fills_in_the_middle);
    assert!(route.descriptor().remote, "text may leave the machine");
    assert!(Route::new("route", Vec::new(), policy()).is_err());
}
