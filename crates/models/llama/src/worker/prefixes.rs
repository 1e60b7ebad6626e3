//! Prompts whose attention state is kept, so that the next prompt reads only what is new.

use llama_cpp_2::token::LlamaToken;
use tenon_runtime::CacheScope;

use super::ledger::SequenceId;

/// The prompts in memory: those in use, which stay, and those kept for later, the oldest of which goes first.
#[derive(Debug, Default)]
pub(super) struct PrefixCache {
    entries: Vec<Entry>,
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    sequence: SequenceId,
    scope: CacheScope,
    tokens: Vec<LlamaToken>,
    /// How many of `tokens` are computed; the others stand in the batch that is being filled.
    computed: usize,
    used: u64,
    state: EntryState,
}

/// What another prompt has of the beginning of one's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shared {
    /// This many tokens of this sequence can be taken over now.
    Ready(SequenceId, usize),
    /// More is in the batch that is being filled: it is there at the next step.
    Soon,
}

/// Fewer tokens than this are read again sooner than waited for.
const WORTH_WAITING: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EntryState {
    InUse,
    Kept,
}

impl PrefixCache {
    /// An empty prompt that is going to be read into `sequence`.
    pub(super) fn open(&mut self, sequence: SequenceId, scope: CacheScope) {
        self.clock += 1;
        self.entries.push(Entry {
            sequence,
            scope,
            tokens: Vec::new(),
            computed: 0,
            used: self.clock,
            state: EntryState::InUse,
        });
    }

    /// Tokens that were put into the batch for `sequence`.
    pub(super) fn extend(&mut self, sequence: SequenceId, tokens: &[LlamaToken]) {
        if let Some(entry) = self.entry(sequence) {
            entry.tokens.extend_from_slice(tokens);
        }
    }

    /// `sequence` now holds exactly `tokens`.
    pub(super) fn replace(&mut self, sequence: SequenceId, tokens: &[LlamaToken]) {
        if let Some(entry) = self.entry(sequence) {
            entry.tokens = tokens.to_vec();
            entry.computed = tokens.len();
        }
    }

    /// The batch was computed: what stood in it can be shared.
    pub(super) fn commit(&mut self) {
        for entry in &mut self.entries {
            entry.computed = entry.tokens.len();
        }
    }

    /// The sequence of the same scope, other than `sequence` itself, that shares most of the beginning of
    /// `tokens`, and how many tokens of it.
    pub(super) fn longest_shared(&mut self, sequence: SequenceId, tokens: &[LlamaToken]) -> Option<Shared> {
        let scope = self.entry(sequence)?.scope.clone();
        self.clock += 1;
        let clock = self.clock;
        let mut soon = 0;
        let (entry, length) = self
            .entries
            .iter_mut()
            .filter(|entry| entry.scope == scope && entry.sequence != sequence)
            .map(|entry| {
                let pairs = entry.tokens.iter().zip(tokens);
                let shared = pairs.take_while(|(left, right)| left == right).count();
                soon = soon.max(shared);
                let ready = shared.min(entry.computed);
                (entry, ready)
            })
            .max_by_key(|(_, ready)| *ready)?;
        if soon >= length + WORTH_WAITING {
            return Some(Shared::Soon);
        }
        if length == 0 {
            return None;
        }
        entry.used = clock;
        Some(Shared::Ready(entry.sequence, length))
    }

    /// Nobody uses `sequence` any more. Returns the sequences that need not be kept: those whose tokens another
    /// one of the same scope begins with.
    pub(super) fn close(&mut self, sequence: SequenceId) -> Vec<SequenceId> {
        self.clock += 1;
        let clock = self.clock;
        if let Some(entry) = self.entry(sequence) {
            entry.state = EntryState::Kept;
            entry.used = clock;
        }
        let needless: Vec<SequenceId> = self
            .entries
            .iter()
            .filter(|entry| entry.state == EntryState::Kept && self.is_covered(entry))
            .map(|entry| entry.sequence)
            .collect();
        self.entries.retain(|entry| !needless.contains(&entry.sequence));
        needless
    }

