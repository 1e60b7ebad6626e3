use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tenon_domain::{Digest, ModelReference};
use tenon_runtime::{
    Constraint, FinishReason, GenerateRequest, Model, ModelDescriptor, ModelError, PromptInput, Sample,
    SampleEvent, SampleStream,
};
use tokio::sync::{mpsc, watch};

use crate::{Answer, ScriptedSample};

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
                },
                context_length: 32_768,
                fills_in_the_middle: true,
                constrains: true,
                counts_exactly: true,
                remote: false,
            },
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
            };
        })
    }

    /// The same with a changed description.
    #[must_use]
    pub fn describe(mut self, change: impl FnOnce(&mut ModelDescriptor)) -> Self {
        change(&mut self.descriptor);
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

    /// Waits until a request that was answered with [`Answer::Hang`] has been cancelled.
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
            Answer::Samples(samples) => {
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

/// The samples as the port promises them: cut before a stop string, and matching the constraint.
fn finish(samples: &[ScriptedSample], request: &GenerateRequest) -> Vec<Sample> {
    let last = samples.last().expect("an answer has a sample");
    let finish = |index: u32| {
        let scripted = samples.get(index as usize).unwrap_or(last);
        let stop = request
            .stop
            .iter()
            .filter_map(|stop| scripted.text.find(stop.as_str()))
            .min();
        let text = scripted.text.get(..stop.unwrap_or(scripted.text.len()));
        let text = text.expect("a match lies on a character boundary").to_owned();
        assert_admitted(&text, request.constraint.as_ref());
        Sample {
            completion_tokens: Some(estimate(&text)),
            mean_logprob: scripted.mean_logprob,
            finish_reason: if stop.is_some() {
                FinishReason::Stop
            } else {
                scripted.finish_reason
            },
            text,
        }
    };
    (0..request.samples).map(finish).collect()
}

fn assert_admitted(text: &str, constraint: Option<&Constraint>) {
    let admitted = match constraint {
        None | Some(Constraint::Lark { .. }) => true,
        Some(Constraint::Choice { options }) => options.iter().any(|option| option == text),
        Some(Constraint::Regex { pattern }) => {
            let whole = regex::Regex::new(&format!("^(?s:{pattern})$"));
            whole
                .expect("the constraint is a regular expression")
                .is_match(text)
        }
        Some(Constraint::JsonSchema { .. }) => serde_json::from_str::<serde_json::Value>(text).is_ok(),
    };
    assert!(
        admitted,
        "the script answers `{text}`, which {constraint:?} does not admit"
    );
}

async fn stream(
    sender: &mpsc::Sender<Result<SampleEvent, ModelError>>,
    request: &GenerateRequest,
    results: Vec<Sample>,
) {
    let mut events = vec![prompt_read(request)];
    for (sample, result) in (0..).zip(results) {
        // In two pieces, so that a reader who takes the first for the whole is found out.
        let middle = result.text.char_indices().nth(result.text.chars().count() / 2);
        let (first, second) = result.text.split_at(middle.map_or(0, |(index, _)| index));
        for text in [first, second].into_iter().filter(|text| !text.is_empty()) {
            let text = text.to_owned();
            events.push(SampleEvent::Text { sample, text });
        }
        events.push(SampleEvent::Finished { sample, result });
    }
    for event in events {
        if sender.send(Ok(event)).await.is_err() {
            return;
        }
    }
}

fn prompt_read(request: &GenerateRequest) -> SampleEvent {
    SampleEvent::PromptRead {
        prompt_tokens: Some(estimate(&prompt_text(&request.prompt))),
        cached_tokens: Some(0),
    }
}

fn estimate(text: &str) -> u32 {
    u32::try_from(text.len().div_ceil(3)).unwrap_or(u32::MAX)
}

fn prompt_text(prompt: &PromptInput) -> String {
    match prompt {
        PromptInput::Chat { messages, prefill } => {
            let mut texts: Vec<_> = messages.iter().map(|message| message.content.as_str()).collect();
            texts.push(prefill);
            texts.join("\n")
        }
        PromptInput::Fill { prefix, suffix } => format!("{prefix}{suffix}"),
        PromptInput::Raw { text } => text.clone(),
    }
}
