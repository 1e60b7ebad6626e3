//! The only owner of the context: every step reads a chunk of the waiting prompts and writes one token of every
//! running sample, in one batch.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use llama_cpp_2::vocab::LlamaVocab;
use tenon_runtime::{ModelError, SampleEvent};

use super::attention::{Attention, Copied, Logits, Row};
use super::outbox::{Outbox, Replies};
use super::prefixes::{CopyId, PrefixCache, Shared};
use super::request::{PreparedRequest, RunningRequest};
use super::sample::{Advanced, WritingSample};
use crate::wire::{LoadOrder, Reply};

/// The scheduler.
pub(super) struct Decoder<'model> {
    attention: Attention<'model>,
    vocabulary: LlamaVocab<'model>,
    prefixes: PrefixCache,
    reuse: PrefixReuse,
    waiting: VecDeque<PreparedRequest>,
    running: Vec<RunningRequest>,
    /// Prompt tokens of one step.
    chunk: usize,
    /// Samples written at once.
    places: usize,
    steps: u64,
    replies: Replies,
    outbox: Outbox,
}

/// Text is sent so often, and with whatever else is sent. Each time wakes the client, which takes a core from the model.
const BETWEEN_TEXTS: Duration = Duration::from_millis(40);

/// With fewer places, one that is kept is missed more than it helps.
const PLACES_TO_KEEP_ONE: usize = 3;
/// Beside what is urgent, other prompts are read in parts of the usual step.
const STEP_BESIDE_URGENT: usize = 4;

/// Whether a part of one prompt's state can serve another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PrefixReuse {
    /// Attention: any beginning can be shared.
    AnyLength,
    /// Recurrent state cannot be cut.
    Never,
}

/// What a request does after it looked for others with the same beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reuse {
    /// It reads what is left.
    ReadOn,
    /// It waits a step: another one is just reading what it would read.
    Wait,
}

/// Whose token stands in a row.
enum RowOwner {
    /// The last token of a prompt.
    Prompt { request: usize },
    /// A sample's latest token.
    Sample { request: usize, sample: usize },
}

/// The client is gone, or its socket is.
pub(super) struct ClientGone;

impl<'model> Decoder<'model> {
    pub(super) fn new(
        attention: Attention<'model>,
        vocabulary: LlamaVocab<'model>,
        reuse: PrefixReuse,
        order: &LoadOrder,
        outbox: Outbox,
    ) -> Self {
        Self {
            prefixes: PrefixCache::new(attention.capacity()),
            attention,
            vocabulary,
            reuse,
            waiting: VecDeque::new(),
            running: Vec::new(),
            chunk: order.prompt_chunk as usize,
            places: order.parallel as usize,
            steps: 0,
            replies: Replies::default(),
            outbox,
        }
    }

    /// Serves until the preparer ends or the client is gone.
    pub(super) fn run(mut self, prepared: &Receiver<PreparedRequest>) {
        let mut sent = Instant::now();
        while self.take_in(prepared).is_ok() {
            self.step();
            if self.replies.is_empty() {
                self.replies.push(&Reply::Alive);
            }
            if !self.replies.is_urgent() && sent.elapsed() < BETWEEN_TEXTS {
                continue;
            }
            sent = Instant::now();
            if self.outbox.send(&mut self.replies).is_err() {
                return;
            }
        }
    }

    /// Takes what has come; with nothing to do, waits for it.
    fn take_in(&mut self, prepared: &Receiver<PreparedRequest>) -> Result<(), ClientGone> {
        if self.running.is_empty() && self.waiting.is_empty() {
            let request = prepared.recv().map_err(|_| ClientGone)?;
            self.line_up(request);
        }
        loop {
            match prepared.try_recv() {
                Ok(request) => self.line_up(request),
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => return Err(ClientGone),
            }
        }
    }

    /// What is urgent goes before everything that is not.
    fn line_up(&mut self, request: PreparedRequest) {
        let place = match request.is_urgent() {
            true => self.waiting.iter().take_while(|other| other.is_urgent()).count(),
            false => self.waiting.len(),
        };
        self.waiting.insert(place, request);
    }

    fn step(&mut self) {
        self.drop_cancelled();
        self.admit();
        self.place_samples();
        let owners = self.fill_batch();
        if self.attention.batch_is_empty() {
            return;
        }
        self.steps += 1;
        match self.attention.decode() {
            Ok(()) => {
                self.prefixes.commit();
                self.harvest(&owners);
            }
            Err(reason) => self.fail_everything(&reason),
        }
    }

