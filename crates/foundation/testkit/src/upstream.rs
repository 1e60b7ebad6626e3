//! An OpenAI-compatible upstream that answers from a script.

mod protocol;
mod reply;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::{Value, json};

use crate::{FakeServer, HttpAnswer, HttpRequest};

pub use reply::{StreamCut, StreamEnd, UpstreamReply, UpstreamSample};

/// A server that speaks the OpenAI dialect: `/v1/chat/completions`, `/v1/completions`, `/infill`, `/tokenize`.
///
/// It answers requests for text in the order of its script, and checks the form of every request; a broken form,
/// or a request that the script does not answer, panics when the value is dropped.
#[derive(Debug)]
pub struct FakeUpstream {
    server: FakeServer,
    script: Arc<Mutex<Script>>,
}

#[derive(Debug, Default)]
struct Script {
    replies: VecDeque<UpstreamReply>,
    api_key: Option<String>,
    violations: Vec<String>,
}

impl FakeUpstream {
    /// An upstream that gives these replies, in order.
    pub fn start(replies: impl IntoIterator<Item = UpstreamReply>) -> Self {
        Self::with_key(None, replies)
    }

    /// The same, for clients that show this key only.
    pub fn start_with_key(key: &str, replies: impl IntoIterator<Item = UpstreamReply>) -> Self {
        Self::with_key(Some(key.to_owned()), replies)
    }

    fn with_key(api_key: Option<String>, replies: impl IntoIterator<Item = UpstreamReply>) -> Self {
        let script = Arc::new(Mutex::new(Script {
            replies: replies.into_iter().collect(),
            api_key,
            violations: Vec::new(),
        }));
        let on_server = Arc::clone(&script);
        let server = FakeServer::start(move |request| answer(&on_server, request));
        Self { server, script }
    }

    /// The address up to and including `/v1`.
    pub fn base_url(&self) -> String {
        format!("{}/v1", self.server.address())
    }

    /// The bodies of all requests for text, in order.
    pub fn bodies(&self) -> Vec<Value> {
        let requests = self.server.requests();
        let texts = requests.iter().filter(|request| request.path != "/tokenize");
        texts
            .filter_map(|request| serde_json::from_slice(&request.body).ok())
            .collect()
    }

    /// Every request as it came.
    pub fn requests(&self) -> Vec<HttpRequest> {
        self.server.requests()
    }

    /// Waits until the client has gone away from a reply that hangs.
    pub async fn disconnected(&self) {
        self.server.disconnected().await;
    }
}

impl Drop for FakeUpstream {
    fn drop(&mut self) {
        let violations = std::mem::take(&mut lock(&self.script).violations);
        if !thread::panicking() {
            assert!(
                violations.is_empty(),
                "the upstream was asked wrongly: {violations:#?}"
            );
        }
    }
}

fn answer(script: &Mutex<Script>, request: &HttpRequest) -> Option<HttpAnswer> {
    let mut script = lock(script);
    let refuse = |status: u16, message: &str| {
        let body = json!({ "error": { "message": message } }).to_string();
        Some(HttpAnswer::whole(status, "application/json", body))
    };
    let shown = request.header("authorization");
    let expected = script.api_key.as_ref().map(|key| format!("Bearer {key}"));
    if expected.is_some() && shown != expected.as_deref() {
        // Hosted services quote what they were shown.
        return refuse(
            401,
            &format!("Incorrect API key provided: {}", shown.unwrap_or("none")),
        );
    }
    let body = match protocol::check(request) {
        Ok(body) => body,
        Err(violation) => {
            script.violations.push(violation.clone());
            return refuse(400, &violation);
        }
    };
    if request.path == "/tokenize" {
        return Some(HttpAnswer::whole(200, "application/json", tokenize(&body)));
    }
    match script.replies.pop_front() {
        Some(reply) => reply.answer(&request.path),
        None => {
            script
                .violations
                .push(format!("the script has no reply to {body}"));
            refuse(500, "the script is used up")
        }
    }
}

/// A vocabulary in which every word is a token.
fn tokenize(body: &Value) -> String {
    let text = body
        .get("content")
        .or_else(|| body.get("prompt"))
        .and_then(Value::as_str);
    let words = text.unwrap_or_default().split_whitespace().count();
    if body.get("prompt").is_some() {
        return json!({ "count": words }).to_string();
    }
    json!({ "tokens": vec![1; words] }).to_string()
}

fn lock(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().unwrap_or_else(PoisonError::into_inner)
}
