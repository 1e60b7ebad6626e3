use serde_json::Value;
use tenon_runtime::{FinishReason, Sample, StopFilter};

use super::prefill::PrefillFilter;
use crate::convert::{Reading, Unwrap};
use crate::wire::LogProbabilities;

/// One sample while it arrives.
#[derive(Debug)]
pub(super) struct SampleReader {
    prefill: PrefillFilter,
    stop: StopFilter,
    unwrap: Unwrap,
    max_bytes: usize,
    raw_bytes: usize,
    /// The wrapped answer, while it is collected.
    wrapped: String,
    text: String,
    tokens: u32,
    log_probability: f64,
    finished: Option<FinishReason>,
}

/// Why a sample cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SampleFault {
    TooLong,
    NotWrapped,
}

impl SampleReader {
    pub(super) fn new(reading: &Reading) -> Self {
        Self {
            prefill: PrefillFilter::new(&reading.prefill),
            stop: StopFilter::new(&reading.stop),
            unwrap: reading.unwrap,
            max_bytes: reading.max_bytes,
            raw_bytes: 0,
            wrapped: String::new(),
            text: String::new(),
            tokens: 0,
            log_probability: 0.0,
            finished: None,
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.finished.is_some()
    }

    /// Whether a stop string ended it that the upstream does not know.
    pub(super) fn stopped_here(&self) -> bool {
        self.stop.reached()
    }

    /// Takes more of the answer and returns what is new in the sample's text.
    pub(super) fn push(&mut self, piece: &str) -> Result<String, SampleFault> {
        if self.is_finished() {
            return Ok(String::new());
        }
        self.raw_bytes += piece.len();
        if self.raw_bytes > self.max_bytes {
            return Err(SampleFault::TooLong);
        }
        if self.unwrap == Unwrap::Choice {
            self.wrapped.push_str(piece);
            return Ok(String::new());
        }
        let piece = self.prefill.push(piece);
        Ok(self.append(&piece))
    }

    /// The answer ended; returns the last of the text.
    pub(super) fn finish(&mut self, reason: FinishReason) -> Result<String, SampleFault> {
        if self.is_finished() {
            return Ok(String::new());
        }
        let piece = match self.unwrap {
            Unwrap::No => self.prefill.finish(),
            Unwrap::Choice => unwrap_choice(&self.wrapped).ok_or(SampleFault::NotWrapped)?,
        };
        let mut new = self.append(&piece);
        let rest = self.stop.finish();
        self.text.push_str(&rest);
        new.push_str(&rest);
        self.finished.get_or_insert(reason);
        Ok(new)
    }

    pub(super) fn add_log_probabilities(&mut self, log_probabilities: &LogProbabilities) {
        let of_chat = log_probabilities
            .content
            .iter()
            .flatten()
            .map(|token| Some(token.logprob));
        let of_completion = log_probabilities.token_logprobs.iter().flatten().copied();
        for log_probability in of_chat.chain(of_completion).flatten() {
            self.tokens += 1;
            self.log_probability += f64::from(log_probability);
        }
    }

    /// The finished sample. `reported` are the tokens that the upstream counted.
    pub(super) fn result(&self, reported: Option<u32>) -> Sample {
        let counted = (self.tokens > 0).then_some(self.tokens);
        Sample {
            text: self.text.clone(),
            completion_tokens: reported.or(counted),
            mean_logprob: counted.map(|tokens| (self.log_probability / f64::from(tokens)) as f32),
            finish_reason: self.finished.unwrap_or(FinishReason::Stop),
            tokens: Vec::new(),
            near_ties: 0,
        }
    }

    fn append(&mut self, piece: &str) -> String {
        let new = self.stop.push(piece);
        self.text.push_str(&new);
        if self.stop.reached() {
            self.finished = Some(FinishReason::Stop);
        }
        new
    }
}

fn unwrap_choice(wrapped: &str) -> Option<String> {
    let value: Value = serde_json::from_str(wrapped.trim()).ok()?;
    value.get("choice")?.as_str().map(str::to_owned)
}
