//! One request to a model, whatever dialect it came in.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use axum::http::HeaderValue;
use axum::response::Response;
use serde::Deserialize;
use tenon_domain::{Digest, FailureCategory};
use tenon_engine::{AnsweredBy, Completer, Completion, CompletionRequest};
use tenon_runtime::{
    Answering, CacheRole, CacheScope, Constraint, FinishReason, GenerateRequest, GenerateUsage, Model,
    ModelDescriptor, ModelError, PromptInput, Sample, SampleEvent, SampleStream, Sampling, generate_fitting,
};
use uuid::Uuid;

use crate::control::{Account, Bill, CameTo, Question};
use crate::failure::Failure;
use crate::tally::{self, Tally};

/// How much is wanted and how it is drawn, as most dialects say it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish {
    pub max_tokens: Option<u32>,
    pub temperature: Option<f32>,
    pub top_p: Option<f32>,
    pub top_k: Option<u32>,
    pub seed: Option<i64>,
    pub samples: Option<u32>,
    pub stop: Vec<String>,
    pub constraint: Option<Constraint>,
}

/// One string or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl From<OneOrMany> for Vec<String> {
    fn from(given: OneOrMany) -> Self {
        match given {
            OneOrMany::One(text) => vec![text],
            OneOrMany::Many(texts) => texts,
        }
    }
}

const TEMPERATURE: f32 = 0.2;
const TOP_P: f32 = 0.95;
const MOST_SAMPLES: u32 = 8;
const MOST_STOPS: usize = 32;
/// When nobody says how much is wanted.
const MOST_TOKENS: u32 = 4096;
/// Few answers are longer, and what is reserved others cannot spend meanwhile.
const LIKELY_TOKENS: u32 = 1024;
/// Of code.
const BYTES_A_TOKEN: usize = 3;
/// An estimate is no reason to write nothing.
const LEAST_ROOM: u32 = 256;

/// The request that the wish amounts to.
pub(crate) fn request(
    model: &ModelDescriptor,
    prompt: PromptInput,
    wish: Wish,
    scope: CacheScope,
) -> Result<GenerateRequest, Failure> {
    let samples = wish.samples.unwrap_or(1);
    if !(1..=MOST_SAMPLES).contains(&samples) {
        return Err(Failure::bad(
            "n",
            format!("`n` is {samples}; 1 to {MOST_SAMPLES} can be had"),
        ));
    }
    if wish.stop.len() > MOST_STOPS {
        let message = format!(
            "`stop` has {} strings; at most {MOST_STOPS} are heeded",
            wish.stop.len()
        );
        return Err(Failure::bad("stop", message));
    }
    let temperature = within("temperature", wish.temperature.unwrap_or(TEMPERATURE), 0.0, 2.0)?;
    let top_p = within("top_p", wish.top_p.unwrap_or(TOP_P), 0.0, 1.0)?;
    let max_tokens = wish.max_tokens.unwrap_or_else(|| likely_room(model, &prompt));
    if max_tokens == 0 {
        return Err(Failure::bad(
            "max_tokens",
            "`max_tokens` is 0; at least 1 must be written",
        ));
    }
    // The likeliest text is the same for every seed.
    let seed = match temperature > 0.0 {
        true => wish.seed.map_or_else(any_seed, i64::cast_unsigned),
        false => 0,
    };
    Ok(GenerateRequest {
        prompt,
        sampling: Sampling {
            temperature,
            top_p: if top_p == 0.0 { 1.0 } else { top_p },
            top_k: wish.top_k.unwrap_or(0),
            min_p: 0.0,
            seed,
        },
        samples,
        max_tokens,
        stop: wish.stop.into_iter().filter(|stop| !stop.is_empty()).collect(),
        constraint: wish.constraint,
        expected: None,
        cache_scope: scope,
    })
}

fn within(name: &'static str, value: f32, least: f32, most: f32) -> Result<f32, Failure> {
    match (least..=most).contains(&value) {
        true => Ok(value),
        false => {
            let message = format!("`{name}` is {value}; it must lie between {least} and {most}");
            Err(Failure::bad(name, message))
        }
    }
}

