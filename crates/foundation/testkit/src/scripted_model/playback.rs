use tenon_runtime::{
    Constraint, FinishReason, GenerateRequest, ModelError, PromptInput, Sample, SampleEvent, StopFilter,
};
use tokio::sync::mpsc;

use crate::ScriptedSample;

/// The samples as the port promises them: cut before a stop string, and matching the constraint.
pub(super) fn finish(samples: &[ScriptedSample], request: &GenerateRequest) -> Vec<Sample> {
    let last = samples.last().expect("an answer has a sample");
    let finish = |index: u32| {
        let scripted = samples.get(index as usize).unwrap_or(last);
        let mut stop = StopFilter::new(&request.stop);
        let text = stop.push(&scripted.text) + &stop.finish();
        assert_admitted(&text, request.constraint.as_ref());
        Sample {
            completion_tokens: Some(estimate(&text)),
            mean_logprob: scripted.mean_logprob,
            finish_reason: if stop.reached() {
                FinishReason::Stop
            } else {
                scripted.finish_reason
            },
            tokens: Vec::new(),
            near_ties: 0,
            text,
        }
    };
    (0..request.samples).map(finish).collect()
}

/// Cuts off the beginning of every text that the end of the prefill, from one of its line starts, says already.
pub(super) fn leave_out_prefill(samples: &mut [ScriptedSample], prompt: &PromptInput) {
    let PromptInput::Chat { prefill, .. } = prompt else {
        return;
    };
    let line_starts = prefill.match_indices('\n').map(|(at, _)| at + 1);
    let tails: Vec<&str> = std::iter::once(0)
        .chain(line_starts)
        .filter_map(|start| prefill.get(start..))
        .filter(|tail| !tail.is_empty())
        .collect();
    for sample in samples {
        if let Some(rest) = tails.iter().find_map(|tail| sample.text.strip_prefix(tail)) {
            sample.text = rest.to_owned();
        }
    }
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

pub(super) async fn stream(
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

pub(super) fn prompt_read(request: &GenerateRequest) -> SampleEvent {
    SampleEvent::PromptRead {
        prompt_tokens: Some(estimate(&prompt_text(&request.prompt))),
        cached_tokens: Some(0),
    }
}

pub(super) fn estimate(text: &str) -> u32 {
    u32::try_from(text.len().div_ceil(3)).unwrap_or(u32::MAX)
}

pub(super) fn prompt_text(prompt: &PromptInput) -> String {
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
