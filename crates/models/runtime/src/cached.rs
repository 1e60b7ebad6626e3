//! Answers that were given before, to the same question from the same person.
//!
//! Only the likeliest text is kept: a draw that was asked for again is meant to differ. Who asks while the same question
//! is being answered waits for that answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use moka::sync::Cache;
use tenon_domain::Digest;
use tokio::sync::{mpsc, watch};

use crate::port::{
    Answering, CacheRole, GenerateRequest, Model, ModelDescriptor, ModelError, Sample, SampleEvent,
    SampleStream,
};

/// A model whose answers are kept for a while.
pub struct CachedModel {
    model: Arc<dyn Model>,
    kept: Cache<Digest, Arc<Kept>>,
    underway: Underway,
}

#[derive(Debug)]
struct Kept {
    samples: Vec<Sample>,
    prompt_tokens: Option<u32>,
    answering: Answering,
}

type Outcome = Option<Result<Arc<Kept>, ModelError>>;
type Answer = watch::Receiver<Outcome>;
type Underway = Arc<Mutex<HashMap<Digest, Answer>>>;

/// What was answered so long ago is asked again.
const KEPT_FOR: Duration = Duration::from_secs(60 * 60);
/// What an answer costs beside its text.
const BYTES_BESIDE: usize = 256;

impl CachedModel {
    /// Keeps answers of `model`, up to so many bytes of text.
    pub fn new(model: Arc<dyn Model>, bytes: u64) -> Self {
        let weight = |_: &Digest, kept: &Arc<Kept>| {
            let bytes: usize = kept
                .samples
                .iter()
                .map(|sample| sample.text.len() + 4 * sample.tokens.len() + BYTES_BESIDE)
                .sum();
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        Self {
            model,
            kept: Cache::builder()
                .max_capacity(bytes)
                .weigher(weight)
                .time_to_live(KEPT_FOR)
                .build(),
            underway: Arc::default(),
        }
    }

    /// Everything that the answer depends on, the person included.
    fn key(&self, request: &GenerateRequest) -> Option<Digest> {
        if request.sampling.temperature > 0.0 || request.expected.is_some() {
            return None;
        }
        let asked = (&self.model.descriptor().reference, request);
        Some(Digest::of(serde_json::to_vec(&asked).ok()?))
    }

    fn turn(&self, key: Digest) -> Turn {
        let mut underway = lock(&self.underway);
        if let Some(answer) = underway.get(&key) {
            return Turn::Wait(answer.clone());
        }
        let (sender, answer) = watch::channel(None);
        underway.insert(key, answer);
        Turn::Ask(Asking {
            key,
            sender,
            underway: Arc::clone(&self.underway),
        })
    }
}

enum Turn {
    Wait(Answer),
    Ask(Asking),
}

/// Whoever asks for all. When it is given up, the next in line asks.
struct Asking {
    key: Digest,
    sender: watch::Sender<Outcome>,
    underway: Underway,
}

impl Drop for Asking {
    fn drop(&mut self) {
        lock(&self.underway).remove(&self.key);
    }
}

#[async_trait]
impl Model for CachedModel {
    fn descriptor(&self) -> &ModelDescriptor {
        self.model.descriptor()
    }

    async fn count_tokens(&self, texts: &[String]) -> Result<Vec<u32>, ModelError> {
        self.model.count_tokens(texts).await
    }

    async fn generate(&self, request: GenerateRequest) -> Result<SampleStream, ModelError> {
        let Some(key) = self.key(&request) else {
            return self.model.generate(request).await;
        };
        loop {
            if let Some(kept) = self.kept.get(&key) {
                return Ok(replayed(&kept, CacheRole::Kept));
            }
            match self.turn(key) {
                Turn::Ask(asking) => {
                    let (samples, room) = (request.samples, most_events(&request));
                    let stream = match self.model.generate(request).await {
                        Ok(stream) => stream,
                        Err(error) => {
                            asking.sender.send_replace(Some(Err(error.clone())));
                            return Err(error);
                        }
                    };
                    return Ok(recorded(stream, samples, room, asking, self.kept.clone()));
                }
                Turn::Wait(mut answer) => {
                    let kept = answer.wait_for(Option::is_some).await;
                    let kept = kept.ok().and_then(|kept| kept.clone());
                    match kept {
                        Some(Ok(kept)) => return Ok(replayed(&kept, CacheRole::Shared)),
                        // Whoever asked once more would only wait in line for the same.
                        Some(Err(error)) => return Err(error),
                        // The one who asked went away.
                        None => {}
                    }
                }
            }
        }
    }
}

/// Room for every event, so that a reader who is slow holds up nobody who waits for the same answer.
fn most_events(request: &GenerateRequest) -> usize {
    let tokens = request.max_tokens.saturating_add(2);
    request.samples.saturating_mul(tokens).saturating_add(8) as usize
}

/// The answer as it comes, written down for the next.
fn recorded(
    mut stream: SampleStream,
    samples: u32,
    room: usize,
    asking: Asking,
    kept: Cache<Digest, Arc<Kept>>,
) -> SampleStream {
    let answering = stream.answering().clone();
    let asked = answering.clone();
    let (sender, receiver) = mpsc::channel(room);
    // It ends with the stream, or when nobody listens any more.
    tokio::spawn(async move {
        let mut finished: Vec<Option<Sample>> = vec![None; samples as usize];
        let mut read = None;
        loop {
            let event = tokio::select! {
                event = stream.next() => event,
                () = sender.closed() => return,
            };
            match &event {
                Some(Ok(SampleEvent::PromptRead { prompt_tokens, .. })) => read = prompt_tokens.or(read),
                Some(Ok(SampleEvent::Finished { sample, result })) => {
                    if let Some(slot) = finished.get_mut(*sample as usize) {
                        *slot = Some(result.clone());
                    }
                }
                Some(Ok(SampleEvent::Text { .. }) | Err(_)) | None => {}
            }
            let Some(event) = event else { break };
            if let Err(error) = &event {
                asking.sender.send_replace(Some(Err(error.clone())));
                let _ = sender.send(event).await;
                return;
            }
            if sender.send(event).await.is_err() {
                return;
            }
        }
        let samples: Option<Vec<Sample>> = finished.into_iter().collect();
        if let Some(samples) = samples {
            let answer = Arc::new(Kept {
                samples,
                prompt_tokens: read,
                answering: asked,
            });
            kept.insert(asking.key, Arc::clone(&answer));
            // What is too much is let go of now, not some time.
            kept.run_pending_tasks();
            asking.sender.send_replace(Some(Ok(answer)));
        }
    });
    SampleStream::new(receiver).answered_by(Answering {
        cache: CacheRole::Missed,
        ..answering
    })
}

fn replayed(kept: &Kept, cache: CacheRole) -> SampleStream {
    let mut events = vec![Ok(SampleEvent::PromptRead {
        prompt_tokens: kept.prompt_tokens,
        cached_tokens: kept.prompt_tokens,
    })];
    for (sample, result) in (0u32..).zip(&kept.samples) {
        if !result.text.is_empty() {
            let text = result.text.clone();
            events.push(Ok(SampleEvent::Text { sample, text }));
        }
        let result = result.clone();
        events.push(Ok(SampleEvent::Finished { sample, result }));
    }
    // There is room for everything, so that nobody has to stay and send it.
    let (sender, receiver) = mpsc::channel(events.len());
    for event in events {
        let _ = sender.try_send(event);
    }
    SampleStream::new(receiver).answered_by(Answering {
        cache,
        ..kept.answering.clone()
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
