//! Every way in which an upstream can fail is a typed error, in bounded time and memory.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use tenon_remote::{RemoteConfiguration, RemoteModel, UpstreamKind};
use tenon_runtime::{
    CacheScope, GenerateRequest, Message, Model, ModelError, PromptInput, Role, Sample, SampleEvent, Sampling,
};
use tenon_testkit::{DeafPort, FakeServer, FakeUpstream, HttpAnswer, Step, StreamEnd, UpstreamReply};

fn model_at(base_url: &str) -> RemoteModel {
    let mut configuration =
        RemoteConfiguration::new(UpstreamKind::Compatible, "test", base_url, "some-model", 8_192);
    configuration.timeouts.connect = Duration::from_millis(100);
    configuration.timeouts.first_token = Duration::from_millis(300);
    configuration.timeouts.idle = Duration::from_millis(300);
    RemoteModel::new(configuration).unwrap()
}

fn request() -> GenerateRequest {
    GenerateRequest {
        prompt: PromptInput::Chat {
            messages: vec![Message {
                role: Role::User,
                content: "hello".to_owned(),
            }],
            prefill: String::new(),
        },
        sampling: Sampling::GREEDY,
        samples: 1,
        max_tokens: 16,
        stop: vec![],
        constraint: None,
        expected: None,
        cache_scope: CacheScope::local(),
    }
}

async fn ask(base_url: &str) -> Result<Vec<Sample>, ModelError> {
    let stream = model_at(base_url).generate(request()).await?;
    stream.collect(1).await.map(|(samples, _)| samples)
}

async fn failure(reply: UpstreamReply) -> ModelError {
    let upstream = FakeUpstream::start([reply]);
    ask(&upstream.base_url()).await.unwrap_err()
}

#[tokio::test]
async fn status_codes_become_typed_errors() {
    let error = failure(UpstreamReply::error(400, "a bad schema")).await;
    assert!(
        matches!(&error, ModelError::Refused { reason } if reason.contains("a bad schema")),
        "{error}"
    );
    assert!(!error.is_transient());

    let error = failure(UpstreamReply::error(400, "maximum context length exceeded")).await;
    assert!(
        matches!(&error, ModelError::Overlong { reason, context_length: 8192 } if reason.contains("context length")),
        "{error:?}"
    );
    assert!(!error.is_transient());

    let error = failure(UpstreamReply::error(403, "no")).await;
    assert!(matches!(error, ModelError::Unauthorised { .. }), "{error}");

    let error = failure(UpstreamReply::error(404, "model `some-model` not found")).await;
    assert!(
        matches!(&error, ModelError::Unavailable { reason, .. } if reason.contains("base_url")),
        "{error}"
    );

    let error = failure(UpstreamReply::error(500, "out of memory")).await;
    assert!(
        matches!(&error, ModelError::Broken { reason } if reason.contains("out of memory")),
        "{error}"
    );
    assert!(error.is_transient());

    let error = failure(UpstreamReply::error(503, "Loading model")).await;
    assert!(
        matches!(&error, ModelError::Unavailable { reason, .. } if reason.contains("Loading")),
        "{error}"
    );
}

#[tokio::test]
async fn a_rate_limit_says_how_long_to_wait() {
    let limited = |retry_after: &str| {
        let answer = HttpAnswer::whole(429, "application/json", "{}").with_header("retry-after", retry_after);
        failure(UpstreamReply::Answer(answer))
    };
    let seconds = |seconds| ModelError::RateLimited {
        retry_after_seconds: seconds,
    };
    assert_eq!(limited("17").await, seconds(Some(17)));
    assert_eq!(limited("0.2").await, seconds(Some(1)));
    assert_eq!(limited("-3").await, seconds(None));
    assert_eq!(limited("Wed, 21 Oct 2026 07:28:00 GMT").await, seconds(None));
}

#[tokio::test]
async fn nobody_at_the_address_is_said_with_the_mend() {
    let address = {
        let server = FakeServer::start(|_| None);
        server.address()
    };
    // The server is stopping: either it refuses, or it takes the connection and drops it.
    let error = ask(&format!("{address}/v1")).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    // A port that nobody listens on for certain.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = ask(&format!("http://{free}/v1")).await.unwrap_err();
    let unavailable = matches!(&error, ModelError::Unavailable { reason, .. } if reason.contains("running"));
    assert!(unavailable, "{error}");
}