    fn drop_cancelled(&mut self) {
        self.waiting.retain(|request| !request.is_cancelled());
        let (gone, running) = std::mem::take(&mut self.running)
            .into_iter()
            .partition(|request| request.prepared.is_cancelled());
        self.running = running;
        for request in gone {
            self.retire(request);
        }
    }

    /// Gives places to waiting requests in their order. One is kept for what is urgent: it cannot wait until a long
    /// answer ends.
    fn admit(&mut self) {
        while let Some(next) = self.waiting.front() {
            let reserved: usize = self.running.iter().map(RunningRequest::reserved).sum();
            let fits = reserved + next.smallest_need() <= self.attention.capacity();
            let kept = usize::from(!next.is_urgent() && self.places >= PLACES_TO_KEEP_ONE);
            if self.taken_places() + kept >= self.places || !fits {
                return;
            }
            let Some(sequence) = self.take_sequence() else {
                return;
            };
            let Some(prepared) = self.waiting.pop_front() else {
                return;
            };
            self.prefixes.open(sequence, prepared.request.cache_scope.clone());
            self.running.push(RunningRequest::new(prepared, sequence));
        }
    }

    /// Lets samples write whose prompt is read. One place is left for the next request: it must not wait until a
    /// long sample ends.
    fn place_samples(&mut self) {
        for index in 0..self.running.len() {
            while self.may_place_sample(index) {
                let Some(sequence) = self.take_sequence() else {
                    return;
                };
                let Some(request) = self.running.get_mut(index) else {
                    return;
                };
                let Some(mut sample) = request.pending.pop_front() else {
                    return;
                };
                self.attention.share(request.prompt, sequence, request.read);
                sample.sequence = Some(sequence);
                request.writing.push(sample);
            }
        }
    }

    fn may_place_sample(&self, index: usize) -> bool {
        let Some(request) = self.running.get(index) else {
            return false;
        };
        if request.pending.is_empty() {
            return false;
        }
        if request.writing.is_empty() {
            return true;
        }
        let reserved: usize = self.running.iter().map(RunningRequest::reserved).sum();
        let another = request.prepared.request.max_tokens as usize;
        self.taken_places() + 1 < self.places && reserved + another <= self.attention.capacity()
    }

    fn taken_places(&self) -> usize {
        self.running.iter().map(RunningRequest::places).sum()
    }

    fn fill_batch(&mut self) -> Vec<(Row, RowOwner)> {
        let mut owners = Vec::new();
        self.make_room(self.taken_places());
        for (index, request) in self.running.iter_mut().enumerate() {
            for (sample_index, sample) in request.writing.iter_mut().enumerate() {
                let Some(sequence) = sample.sequence else { continue };
                let Some(row) = self.attention.append(sequence, sample.next, Logits::Wanted) else {
                    continue;
                };
                if sequence == request.prompt {
                    self.prefixes.extend(sequence, &[sample.next]);
                }
                let owner = RowOwner::Sample {
                    request: index,
                    sample: sample_index,
                };
                owners.push((row, owner));
            }
        }
        let mut budget = self.chunk;
        let is_urgent = self.running.iter().any(|request| request.prepared.is_urgent());
        while budget > 0 {
            let Some(index) = self.next_reader() else { break };
            let waits = self
                .running
                .get(index)
                .is_some_and(|reader| !reader.prepared.is_urgent());
            if is_urgent && waits {
                // Each token that is urgent comes with a step, and a step takes as long as what it reads.
                budget = budget.min(self.chunk / STEP_BESIDE_URGENT);
            }
            let taken = self.read_chunk(index, budget, &mut owners);
            if taken == 0 {
                break;
            }
            budget -= taken;
        }
        self.put_away_idle();
        owners
    }

    /// What is urgent, and then the request with the least left to read, so that a short one is not held up by a long one; every fourth
    /// step the oldest, so that a long one is not held up for ever.
    fn next_reader(&self) -> Option<usize> {
        let mut readers = self
            .running
            .iter()
            .enumerate()
            .filter(|(_, request)| request.unread() > 0);
        if self.steps % 4 == 3 {
            return readers.next().map(|(index, _)| index);
        }
        readers
            .min_by_key(|(_, request)| (!request.prepared.is_urgent(), request.unread()))
            .map(|(index, _)| index)
    }

