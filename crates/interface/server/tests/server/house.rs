//! A server for one test.

use std::sync::Arc;

use serde_json::Value;
use tenon_engine::Completer;
use tenon_runtime::CachedModel;
use tenon_server::{Access, ServedModel, Service};
use tenon_testkit::ScriptedModel;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

pub struct House {
    pub model: ScriptedModel,
    pub client: reqwest::Client,
    base: String,
    _stop: DropGuard,
    _folder: tempfile::TempDir,
}

pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl House {
    /// Serves `model` to this machine.
    pub async fn new(model: ScriptedModel) -> Self {
        Self::with(model, Access::ThisMachine, 16).await
    }

    pub async fn with(model: ScriptedModel, access: Access, room: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let completer = Arc::new(Completer::new(Arc::new(model.clone()), folder.path()));
        let served = ServedModel {
            name: "scripted".to_owned(),
            model: Arc::new(CachedModel::new(Arc::new(model.clone()), 1 << 20)),
        };
        let service = Arc::new(Service::new(vec![served], Some(completer), access, room));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        tokio::spawn(tenon_server::serve(listener, service, stop.clone()));
        Self {
            model,
            client: reqwest::Client::new(),
            base,
            _stop: stop.drop_guard(),
            _folder: folder,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub fn post(&self, path: &str, body: &Value) -> impl Future<Output = Reply> + use<> {
        let request = self.client.post(self.url(path)).body(body.to_string());
        Reply::of(request.header("content-type", "application/json"))
    }

    pub async fn get(&self, path: &str) -> Reply {
        Reply::of(self.client.get(self.url(path))).await
    }
}

impl Reply {
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    /// The JSON of a good answer.
    pub fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        serde_json::from_str(&self.text).unwrap()
    }

    /// The JSON of a failure with this status.
    pub fn failed(&self, status: u16) -> Value {
        self.with(status)
    }

    /// The JSON of an answer with this status.
    pub fn with(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        serde_json::from_str(&self.text).unwrap()
    }

    /// The events of a stream: their types, where they are named, and their data.
    pub fn events(&self) -> Vec<(Option<String>, String)> {
        assert_eq!(self.status, 200, "{}", self.text);
        assert_eq!(self.headers["content-type"], "text/event-stream");
        let events = self.text.split_terminator("\n\n");
        events
            .map(|event| {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
                let kind = field("event: ").map(str::to_owned);
                (kind, field("data: ").unwrap().to_owned())
            })
            .collect()
    }

    /// The data of a stream that ends as OpenAI's do.
    pub fn chunks(&self) -> Vec<Value> {
        let mut events = self.events();
        assert_eq!(events.pop().unwrap().1, "[DONE]");
        let data = events.iter().map(|(_, data)| serde_json::from_str(data).unwrap());
        data.collect()
    }
}
