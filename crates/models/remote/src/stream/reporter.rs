use std::sync::{Mutex, PoisonError};

use tenon_runtime::{ModelError, Sample, SampleEvent};
use tokio::sync::mpsc;

/// Tells the asker what happens, whichever of several answers it happens in.
pub(crate) struct Reporter {
    sender: mpsc::Sender<Result<SampleEvent, ModelError>>,
    prompt: Mutex<Prompt>,
}

/// What was said about the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prompt {
    Nothing,
    Read,
    Counted,
}

impl Reporter {
    pub(crate) fn new(sender: mpsc::Sender<Result<SampleEvent, ModelError>>) -> Self {
        Self {
            sender,
            prompt: Mutex::new(Prompt::Nothing),
        }
    }

    /// Nobody listens any more.
    pub(crate) async fn closed(&self) {
        self.sender.closed().await;
    }

    pub(crate) async fn fail(&self, error: ModelError) {
        self.send(Err(error)).await;
    }

    /// The prompt was read, and perhaps its tokens were counted. Most upstreams count them at the very end: then
    /// the event is sent a second time.
    pub(super) async fn prompt_read(&self, prompt_tokens: Option<u32>, cached_tokens: Option<u32>) {
        let said = if prompt_tokens.is_some() {
            Prompt::Counted
        } else {
            Prompt::Read
        };
        let news = {
            let mut prompt = self.prompt.lock().unwrap_or_else(PoisonError::into_inner);
            let news = *prompt == Prompt::Nothing || (*prompt == Prompt::Read && said == Prompt::Counted);
            if news {
                *prompt = said;
            }
            news
        };
        if news {
            self.send(Ok(SampleEvent::PromptRead {
                prompt_tokens,
                cached_tokens,
            }))
            .await;
        }
    }

    pub(super) async fn text(&self, sample: u32, text: String) {
        if text.is_empty() {
            return;
        }
        self.prompt_read(None, None).await;
        self.send(Ok(SampleEvent::Text { sample, text })).await;
    }

    pub(super) async fn finished(&self, sample: u32, result: Sample) {
        self.prompt_read(None, None).await;
        self.send(Ok(SampleEvent::Finished { sample, result })).await;
    }

    async fn send(&self, event: Result<SampleEvent, ModelError>) {
        // When nobody listens, `closed` ends the request.
        let _ = self.sender.send(event).await;
    }
}