/// How much may be written when nobody says how much is wanted. An upstream refuses what does not fit, so that its
/// prompt is estimated.
fn likely_room(model: &ModelDescriptor, prompt: &PromptInput) -> u32 {
    if model.counts_exactly {
        return MOST_TOKENS;
    }
    let read = estimate(prompt);
    MOST_TOKENS.min(model.context_length.saturating_sub(read).max(LEAST_ROOM))
}

/// Tokens of a prompt that nobody has counted yet.
fn estimate(prompt: &PromptInput) -> u32 {
    let bytes = match prompt {
        PromptInput::Chat { messages, prefill } => {
            let contents = messages.iter().map(|message| message.content.len());
            contents.sum::<usize>() + prefill.len()
        }
        PromptInput::Fill { prefix, suffix } => prefix.len() + suffix.len(),
        PromptInput::Raw { text } => text.len(),
    };
    u32::try_from(bytes.div_ceil(BYTES_A_TOKEN)).unwrap_or(u32::MAX)
}

/// Completes and pays for what the model read and wrote. Editors give up most of what they ask for, so that next to nothing
/// is reserved: what counts is whether anything is left.
pub(crate) async fn completed(
    account: Option<&Account>,
    completer: &Arc<Completer>,
    request: &CompletionRequest,
) -> Result<Completion, Failure> {
    let tally = tally::current();
    tally.asks(&completer.model().name);
    let bill = match account {
        Some(account) => {
            let question = Question {
                digest: None,
                read: 0,
                written: 1,
            };
            Some(account.reserve(completer.model(), question).await?)
        }
        None => None,
    };
    let completion = tally.waiting(completer.complete(request)).await;
    tally.completed(&completion);
    let trace = &completion.trace;
    let cache = match trace.answered_by {
        // Nobody was asked.
        AnsweredBy::Nobody => {
            bill.into_iter().for_each(Bill::cancel);
            return Ok(completion);
        }
        AnsweredBy::Memory => CacheRole::Kept,
        // Whoever began it has hung up, and paid nothing.
        AnsweredBy::Model | AnsweredBy::Underway => CacheRole::None,
    };
    let answering = Answering {
        cache,
        ..Answering::default()
    };
    let came_to = CameTo {
        prompt_tokens: trace.prompt_tokens,
        completion_tokens: trace.completion_tokens,
        guessed_tokens: 0,
    };
    bill.into_iter().for_each(|bill| bill.settle(&answering, came_to));
    Ok(completion)
}

/// Reserves what the answer may come to, where somebody counts. A model is named before: what is refused here counts as
/// asked of it.
async fn bill(
    account: Option<&Account>,
    model: &dyn Model,
    request: &GenerateRequest,
) -> Result<Option<Bill>, Failure> {
    tally::current().asks(&model.descriptor().reference.name);
    let Some(account) = account else { return Ok(None) };
    let likely = request.max_tokens.min(LIKELY_TOKENS);
    let prompt = serde_json::to_vec(&request.prompt).unwrap_or_default();
    let question = Question {
        digest: Some(Digest::of(prompt)),
        read: u64::from(estimate(&request.prompt)),
        written: u64::from(likely) * u64::from(request.samples),
    };
    let bill = account.reserve(&model.descriptor().reference, question).await?;
    Ok(Some(bill))
}

fn any_seed() -> u64 {
    Uuid::now_v7().as_u64_pair().1
}

/// A request whose first text is there: failures from here on are told inside the stream.
pub(crate) struct Opened {
    held: VecDeque<SampleEvent>,
    stream: SampleStream,
    unfinished: u32,
    tally: Arc<Tally>,
    meter: Meter,
    bill: Option<Bill>,
}

/// What a stream came to so far.
#[derive(Debug, Default)]
struct Meter {
    usage: Usage,
    /// Bytes of samples that did not come to their end, by sample.
    open: BTreeMap<u32, usize>,
}

impl Meter {
    fn hear(&mut self, event: &SampleEvent) {
        self.usage.hear(event);
        match event {
            SampleEvent::Text { sample, text } => *self.open.entry(*sample).or_default() += text.len(),
            SampleEvent::Finished { sample, .. } => {
                self.open.remove(sample);
            }
            SampleEvent::PromptRead { .. } => {}
        }
    }

