//! One round: one prompt, one model, a few samples, watched until they end or somebody loses patience.

use std::time::{Duration, Instant};

use tenon_domain::{AttemptOutcome, Digest, ModelReference, SamplingRecord, TemplateReference, Usage};
use tenon_runtime::{
    CacheScope, Constraint, FinishReason, GenerateRequest, Model, ModelError, PromptInput, Sample,
    SampleEvent, SampleStream, Sampling,
};
use tokio_util::sync::CancellationToken;
use tracing::field::Empty;
use tracing::{Instrument as _, Span, info_span};

use crate::observer::{Event, Observer};

/// What a round asks.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// The version of the template.
    pub template: TemplateReference,
    /// The conversation and how the answer begins.
    pub prompt: PromptInput,
    /// What the answer already contains: the end of the prefill that is code. Put before every sample's text.
    pub opening: String,
    /// Where an answer ends.
    pub stop: Vec<String>,
    /// The most tokens of one answer.
    pub max_tokens: u32,
    /// What an answer must match.
    pub constraint: Option<Constraint>,
}

impl Question {
    /// The exact prompt as JSON: what a replay sends again.
    pub fn prompt_text(&self) -> String {
        serde_json::to_string(&self.prompt).unwrap_or_default()
    }

    /// Identifies the prompt.
    pub fn digest(&self) -> Digest {
        Digest::of(self.prompt_text())
    }
}

/// A round that was begun: yields samples as they finish.
pub(crate) struct RunningRound<'run> {
    /// The span that the calls and checks of this round belong to.
    pub span: Span,
    stream: SampleStream,
    observer: &'run dyn Observer,
    stop: &'run CancellationToken,
    deadline: Instant,
    first_attempt: usize,
    unfinished: Vec<usize>,
    finished: usize,
    /// Tokens of the prompt, once the model said.
    pub prompt_tokens: Option<u32>,
}

/// How waiting for a sample ended.
#[derive(Debug)]
pub(crate) enum Waited {
    /// A sample ended.
    Sample {
        /// Which of the round's samples.
        index: u32,
        /// The sample.
        sample: Sample,
    },
    /// All samples ended.
    Done,
    /// The model failed.
    Failed(ModelError),
    /// The time is up.
    OutOfTime,
    /// The run was interrupted.
    Interrupted,
}

impl<'run> RunningRound<'run> {
    /// Sends the question.
    pub async fn begin(
        model: &dyn Model,
        question: &Question,
        sampling: Sampling,
        samples: u32,
        patience: Patience<'run>,
        first_attempt: usize,
    ) -> Result<Self, ModelError> {
        patience.observer.observe(Event::Sampling {
            model: model.descriptor().reference.name.clone(),
            template: question.template.name.clone(),
            samples,
            attempt: first_attempt + 1,
        });
        let span = info_span!(
            "attempt",
            "otel.status_code" = Empty,
            "tenon.attempt.number" = i64::try_from(first_attempt + 1).unwrap_or(i64::MAX),
            "tenon.attempt.samples" = i64::from(samples),
            "tenon.attempt.outcome" = Empty,
            "gen_ai.prompt.name" = question.template.name,
        );
        let request = GenerateRequest {
            prompt: question.prompt.clone(),
            sampling,
            samples,
            max_tokens: question.max_tokens,
            stop: question.stop.clone(),
            constraint: question.constraint.clone(),
            expected: None,
            cache_scope: CacheScope::local(),
        };
        // A model that is still loading, or cannot be reached, has no more time than one that writes.
        let begun = Instant::now();
        let asking = model.generate(request).instrument(span.clone());
        let stream = tokio::time::timeout_at(patience.deadline.into(), asking);
        let stream = stream.await.unwrap_or_else(|_| {
            Err(ModelError::Timeout {
                phase: "first token".to_owned(),
                seconds: begun.elapsed().as_secs(),
            })
        });
        let stream = stream.inspect_err(|_| failed(&span))?;
        Ok(Self {
            span,
            stream,
            observer: patience.observer,
            stop: patience.stop,
            deadline: patience.deadline,
            first_attempt,
            unfinished: vec![0; samples as usize],
            finished: 0,
            prompt_tokens: None,
        })
    }