    /// Puts up to `budget` prompt tokens of one request into the batch; returns how many.
    fn read_chunk(&mut self, index: usize, budget: usize, owners: &mut Vec<(Row, RowOwner)>) -> usize {
        if self.reuse_prefix(index) == Reuse::Wait {
            return 0;
        }
        let wanted = self
            .running
            .get(index)
            .map_or(0, |request| request.unread().min(budget));
        self.make_room(wanted);
        let wanted = wanted.min(self.attention.free_cells());
        let Some(request) = self.running.get_mut(index) else {
            return 0;
        };
        let total = request.prepared.tokens.len();
        let end = total.min(request.read + wanted);
        let chunk = request.prepared.tokens.get(request.read..end).unwrap_or_default();
        for (offset, token) in chunk.iter().enumerate() {
            let logits = if request.read + offset + 1 == total {
                Logits::Wanted
            } else {
                Logits::Unwanted
            };
            let Some(row) = self.attention.append(request.prompt, *token, logits) else {
                return 0;
            };
            if logits == Logits::Wanted {
                owners.push((row, RowOwner::Prompt { request: index }));
            }
        }
        self.prefixes.extend(request.prompt, chunk);
        request.read = end;
        chunk.len()
    }

    /// Takes over what another prompt of the same scope has read, if that is more than this one has.
    fn reuse_prefix(&mut self, index: usize) -> Reuse {
        let Some(request) = self.running.get_mut(index) else {
            return Reuse::ReadOn;
        };
        if self.reuse == PrefixReuse::Never {
            return Reuse::ReadOn;
        }
        let tokens = &request.prepared.tokens;
        let (source, shared) = match self.prefixes.longest_shared(request.prompt, tokens) {
            Some(Shared::Ready(source, shared)) => (source, shared),
            Some(Shared::PutAway(copy, shared)) => {
                self.restore(index, copy, shared);
                return Reuse::ReadOn;
            }
            // What this one has read itself is as good as what it would wait for.
            Some(Shared::Soon) if request.read == 0 => return Reuse::Wait,
            Some(Shared::Soon) | None => return Reuse::ReadOn,
        };
        // The last token is read again: its logits were not kept.
        let shared = shared.min(tokens.len() - 1);
        if shared <= request.read {
            return Reuse::ReadOn;
        }
        self.attention.share(source, request.prompt, shared);
        self.prefixes
            .replace(request.prompt, tokens.get(..shared).unwrap_or_default());
        request.cached += shared - request.read;
        request.read = shared;
        Reuse::ReadOn
    }

    /// Brings back what was put away, if that is more than the request has read.
    fn restore(&mut self, index: usize, copy: CopyId, shared: usize) {
        let Some(request) = self.running.get(index) else {
            return;
        };
        // The last token is read again: its logits were not kept.
        let shared = shared.min(request.prepared.tokens.len() - 1);
        if shared <= request.read {
            return;
        }
        // Making room may push the copy itself out.
        let cells = self.prefixes.copy(copy).map_or(0, Copied::length);
        self.make_room(cells);
        let (Some(request), Some(copied)) = (self.running.get_mut(index), self.prefixes.copy(copy)) else {
            return;
        };
        let restored = match self.attention.restore(copied, request.prompt, shared) {
            true => shared,
            false => 0,
        };
        self.prefixes.replace(
            request.prompt,
            request.prepared.tokens.get(..restored).unwrap_or_default(),
        );
        request.cached = restored;
        request.read = restored;
    }

    fn harvest(&mut self, owners: &[(Row, RowOwner)]) {
        for (row, owner) in owners {
            match *owner {
                RowOwner::Prompt { request } => self.begin_samples(request, *row),
                RowOwner::Sample { request, sample } => self.advance_sample(request, sample, *row),
            }
        }
        self.retire_finished();
    }

    /// The prompt is read: every sample draws its first token from the same row.
    fn begin_samples(&mut self, index: usize, row: Row) {
        let Some(request) = self.running.get_mut(index) else {
            return;
        };
        let id = request.prepared.id;
        self.replies.push(&Reply::Event {
            id,
            event: SampleEvent::PromptRead {
                prompt_tokens: u32::try_from(request.prepared.tokens.len()).ok(),
                cached_tokens: u32::try_from(request.cached).ok(),
            },
        });
        let logits = self.attention.logits(row);
        for sample_index in 0..request.prepared.request.samples {
            let matcher = request.prepared.matcher.as_ref();
            let mut sample = WritingSample::new(sample_index, &request.prepared.request, matcher);
            match sample.advance(logits, &self.vocabulary) {
                Advanced::Going(event) => {
                    self.replies.push_events(id, event);
                    if request.writes_on_prompt() {
                        sample.sequence = Some(request.prompt);
                        request.writing.push(sample);
                    } else {
                        request.pending.push_back(sample);
                    }
                }
                Advanced::Ended(events) => self.replies.push_events(id, events),
                Advanced::Stuck(reason) => {
                    return self.fail(index, &reason);
                }
            }
        }
    }

