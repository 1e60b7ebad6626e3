//! One completion while it is written.

use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::vocab::LlamaVocab;
use llguidance::Matcher;
use tenon_runtime::{FinishReason, GenerateRequest, Sample, SampleEvent};

use super::ledger::SequenceId;
use super::sampler::{Chosen, TokenSampler};
use super::text::{Pushed, TextAssembler};

/// A sample of a request: from its first token to its end.
pub(super) struct WritingSample {
    index: u32,
    sampler: TokenSampler,
    matcher: Option<Matcher>,
    text: TextAssembler,
    most_tokens: u32,
    written: u32,
    /// Everything chosen, an end marker included.
    chosen: Vec<u32>,
    /// What an earlier sample chose, as long as this one does the same.
    expected: Option<Vec<u32>>,
    near_ties: u32,
    logprobs: f64,
    /// Where its tokens are read into; `None` until it has a place.
    pub sequence: Option<SequenceId>,
    /// The token to be read next.
    pub next: LlamaToken,
}

/// What became of a sample with one more token.
pub(super) enum Advanced {
    /// It goes on.
    Going(Option<SampleEvent>),
    /// It ended.
    Ended(Vec<SampleEvent>),
    /// Its constraint admits no token.
    Stuck(String),
}

impl WritingSample {
    pub(super) fn new(index: u32, request: &GenerateRequest, matcher: Option<&Matcher>) -> Self {
        Self {
            index,
            sampler: TokenSampler::new(request.sampling, index),
            matcher: matcher.map(Matcher::deep_clone),
            text: TextAssembler::new(&request.stop),
            most_tokens: request.max_tokens,
            written: 0,
            chosen: Vec::new(),
            expected: request.expected.clone(),
            near_ties: 0,
            logprobs: 0.0,
            sequence: None,
            next: LlamaToken(0),
        }
    }

    /// Chooses the next token from `logits`.
    pub(super) fn advance(&mut self, logits: &[f32], vocabulary: &LlamaVocab<'_>) -> Advanced {
        if self.most_tokens == 0 {
            return self.end(String::new(), FinishReason::Length);
        }
        let chosen = match self.choose(logits) {
            Ok(chosen) => chosen,
            Err(reason) => return Advanced::Stuck(reason),
        };
        self.logprobs += f64::from(chosen.logprob);
        self.near_ties += u32::from(chosen.near_tie);
        self.expected
            .take_if(|expected| expected.get(self.chosen.len()) != Some(&chosen.token));
        self.chosen.push(chosen.token);
        let token = LlamaToken(i32::try_from(chosen.token).unwrap_or(0));
        if vocabulary.is_eog(token) {
            let rest = self.text.finish();
            return self.end(rest, FinishReason::Stop);
        }
        self.written += 1;
        self.next = token;
        match self.text.push(&vocabulary.token_to_piece(token, false, None)) {
            Pushed::Stopped(text) => self.end(text, FinishReason::Stop),
            Pushed::Released(text) if self.is_complete() => self.end_with_rest(text, FinishReason::Stop),
            Pushed::Released(text) if self.written >= self.most_tokens => {
                self.end_with_rest(text, FinishReason::Length)
            }
            Pushed::Released(text) => Advanced::Going(self.text_event(text)),
        }
    }

    fn choose(&mut self, logits: &[f32]) -> Result<Chosen, String> {
        let expected = self.expected.as_ref();
        let expected = expected.and_then(|expected| expected.get(self.chosen.len()).copied());
        let Some(matcher) = &mut self.matcher else {
            return self
                .sampler
                .choose(logits, None, expected)
                .ok_or_else(|| "the model gave no usable probabilities".to_owned());
        };
        let mask = matcher
            .compute_mask_or_eos()
            .map_err(|error| format!("the constraint failed: {error:#}"))?;
        let chosen = self
            .sampler
            .choose(logits, Some(&mask), expected)
            .ok_or_else(|| "no token of the model fits the constraint".to_owned())?;
        if !matcher.is_stopped() {
            matcher
                .consume_token(chosen.token)
                .map_err(|error| format!("the constraint failed: {error:#}"))?;
        }
        Ok(chosen)
    }

    /// Whether the constraint admits nothing more.
    fn is_complete(&self) -> bool {
        self.matcher.as_ref().is_some_and(Matcher::is_stopped)
    }

    fn end_with_rest(&mut self, mut text: String, reason: FinishReason) -> Advanced {
        text.push_str(&self.text.finish());
        self.end(text, reason)
    }

    fn end(&mut self, last_text: String, finish_reason: FinishReason) -> Advanced {
        let mut events: Vec<SampleEvent> = self.text_event(last_text).into_iter().collect();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a mean of single-precision values"
        )]
        let mean_logprob =
            (!self.chosen.is_empty()).then(|| (self.logprobs / self.chosen.len() as f64) as f32);
        events.push(SampleEvent::Finished {
            sample: self.index,
            result: Sample {
                text: self.text.text().to_owned(),
                completion_tokens: Some(self.written),
                mean_logprob,
                finish_reason,
                tokens: std::mem::take(&mut self.chosen),
                near_ties: self.near_ties,
            },
        });
        Advanced::Ended(events)
    }

    fn text_event(&self, text: String) -> Option<SampleEvent> {
        (!text.is_empty()).then_some(SampleEvent::Text {
            sample: self.index,
            text,
        })
    }
}
