//! A small HTTP/1.1 server that does exactly what a test says, faults included.

mod connection;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

/// A server on a free port of the loopback interface; it stops with the value.
///
/// It runs on a thread of its own, so it serves tests with and without an asynchronous runtime. Every connection
/// carries one request.
#[derive(Debug)]
pub struct FakeServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Dropping it stops the server.
    _stop: oneshot::Sender<()>,
}

/// What a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// `GET`, `POST`.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What the server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status code.
    pub status: u16,
    /// Headers besides those that frame the body.
    pub headers: Vec<(String, String)>,
    /// How the client learns where the body ends.
    pub framing: Framing,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// How the client learns where the body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Each [`Step::Send`] is a chunk.
    Chunked,
    /// The header says so many bytes, whatever is sent.
    Length(u64),
}

/// One thing the server does while it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Sends bytes at once.
    Send(Vec<u8>),
    /// Closes the connection without a proper end.
    Cut,
    /// Does nothing until the client goes away.
    Hang,
}

#[derive(Debug)]
struct Shared {
    requests: Mutex<Vec<HttpRequest>>,
    disconnected: watch::Sender<usize>,
}

impl FakeServer {
    /// Starts a server that answers with `handler`; `None` hangs before the first byte of an answer.
    pub fn start(handler: impl Fn(&HttpRequest) -> Option<HttpAnswer> + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared {
            requests: Mutex::default(),
            disconnected: watch::Sender::new(0),
        });
        let (stop, stopped) = oneshot::channel();
        let (tell_address, address) = std::sync::mpsc::channel();
        let on_thread = Arc::clone(&shared);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be made").block_on(async {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
                let listener = listener.expect("a port is free");
                let _ = tell_address.send(listener.local_addr().expect("it has an address"));
                tokio::select! {
                    _ = stopped => {}
                    () = connection::accept(&listener, on_thread, Arc::new(handler)) => {}
                }
            });
        });
        Self {
            address: address.recv().expect("the server started"),
            shared,
            _stop: stop,
        }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything it was sent, in order.
    pub fn requests(&self) -> Vec<HttpRequest> {
        self.shared
            .requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until a client has gone away from an answer that hangs.
    pub async fn disconnected(&self) {
        let mut count = self.shared.disconnected.subscribe();
        // The sender lives as long as `self`.
        let _ = count.wait_for(|count| *count > 0).await;
    }
}

impl HttpRequest {
    /// The value of a header, its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

impl HttpAnswer {
    /// A whole answer of one piece.
    pub fn whole(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self {
            status,
            headers: vec![("content-type".to_owned(), kind.to_owned())],
            framing: Framing::Length(body.len() as u64),
            steps: vec![Step::Send(body)],
        }
    }

    /// Server-sent events, each step a chunk.
    pub fn events(steps: Vec<Step>) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type".to_owned(), "text/event-stream".to_owned())],
            framing: Framing::Chunked,
            steps,
        }
    }

    /// The same with another header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}