    fn advance_sample(&mut self, index: usize, sample_index: usize, row: Row) {
        let Some(request) = self.running.get_mut(index) else {
            return;
        };
        let id = request.prepared.id;
        let Some(sample) = request.writing.get_mut(sample_index) else {
            return;
        };
        match sample.advance(self.attention.logits(row), &self.vocabulary) {
            Advanced::Going(event) => self.replies.push_events(id, event),
            Advanced::Ended(events) => {
                self.replies.push_events(id, events);
                let sequence = sample.sequence.take();
                if let Some(sequence) = sequence.filter(|sequence| *sequence != request.prompt) {
                    self.attention.release(sequence);
                }
            }
            Advanced::Stuck(reason) => self.fail(index, &reason),
        }
    }

    /// The request at `index` gets an error; it is retired with the finished ones.
    fn fail(&mut self, index: usize, reason: &str) {
        let Some(request) = self.running.get_mut(index) else {
            return;
        };
        let error = ModelError::Broken {
            reason: reason.to_owned(),
        };
        self.replies.push(&Reply::Failed {
            id: request.prepared.id,
            error,
        });
        request
            .prepared
            .cancelled
            .store(true, std::sync::atomic::Ordering::Relaxed);
    }

    fn retire_finished(&mut self) {
        for request in &mut self.running {
            request.writing.retain(|sample| sample.sequence.is_some());
        }
        let (over, running) = std::mem::take(&mut self.running)
            .into_iter()
            .partition(|request| request.is_over() || request.prepared.is_cancelled());
        self.running = running;
        for request in over {
            if !request.prepared.is_cancelled() {
                self.replies.push(&Reply::Ended {
                    id: request.prepared.id,
                });
            }
            self.retire(request);
        }
    }

    /// Takes a request's places; its prompt, as far as it was read, is kept.
    fn retire(&mut self, request: RunningRequest) {
        for sequence in request.writing.iter().filter_map(|sample| sample.sequence) {
            if sequence != request.prompt {
                self.attention.release(sequence);
            }
        }
        for sequence in self.prefixes.close(request.prompt) {
            self.attention.release(sequence);
        }
    }

    fn take_sequence(&mut self) -> Option<u16> {
        if let Some(sequence) = self.attention.take_sequence() {
            return Some(sequence);
        }
        self.put_away_oldest()?;
        self.attention.take_sequence()
    }

    /// Puts kept prompts away until `cells` are free. What runs has its cells reserved, so that this is enough.
    fn make_room(&mut self, cells: usize) {
        while self.attention.free_cells() < cells && self.put_away_oldest().is_some() {}
    }

    /// Puts kept prompts away that what runs does not share.
    ///
    /// Attention goes over all cells up to the last one that is taken, and the threads divide them evenly: where other
    /// prompts hold the first half, one thread does all the work of a single sample.
    fn put_away_idle(&mut self) {
        /// llama.cpp rounds the cells it goes over up to this number.
        const TOLERATED: usize = 256;
        while self.prefixes.oldest_kept().is_some() {
            let samples = self.running.iter().flat_map(|request| &request.writing);
            let samples = samples.filter_map(|sample| sample.sequence);
            let used = self.prefixes.in_use().chain(samples);
            if self.attention.cells_beside(used) <= TOLERATED {
                return;
            }
            self.put_away_oldest();
        }
    }

    /// `None` when no prompt is kept in the context.
    fn put_away_oldest(&mut self) -> Option<()> {
        let sequence = self.prefixes.oldest_kept()?;
        let attention = &self.attention;
        let reuse = self.reuse;
        self.prefixes.put_away(sequence, || match reuse {
            PrefixReuse::AnyLength => attention.copy(sequence),
            PrefixReuse::Never => None,
        });
        self.attention.release(sequence);
        Some(())
    }

    fn fail_everything(&mut self, reason: &str) {
        for request in std::mem::take(&mut self.running) {
            let error = ModelError::Broken {
                reason: reason.to_owned(),
            };
            self.replies.push(&Reply::Failed {
                id: request.prepared.id,
                error,
            });
        }
        self.prefixes.clear();
        self.attention.reset();
    }
}
