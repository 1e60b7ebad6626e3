//! Requests as upstreams of every kind get them, and answers as they come back.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use proptest::prelude::*;
use serde_json::{Value, json};
use tenon_domain::Secret;
use tenon_remote::{ConstraintDialect, FillRoute, RemoteConfiguration, RemoteModel, UpstreamKind};
use tenon_runtime::{
    CacheScope, Constraint, FinishReason, GenerateRequest, GenerateUsage, Message, Model, ModelError,
    PromptInput, Role, Sample, SampleEvent, Sampling,
};
use tenon_testkit::{FakeUpstream, UpstreamReply, UpstreamSample};

fn configuration(upstream: &FakeUpstream, kind: UpstreamKind) -> RemoteConfiguration {
    RemoteConfiguration::new(kind, "test", &upstream.base_url(), "some-model", 8_192)
}

fn model(upstream: &FakeUpstream, kind: UpstreamKind) -> RemoteModel {
    RemoteModel::new(configuration(upstream, kind)).unwrap()
}

fn chat(prefill: &str) -> GenerateRequest {
    GenerateRequest {
        prompt: PromptInput::Chat {
            messages: vec![
                Message {
                    role: Role::System,
                    content: "You write code.".to_owned(),
                },
                Message {
                    role: Role::User,
                    content: "Write f.".to_owned(),
                },
            ],
            prefill: prefill.to_owned(),
        },
        sampling: Sampling {
            temperature: 0.8,
            top_p: 0.9,
            top_k: 0,
            min_p: 0.05,
            seed: u64::MAX,
        },
        samples: 1,
        max_tokens: 64,
        stop: vec![],
        constraint: None,
        expected: None,
        cache_scope: CacheScope::local(),
    }
}

async fn answer(model: &RemoteModel, request: GenerateRequest) -> (Vec<Sample>, GenerateUsage) {
    let samples = request.samples;
    model
        .generate(request)
        .await
        .unwrap()
        .collect(samples)
        .await
        .unwrap()
}

fn messages(body: &Value) -> Vec<(String, String)> {
    let text = |message: &Value, key: &str| message[key].as_str().unwrap().to_owned();
    let messages = body["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|message| (text(message, "role"), text(message, "content")))
        .collect()
}

#[tokio::test]
async fn an_answer_streams_and_is_counted() {
    let upstream = FakeUpstream::start([UpstreamReply::samples([UpstreamSample {
        log_probability: Some(-0.5),
        ..UpstreamSample::stopping("grüße\n")
    }])]);
    let model = model(&upstream, UpstreamKind::Vllm);
    assert!(!model.descriptor().remote, "a loopback upstream is this machine");

    let mut stream = model.generate(chat("")).await.unwrap();
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        events.push(event.unwrap());
    }

    let unknown = SampleEvent::PromptRead {
        prompt_tokens: None,
        cached_tokens: None,
    };
    assert_eq!(events.first(), Some(&unknown), "before the first token");
    assert!(events.contains(&SampleEvent::PromptRead {
        prompt_tokens: Some(11),
        cached_tokens: Some(4),
    }));
    let texts = events.iter().filter_map(|event| match event {
        SampleEvent::Text { text, .. } => Some(text.as_str()),
        _ => None,
    });
    assert_eq!(texts.collect::<Vec<_>>(), ["g", "r", "ü", "ß", "e", "\n"]);
    assert_eq!(
        events.last(),
        Some(&SampleEvent::Finished {
            sample: 0,
            result: Sample {
                text: "grüße\n".to_owned(),
                completion_tokens: Some(6),
                mean_logprob: Some(-0.5),
                finish_reason: FinishReason::Stop,
                tokens: Vec::new(),
                near_ties: 0,
            },
        })
    );
}

