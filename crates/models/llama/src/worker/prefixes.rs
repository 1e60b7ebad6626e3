//! Prompts whose attention state is kept, so that the next prompt reads only what is new.

use llama_cpp_2::token::LlamaToken;
use tenon_runtime::CacheScope;

use super::attention::Copied;
use super::ledger::SequenceId;

/// The prompts in memory: those in use, which stay, those kept for later in the context, and those put away beside it
/// as copies (`State`). What was not used for longest goes first, from the context to the copies and from there for good.
#[derive(Debug)]
pub(super) struct PrefixCache<State = Copied> {
    entries: Vec<Entry<State>>,
    /// The most tokens that are put away.
    shelf: usize,
    clock: u64,
}

#[derive(Debug)]
struct Entry<State> {
    scope: CacheScope,
    tokens: Vec<LlamaToken>,
    /// How many of `tokens` are computed; the others stand in the batch that is being filled.
    computed: usize,
    used: u64,
    place: Place<State>,
}

#[derive(Debug)]
enum Place<State> {
    InUse(SequenceId),
    Kept(SequenceId),
    PutAway(CopyId, State),
}

/// Names a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CopyId(u64);

/// What another prompt has of the beginning of one's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shared {
    /// This many tokens of this sequence can be taken over now.
    Ready(SequenceId, usize),
    /// This many tokens of this copy can be taken over now.
    PutAway(CopyId, usize),
    /// More is in the batch that is being filled: it is there at the next step.
    Soon,
}

/// Fewer tokens than this are read again sooner than waited for, or put away.
const WORTH_WAITING: usize = 32;

impl<State> PrefixCache<State> {
    /// An empty cache that puts away up to `shelf` tokens.
    pub(super) fn new(shelf: usize) -> Self {
        Self {
            entries: Vec::new(),
            shelf,
            clock: 0,
        }
    }

