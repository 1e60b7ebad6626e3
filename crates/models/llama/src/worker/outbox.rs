//! What the worker says. Both the preparer and the decoder speak; a frame is written whole.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use tenon_runtime::SampleEvent;

use crate::wire::{Reply, append_frame};

/// The writing end of the socket.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    stream: Arc<Mutex<UnixStream>>,
}

/// Frames that go out together: one write for each step, not for each token.
#[derive(Debug, Default)]
pub(super) struct Replies {
    bytes: Vec<u8>,
    /// Whether somebody waits for more than text.
    urgent: bool,
}

impl Outbox {
    pub(super) fn new(stream: UnixStream) -> Self {
        Self {
            stream: Arc::new(Mutex::new(stream)),
        }
    }

    /// Writes `replies` and empties them.
    pub(super) fn send(&self, replies: &mut Replies) -> io::Result<()> {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = stream.write_all(&replies.bytes);
        replies.bytes.clear();
        replies.urgent = false;
        outcome
    }

    pub(super) fn send_one(&self, reply: &Reply) -> io::Result<()> {
        let mut replies = Replies::default();
        replies.push(reply);
        self.send(&mut replies)
    }
}

impl Replies {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether a prompt was read, a sample or a request ended, or something failed.
    pub(super) fn is_urgent(&self) -> bool {
        self.urgent
    }

    pub(super) fn push(&mut self, reply: &Reply) {
        let is_text = matches!(
            reply,
            Reply::Event {
                event: SampleEvent::Text { .. },
                ..
            }
        );
        self.urgent |= !is_text;
        // Replies are small and always valid JSON.
        let _ = append_frame(&mut self.bytes, reply);
    }

    pub(super) fn push_events(&mut self, id: u64, events: impl IntoIterator<Item = SampleEvent>) {
        for event in events {
            self.push(&Reply::Event { id, event });
        }
    }
}
