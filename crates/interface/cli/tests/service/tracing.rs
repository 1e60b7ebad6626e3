//! Traces, as a collector receives them from real processes.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AttributeValue;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::json;
use tenon_testkit::{DeafPort, FakeServer, FakeUpstream, HttpAnswer, UpstreamReply};

use crate::http;
use crate::running::{Running, Server, patiently};
use crate::site::{REPOSITORY, Site};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";
const PROMPT: &str = "a-question-that-is-nobodys-business";
const ANSWER: &str = "an-answer-that-is-nobodys-business";
const UPSTREAM_KEY: &str = "key-of-the-upstream-0123456789";
const INTENT: &str = "add double(number) to numbers.py: twice the number, e.g. double(2) == 4";
const WRITTEN: &str = "```python\ndef double(number):\n    return number * 2\n```\n";

/// A collector that takes everything.
struct Collector(FakeServer);

/// What was received of one span.
struct Seen {
    process: String,
    span: Span,
}

impl Collector {
    fn start() -> Self {
        Self(FakeServer::start(|_| {
            Some(HttpAnswer::whole(200, "application/x-protobuf", []))
        }))
    }

    /// The command, which sends its traces here.
    fn told_by(&self, mut command: Command) -> Command {
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", self.0.address());
        command.env("OTEL_EXPORTER_OTLP_HEADERS", "x-scope=one%2Ctwo");
        command
    }

    /// Every span, after the processes that sent them have ended.
    fn spans(&self) -> Vec<Seen> {
        let mut seen = Vec::new();
        for request in self.0.requests() {
            assert_eq!(
                (request.method.as_str(), request.path.as_str()),
                ("POST", "/v1/traces")
            );
            assert_eq!(request.header("content-type"), Some("application/x-protobuf"));
            assert_eq!(request.header("x-scope"), Some("one,two"));
            let sent = ExportTraceServiceRequest::decode(request.body.as_slice()).unwrap();
            for of_process in sent.resource_spans {
                let resource = of_process.resource.unwrap();
                let name = resource
                    .attributes
                    .iter()
                    .find(|attribute| attribute.key == "service.name");
                let process = text(name.and_then(|name| name.value.clone()?.value));
                let spans = of_process.scope_spans.into_iter().flat_map(|scope| scope.spans);
                seen.extend(spans.map(|span| Seen {
                    process: process.clone(),
                    span,
                }));
            }
        }
        seen
    }

    /// Whether any byte of it was sent.
    fn heard(&self, said: &str) -> bool {
        let requests = self.0.requests();
        let mut bodies = requests.iter().map(|request| &request.body);
        bodies.any(|body| body.windows(said.len()).any(|part| part == said.as_bytes()))
    }
}

impl Seen {
    fn attributes(&self) -> BTreeMap<&str, String> {
        let attributes = self.span.attributes.iter();
        attributes
            .map(|attribute| {
                let value = attribute.value.clone().and_then(|value| value.value);
                (attribute.key.as_str(), text(value))
            })
            .collect()
    }
}

fn text(value: Option<AttributeValue>) -> String {
    match value {
        Some(AttributeValue::StringValue(text)) => text,
        Some(AttributeValue::IntValue(number)) => number.to_string(),
        Some(AttributeValue::DoubleValue(number)) => number.to_string(),
        Some(AttributeValue::BoolValue(is)) => is.to_string(),
        other => panic!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn named<'all>(spans: &'all [Seen], name: &str) -> &'all Seen {
    let names: Vec<&str> = spans.iter().map(|seen| seen.span.name.as_str()).collect();
    let found = spans.iter().find(|seen| seen.span.name == name);
    found.unwrap_or_else(|| panic!("no `{name}` in {names:?}"))
}

fn chat(server: &Server, key: &str, stream: bool) -> http::Answer {
    let body = json!({
        "model": "scripted",
        "temperature": 0.2,
        "max_tokens": 64,
        "stream": stream,
        "messages": [{ "role": "user", "content": PROMPT }],
    });
    let caller = format!("00-{TRACE}-{CALLER}-01");
    let headers = [("traceparent", caller.as_str())];
    http::post(
        &server.url,
        "/v1/chat/completions",
        key,
        &headers,
        &body.to_string(),
    )
}

