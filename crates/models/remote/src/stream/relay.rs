use tenon_runtime::{FinishReason, ModelError};

use super::event_reader::EventReader;
use super::reporter::Reporter;
use super::sample::{SampleFault, SampleReader};
use crate::configuration::RemoteConfiguration;
use crate::convert::{Call, Reading};
use crate::failure;
use crate::wire::{Choice, Chunk, Usage};

/// Passes one answer on, event by event, until all of its samples ended.
pub(crate) async fn relay(
    call: &Call,
    reading: &Reading,
    mut events: EventReader<'_>,
    reporter: &Reporter,
    configuration: &RemoteConfiguration,
) -> Result<(), ModelError> {
    let mut answer = Answer {
        call,
        samples: (0..call.samples).map(|_| SampleReader::new(reading)).collect(),
        told: vec![false; call.samples as usize],
        usage: None,
        reporter,
        configuration,
    };
    loop {
        let all_finished = answer.samples.iter().all(SampleReader::is_finished);
        match events.next().await {
            Ok(Some(chunk)) => {
                if answer.take(chunk).await? {
                    events.note_answering();
                }
            }
            Ok(None) => break,
            // Only the count of tokens is missing.
            Err(_) if all_finished => break,
            Err(error) => return Err(error),
        }
        if answer.ended_here() {
            break;
        }
    }
    answer.end().await
}

struct Answer<'a> {
    call: &'a Call,
    samples: Vec<SampleReader>,
    /// Which samples were reported as finished.
    told: Vec<bool>,
    usage: Option<Usage>,
    reporter: &'a Reporter,
    configuration: &'a RemoteConfiguration,
}

impl Answer<'_> {
    /// Whether the event carried text.
    async fn take(&mut self, chunk: Chunk) -> Result<bool, ModelError> {
        if let Some(progress) = chunk.prompt_progress {
            self.reporter
                .prompt_read(Some(progress.total), Some(progress.cache))
                .await;
        }
        if let Some(usage) = chunk.usage {
            self.usage = Some(usage);
        }
        if chunk.tokens_evaluated.is_some() || chunk.tokens_predicted.is_some() {
            self.usage = Some(Usage {
                prompt_tokens: chunk.tokens_evaluated,
                completion_tokens: chunk.tokens_predicted,
                prompt_tokens_details: None,
            });
        }
        let mut carried = false;
        for choice in infill_choice(&chunk).into_iter().chain(chunk.choices) {
            carried |= self.take_choice(choice).await?;
        }
        Ok(carried)
    }

    async fn take_choice(&mut self, choice: Choice) -> Result<bool, ModelError> {
        let Some(sample) = self.samples.get_mut(choice.index as usize) else {
            let reason = format!("it sent sample {} of {}", choice.index, self.call.samples);
            return Err(failure::broken(self.configuration, &reason));
        };
        let number = self.call.first_sample + choice.index;
        let message = choice
            .delta
            .or(choice.message)
            .and_then(|message| message.content);
        let piece = message.or(choice.text).unwrap_or_default();
        if let Some(log_probabilities) = &choice.logprobs
            && !sample.is_finished()
        {
            sample.add_log_probabilities(log_probabilities);
        }
        let configuration = self.configuration;
        let new = sample
            .push(&piece)
            .map_err(|fault| sample_error(fault, configuration))?;
        self.reporter.text(number, new).await;
        if let Some(reason) = choice.finish_reason {
            let reason = finish_reason(&reason)?;
            let rest = sample
                .finish(reason)
                .map_err(|fault| sample_error(fault, configuration))?;
            self.reporter.text(number, rest).await;
        }
        // Alone, a sample waits for the upstream's count of its tokens.
        if sample.is_finished() && self.call.samples > 1 {
            self.tell(choice.index as usize).await;
        }
        Ok(!piece.is_empty())
    }

    /// Whether reading on would bring nothing: all is known, or the upstream goes on behind a stop string that it
    /// was not told.
    fn ended_here(&self) -> bool {
        let all_finished = self.samples.iter().all(SampleReader::is_finished);
        all_finished && (self.usage.is_some() || self.samples.iter().any(SampleReader::stopped_here))
    }

    async fn end(mut self) -> Result<(), ModelError> {
        if !self.samples.iter().all(SampleReader::is_finished) {
            return Err(failure::broken(self.configuration, "its answer ended early"));
        }
        if let Some(usage) = self.usage {
            let cached = usage
                .prompt_tokens_details
                .and_then(|details| details.cached_tokens);
            self.reporter.prompt_read(usage.prompt_tokens, cached).await;
        }
        for index in 0..self.samples.len() {
            self.tell(index).await;
        }
        Ok(())
    }

    async fn tell(&mut self, index: usize) {
        let (Some(sample), Some(told)) = (self.samples.get(index), self.told.get_mut(index)) else {
            return;
        };
        if std::mem::replace(told, true) {
            return;
        }
        let alone = self.call.samples == 1;
        let reported = self
            .usage
            .and_then(|usage| usage.completion_tokens)
            .filter(|_| alone);
        let number = self
            .call
            .first_sample
            .saturating_add(u32::try_from(index).unwrap_or(u32::MAX));
        self.reporter.finished(number, sample.result(reported)).await;
    }
}

/// llama-server's own shape, as a choice.
fn infill_choice(chunk: &Chunk) -> Option<Choice> {
    let content = chunk.content.clone()?;
    let ended = chunk.stop == Some(true);
    let reason = if chunk.stop_type.as_deref() == Some("limit") {
        "length"
    } else {
        "stop"
    };
    Some(Choice {
        index: 0,
        delta: None,
        message: None,
        text: Some(content),
        finish_reason: ended.then(|| reason.to_owned()),
        logprobs: None,
    })
}

fn finish_reason(reason: &str) -> Result<FinishReason, ModelError> {
    match reason {
        "length" => Ok(FinishReason::Length),
        "content_filter" => Err(ModelError::Refused {
            reason: "the upstream's content filter ended the answer".to_owned(),
        }),
        _ => Ok(FinishReason::Stop),
    }
}

fn sample_error(fault: SampleFault, configuration: &RemoteConfiguration) -> ModelError {
    let reason = match fault {
        SampleFault::TooLong => "it writes more than it was asked for",
        SampleFault::NotWrapped => "its answer does not have the form that was asked for",
    };
    failure::broken(configuration, reason)
}
