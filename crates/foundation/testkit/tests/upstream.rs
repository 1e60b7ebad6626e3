//! The fake upstream finds out who asks wrongly.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use tenon_testkit::{FakeUpstream, UpstreamReply};

fn post(upstream: &FakeUpstream, path: &str, body: &str) -> String {
    let address = upstream.base_url();
    let address = address
        .strip_prefix("http://")
        .unwrap()
        .strip_suffix("/v1")
        .unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

const RIGHT: &str = r#"{"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":5,"seed":1,
    "stream":true,"stream_options":{"include_usage":true}}"#;

#[test]
fn a_right_request_is_answered() {
    let upstream = FakeUpstream::start([UpstreamReply::text("hi")]);
    let answer = post(&upstream, "/v1/chat/completions", RIGHT);
    assert!(
        answer.contains("\"content\":\"h\"") && answer.contains("[DONE]"),
        "{answer}"
    );
}

#[test]
fn wrong_requests_fail_the_test_that_sent_them() {
    let wrong = [
        ("/v1/chat/completions", RIGHT.replace("true", "false")),
        (
            "/v1/chat/completions",
            RIGHT.replace("\"seed\":1", "\"seed\":4294967295"),
        ),
        ("/v1/chat/completions", RIGHT.replace("user", "robot")),
        ("/v1/chat/completions", RIGHT.replace("\"max_tokens\":5,", "")),
        ("/v1/chat/completions", "{".to_owned()),
        ("/v1/nowhere", RIGHT.to_owned()),
        ("/v1/chat/completions", RIGHT.to_owned()),
    ];
    for (path, body) in wrong {
        let caught = std::panic::catch_unwind(|| {
            let upstream = FakeUpstream::start([]);
            post(&upstream, path, &body);
        });
        assert!(caught.is_err(), "{path} {body}");
    }
}