#[tokio::test]
async fn waits_are_bounded_in_each_phase() {
    let phase = |error: &ModelError| match error {
        ModelError::Timeout { phase, .. } => phase.clone(),
        other => panic!("{other}"),
    };
    let deaf = DeafPort::open();
    assert_eq!(
        phase(&ask(&format!("{}/v1", deaf.address())).await.unwrap_err()),
        "connect"
    );
    assert_eq!(phase(&failure(UpstreamReply::Silence).await), "first token");
    let mute = HttpAnswer::events(vec![Step::Send(b": still here\n\n".to_vec()), Step::Hang]);
    assert_eq!(phase(&failure(UpstreamReply::Answer(mute)).await), "first token");
    let stuck = UpstreamReply::text("half").ending(StreamEnd::Hang);
    assert_eq!(phase(&failure(stuck).await), "between tokens");
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_never_taken_for_whole() {
    for end in [StreamEnd::Cut, StreamEnd::Data("[DONE]".to_owned())] {
        let error = failure(UpstreamReply::text("half").ending(end)).await;
        assert!(matches!(error, ModelError::Broken { .. }), "{error}");
    }
}

#[tokio::test]
async fn text_that_came_before_a_failure_was_passed_on() {
    let upstream = FakeUpstream::start([UpstreamReply::text("half").ending(StreamEnd::Cut)]);
    let mut stream = model_at(&upstream.base_url()).generate(request()).await.unwrap();
    let mut text = String::new();
    let error = loop {
        match stream.next().await.unwrap() {
            Ok(SampleEvent::Text { text: piece, .. }) => text.push_str(&piece),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(text, "half");
    assert!(matches!(error, ModelError::Broken { .. }), "{error}");
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn garbage_is_refused_and_quoted_in_short() {
    let garbage = |bytes: &[u8]| UpstreamReply::Answer(HttpAnswer::events(vec![Step::Send(bytes.to_vec())]));
    let error = failure(garbage(b"data: <html>oops\n\n")).await;
    assert!(
        matches!(&error, ModelError::Broken { reason } if reason.contains("<html>oops")),
        "{error}"
    );
    let error = failure(garbage(b"data: \xff\xfe\n\n")).await;
    assert!(
        matches!(&error, ModelError::Broken { reason } if reason.contains("not text")),
        "{error}"
    );
    let endless = [b"data: ".as_slice(), &vec![b'x'; 3 << 20]].concat();
    let error = failure(garbage(&endless)).await;
    assert!(
        matches!(&error, ModelError::Broken { reason } if reason.contains("more than")),
        "{error}"
    );
    assert!(error.to_string().len() < 600, "{error}");
    let stranger = br#"data: {"choices":[{"index":7,"delta":{"content":"x"}}]}"#;
    let error = failure(garbage(stranger)).await;
    assert!(
        matches!(&error, ModelError::Broken { reason } if reason.contains("sample 7")),
        "{error}"
    );
    let page = UpstreamReply::Answer(HttpAnswer::whole(200, "text/html; charset=utf-8", "<html>"));
    let error = failure(page).await;
    assert!(
        matches!(&error, ModelError::Unavailable { reason, .. } if reason.contains("text/html")),
        "{error}"
    );
}

#[tokio::test]
async fn an_upstream_that_never_ends_is_ended() {
    let long = "x".repeat(16 * 256 + (1 << 16) + 1);
    let document = format!(r#"{{"choices":[{{"message":{{"content":"{long}"}},"finish_reason":"stop"}}]}}"#);
    let error = failure(UpstreamReply::Document(document)).await;
    assert!(
        matches!(&error, ModelError::Broken { reason } if reason.contains("more than")),
        "{error}"
    );
}

#[tokio::test]
async fn errors_inside_a_stream_are_typed_too() {
    let inside = |data: &str| failure(UpstreamReply::text("half").ending(StreamEnd::Data(data.to_owned())));
    let error = inside(r#"{"error":{"message":"slot lost","code":500}}"#).await;
    assert!(
        matches!(&error, ModelError::Broken { reason } if reason.contains("slot lost")),
        "{error}"
    );
    let error = inside(r#"{"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#).await;
    assert!(matches!(error, ModelError::RateLimited { .. }), "{error}");
    let filtered = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"content_filter"}]}"#;
    assert!(matches!(inside(filtered).await, ModelError::Refused { .. }));
}

#[tokio::test]
async fn an_error_page_is_read_only_in_part() {
    let page = "very long ".repeat(1 << 20);
    let error = failure(UpstreamReply::Answer(HttpAnswer::whole(500, "text/plain", page))).await;
    assert!(error.to_string().len() < 500, "{error}");
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_key_in_hand() {
    let elsewhere = FakeServer::start(|_| None);
    let target = elsewhere.address();
    let answer = HttpAnswer::whole(307, "text/plain", "").with_header("location", &target);
    let error = failure(UpstreamReply::Answer(answer)).await;
    assert!(matches!(error, ModelError::Unavailable { .. }), "{error}");
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn dropping_the_stream_hangs_up() {
    let upstream = FakeUpstream::start([UpstreamReply::text("half").ending(StreamEnd::Hang)]);
    let mut configuration = RemoteConfiguration::new(
        UpstreamKind::Compatible,
        "test",
        &upstream.base_url(),
        "some-model",
        8_192,
    );
    configuration.timeouts.idle = Duration::from_secs(3_600);
    let model = RemoteModel::new(configuration).unwrap();
    let mut stream = model.generate(request()).await.unwrap();
    assert!(stream.next().await.is_some());
    drop(stream);
    upstream.disconnected().await;
}

#[tokio::test]
async fn addresses_that_are_none_are_refused() {
    for base_url in ["", "localhost:8080", "ftp://a/v1", "http://user:key@a/v1"] {
        let configuration = RemoteConfiguration::new(UpstreamKind::Vllm, "test", base_url, "m", 1);
        let error = RemoteModel::new(configuration).unwrap_err().to_string();
        assert!(error.contains("base_url"), "{error}");
    }
}
