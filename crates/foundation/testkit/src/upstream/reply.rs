use serde_json::{Value, json};

use crate::{HttpAnswer, Step};

/// What a [`FakeUpstream`](crate::FakeUpstream) does with one request.
#[derive(Debug, Clone)]
pub enum UpstreamReply {
    /// Streams these samples, one event per character, then usage and `[DONE]`.
    Stream {
        /// What it writes.
        samples: Vec<UpstreamSample>,
        /// How the events are cut into pieces.
        cut: StreamCut,
        /// What comes after the text.
        end: StreamEnd,
    },
    /// One JSON document, although a stream was asked for.
    Document(String),
    /// Exactly this.
    Answer(HttpAnswer),
    /// Nothing at all, until the client goes away.
    Silence,
}

/// One sample of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct UpstreamSample {
    /// What it says.
    pub text: String,
    /// Why it ends.
    pub finish_reason: String,
    /// The logarithm of the probability of every token, where they are sent.
    pub log_probability: Option<f64>,
}

/// How the bytes of a stream are cut into pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamCut {
    /// Each event is a piece; lines end with LF.
    Events,
    /// Pieces of so many bytes, through characters and line ends; lines end with CR LF.
    Bytes(usize),
}

/// What comes after the text of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEnd {
    /// All that should.
    Proper,
    /// The connection is lost in mid-answer.
    Cut,
    /// Nothing more, until the client goes away.
    Hang,
    /// This, in place of an event.
    Data(String),
}

impl UpstreamReply {
    /// One sample that ends by itself.
    pub fn text(text: &str) -> Self {
        Self::samples([UpstreamSample::stopping(text)])
    }

    /// Several samples of one request.
    pub fn samples(samples: impl IntoIterator<Item = UpstreamSample>) -> Self {
        Self::Stream {
            samples: samples.into_iter().collect(),
            cut: StreamCut::Events,
            end: StreamEnd::Proper,
        }
    }

    /// The same, cut into pieces of so many bytes.
    ///
    /// # Panics
    /// When it is no stream.
    #[must_use]
    pub fn in_pieces_of(self, bytes: usize) -> Self {
        self.change(|cut, _| *cut = StreamCut::Bytes(bytes))
    }

    /// The same, ending otherwise after the text.
    ///
    /// # Panics
    /// When it is no stream.
    #[must_use]
    pub fn ending(self, otherwise: StreamEnd) -> Self {
        self.change(|_, end| *end = otherwise)
    }

    /// An error answer in OpenAI's form.
    pub fn error(status: u16, message: &str) -> Self {
        let body = json!({ "error": { "message": message, "type": "scripted" } }).to_string();
        Self::Answer(HttpAnswer::whole(status, "application/json", body))
    }

    fn change(mut self, change: impl FnOnce(&mut StreamCut, &mut StreamEnd)) -> Self {
        match &mut self {
            Self::Stream { cut, end, .. } => change(cut, end),
            other => panic!("{other:?} is no stream"),
        }
        self
    }

    pub(super) fn answer(self, path: &str) -> Option<HttpAnswer> {
        match self {
            Self::Silence => None,
            Self::Answer(answer) => Some(answer),
            Self::Document(text) => Some(HttpAnswer::whole(200, "application/json", text)),
            Self::Stream { samples, cut, end } => Some(HttpAnswer::events(steps(path, &samples, cut, &end))),
        }
    }
}

impl UpstreamSample {
    /// A sample that ends by itself.
    pub fn stopping(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            finish_reason: "stop".to_owned(),
            log_probability: None,
        }
    }
}

fn steps(path: &str, samples: &[UpstreamSample], cut: StreamCut, end: &StreamEnd) -> Vec<Step> {
    let mut events = events(path, samples, end);
    let last = match end {
        StreamEnd::Proper => None,
        StreamEnd::Cut => Some(Step::Cut),
        StreamEnd::Hang => Some(Step::Hang),
        StreamEnd::Data(data) => {
            events.push(data.clone());
            None
        }
    };
    let pieces: Vec<Vec<u8>> = match cut {
        StreamCut::Events => events
            .iter()
            .map(|event| format!("data: {event}\n\n").into_bytes())
            .collect(),
        StreamCut::Bytes(bytes) => {
            let all: String = events
                .iter()
                .map(|event| format!("data: {event}\r\n\r\n"))
                .collect();
            all.as_bytes().chunks(bytes.max(1)).map(<[u8]>::to_vec).collect()
        }
    };
    pieces.into_iter().map(Step::Send).chain(last).collect()
}

fn events(path: &str, samples: &[UpstreamSample], end: &StreamEnd) -> Vec<String> {
    let mut events = Vec::new();
    let tokens: usize = samples.iter().map(|sample| sample.text.chars().count()).sum();
    for (index, sample) in samples.iter().enumerate() {
        for character in sample.text.chars() {
            events.push(text_event(
                path,
                index,
                &character.to_string(),
                sample.log_probability,
            ));
        }
    }
    if *end != StreamEnd::Proper {
        return events;
    }
    if path == "/infill" {
        let limit = samples
            .first()
            .is_some_and(|sample| sample.finish_reason == "length");
        let kind = if limit { "limit" } else { "eos" };
        let last = json!({
            "content": "", "stop": true, "stop_type": kind, "tokens_predicted": tokens, "tokens_evaluated": 11,
        });
        return events.into_iter().chain([last.to_string()]).collect();
    }
    for (index, sample) in samples.iter().enumerate() {
        let choice =
            json!({ "index": index, "delta": {}, "text": "", "finish_reason": sample.finish_reason });
        events.push(json!({ "choices": [choice] }).to_string());
    }
    let usage = json!({
        "prompt_tokens": 11,
        "completion_tokens": tokens,
        "prompt_tokens_details": { "cached_tokens": 4 },
    });
    events.push(json!({ "choices": [], "usage": usage }).to_string());
    events.push("[DONE]".to_owned());
    events
}

fn text_event(path: &str, index: usize, text: &str, log_probability: Option<f64>) -> String {
    match path {
        "/infill" => json!({ "content": text, "stop": false }).to_string(),
        "/v1/completions" => {
            let choice = json!({ "index": index, "text": text, "finish_reason": null });
            json!({ "object": "text_completion", "choices": [choice] }).to_string()
        }
        _ => {
            let log_probabilities = log_probability.map_or(
                Value::Null,
                |value| json!({ "content": [{ "token": text, "logprob": value, "top_logprobs": [] }] }),
            );
            let delta = json!({ "role": "assistant", "content": text });
            let choice = json!({
                "index": index, "delta": delta, "logprobs": log_probabilities, "finish_reason": null,
            });
            json!({ "object": "chat.completion.chunk", "choices": [choice], "usage": null }).to_string()
        }
    }
}