    /// Forgets the prompt that was kept longest without use.
    pub(super) fn evict(&mut self) -> Option<SequenceId> {
        let (index, _) = self
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.state == EntryState::Kept)
            .min_by_key(|(_, entry)| entry.used)?;
        Some(self.entries.swap_remove(index).sequence)
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    fn entry(&mut self, sequence: SequenceId) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.sequence == sequence)
    }

    fn is_covered(&self, covered: &Entry) -> bool {
        covered.tokens.is_empty()
            || self.entries.iter().any(|other| {
                other.sequence != covered.sequence
                    && other.scope == covered.scope
                    && other.tokens.starts_with(&covered.tokens)
                    // Of two that are the same, the one in use stays, or the one used later.
                    && (other.tokens.len() > covered.tokens.len()
                        || other.state == EntryState::InUse
                        || other.used > covered.used)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(numbers: &[i32]) -> Vec<LlamaToken> {
        numbers.iter().map(|number| LlamaToken(*number)).collect()
    }

    fn cache_with(entries: &[(SequenceId, &str, &[i32])]) -> PrefixCache {
        let mut cache = PrefixCache::default();
        for (sequence, scope, numbers) in entries {
            cache.open(*sequence, CacheScope((*scope).to_owned()));
            cache.extend(*sequence, &tokens(numbers));
        }
        cache.commit();
        cache
    }

    #[test]
    fn the_longest_prefix_of_the_own_scope_is_found() {
        let mut cache = cache_with(&[
            (0, "ann", &[1, 2, 9]),
            (1, "ann", &[1, 2, 3, 4]),
            (2, "bob", &[1, 2, 3, 4, 5]),
        ]);
        cache.open(3, CacheScope("ann".to_owned()));
        assert_eq!(
            cache.longest_shared(3, &tokens(&[1, 2, 3, 4, 5])),
            Some(Shared::Ready(1, 4))
        );
        cache.open(4, CacheScope("eve".to_owned()));
        assert_eq!(cache.longest_shared(4, &tokens(&[1, 2, 3, 4, 5])), None);
    }

    #[test]
    fn what_is_not_computed_yet_is_not_shared() {
        let long: Vec<i32> = (0..100).collect();
        let mut cache = cache_with(&[(0, "ann", &[0, 1, 2])]);
        cache.open(1, CacheScope("ann".to_owned()));
        cache.open(2, CacheScope("ann".to_owned()));
        cache.extend(1, &tokens(&long[..10]));
        assert_eq!(
            cache.longest_shared(2, &tokens(&long)),
            Some(Shared::Ready(0, 3)),
            "seven tokens more are not worth waiting for"
        );
        cache.extend(1, &tokens(&long[10..60]));
        assert_eq!(cache.longest_shared(2, &tokens(&long)), Some(Shared::Soon));
        cache.commit();
        assert_eq!(
            cache.longest_shared(2, &tokens(&long)),
            Some(Shared::Ready(1, 60))
        );
    }

    #[test]
    fn what_another_begins_with_is_not_kept() {
        let mut cache = cache_with(&[(0, "ann", &[1, 2]), (1, "ann", &[1, 2, 3])]);
        assert_eq!(
            cache.close(1),
            Vec::<SequenceId>::new(),
            "the shorter one is still in use"
        );
        assert_eq!(cache.close(0), [0]);
    }

    #[test]
    fn of_twins_one_is_kept() {
        let mut cache = cache_with(&[(0, "ann", &[1, 2]), (1, "ann", &[1, 2])]);
        assert_eq!(cache.close(0), [0]);
        assert_eq!(cache.close(1), Vec::<SequenceId>::new());
        assert_eq!(cache.evict(), Some(1));
    }

    #[test]
    fn the_longest_unused_goes_first_and_what_is_in_use_stays() {
        let mut cache = cache_with(&[(0, "ann", &[1]), (1, "ann", &[2]), (2, "ann", &[3])]);
        cache.close(0);
        cache.close(1);
        cache.open(3, CacheScope("ann".to_owned()));
        cache.longest_shared(3, &tokens(&[1]));
        assert_eq!(cache.evict(), Some(1));
        assert_eq!(cache.evict(), Some(0));
        assert_eq!(cache.evict(), None);
    }
}