#[tokio::test]
async fn llama_server_continues_a_trailing_message_and_is_told_all_of_the_sampling() {
    let upstream = FakeUpstream::start([UpstreamReply::text("def f(): pass\n")]);
    let request = GenerateRequest {
        stop: vec!["\n```".to_owned()],
        ..chat("```python\n")
    };
    let (samples, usage) = answer(&model(&upstream, UpstreamKind::LlamaServer), request).await;

    assert_eq!(samples[0].text, "def f(): pass\n");
    assert_eq!(usage.prompt_tokens, Some(11));
    let body = &upstream.bodies()[0];
    assert_eq!(
        messages(body).last().unwrap(),
        &("assistant".to_owned(), "```python\n".to_owned())
    );
    assert_eq!(body["stop"], json!(["\n```"]));
    assert_eq!(body["top_k"], json!(0));
    assert!((body["min_p"].as_f64().unwrap() - 0.05).abs() < 1e-6);
    assert_eq!(body["max_tokens"], json!(64));
    assert_eq!(body["model"], json!("some-model"));
}

#[tokio::test]
async fn vllm_is_asked_to_continue_the_final_message_and_for_all_samples_at_once() {
    let upstream = FakeUpstream::start([UpstreamReply::samples([
        UpstreamSample::stopping("one"),
        UpstreamSample {
            finish_reason: "length".to_owned(),
            ..UpstreamSample::stopping("two")
        },
    ])]);
    let request = GenerateRequest {
        samples: 2,
        ..chat("```python\n")
    };
    let (samples, _) = answer(&model(&upstream, UpstreamKind::Vllm), request).await;

    assert_eq!(
        [samples[0].text.as_str(), samples[1].text.as_str()],
        ["one", "two"]
    );
    assert_eq!(samples[1].finish_reason, FinishReason::Length);
    assert_eq!(samples[0].completion_tokens, None, "only the sum was reported");
    let body = &upstream.bodies()[0];
    assert_eq!(body["n"], json!(2));
    assert_eq!(body["continue_final_message"], json!(true));
    assert_eq!(body["add_generation_prompt"], json!(false));
    assert_eq!(body["top_k"], json!(-1));
    assert_eq!(body["repetition_penalty"], json!(1.0));
}

#[tokio::test]
async fn samples_of_other_upstreams_are_requests_with_seeds_of_their_own() {
    let upstream = FakeUpstream::start(["same"; 6].map(UpstreamReply::text));
    let request = GenerateRequest {
        samples: 6,
        ..chat("")
    };
    let (samples, _) = answer(&model(&upstream, UpstreamKind::Ollama), request).await;

    assert_eq!(samples.len(), 6);
    assert!(samples.iter().all(|sample| sample.completion_tokens == Some(4)));
    let mut seeds: Vec<_> = upstream
        .bodies()
        .iter()
        .map(|body| body["seed"].as_u64().unwrap())
        .collect();
    seeds.sort_unstable();
    seeds.dedup();
    assert_eq!(seeds.len(), 6, "{seeds:?}");
}

#[tokio::test]
async fn an_upstream_without_prefill_is_asked_in_words_and_its_repetition_is_cut() {
    let upstream = FakeUpstream::start([UpstreamReply::text(
        "Sure:\n```python\nx = 1\n```\nThis sets x to 1.",
    )]);
    let request = GenerateRequest {
        stop: vec!["```".to_owned()],
        ..chat("```python\n")
    };
    let (samples, _) = answer(&model(&upstream, UpstreamKind::OpenAi), request).await;

    assert_eq!(samples[0].text, "x = 1\n", "cut at both ends");
    assert_eq!(samples[0].finish_reason, FinishReason::Stop);
    let body = &upstream.bodies()[0];
    assert_eq!(
        body.get("stop"),
        None,
        "the upstream would stop before the answer begins"
    );
    assert_eq!(body.get("top_k"), None);
    assert_eq!(body["max_completion_tokens"], json!(64));
    let messages = messages(body);
    assert_eq!(messages.len(), 2);
    assert!(messages[1].1.ends_with("```python"), "{}", messages[1].1);
}

