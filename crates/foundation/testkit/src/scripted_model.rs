mod playback;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tenon_domain::{Digest, ModelReference};
use tenon_runtime::{
    GenerateRequest, Model, ModelDescriptor, ModelError, PromptInput, SampleEvent, SampleStream,
};
use tokio::sync::{mpsc, watch};

use crate::{Answer, ScriptedSample};
use playback::{estimate, finish, leave_out_prefill, prompt_read, prompt_text, stream};

/// A model that answers from a script.
///
/// An answer is chosen by the first rule ([`when`](Self::when)) whose predicate holds, else by call order
/// ([`then`](Self::then)), else by [`otherwise`](Self::otherwise); a request that nothing answers panics.
/// Clones share the script and the record.
///
/// ```
/// # use tenon_testkit::{Answer, ScriptedModel};
/// let model = ScriptedModel::new()
///     .when_prompt_contains("slugify", "def slugify(title):\n    return title")
///     .then("first call")
///     .then(Answer::texts(["second call, sample 0", "second call, sample 1"]));
/// assert!(model.requests().is_empty());
/// ```
#[derive(Clone)]
pub struct ScriptedModel {
    descriptor: ModelDescriptor,
    goes_on: bool,
    script: Arc<Mutex<Script>>,
    cancelled: Arc<watch::Sender<usize>>,
}

type Predicate = Arc<dyn Fn(&GenerateRequest) -> bool + Send + Sync>;

#[derive(Default)]
struct Script {
    rules: Vec<(Predicate, Answer)>,
    in_order: VecDeque<Answer>,
    otherwise: Option<Answer>,
    requests: Vec<GenerateRequest>,
}

impl Default for ScriptedModel {
    fn default() -> Self {
        Self::new()
    }
}

impl ScriptedModel {
    /// A local model called `scripted` that can do everything, with 32,768 tokens of context and no answers yet.
    pub fn new() -> Self {
        Self {
            descriptor: ModelDescriptor {
                reference: ModelReference {
                    name: "scripted".to_owned(),
                    digest: Some(Digest::of("scripted")),
                    price: None,
                },
                context_length: 32_768,
                fills_in_the_middle: true,
                constrains: true,
                counts_exactly: true,
                remote: false,
            },
            goes_on: false,
            script: Arc::default(),
            cancelled: Arc::new(watch::Sender::new(0)),
        }
    }

    /// The same under another name (and digest).
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        self.describe(|descriptor| {
            descriptor.reference = ModelReference {
                name: name.to_owned(),
                digest: Some(Digest::of(name)),
                price: None,
            };
        })
    }

    /// The same with a changed description.
    #[must_use]
    pub fn describe(mut self, change: impl FnOnce(&mut ModelDescriptor)) -> Self {
        change(&mut self.descriptor);
        self
    }

    /// The same with answers that are scripted whole: what the prefill says already is left out of them, as by a model
    /// that goes on from there.
    #[must_use]
    pub fn going_on_from_the_prefill(mut self) -> Self {
        self.goes_on = true;
        self
    }

    /// Answers the next unanswered call.
    #[must_use]
    pub fn then(self, answer: impl Into<Answer>) -> Self {
        self.script().in_order.push_back(answer.into());
        self
    }

    /// Answers every request for which `predicate` holds.
    #[must_use]
    pub fn when(
        self,
        predicate: impl Fn(&GenerateRequest) -> bool + Send + Sync + 'static,
        answer: impl Into<Answer>,
    ) -> Self {
        self.script().rules.push((Arc::new(predicate), answer.into()));
        self
    }

    /// Answers every request whose prompt contains `needle`.
    #[must_use]
    pub fn when_prompt_contains(self, needle: &str, answer: impl Into<Answer>) -> Self {
        let needle = needle.to_owned();
        self.when(
            move |request| prompt_text(&request.prompt).contains(&needle),
            answer,
        )
    }

    /// Answers whatever nothing else answers.
    #[must_use]
    pub fn otherwise(self, answer: impl Into<Answer>) -> Self {
        self.script().otherwise = Some(answer.into());
        self
    }

    /// Everything it was asked, in order.
    pub fn requests(&self) -> Vec<GenerateRequest> {
        self.script().requests.clone()
    }

    /// The prompts of [`requests`](Self::requests), each as one text: messages, then prefill.
    pub fn prompts(&self) -> Vec<String> {
        self.script()
            .requests
            .iter()
            .map(|request| prompt_text(&request.prompt))
            .collect()
    }

    /// Fails the test when an answer given with [`then`](Self::then) was never asked for.
    ///
    /// # Panics
    /// Then.
    pub fn assert_used_up(&self) {
        let left = self.script().in_order.len();
        assert!(left == 0, "{left} scripted answers were never asked for");
    }

    /// How many requests that were answered with [`Answer::Hang`] or [`Answer::Paused`] were cancelled.
    pub fn cancellations(&self) -> usize {
        *self.cancelled.borrow()
    }

    /// Waits until a request that was answered with [`Answer::Hang`] or [`Answer::Paused`] has been cancelled.
    pub async fn cancelled(&self) {
        let mut count = self.cancelled.subscribe();
        // The sender lives as long as `self`.
        let _ = count.wait_for(|count| *count > 0).await;
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn choose(&self, request: &GenerateRequest) -> Answer {
        let mut script = self.script();
        script.requests.push(request.clone());
        let by_rule = script.rules.iter().find(|(predicate, _)| predicate(request));
        if let Some((_, answer)) = by_rule {
            return answer.clone();
        }
        let answer = script.in_order.pop_front().or_else(|| script.otherwise.clone());
        answer.unwrap_or_else(|| panic!("the script has no answer to:\n{}", prompt_text(&request.prompt)))
    }

    fn refusal(&self, request: &GenerateRequest) -> Option<ModelError> {
        let fill = matches!(request.prompt, PromptInput::Fill { .. });
        if fill && !self.descriptor.fills_in_the_middle {
            return Some(ModelError::Refused {
                reason: "the scripted model cannot fill in the middle".to_owned(),
            });
        }
        let prompt_tokens = estimate(&prompt_text(&request.prompt));
        let context_length = self.descriptor.context_length;
        (prompt_tokens.saturating_add(request.max_tokens) > context_length).then_some(ModelError::TooLong {
            prompt_tokens,
            max_tokens: request.max_tokens,
            context_length,
        })
    }
}

