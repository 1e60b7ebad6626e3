//! The scripted model keeps the promises of the port, and finds out who breaks them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use tenon_runtime::{
    CacheScope, Constraint, FinishReason, GenerateRequest, Message, Model, ModelError, PromptInput, Role,
    Sampling,
};
use tenon_testkit::{Answer, ScriptedModel};

fn request(text: &str) -> GenerateRequest {
    GenerateRequest {
        prompt: PromptInput::Raw {
            text: text.to_owned(),
        },
        sampling: Sampling::GREEDY,
        samples: 1,
        max_tokens: 100,
        stop: vec![],
        constraint: None,
        expected: None,
        cache_scope: CacheScope::local(),
    }
}

async fn texts(model: &ScriptedModel, request: GenerateRequest) -> Result<Vec<String>, ModelError> {
    let samples = request.samples;
    let (samples, _) = model.generate(request).await?.collect(samples).await?;
    Ok(samples.into_iter().map(|sample| sample.text).collect())
}

#[tokio::test]
async fn rules_come_first_then_the_order_then_the_rest() {
    let model = ScriptedModel::new()
        .when_prompt_contains("fix", "fixed")
        .then("one")
        .then(Answer::texts(["a", "b"]))
        .otherwise("rest");
    assert_eq!(texts(&model, request("write")).await.unwrap(), ["one"]);
    assert_eq!(texts(&model, request("please fix")).await.unwrap(), ["fixed"]);
    let three = GenerateRequest {
        samples: 3,
        ..request("write")
    };
    assert_eq!(texts(&model, three).await.unwrap(), ["a", "b", "b"]);
    assert_eq!(texts(&model, request("write")).await.unwrap(), ["rest"]);
    model.assert_used_up();
    assert_eq!(model.prompts(), ["write", "please fix", "write", "write"]);
}

#[tokio::test]
async fn stop_strings_end_a_sample() {
    let model = ScriptedModel::new()
        .then("x = 1\n```\nmore")
        .then(Answer::cut_short("x = "));
    let stopped = GenerateRequest {
        stop: vec!["never".to_owned(), "\n```".to_owned()],
        ..request("write")
    };
    assert_eq!(texts(&model, stopped).await.unwrap(), ["x = 1"]);
    let (samples, _) = model
        .generate(request("write"))
        .await
        .unwrap()
        .collect(1)
        .await
        .unwrap();
    assert_eq!(samples[0].finish_reason, FinishReason::Length);
}

#[tokio::test]
async fn failures_come_where_they_are_scripted() {
    let error = ModelError::RateLimited {
        retry_after_seconds: Some(3),
    };
    let broken = ModelError::Broken {
        reason: "scripted".to_owned(),
    };
    let model = ScriptedModel::new().then(error.clone()).then(Answer::BreakAfter {
        text: "half".to_owned(),
        error: broken.clone(),
    });
    assert_eq!(model.generate(request("a")).await.unwrap_err(), error);
    let stream = model.generate(request("b")).await.unwrap();
    assert_eq!(stream.collect(1).await.unwrap_err(), broken);
}

#[tokio::test]
async fn what_the_port_refuses_is_refused() {
    let model = ScriptedModel::new().describe(|descriptor| {
        descriptor.context_length = 110;
        descriptor.fills_in_the_middle = false;
    });
    let long = model.generate(request(&"x".repeat(60))).await.unwrap_err();
    assert!(
        matches!(
            long,
            ModelError::TooLong {
                prompt_tokens: 20,
                ..
            }
        ),
        "{long}"
    );
    let fill = GenerateRequest {
        prompt: PromptInput::Fill {
            prefix: "a".to_owned(),
            suffix: "b".to_owned(),
        },
        ..request("")
    };
    assert!(matches!(
        model.generate(fill).await,
        Err(ModelError::Refused { .. })
    ));
    assert!(model.requests().is_empty());
}

#[tokio::test]
async fn a_hanging_answer_notices_that_it_was_cancelled() {
    let model = ScriptedModel::new().then(Answer::Hang);
    let mut stream = model.generate(request("a")).await.unwrap();
    assert!(stream.next().await.is_some(), "the prompt was read");
    drop(stream);
    model.cancelled().await;
}

#[tokio::test]
#[should_panic(expected = "does not admit")]
async fn an_answer_that_the_constraint_forbids_is_a_mistake_of_the_test() {
    let choice = GenerateRequest {
        constraint: Some(Constraint::Choice {
            options: vec!["a".to_owned()],
        }),
        ..request("choose")
    };
    let _ = ScriptedModel::new().then("b").generate(choice).await;
}

#[tokio::test]
#[should_panic(expected = "no answer to")]
async fn a_request_that_was_not_scripted_fails_the_test() {
    let _ = ScriptedModel::new().generate(request("surprise")).await;
}

#[tokio::test]
async fn an_answer_can_go_on_from_the_prefill() {
    let model = ScriptedModel::new()
        .going_on_from_the_prefill()
        .then("def f(x):\n    return x")
        .then("something else");
    let prefilled = GenerateRequest {
        prompt: PromptInput::Chat {
            messages: vec![Message {
                role: Role::User,
                content: "write f".to_owned(),
            }],
            prefill: "```python\ndef f(x".to_owned(),
        },
        ..request("")
    };
    assert_eq!(
        texts(&model, prefilled.clone()).await.unwrap(),
        ["):\n    return x"]
    );
    assert_eq!(texts(&model, prefilled).await.unwrap(), ["something else"]);
}