#[tokio::test]
async fn constraints_are_said_in_each_upstreams_words() {
    let choice = Constraint::Choice {
        options: vec!["a".to_owned(), "b\"".to_owned()],
    };
    let schema = Constraint::JsonSchema {
        schema: json!({ "type": "object" }),
    };
    let regex = Constraint::Regex {
        pattern: "[ab]+".to_owned(),
    };
    let cases = [
        (
            UpstreamKind::LlamaServer,
            &choice,
            "/grammar",
            json!("root ::= \"a\" | \"b\\\"\""),
        ),
        (
            UpstreamKind::LlamaServer,
            &schema,
            "/json_schema/type",
            json!("object"),
        ),
        (
            UpstreamKind::LlamaServer,
            &regex,
            "/grammar",
            json!("root ::= ([\\U00000061-\\U00000062])+"),
        ),
        (
            UpstreamKind::Vllm,
            &choice,
            "/structured_outputs/choice/0",
            json!("a"),
        ),
        (
            UpstreamKind::Vllm,
            &regex,
            "/structured_outputs/regex",
            json!("[ab]+"),
        ),
        (
            UpstreamKind::Vllm,
            &schema,
            "/structured_outputs/json/type",
            json!("object"),
        ),
        (
            UpstreamKind::OpenAi,
            &schema,
            "/response_format/json_schema/schema/type",
            json!("object"),
        ),
        (
            UpstreamKind::Ollama,
            &schema,
            "/response_format/type",
            json!("json_schema"),
        ),
    ];
    for (kind, constraint, place, expected) in cases {
        let upstream = FakeUpstream::start([UpstreamReply::text("a")]);
        let request = GenerateRequest {
            constraint: Some(constraint.clone()),
            ..chat("")
        };
        answer(&model(&upstream, kind), request).await;
        assert_eq!(
            upstream.bodies()[0].pointer(place),
            Some(&expected),
            "{kind:?} {place}"
        );
    }
}

#[tokio::test]
async fn older_vllm_servers_are_guided() {
    let upstream = FakeUpstream::start([UpstreamReply::text("a")]);
    let mut configuration = configuration(&upstream, UpstreamKind::Vllm);
    configuration.dialect.constraint = ConstraintDialect::Guided;
    let request = GenerateRequest {
        constraint: Some(Constraint::Regex {
            pattern: "a+".to_owned(),
        }),
        ..chat("")
    };
    answer(&RemoteModel::new(configuration).unwrap(), request).await;
    assert_eq!(upstream.bodies()[0]["guided_regex"], json!("a+"));
}

#[tokio::test]
async fn a_choice_from_an_upstream_that_knows_only_schemas_is_unwrapped() {
    let upstream = FakeUpstream::start([UpstreamReply::text("{\"choice\": \"src/b.py\"}")]);
    let options = vec!["src/a.py".to_owned(), "src/b.py".to_owned()];
    let request = GenerateRequest {
        constraint: Some(Constraint::Choice { options }),
        ..chat("")
    };
    let (samples, _) = answer(&model(&upstream, UpstreamKind::OpenAi), request).await;
    assert_eq!(samples[0].text, "src/b.py");
}

#[tokio::test]
async fn the_middle_is_filled_in_where_it_is_set_up() {
    let fill = GenerateRequest {
        prompt: PromptInput::Fill {
            prefix: "def f(".to_owned(),
            suffix: "): pass".to_owned(),
        },
        ..chat("")
    };
    let upstream = FakeUpstream::start([UpstreamReply::text("x"), UpstreamReply::text("y")]);
    for (route, path, key) in [
        (FillRoute::CompletionsWithSuffix, "/v1/completions", "suffix"),
        (FillRoute::Infill, "/infill", "input_suffix"),
    ] {
        let mut configuration = configuration(&upstream, UpstreamKind::LlamaServer);
        configuration.dialect.fill = route;
        let model = RemoteModel::new(configuration).unwrap();
        assert!(model.descriptor().fills_in_the_middle);
        let (samples, usage) = answer(&model, fill.clone()).await;
        assert_eq!(samples[0].completion_tokens, Some(1));
        assert_eq!(usage.prompt_tokens, Some(11));
        assert_eq!(upstream.requests().last().unwrap().path, path);
        assert_eq!(upstream.bodies().last().unwrap()[key], json!("): pass"));
    }
    let refused = model(&upstream, UpstreamKind::OpenAi)
        .generate(fill)
        .await
        .unwrap_err();
    assert!(matches!(refused, ModelError::Refused { .. }), "{refused}");
}

