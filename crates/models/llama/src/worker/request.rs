//! A request inside the worker: prepared, then reading its prompt, then writing its samples.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use llama_cpp_2::token::LlamaToken;
use llguidance::Matcher;
use tenon_runtime::{GenerateRequest, PromptInput};

use super::ledger::SequenceId;
use super::sample::WritingSample;

/// A request whose prompt is tokens and whose constraint is compiled.
pub(super) struct PreparedRequest {
    pub id: u64,
    pub request: GenerateRequest,
    pub tokens: Vec<LlamaToken>,
    pub matcher: Option<Matcher>,
    pub cancelled: Arc<AtomicBool>,
}

impl PreparedRequest {
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Somebody is typing, and the answer is of use now or never: this is what filling in the middle is asked for.
    pub(super) fn is_urgent(&self) -> bool {
        matches!(self.request.prompt, PromptInput::Fill { .. })
    }

    /// Cells that its prompt and one sample may come to need.
    pub(super) fn smallest_need(&self) -> usize {
        self.tokens.len() + self.request.max_tokens as usize
    }
}

/// A request that has a place.
pub(super) struct RunningRequest {
    pub prepared: PreparedRequest,
    /// The sequence that holds its prompt.
    pub prompt: SequenceId,
    /// Prompt tokens in `prompt` so far.
    pub read: usize,
    /// How many of them came from another prompt.
    pub cached: usize,
    /// Samples that write, and samples that have their first token but no place yet.
    pub writing: Vec<WritingSample>,
    pub pending: VecDeque<WritingSample>,
}

impl RunningRequest {
    pub(super) fn new(prepared: PreparedRequest, prompt: SequenceId) -> Self {
        Self {
            prepared,
            prompt,
            read: 0,
            cached: 0,
            writing: Vec::new(),
            pending: VecDeque::new(),
        }
    }

    pub(super) fn unread(&self) -> usize {
        self.prepared.tokens.len() - self.read
    }

    pub(super) fn is_over(&self) -> bool {
        self.unread() == 0 && self.writing.is_empty() && self.pending.is_empty()
    }

    /// Places it takes among those that write: one even while it reads, since it is going to write.
    pub(super) fn places(&self) -> usize {
        self.writing.len().max(1)
    }

    /// Cells kept free for it, so that nothing that began can run out.
    pub(super) fn reserved(&self) -> usize {
        self.prepared.tokens.len() + self.places() * self.prepared.request.max_tokens as usize
    }

    /// With one sample the prompt's own sequence is written on, and stays whole for the next turn.
    pub(super) fn writes_on_prompt(&self) -> bool {
        self.prepared.request.samples == 1
    }
}