#[async_trait]
impl Model for ScriptedModel {
    fn descriptor(&self) -> &ModelDescriptor {
        &self.descriptor
    }

    async fn count_tokens(&self, texts: &[String]) -> Result<Vec<u32>, ModelError> {
        Ok(texts.iter().map(|text| estimate(text)).collect())
    }

    async fn generate(&self, request: GenerateRequest) -> Result<SampleStream, ModelError> {
        assert_well_formed(&request);
        if let Some(refusal) = self.refusal(&request) {
            return Err(refusal);
        }
        let (sender, receiver) = mpsc::channel(16);
        match self.choose(&request) {
            Answer::Refuse(error) => return Err(error),
            Answer::Samples(mut samples) => {
                if self.goes_on {
                    leave_out_prefill(&mut samples, &request.prompt);
                }
                let results = finish(&samples, &request);
                tokio::spawn(async move { stream(&sender, &request, results).await });
            }
            Answer::BreakAfter { text, error } => {
                tokio::spawn(async move {
                    let _ = sender.send(Ok(prompt_read(&request))).await;
                    for sample in 0..request.samples {
                        let text = text.clone();
                        let _ = sender.send(Ok(SampleEvent::Text { sample, text })).await;
                    }
                    let _ = sender.send(Err(error)).await;
                });
            }
            Answer::Hang => {
                let cancelled = Arc::clone(&self.cancelled);
                tokio::spawn(async move {
                    let _ = sender.send(Ok(prompt_read(&request))).await;
                    sender.closed().await;
                    cancelled.send_modify(|count| *count += 1);
                });
            }
            Answer::Paused { text, release, rest } => {
                let cancelled = Arc::clone(&self.cancelled);
                let whole = ScriptedSample::stopping(format!("{text}{rest}"));
                let results = finish(&[whole], &request);
                tokio::spawn(async move {
                    let _ = sender.send(Ok(prompt_read(&request))).await;
                    let _ = sender.send(Ok(SampleEvent::Text { sample: 0, text })).await;
                    tokio::select! {
                        () = sender.closed() => cancelled.send_modify(|count| *count += 1),
                        () = release.notified() => {
                            let _ = sender.send(Ok(SampleEvent::Text { sample: 0, text: rest })).await;
                            for (sample, result) in (0..).zip(results) {
                                let _ = sender.send(Ok(SampleEvent::Finished { sample, result })).await;
                            }
                        }
                    }
                });
            }
        }
        Ok(SampleStream::new(receiver))
    }
}

fn assert_well_formed(request: &GenerateRequest) {
    assert!(request.samples >= 1, "a request asks for at least one sample");
    assert!(request.max_tokens >= 1, "a request leaves room for a token");
    assert!(
        request.stop.iter().all(|stop| !stop.is_empty()),
        "an empty stop string stops everything"
    );
    if let PromptInput::Chat { messages, .. } = &request.prompt {
        assert!(!messages.is_empty(), "a conversation has a message");
    }
}