#[test]
fn a_trace_goes_from_the_caller_through_the_gateway_to_the_upstream() {
    let collector = Collector::start();
    let replies = [UpstreamReply::text(ANSWER), UpstreamReply::text(ANSWER)];
    let upstream = FakeUpstream::start_with_key(UPSTREAM_KEY, replies);
    let site = Site::new(&upstream);
    let configuration = fs::read_to_string(site.path("config.toml")).unwrap();
    fs::write(
        site.path("config.toml"),
        configuration + "api_key_env = \"UPSTREAM_KEY\"\n",
    )
    .unwrap();
    let mut command = collector.told_by(site.lasting(&["serve", "--listen", "127.0.0.1:0"], "serve.log"));
    command.env("UPSTREAM_KEY", UPSTREAM_KEY);
    let server = Server::start(command);
    let key = site.first_key();
    for stream in [false, true] {
        let answer = chat(&server, &key, stream);
        assert_eq!(answer.status, 200, "{}", answer.body);
        // A stream comes in pieces.
        assert!(stream || answer.body.contains("nobodys"), "{}", answer.body);
    }
    assert_eq!(
        http::get(&server.url, "/v1/typed-by-a-caller?key=typed", &key).status,
        404
    );
    assert_eq!(http::get(&server.url, "/health/live", "").status, 200);
    assert_eq!(server.stop(), Some(0), "{}", site.said("serve.log"));

    let spans = collector.spans();
    let requests: Vec<&Seen> = spans
        .iter()
        .filter(|seen| seen.span.name == "POST /v1/chat/completions")
        .collect();
    let calls: Vec<&Seen> = spans.iter().filter(|seen| seen.span.name == "chat any").collect();
    assert_eq!((requests.len(), calls.len()), (2, 2));
    for (streamed, (request, call)) in ["false", "true"].iter().zip(requests.iter().zip(&calls)) {
        assert_eq!(request.process, "tenon-server");
        assert_eq!(
            (request.span.kind, call.span.kind),
            (2, 3),
            "server and client, in OTLP"
        );
        assert_eq!(hex(&request.span.trace_id), TRACE);
        assert_eq!(hex(&request.span.parent_span_id), CALLER);
        assert_eq!(hex(&call.span.trace_id), TRACE);
        assert_eq!(call.span.parent_span_id, request.span.span_id);
        let expected = [
            ("http.request.method", "POST"),
            ("http.route", "/v1/chat/completions"),
            ("http.response.status_code", "200"),
            ("tenon.gateway.request.model", "scripted"),
            ("tenon.gateway.streamed", streamed),
            ("tenon.gateway.cache", "bypass"),
        ];
        let said = request.attributes();
        for (name, value) in expected {
            assert_eq!(
                said.get(name).map(String::as_str),
                Some(value),
                "{name} in {said:?}"
            );
        }
        let expected = [
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.provider.name", "compatible"),
            ("gen_ai.request.model", "any"),
            ("gen_ai.request.max_tokens", "64"),
            ("gen_ai.request.temperature", "0.2"),
            ("gen_ai.output.type", "text"),
            ("server.address", "127.0.0.1"),
        ];
        let said = call.attributes();
        for (name, value) in expected {
            assert_eq!(
                said.get(name).map(String::as_str),
                Some(value),
                "{name} in {said:?}"
            );
        }
        for name in [
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.output_tokens",
            "server.port",
        ] {
            assert!(said[name].parse::<u32>().unwrap() > 0, "{name} in {said:?}");
        }
    }
    let shown: Vec<String> = upstream
        .requests()
        .iter()
        .map(|request| request.header("traceparent").unwrap().to_owned())
        .collect();
    let expected: Vec<String> = calls
        .iter()
        .map(|call| format!("00-{TRACE}-{}-01", hex(&call.span.span_id)))
        .collect();
    assert_eq!(shown, expected);
    named(&spans, "GET unknown");
    assert!(
        spans
            .iter()
            .all(|seen| !seen.span.name.contains("health") && seen.span.events.is_empty())
    );
    for secret in [PROMPT, ANSWER, UPSTREAM_KEY, &key, "typed-by-a-caller"] {
        assert!(!collector.heard(secret), "{secret}");
    }
}

