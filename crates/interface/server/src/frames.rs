//! Bodies that are written while the model writes.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde_json::Value;
use tenon_runtime::{ModelError, SampleEvent};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tracing::Instrument as _;

use crate::generation::{Opened, told};

/// One event of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Its type, where the dialect names it.
    event: Option<&'static str>,
    data: String,
}

impl Frame {
    pub fn data(value: &Value) -> Self {
        Self {
            event: None,
            data: value.to_string(),
        }
    }

    pub fn named(event: &'static str, value: &Value) -> Self {
        Self {
            event: Some(event),
            data: value.to_string(),
        }
    }

    /// The end as OpenAI's streams mark it.
    pub fn done() -> Self {
        Self {
            event: None,
            data: "[DONE]".to_owned(),
        }
    }
}

/// How frames stand in a body.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Framing {
    /// Server-sent events.
    Events,
    /// A JSON value a line.
    Lines,
}

/// Writes one answer in one dialect.
pub(crate) trait Encoder: Send + 'static {
    /// Before everything.
    fn begin(&mut self) -> Vec<Frame>;
    /// What the model wrote.
    fn event(&mut self, event: SampleEvent) -> Vec<Frame>;
    /// After every sample has ended.
    fn end(&mut self) -> Vec<Frame>;
    /// Instead of the end.
    fn fail(&mut self, error: ModelError) -> Vec<Frame>;
}

/// While nothing comes, the client hears this often that somebody is there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Nobody waits longer for the next event.
const MOST_SILENCE: Duration = Duration::from_secs(300);
/// A client that reads nothing for so long is given up.
const LONGEST_STALL: Duration = Duration::from_secs(60);

struct Writing<E> {
    opened: Opened,
    encoder: E,
    framing: Framing,
    stage: Stage,
    silent: Duration,
    /// The request counts as being answered until the body is done with.
    _room: OwnedSemaphorePermit,
}

#[derive(PartialEq, Eq)]
enum Stage {
    Beginning,
    Going,
    Over,
}

/// A body of frames. When the client goes, the model stops.
pub(crate) fn streamed(
    opened: Opened,
    encoder: impl Encoder,
    framing: Framing,
    room: OwnedSemaphorePermit,
) -> Response {
    let writing = Writing {
        opened,
        encoder,
        framing,
        stage: Stage::Beginning,
        silent: Duration::ZERO,
        _room: room,
    };
    let answering = writing.opened.answering().clone();
    let (sender, receiver) = mpsc::channel(4);
    // It ends with the stream, with the client, or when the client has stopped reading.
    tokio::spawn(write(writing, sender).in_current_span());
    let body = futures::stream::unfold(Some(receiver), |receiver| async move {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Piece::Bytes(bytes)) => Some((Ok(bytes), Some(receiver))),
            Some(Piece::End) => None,
            // A body that was given up must not look like one that is whole.
            None => Some((Err(std::io::Error::other("the answer was given up")), None)),
        }
    });
    let mut response = Response::new(Body::from_stream(body));
    let kind = match framing {
        Framing::Events => "text/event-stream",
        Framing::Lines => "application/x-ndjson",
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    told(response, &answering)
}

enum Piece {
    Bytes(Bytes),
    /// Everything was sent.
    End,
}

async fn write(mut writing: Writing<impl Encoder>, sender: mpsc::Sender<Piece>) {
    loop {
        let bytes = tokio::select! {
            bytes = writing.next() => bytes,
            () = sender.closed() => return,
        };
        let is_last = bytes.is_none();
        let piece = bytes.map_or(Piece::End, Piece::Bytes);
        let sent = tokio::time::timeout(LONGEST_STALL, sender.send(piece)).await;
        if is_last || !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
}

impl<E: Encoder> Writing<E> {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let frames = match self.stage {
                Stage::Over => return None,
                Stage::Beginning => {
                    self.stage = Stage::Going;
                    self.encoder.begin()
                }
                Stage::Going => match tokio::time::timeout(KEEP_ALIVE, self.opened.next()).await {
                    Err(_) => {
                        self.silent += KEEP_ALIVE;
                        if self.silent >= MOST_SILENCE {
                            let error = ModelError::Timeout {
                                phase: "between tokens".to_owned(),
                                seconds: self.silent.as_secs(),
                            };
                            self.stage = Stage::Over;
                            self.opened.failed(&error);
                            self.encoder.fail(error)
                        } else if matches!(self.framing, Framing::Events) {
                            return Some(Bytes::from_static(b": still at it\n\n"));
                        } else {
                            continue;
                        }
                    }
                    Ok(Some(Ok(event))) => {
                        self.silent = Duration::ZERO;
                        self.encoder.event(event)
                    }
                    Ok(Some(Err(error))) => {
                        self.stage = Stage::Over;
                        self.encoder.fail(error)
                    }
                    Ok(None) => {
                        self.stage = Stage::Over;
                        self.encoder.end()
                    }
                },
            };
            if !frames.is_empty() {
                return Some(render(&frames, self.framing));
            }
        }
    }
}

fn render(frames: &[Frame], framing: Framing) -> Bytes {
    let mut text = String::new();
    for frame in frames {
        match framing {
            Framing::Events => {
                if let Some(event) = frame.event {
                    text.push_str("event: ");
                    text.push_str(event);
                    text.push('\n');
                }
                text.push_str("data: ");
                text.push_str(&frame.data);
                text.push_str("\n\n");
            }
            Framing::Lines => {
                text.push_str(&frame.data);
                text.push('\n');
            }
        }
    }
    Bytes::from(text)
}