    /// An empty prompt that is going to be read into `sequence`.
    pub(super) fn open(&mut self, sequence: SequenceId, scope: CacheScope) {
        let used = self.tick();
        self.entries.push(Entry {
            scope,
            tokens: Vec::new(),
            computed: 0,
            used,
            place: Place::InUse(sequence),
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

    /// The prompt of the same scope, other than that of `sequence` itself, that shares most of the beginning of
    /// `tokens`, and how many tokens of it.
    pub(super) fn longest_shared(&mut self, sequence: SequenceId, tokens: &[LlamaToken]) -> Option<Shared> {
        let scope = self.entry(sequence)?.scope.clone();
        let clock = self.tick();
        let mut soon = 0;
        let (entry, length) = self
            .entries
            .iter_mut()
            .filter(|entry| entry.scope == scope && entry.sequence() != Some(sequence))
            .map(|entry| {
                let pairs = entry.tokens.iter().zip(tokens);
                let shared = pairs.take_while(|(left, right)| left == right).count();
                soon = soon.max(shared);
                let ready = shared.min(entry.computed);
                (entry, ready)
            })
            .max_by_key(|(entry, ready)| (*ready, entry.sequence().is_some()))?;
        if soon >= length + WORTH_WAITING {
            return Some(Shared::Soon);
        }
        if length == 0 {
            return None;
        }
        entry.used = clock;
        Some(match entry.place {
            Place::InUse(sequence) | Place::Kept(sequence) => Shared::Ready(sequence, length),
            Place::PutAway(copy, _) => Shared::PutAway(copy, length),
        })
    }

    /// Nobody uses `sequence` any more. Returns the sequences that need not be kept: those whose tokens another
    /// one of the same scope begins with.
    pub(super) fn close(&mut self, sequence: SequenceId) -> Vec<SequenceId> {
        let clock = self.tick();
        if let Some(entry) = self.entry(sequence) {
            entry.place = Place::Kept(sequence);
            entry.used = clock;
        }
        let needless: Vec<bool> = self
            .entries
            .iter()
            .map(|entry| !entry.is_in_use() && self.is_covered(entry))
            .collect();
        let mut needless = needless.into_iter();
        let gone = self.entries.extract_if(.., |_| needless.next() == Some(true));
        gone.filter_map(|entry| entry.sequence()).collect()
    }

    /// The prompt in the context that was kept longest without use.
    pub(super) fn oldest_kept(&self) -> Option<SequenceId> {
        let kept = self.entries.iter().filter_map(|entry| match entry.place {
            Place::Kept(sequence) => Some((entry.used, sequence)),
            Place::InUse(_) | Place::PutAway(..) => None,
        });
        kept.min().map(|(_, sequence)| sequence)
    }

    /// The prompt of `sequence` leaves the context: as a copy, where one is worth it and can be had, or for good.
    pub(super) fn put_away(&mut self, sequence: SequenceId, copy: impl FnOnce() -> Option<State>) {
        let id = CopyId(self.tick());
        let Some(index) = self
            .entries
            .iter()
            .position(|entry| entry.sequence() == Some(sequence))
        else {
            return;
        };
        let mut entry = self.entries.swap_remove(index);
        if entry.tokens.len() < WORTH_WAITING {
            return;
        }
        if let Some(copy) = copy() {
            entry.place = Place::PutAway(id, copy);
            self.entries.push(entry);
            self.clear_shelf();
        }
    }

    /// The state that was put away, unless it is gone meanwhile.
    pub(super) fn copy(&self, id: CopyId) -> Option<&State> {
        self.entries.iter().find_map(|entry| match &entry.place {
            Place::PutAway(other, copy) if *other == id => Some(copy),
            _ => None,
        })
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    /// Sequences that somebody uses.
    pub(super) fn in_use(&self) -> impl Iterator<Item = SequenceId> {
        let in_use = self.entries.iter().filter(|entry| entry.is_in_use());
        in_use.filter_map(Entry::sequence)
    }

    fn clear_shelf(&mut self) {
        let mut copies: Vec<(u64, usize)> = self
            .entries
            .iter()
            .filter(|entry| entry.sequence().is_none())
            .map(|entry| (entry.used, entry.tokens.len()))
            .collect();
        copies.sort_unstable_by_key(|(used, _)| std::cmp::Reverse(*used));
        let mut tokens = 0;
        let last = copies.iter().find(|(_, length)| {
            tokens += length;
            tokens > self.shelf
        });
        if let Some((last, _)) = last {
            self.entries
                .retain(|entry| entry.sequence().is_some() || entry.used > *last);
        }
    }

    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    fn entry(&mut self, sequence: SequenceId) -> Option<&mut Entry<State>> {
        self.entries
            .iter_mut()
            .find(|entry| entry.sequence() == Some(sequence))
    }

    fn is_covered(&self, covered: &Entry<State>) -> bool {
        covered.tokens.is_empty()
            || self.entries.iter().any(|other| {
                !std::ptr::eq(other, covered)
                    && other.scope == covered.scope
                    && other.tokens.starts_with(&covered.tokens)
                    // Of two that are the same, the one in use stays, or the one used later.
                    && (other.tokens.len() > covered.tokens.len()
                        || other.is_in_use()
                        || other.used > covered.used)
            })
    }
}

impl<State> Entry<State> {
    /// Where in the context the prompt is, if it is there.
    fn sequence(&self) -> Option<SequenceId> {
        match self.place {
            Place::InUse(sequence) | Place::Kept(sequence) => Some(sequence),
            Place::PutAway(..) => None,
        }
    }

    fn is_in_use(&self) -> bool {
        matches!(self.place, Place::InUse(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(numbers: &[i32]) -> Vec<LlamaToken> {
        numbers.iter().map(|number| LlamaToken(*number)).collect()
    }

    fn cache_with(entries: &[(SequenceId, &str, &[i32])]) -> PrefixCache<&'static str> {
        let mut cache = PrefixCache::new(100);
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
        assert_eq!(cache.oldest_kept(), Some(1));
    }

    #[test]
    fn the_longest_unused_goes_first_and_what_is_in_use_stays() {
        let mut cache = cache_with(&[(0, "ann", &[1]), (1, "ann", &[2]), (2, "ann", &[3])]);
        cache.close(0);
        cache.close(1);
        cache.open(3, CacheScope("ann".to_owned()));
        cache.longest_shared(3, &tokens(&[1]));
        for sequence in [1, 0] {
            assert_eq!(cache.oldest_kept(), Some(sequence));
            cache.put_away(sequence, || None);
        }
        assert_eq!(cache.oldest_kept(), None);
        assert_eq!(cache.in_use().collect::<Vec<_>>(), [2, 3]);
    }

    fn numbers(length: i32) -> Vec<i32> {
        (0..length).collect()
    }

    #[test]
    fn what_was_put_away_is_found_again_by_its_scope_alone() {
        let mut cache = cache_with(&[(0, "ann", &numbers(40)), (1, "ann", &[1])]);
        cache.close(0);
        cache.put_away(0, || Some("a copy"));
        let Some(Shared::PutAway(copy, 36)) = cache.longest_shared(1, &tokens(&numbers(36))) else {
            panic!("the copy was not found");
        };
        assert_eq!(cache.copy(copy), Some(&"a copy"));
        cache.open(2, CacheScope("bob".to_owned()));
        assert_eq!(cache.longest_shared(2, &tokens(&numbers(36))), None);
    }

    #[test]
    fn what_is_in_the_context_wins_over_a_copy_that_is_as_long() {
        let mut cache = cache_with(&[
            (0, "ann", &numbers(40)),
            (1, "ann", &numbers(40)),
            (2, "ann", &[1]),
        ]);
        cache.put_away(0, || Some("a copy"));
        let wanted = tokens(&numbers(40));
        assert_eq!(cache.longest_shared(2, &wanted), Some(Shared::Ready(1, 40)));
    }

    #[test]
    fn a_copy_of_what_another_begins_with_goes() {
        let mut cache = cache_with(&[(0, "ann", &numbers(40)), (1, "ann", &numbers(50))]);
        cache.put_away(0, || Some("a copy"));
        assert_eq!(cache.close(1), Vec::<SequenceId>::new());
        cache.open(2, CacheScope("ann".to_owned()));
        cache.put_away(1, || None);
        assert_eq!(cache.longest_shared(2, &tokens(&numbers(40))), None);
    }

    #[test]
    fn copies_take_no_more_than_their_room_and_the_longest_unused_goes() {
        let mut cache = cache_with(&[
            (0, "ann", &numbers(40)),
            (1, "bob", &numbers(40)),
            (2, "eve", &numbers(40)),
        ]);
        for sequence in [0, 1, 2] {
            cache.put_away(sequence, || Some("a copy"));
        }
        for (sequence, scope, found) in [(3, "ann", false), (4, "bob", true), (5, "eve", true)] {
            cache.open(sequence, CacheScope(scope.to_owned()));
            let shared = cache.longest_shared(sequence, &tokens(&numbers(40)));
            assert_eq!(shared.is_some(), found, "{scope}");
        }
    }

    #[test]
    fn little_is_not_put_away() {
        let mut cache = cache_with(&[(0, "ann", &numbers(31))]);
        cache.put_away(0, || panic!("nothing is worth a copy"));
        assert_eq!(cache.oldest_kept(), None);
    }
}
