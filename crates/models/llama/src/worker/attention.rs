//! The context of llama.cpp, with the sums of its cells kept beside it.

use std::num::NonZeroU32;

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::context::session::{LlamaStateSeqFlags, SeqState};
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::token::LlamaToken;

use super::ledger::{CellLedger, SequenceId};
use crate::wire::LoadOrder;

/// Attention state of every sequence, and the batch that is being filled.
pub(super) struct Attention<'model> {
    context: LlamaContext<'model>,
    batch: LlamaBatch<'static>,
    ledger: CellLedger,
    idle: Vec<SequenceId>,
    sequences: SequenceId,
}

/// Where in the last batch a token stands; its logits are asked for by this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row(i32);

/// The attention state of a sequence, outside of the context.
#[derive(Debug)]
pub(super) struct Copied {
    state: SeqState,
    length: usize,
}

impl Copied {
    /// Tokens.
    pub(super) fn length(&self) -> usize {
        self.length
    }
}

/// Sequences beside those that write: prompts that are being read or kept.
const PROMPT_SEQUENCES: u32 = 32;

impl<'model> Attention<'model> {
    pub(super) fn new(
        backend: &LlamaBackend,
        model: &'model LlamaModel,
        order: &LoadOrder,
    ) -> Result<Self, String> {
        let sequences = order.parallel + PROMPT_SEQUENCES;
        let batch = order.prompt_chunk + order.parallel;
        let threads = i32::try_from(order.threads).unwrap_or(1);
        let parameters = LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(order.cache_cells))
            .with_n_batch(batch)
            .with_n_ubatch(batch)
            .with_n_seq_max(sequences)
            .with_n_threads(threads)
            .with_n_threads_batch(threads)
            .with_kv_unified(true)
            .with_swa_full(true)
            .with_no_perf(true);
        let context = model.new_context(backend, parameters).map_err(|error| {
            format!(
                "there is not enough memory for {} tokens of context: {error}",
                order.cache_cells
            )
        })?;
        let sequences = SequenceId::try_from(sequences).unwrap_or(SequenceId::MAX);
        Ok(Self {
            ledger: CellLedger::new(context.n_ctx(), sequences),
            context,
            batch: LlamaBatch::new(batch as usize, 1),
            idle: (0..sequences).rev().collect(),
            sequences,
        })
    }

    pub(super) fn capacity(&self) -> usize {
        self.ledger.capacity()
    }

    pub(super) fn free_cells(&self) -> usize {
        self.ledger.free_cells()
    }

    /// Cells that none of `sequences` holds, but another one.
    pub(super) fn cells_beside(&self, sequences: impl Iterator<Item = SequenceId>) -> usize {
        self.ledger.cells_beside(sequences)
    }

    /// An empty sequence; `None` when all are taken.
    pub(super) fn take_sequence(&mut self) -> Option<SequenceId> {
        self.idle.pop()
    }

    /// Gives `sequence` back, with the cells that only it held.
    pub(super) fn release(&mut self, sequence: SequenceId) {
        self.truncate(sequence, 0);
        self.idle.push(sequence);
    }

    /// Keeps the first `length` tokens of `sequence`.
    pub(super) fn truncate(&mut self, sequence: SequenceId, length: usize) {
        self.ledger.truncate(sequence, length);
        let from = u32::try_from(length).unwrap_or(u32::MAX);
        // Fails only for numbers beyond `i32`, which no context has.
        let _ = self
            .context
            .clear_kv_cache_seq(Some(u32::from(sequence)), Some(from), None);
    }

    /// `target` begins with the first `length` tokens of `source`; what it held before is dropped.
    pub(super) fn share(&mut self, source: SequenceId, target: SequenceId, length: usize) {
        self.truncate(target, 0);
        self.ledger.share(source, target, length);
        let to = u32::try_from(length).unwrap_or(u32::MAX);
        let _ = self
            .context
            .kv_cache_seq_cp(i32::from(source), i32::from(target), Some(0), Some(to));
    }

    /// A copy of what `sequence` holds, outside of the context.
    pub(super) fn copy(&self, sequence: SequenceId) -> Option<Copied> {
        let flags = LlamaStateSeqFlags::empty();
        let state = self.context.state_seq_get(i32::from(sequence), flags).ok()?;
        let length = self.ledger.length(sequence);
        Some(Copied { state, length })
    }

    /// `target` holds the first `length` tokens of a copy; what it held before is dropped. `false` when that cannot
    /// be: `target` is empty then.
    #[must_use]
    pub(super) fn restore(&mut self, copied: &Copied, target: SequenceId, length: usize) -> bool {
        self.truncate(target, 0);
        if self.free_cells() < copied.length || length > copied.length {
            return false;
        }
        let restored = self
            .context
            .state_seq_set(&copied.state, i32::from(target))
            .is_ok();
        let restored = restored && (0..copied.length).all(|_| self.ledger.extend(target));
        self.truncate(target, if restored { length } else { 0 });
        restored
    }

    /// Puts the next token of `sequence` into the batch; `None` when no cell is left.
    pub(super) fn append(&mut self, sequence: SequenceId, token: LlamaToken, logits: Logits) -> Option<Row> {
        let position = i32::try_from(self.ledger.length(sequence)).ok()?;
        let row = Row(self.batch.n_tokens());
        if !self.ledger.extend(sequence) {
            return None;
        }
        self.batch
            .add(token, position, &[i32::from(sequence)], logits == Logits::Wanted)
            .ok()?;
        Some(row)
    }

    pub(super) fn batch_is_empty(&self) -> bool {
        self.batch.n_tokens() == 0
    }

    /// Runs the model over the batch and empties it.
    pub(super) fn decode(&mut self) -> Result<(), String> {
        let outcome = self.context.decode(&mut self.batch);
        self.batch.clear();
        outcome.map_err(|error| format!("llama.cpp could not compute a batch: {error}"))
    }

    /// The logits of a row of the last batch whose logits were wanted.
    pub(super) fn logits(&self, row: Row) -> &[f32] {
        self.context.get_logits_ith(row.0)
    }

    /// Forgets everything: after a failed batch nobody knows which cells were written.
    pub(super) fn reset(&mut self) {
        self.context.clear_kv_cache();
        self.batch.clear();
        self.ledger = CellLedger::new(self.context.n_ctx(), self.sequences);
        self.idle = (0..self.sequences).rev().collect();
    }
}

/// Whether the model's output is computed for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Logits {
    /// Yes: a token is chosen after it.
    Wanted,
    /// No: it only becomes context.
    Unwanted,
}