    fn came_to(&self) -> CameTo {
        let open: usize = self.open.values().sum();
        let whole = self.usage.came_to();
        let cut = u32::try_from(open.div_ceil(BYTES_A_TOKEN)).unwrap_or(u32::MAX);
        CameTo {
            completion_tokens: whole.completion_tokens.filter(|_| open == 0),
            guessed_tokens: whole.guessed_tokens.saturating_add(cut),
            ..whole
        }
    }
}

/// Says in headers who answered.
pub(crate) fn told(mut response: Response, answering: &Answering) -> Response {
    let headers = response.headers_mut();
    let chosen = answering.model.as_ref().and_then(|model| model.name.parse().ok());
    if let Some(model) = chosen {
        headers.insert("x-tenon-model", model);
        headers.insert("x-tenon-fallbacks", answering.fallbacks.into());
    }
    if answering.cache.saved_a_call() {
        headers.insert("x-tenon-cache", HeaderValue::from_static("hit"));
    }
    response
}

impl Opened {
    /// Asks, and waits for the first text.
    pub async fn new(
        account: Option<&Account>,
        model: &dyn Model,
        request: GenerateRequest,
    ) -> Result<Self, Failure> {
        let bill = bill(account, model, &request).await?;
        match Self::open(model, request).await {
            Ok(mut opened) => {
                opened.bill = bill;
                Ok(opened)
            }
            Err(error) => {
                bill.into_iter().for_each(Bill::cancel);
                Err(error.into())
            }
        }
    }

    async fn open(model: &dyn Model, request: GenerateRequest) -> Result<Self, ModelError> {
        let unfinished = request.samples;
        let tally = tally::current();
        let opened = tally.waiting(first_text(model, request)).await;
        let (held, stream) = opened.inspect_err(|error| tally.failed(error.category()))?;
        tally.streams(stream.answering());
        let mut meter = Meter::default();
        for event in &held {
            tally.hear(event);
            meter.hear(event);
        }
        Ok(Self {
            held,
            stream,
            unfinished,
            tally,
            meter,
            bill: None,
        })
    }

    /// Who answers.
    pub fn answering(&self) -> &Answering {
        self.stream.answering()
    }

    /// Tokens of the prompt, as far as they are known at the first text.
    pub fn prompt_tokens(&self) -> Option<u32> {
        self.held.iter().find_map(|event| match event {
            SampleEvent::PromptRead { prompt_tokens, .. } => *prompt_tokens,
            _ => None,
        })
    }

    /// Nobody waits for more.
    pub fn failed(&self, error: &ModelError) {
        self.tally.failed(error.category());
    }

    /// The next event; `None` when every sample has ended.
    pub async fn next(&mut self) -> Option<Result<SampleEvent, ModelError>> {
        let event = match self.held.pop_front() {
            Some(held) => Some(Ok(held)),
            None => {
                let event = self.stream.next().await;
                match &event {
                    Some(Ok(event)) => {
                        self.tally.hear(event);
                        self.meter.hear(event);
                    }
                    Some(Err(ModelError::Broken { .. })) => {
                        self.tally.failed(FailureCategory::StreamTruncated);
                    }
                    Some(Err(error)) => self.tally.failed(error.category()),
                    None => {}
                }
                event
            }
        };
        match &event {
            Some(Ok(SampleEvent::Finished { .. })) => self.unfinished = self.unfinished.saturating_sub(1),
            None if self.unfinished > 0 => {
                self.unfinished = 0;
                self.tally.failed(FailureCategory::StreamTruncated);
                return Some(Err(ModelError::Broken {
                    reason: "the stream ended early".to_owned(),
                }));
            }
            None => self.tally.ended(),
            Some(_) => {}
        }
        event
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        // However it ends, what was read and written until then is paid.
        if let Some(bill) = self.bill.take() {
            bill.settle(self.stream.answering(), self.meter.came_to());
        }
    }
}

