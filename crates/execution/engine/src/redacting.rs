//! What leaves the machine leaves without secrets and personal data, and they come back in the answer.
//!
//! ```text
//! request ─▶ placeholders ─▶ remote model ─▶ events ─▶ values ─▶ whoever asked
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use tenon_domain::{Attempt, Provenance};
use tenon_redact::{Redactor, Restorer, Session};
use tenon_runtime::{
    GenerateRequest, Model, ModelDescriptor, ModelError, PromptInput, Sample, SampleEvent, SampleStream,
};
use tokio::sync::mpsc;

/// A remote model that is shown placeholders.
///
/// Each request is a conversation of its own. The same prompt is always redacted the same way, so that an upstream's cache
/// of prompts goes on working. Stop strings and constraints are sent as they are.
pub struct RedactingModel {
    model: Arc<dyn Model>,
    redactor: Redactor,
}

/// Events that may wait for a slow reader.
const WAITING_EVENTS: usize = 16;

impl RedactingModel {
    /// `model` behind `redactor` if text would leave the machine for it; otherwise `model` itself.
    pub fn around(model: Arc<dyn Model>, redactor: &Redactor) -> Arc<dyn Model> {
        if !model.descriptor().remote {
            return model;
        }
        Arc::new(Self {
            model,
            redactor: redactor.clone(),
        })
    }
}

#[async_trait]
impl Model for RedactingModel {
    fn descriptor(&self) -> &ModelDescriptor {
        self.model.descriptor()
    }

    /// Counts what would be sent: an upstream that counts is sent the texts, too.
    async fn count_tokens(&self, texts: &[String]) -> Result<Vec<u32>, ModelError> {
        let mut texts = texts.to_vec();
        redact(texts.iter_mut().collect(), &mut self.redactor.session());
        self.model.count_tokens(&texts).await
    }

    /// An error that quotes the prompt quotes placeholders.
    async fn generate(&self, mut request: GenerateRequest) -> Result<SampleStream, ModelError> {
        let mut session = self.redactor.session();
        redact(texts_of(&mut request.prompt), &mut session);
        let stream = self.model.generate(request).await?;
        if session.findings().is_empty() {
            return Ok(stream);
        }
        Ok(restored(stream, session))
    }
}

/// Takes secrets and personal data out of what is kept of how a proposal was made: the prompts, and what models wrote.
pub fn redact_provenance(provenance: &mut Provenance, redactor: &Redactor) {
    for attempt in &mut provenance.attempts {
        redact_attempt(attempt, redactor.session());
    }
}

/// The digest of the prompt stays that of what the model was shown.
fn redact_attempt(attempt: &mut Attempt, mut session: Session) {
    let read = serde_json::from_str(&attempt.prompt);
    // What is no prompt of ours is text.
    let mut prompt = read.unwrap_or_else(|_| PromptInput::Raw {
        text: attempt.prompt.clone(),
    });
    let mut texts = texts_of(&mut prompt);
    texts.push(&mut attempt.text);
    redact(texts, &mut session);
    if session.findings().is_empty() {
        return;
    }
    attempt.prompt = serde_json::to_string(&prompt).unwrap_or_default();
    // They say the same in numbers.
    attempt.tokens.clear();
}

fn texts_of(prompt: &mut PromptInput) -> Vec<&mut String> {
    match prompt {
        PromptInput::Chat { messages, prefill } => {
            let contents = messages.iter_mut().map(|message| &mut message.content);
            contents.chain([prefill]).collect()
        }
        PromptInput::Fill { prefix, suffix } => vec![prefix, suffix],
        PromptInput::Raw { text } => vec![text],
    }
}

/// Redacts the texts as one conversation.
fn redact(texts: Vec<&mut String>, session: &mut Session) {
    // A later text may give away by its name what an earlier one holds without: only then is everything known.
    for text in &texts {
        session.redact(text);
    }
    if session.findings().is_empty() {
        return;
    }
    for text in texts {
        *text = session.redact(text).into_owned();
    }
}

/// The stream with values in place of placeholders.
fn restored(mut stream: SampleStream, session: Session) -> SampleStream {
    let answering = stream.answering().clone();
    let (sender, receiver) = mpsc::channel(WAITING_EVENTS);
    // It ends with the stream, or when nobody listens any more.
    tokio::spawn(async move {
        let mut restoring = Restoring::new(session);
        loop {
            let event = tokio::select! {
                event = stream.next() => event,
                () = sender.closed() => return,
            };
            let events = match event {
                Some(Ok(event)) => restoring.restore(event).into_iter().map(Ok).collect(),
                Some(Err(error)) => vec![Err(error)],
                None => return,
            };
            for event in events {
                if sender.send(event).await.is_err() {
                    return;
                }
            }
        }
    });
    SampleStream::new(receiver).answered_by(answering)
}

/// The samples of one answer, each a text that arrives in pieces.
struct Restoring {
    session: Session,
    restorers: HashMap<u32, Restorer>,
}

impl Restoring {
    fn new(session: Session) -> Self {
        Self {
            session,
            restorers: HashMap::new(),
        }
    }

    fn restore(&mut self, event: SampleEvent) -> Vec<SampleEvent> {
        match event {
            SampleEvent::PromptRead { .. } => vec![event],
            SampleEvent::Text { sample, text } => {
                let text = self.restorer(sample).push(&text);
                some_text(sample, text).into_iter().collect()
            }
            SampleEvent::Finished { sample, result } => {
                let rest = self.restorer(sample).finish();
                let result = self.restore_whole(result);
                let finished = SampleEvent::Finished { sample, result };
                some_text(sample, rest).into_iter().chain([finished]).collect()
            }
        }
    }

    fn restorer(&mut self, sample: u32) -> &mut Restorer {
        let restorer = || self.session.restorer();
        self.restorers.entry(sample).or_insert_with(restorer)
    }

    /// The tokens are those of the text as it was written, and no other text's.
    fn restore_whole(&self, result: Sample) -> Sample {
        let text = self.session.restore(&result.text).into_owned();
        if text == result.text {
            return result;
        }
        Sample {
            text,
            tokens: Vec::new(),
            near_ties: 0,
            ..result
        }
    }
}

/// A piece that is held back whole is no event.
fn some_text(sample: u32, text: String) -> Option<SampleEvent> {
    (!text.is_empty()).then_some(SampleEvent::Text { sample, text })
}