#[test]
fn a_job_points_to_the_request_that_submitted_it_and_holds_what_it_did() {
    let collector = Collector::start();
    let upstream = FakeUpstream::start([UpstreamReply::text(WRITTEN)]);
    let site = Site::new(&upstream);
    let folder = site.repository.path().to_str().unwrap();
    let arguments = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--workers",
        "0",
        "--allow-path",
        folder,
    ];
    let server = Server::start(collector.told_by(site.lasting(&arguments, "serve.log")));
    site.register(&server, &[]);
    let arguments = ["worker", "--allow-path", folder];
    let worker = Running::start(collector.told_by(site.lasting(&arguments, "worker.log")));
    let submit = [
        "job",
        "submit",
        "generate",
        INTENT,
        "--repository",
        REPOSITORY,
        "--watch",
    ];
    site.ask(&server, &submit).expect(0).says("succeeded");
    assert_eq!(worker.stop(), Some(0), "{}", site.said("worker.log"));
    assert_eq!(server.stop(), Some(0), "{}", site.said("serve.log"));

    let spans = collector.spans();
    let request = named(&spans, "POST /api/v1/jobs");
    let job = named(&spans, "job generate");
    assert_eq!(
        (request.process.as_str(), job.process.as_str()),
        ("tenon-server", "tenon-worker")
    );
    let [link] = job.span.links.as_slice() else {
        panic!("{:?}", job.span.links);
    };
    assert_eq!(
        (&link.trace_id, &link.span_id),
        (&request.span.trace_id, &request.span.span_id)
    );
    assert!(job.span.parent_span_id.is_empty() && job.span.trace_id != request.span.trace_id);
    assert_eq!(job.attributes()["tenon.job.outcome"], "tested");
    let attempt = named(&spans, "attempt");
    assert_eq!(attempt.span.parent_span_id, job.span.span_id);
    assert_eq!(attempt.attributes()["tenon.attempt.outcome"], "passed");
    for name in ["chat any", "check static", "check examples"] {
        let seen = named(&spans, name);
        assert_eq!(seen.span.parent_span_id, attempt.span.span_id, "{name}");
        assert_eq!(seen.span.trace_id, job.span.trace_id, "{name}");
    }
    assert_eq!(
        named(&spans, "check examples").attributes()["tenon.check.outcome"],
        "passed"
    );
    for secret in ["double(", "return number", "twice the number", &site.first_key()] {
        assert!(!collector.heard(secret), "{secret}");
    }
}

#[test]
fn a_collector_that_does_not_answer_changes_nothing_and_is_told_of_once() {
    let deaf = DeafPort::open();
    let gone = FakeServer::start(|_| None).address();
    for endpoint in [deaf.address(), gone] {
        let replies: Vec<UpstreamReply> = (0..5).map(|_| UpstreamReply::text(ANSWER)).collect();
        let upstream = FakeUpstream::start(replies);
        let site = Site::new(&upstream);
        let mut command = site.lasting(&["serve", "--listen", "127.0.0.1:0"], "serve.log");
        command.env("TENON_TRACE_ENDPOINT", endpoint);
        let server = Server::start(command);
        let key = site.first_key();
        for _ in 0..5 {
            assert!(chat(&server, &key, false).body.contains(ANSWER));
        }
        patiently("the loss is told of", || {
            site.said("serve.log").contains("traces do not reach")
        });
        assert_eq!(server.stop(), Some(0));
        let told = site.said("serve.log").matches("traces do not reach").count();
        assert_eq!(told, 1, "{}", site.said("serve.log"));
    }
}