async fn first_text(
    model: &dyn Model,
    request: GenerateRequest,
) -> Result<(VecDeque<SampleEvent>, SampleStream), ModelError> {
    let mut stream = generate_fitting(model, request).await?;
    let mut held = VecDeque::new();
    while let Some(event) = stream.next().await {
        let event = event?;
        let is_text = !matches!(event, SampleEvent::PromptRead { .. });
        held.push_back(event);
        if is_text {
            break;
        }
    }
    Ok((held, stream))
}

/// A whole answer.
pub(crate) struct Answer {
    pub samples: Vec<Sample>,
    pub usage: Usage,
    pub answering: Answering,
}

/// Asks and waits for everything.
pub(crate) async fn whole(
    account: Option<&Account>,
    model: &dyn Model,
    request: GenerateRequest,
) -> Result<Answer, Failure> {
    let bill = bill(account, model, &request).await?;
    match ask(model, request).await {
        Ok(answer) => {
            let came_to = answer.usage.came_to();
            bill.into_iter()
                .for_each(|bill| bill.settle(&answer.answering, came_to));
            Ok(answer)
        }
        Err(error) => {
            bill.into_iter().for_each(Bill::cancel);
            Err(error.into())
        }
    }
}

async fn ask(model: &dyn Model, request: GenerateRequest) -> Result<Answer, ModelError> {
    let count = request.samples;
    let tally = tally::current();
    let asking = async {
        let stream = generate_fitting(model, request).await?;
        let answering = stream.answering().clone();
        Ok::<_, ModelError>((answering, stream.collect(count).await?))
    };
    let asked = tally.waiting(asking).await;
    let (answering, (samples, read)) = asked.inspect_err(|error| tally.failed(error.category()))?;
    let mut usage = Usage::default();
    usage.read(read);
    for sample in &samples {
        usage.wrote(sample.completion_tokens);
    }
    tally.answered(&answering, usage);
    Ok(Answer {
        samples,
        usage,
        answering,
    })
}

/// Tokens of one answer; what was not reported stays unknown.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    pub prompt_tokens: Option<u32>,
    pub cached_tokens: Option<u32>,
    pub completion_tokens: Option<u32>,
    unknown: bool,
}

/// Tokens that were all reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub prompt: u32,
    /// Of the prompt's.
    pub cached: Option<u32>,
    pub completion: u32,
}

impl Tokens {
    pub fn total(&self) -> u32 {
        self.prompt.saturating_add(self.completion)
    }
}

impl Usage {
    pub fn read(&mut self, read: GenerateUsage) {
        self.prompt_tokens = read.prompt_tokens.or(self.prompt_tokens);
        self.cached_tokens = read.cached_tokens.or(self.cached_tokens);
    }

    pub fn wrote(&mut self, tokens: Option<u32>) {
        match tokens {
            Some(tokens) => {
                let so_far = self.completion_tokens.unwrap_or(0);
                self.completion_tokens = Some(so_far.saturating_add(tokens));
            }
            None => self.unknown = true,
        }
    }

    /// Hears what an event says of tokens.
    pub fn hear(&mut self, event: &SampleEvent) {
        match event {
            SampleEvent::PromptRead {
                prompt_tokens,
                cached_tokens,
            } => self.read(GenerateUsage {
                prompt_tokens: *prompt_tokens,
                cached_tokens: *cached_tokens,
            }),
            SampleEvent::Finished { result, .. } => self.wrote(result.completion_tokens),
            SampleEvent::Text { .. } => {}
        }
    }

    fn came_to(&self) -> CameTo {
        CameTo {
            prompt_tokens: self.prompt_tokens,
            completion_tokens: self.completion_tokens.filter(|_| !self.unknown),
            guessed_tokens: self.completion_tokens.unwrap_or(0),
        }
    }

    /// Everything, if everything was reported.
    pub fn known(&self) -> Option<Tokens> {
        Some(Tokens {
            prompt: self.prompt_tokens?,
            cached: self.cached_tokens,
            completion: self.completion_tokens.filter(|_| !self.unknown)?,
        })
    }
}

/// Why a text ended, as OpenAI's dialects say it.
pub(crate) fn finish_reason(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
    }
}
