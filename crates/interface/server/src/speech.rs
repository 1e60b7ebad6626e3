//! Conversations with tools, whatever dialect they came in.

use tenon_runtime::{FinishReason, Message, ModelError, PromptInput, Role, Sample, SampleEvent};

use crate::failure::Failure;
use crate::frames::{Encoder, Frame};
use crate::generation::Usage;
use crate::tools::{CallReader, Said, Tool, ToolCall, instructions, written_call, written_result};

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Turn {
    System(String),
    User(String),
    Assistant {
        text: String,
        /// Name and arguments of what it called.
        calls: Vec<(String, String)>,
    },
    /// What a tool came back with.
    Result(String),
}

/// The prompt: the tools stand in the system message, and an answer that was begun is gone on with.
pub(crate) fn prompt(turns: Vec<Turn>, tools: &[Tool]) -> Result<PromptInput, Failure> {
    let mut system: Vec<String> = Vec::new();
    let mut messages: Vec<Message> = Vec::new();
    let mut prefill = String::new();
    let last = turns.len().saturating_sub(1);
    for (index, turn) in turns.into_iter().enumerate() {
        match turn {
            Turn::System(text) => system.push(text),
            Turn::User(text) => add(&mut messages, Role::User, text),
            Turn::Result(text) => add(&mut messages, Role::User, written_result(&text)),
            Turn::Assistant { text, calls } if index == last && calls.is_empty() => prefill = text,
            Turn::Assistant { text, calls } => {
                let calls = calls
                    .iter()
                    .map(|(name, arguments)| written_call(name, arguments));
                let parts: Vec<String> = std::iter::once(text)
                    .chain(calls)
                    .filter(|part| !part.is_empty())
                    .collect();
                add(&mut messages, Role::Assistant, parts.join("\n"));
            }
        }
    }
    if messages.is_empty() {
        return Err(Failure::bad("messages", "there is no message of the user's"));
    }
    if !tools.is_empty() {
        system.push(instructions(tools));
    }
    if !system.is_empty() {
        let content = system.join("\n\n");
        messages.insert(
            0,
            Message {
                role: Role::System,
                content,
            },
        );
    }
    Ok(PromptInput::Chat { messages, prefill })
}

/// Templates want turns to alternate: what one side says in several messages is one.
fn add(messages: &mut Vec<Message>, role: Role, content: String) {
    match messages.last_mut() {
        Some(last) if last.role == role => {
            last.content.push('\n');
            last.content.push_str(&content);
        }
        _ => messages.push(Message { role, content }),
    }
}

/// A whole answer with its calls taken out.
#[derive(Debug, PartialEq)]
pub(crate) struct Spoken {
    pub text: String,
    pub calls: Vec<ToolCall>,
    pub reason: FinishReason,
}

/// Takes the calls out of a sample.
pub(crate) fn spoken(sample: &Sample, tools: &[Tool]) -> Spoken {
    let mut reader = CallReader::new(tools);
    let mut spoken = Spoken {
        text: String::new(),
        calls: Vec::new(),
        reason: sample.finish_reason,
    };
    let mut said = reader.push(&sample.text);
    said.extend(reader.finish());
    for said in said {
        match said {
            Said::Text(text) => spoken.text.push_str(&text),
            Said::Call(call) => spoken.calls.push(call),
        }
    }
    spoken
}

/// What a conversation's stream says.
#[derive(Debug)]
pub(crate) enum Speech {
    Text {
        sample: u32,
        text: String,
    },
    Call {
        sample: u32,
        call: ToolCall,
    },
    Ended {
        sample: u32,
        reason: FinishReason,
        has_called: bool,
    },
}

/// Writes a conversation's stream in one dialect.
pub(crate) trait SpeechEncoder: Send + 'static {
    fn begin(&mut self) -> Vec<Frame>;
    fn speech(&mut self, speech: Speech) -> Vec<Frame>;
    fn end(&mut self, usage: &Usage) -> Vec<Frame>;
    fn fail(&mut self, failure: &Failure) -> Vec<Frame>;
}

/// Reads the calls out of a stream, for an encoder that writes them in its dialect.
pub(crate) struct Speaking<E> {
    encoder: E,
    readers: Vec<CallReader>,
    usage: Usage,
}

impl<E: SpeechEncoder> Speaking<E> {
    pub fn new(encoder: E, samples: u32, tools: &[Tool]) -> Self {
        Self {
            encoder,
            readers: (0..samples).map(|_| CallReader::new(tools)).collect(),
            usage: Usage::default(),
        }
    }

    fn say(&mut self, sample: u32, said: Vec<Said>) -> Vec<Frame> {
        let speech = said.into_iter().map(|said| match said {
            Said::Text(text) => Speech::Text { sample, text },
            Said::Call(call) => Speech::Call { sample, call },
        });
        speech.flat_map(|speech| self.encoder.speech(speech)).collect()
    }
}

impl<E: SpeechEncoder> Encoder for Speaking<E> {
    fn begin(&mut self) -> Vec<Frame> {
        self.encoder.begin()
    }

    fn event(&mut self, event: SampleEvent) -> Vec<Frame> {
        self.usage.hear(&event);
        match event {
            SampleEvent::PromptRead { .. } => Vec::new(),
            SampleEvent::Text { sample, text } => {
                let reader = self.readers.get_mut(sample as usize);
                let said = reader.map(|reader| reader.push(&text)).unwrap_or_default();
                self.say(sample, said)
            }
            SampleEvent::Finished { sample, result } => {
                let Some(reader) = self.readers.get_mut(sample as usize) else {
                    return Vec::new();
                };
                let said = reader.finish();
                let has_called = reader.has_called();
                let mut frames = self.say(sample, said);
                frames.extend(self.encoder.speech(Speech::Ended {
                    sample,
                    reason: result.finish_reason,
                    has_called,
                }));
                frames
            }
        }
    }

    fn end(&mut self) -> Vec<Frame> {
        self.encoder.end(&self.usage)
    }

    fn fail(&mut self, error: ModelError) -> Vec<Frame> {
        self.encoder.fail(&Failure::from(error))
    }
}