#[tokio::test]
async fn what_an_upstream_cannot_do_is_refused_before_it_is_asked() {
    let upstream = FakeUpstream::start([]);
    let lark = Constraint::Lark {
        grammar: "start: \"a\"".to_owned(),
    };
    let regex = Constraint::Regex {
        pattern: "a+".to_owned(),
    };
    for (kind, constraint) in [
        (UpstreamKind::LlamaServer, &lark),
        (UpstreamKind::OpenAi, &regex),
        (UpstreamKind::Compatible, &regex),
    ] {
        let request = GenerateRequest {
            constraint: Some(constraint.clone()),
            ..chat("")
        };
        let error = model(&upstream, kind).generate(request).await.unwrap_err();
        assert!(matches!(error, ModelError::Refused { .. }), "{kind:?}: {error}");
    }
    let raw = GenerateRequest {
        prompt: PromptInput::Raw { text: "x".to_owned() },
        ..chat("")
    };
    let error = model(&upstream, UpstreamKind::OpenAi)
        .generate(raw)
        .await
        .unwrap_err();
    assert!(matches!(error, ModelError::Refused { .. }), "{error}");
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn tokens_are_counted_by_upstreams_that_can_and_estimated_for_the_others() {
    let upstream = FakeUpstream::start([]);
    let texts = vec!["one two three".to_owned(), String::new(), "four".to_owned()];
    for kind in [UpstreamKind::LlamaServer, UpstreamKind::Vllm] {
        let model = model(&upstream, kind);
        assert!(model.descriptor().counts_exactly);
        assert_eq!(model.count_tokens(&texts).await.unwrap(), [3, 0, 1]);
    }
    let model = model(&upstream, UpstreamKind::OpenAi);
    assert!(!model.descriptor().counts_exactly);
    assert_eq!(model.count_tokens(&texts).await.unwrap(), [5, 0, 2]);
}

#[tokio::test]
async fn a_whole_document_in_place_of_a_stream_is_read() {
    let document = json!({
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": "whole" }, "finish_reason": "length" }],
        "usage": { "prompt_tokens": 3, "completion_tokens": 2 },
    });
    let upstream = FakeUpstream::start([UpstreamReply::Document(document.to_string())]);
    let (samples, usage) = answer(&model(&upstream, UpstreamKind::Compatible), chat("")).await;
    assert_eq!(samples[0].text, "whole");
    assert_eq!(samples[0].finish_reason, FinishReason::Length);
    assert_eq!(
        (usage.prompt_tokens, samples[0].completion_tokens),
        (Some(3), Some(2))
    );
}

#[tokio::test]
async fn the_key_is_shown_to_the_upstream_and_to_nobody_else() {
    let upstream = FakeUpstream::start_with_key("sk-right", [UpstreamReply::text("ok")]);
    let with_key = |key: &str| RemoteConfiguration {
        api_key: Some(Secret::new(key)),
        ..configuration(&upstream, UpstreamKind::Compatible)
    };
    let model = RemoteModel::new(with_key("sk-right\n")).unwrap();
    assert_eq!(answer(&model, chat("")).await.0[0].text, "ok");
    assert!(!format!("{model:?}").contains("sk-right"));

    let error = RemoteModel::new(with_key("sk-wrong"))
        .unwrap()
        .generate(chat(""))
        .await
        .unwrap_err();
    assert!(matches!(error, ModelError::Unauthorised { .. }), "{error}");
    assert!(!error.to_string().contains("sk-wrong"), "{error}");
    assert!(RemoteModel::new(with_key("two words")).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn pieces_of_a_stream_do_not_matter(text in "[a-z`\\né日]{0,20}", bytes in 1_usize..40) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (samples, _) = runtime.block_on(async {
            let upstream = FakeUpstream::start([UpstreamReply::text(&text).in_pieces_of(bytes)]);
            answer(&model(&upstream, UpstreamKind::Vllm), chat("")).await
        });
        prop_assert_eq!(&samples[0].text, &text);
        prop_assert_eq!(samples[0].completion_tokens, Some(text.chars().count() as u32));
    }
}