    /// Waits for the next sample to end.
    pub async fn next(&mut self) -> Waited {
        loop {
            let event = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Waited::Interrupted,
                event = tokio::time::timeout_at(self.deadline.into(), self.stream.next()) => event,
            };
            match event {
                Err(_) => return Waited::OutOfTime,
                Ok(None) if self.finished < self.unfinished.len() => {
                    failed(&self.span);
                    return Waited::Failed(ModelError::Broken {
                        reason: "its answer ended in the middle".to_owned(),
                    });
                }
                Ok(None) => return Waited::Done,
                Ok(Some(Err(error))) => {
                    failed(&self.span);
                    return Waited::Failed(error);
                }
                Ok(Some(Ok(SampleEvent::PromptRead { prompt_tokens, .. }))) => {
                    self.prompt_tokens = prompt_tokens
                }
                Ok(Some(Ok(SampleEvent::Text { sample, text }))) => {
                    if let Some(bytes) = self.unfinished.get_mut(sample as usize) {
                        *bytes += text.len();
                    }
                    self.observer.observe(Event::Text {
                        attempt: self.first_attempt + sample as usize + 1,
                        text,
                    });
                }
                Ok(Some(Ok(SampleEvent::Finished { sample, result }))) => {
                    if let Some(bytes) = self.unfinished.get_mut(sample as usize) {
                        *bytes = 0;
                    }
                    self.finished += 1;
                    return Waited::Sample {
                        index: sample,
                        sample: result,
                    };
                }
            }
        }
    }

    /// Tokens of the prompt, for the first sample that ends: it was read once for all of them.
    pub fn unpaid_prompt(&self) -> Option<u32> {
        self.prompt_tokens.filter(|_| self.finished == 1)
    }

    /// Who answers: the model that was asked, or the one that a route chose.
    pub fn answering(&self, asked: &dyn Model) -> ModelReference {
        let chosen = self.stream.answering().model.clone();
        chosen.unwrap_or_else(|| reference(asked))
    }

    /// An estimate of the tokens that unfinished samples had written: code has about three bytes a token.
    pub fn abandoned_tokens(&self) -> u64 {
        self.unfinished
            .iter()
            .map(|bytes| (*bytes as u64).div_ceil(3))
            .sum()
    }
}

/// How an attempt ended, as its span says it: without its reason, which may quote code.
pub(crate) fn tell_outcome(span: &Span, outcome: &AttemptOutcome) {
    let word = match outcome {
        AttemptOutcome::NotExtracted { .. } => "not_extracted",
        AttemptOutcome::ModelFailed { .. } => "model_failed",
        AttemptOutcome::Duplicate { .. } => "duplicate",
        AttemptOutcome::Rejected { .. } => "rejected",
        AttemptOutcome::Passed { .. } => "passed",
    };
    span.record("tenon.attempt.outcome", word);
}

fn failed(span: &Span) {
    span.record("otel.status_code", "ERROR");
    span.record("tenon.attempt.outcome", "model_failed");
}

/// How long a round may take and who listens.
#[derive(Clone, Copy)]
pub(crate) struct Patience<'run> {
    /// Receives events.
    pub observer: &'run dyn Observer,
    /// Ends everything.
    pub stop: &'run CancellationToken,
    /// When the run's time is up.
    pub deadline: Instant,
}

impl Patience<'_> {
    /// What is left of the time.
    pub fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// How one of `together` samples was drawn, for provenance.
pub(crate) fn record(sampling: Sampling, question: &Question, index: u32, together: u32) -> SamplingRecord {
    SamplingRecord {
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        seed: sampling.seed.wrapping_add(u64::from(index)),
        max_tokens: question.max_tokens,
        index,
        together,
        stop: question.stop.clone(),
    }
}

/// Adds what a sample cost.
pub(crate) fn add_usage(usage: &mut Usage, sample: &Sample, prompt_tokens: Option<u32>) {
    usage.attempts += 1;
    usage.prompt_tokens += u64::from(prompt_tokens.unwrap_or(0));
    usage.completion_tokens += u64::from(sample.completion_tokens.unwrap_or(0));
}

/// Whether a sample was cut off by its limit.
pub(crate) fn was_cut(sample: &Sample) -> bool {
    sample.finish_reason == FinishReason::Length
}

/// A model, as precisely as it is known.
pub(crate) fn reference(model: &dyn Model) -> ModelReference {
    model.descriptor().reference.clone()
}
