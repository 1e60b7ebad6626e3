//! Which cells of the attention state are taken, counted exactly: sequences share the cells of a common prefix.
//!
//! llama.cpp does the same sums inside, but cannot be asked; a batch that finds no room there would fail the
//! requests in it, so room is made before.

/// Mirrors what the sequence operations do to the cells. `SequenceId` indexes `sequences`.
#[derive(Debug)]
pub(super) struct CellLedger {
    capacity: usize,
    owners: Vec<u16>,
    free: Vec<u32>,
    sequences: Vec<Vec<u32>>,
}

/// The number that llama.cpp knows a sequence by.
pub(super) type SequenceId = u16;

impl CellLedger {
    pub(super) fn new(capacity: u32, sequences: u16) -> Self {
        Self {
            capacity: capacity as usize,
            owners: vec![0; capacity as usize],
            free: (0..capacity).rev().collect(),
            sequences: vec![Vec::new(); usize::from(sequences)],
        }
    }

    pub(super) fn free_cells(&self) -> usize {
        self.free.len()
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Cells that none of `sequences` holds, but another one.
    pub(super) fn cells_beside(&self, sequences: impl Iterator<Item = SequenceId>) -> usize {
        let mut beside = self.owners.clone();
        let cells = sequences.filter_map(|sequence| self.sequences.get(usize::from(sequence)));
        for cell in cells.flatten() {
            if let Some(owners) = beside.get_mut(*cell as usize) {
                *owners = 0;
            }
        }
        beside.iter().filter(|owners| **owners > 0).count()
    }

    /// Tokens that `sequence` holds.
    pub(super) fn length(&self, sequence: SequenceId) -> usize {
        self.sequences.get(usize::from(sequence)).map_or(0, Vec::len)
    }

    /// Takes one cell at the end of `sequence`; `false` when none is left.
    #[must_use]
    pub(super) fn extend(&mut self, sequence: SequenceId) -> bool {
        let Some(cell) = self.free.pop() else { return false };
        self.own(cell);
        if let Some(cells) = self.sequences.get_mut(usize::from(sequence)) {
            cells.push(cell);
        }
        true
    }

    /// `target` (empty before) begins with the first `length` tokens of `source`.
    pub(super) fn share(&mut self, source: SequenceId, target: SequenceId, length: usize) {
        let cells: Vec<u32> = self
            .sequences
            .get(usize::from(source))
            .map(|cells| cells.iter().take(length).copied().collect())
            .unwrap_or_default();
        for cell in &cells {
            self.own(*cell);
        }
        if let Some(slot) = self.sequences.get_mut(usize::from(target)) {
            *slot = cells;
        }
    }

    /// Keeps the first `length` tokens of `sequence`.
    pub(super) fn truncate(&mut self, sequence: SequenceId, length: usize) {
        let Some(cells) = self.sequences.get_mut(usize::from(sequence)) else {
            return;
        };
        if length >= cells.len() {
            return;
        }
        for cell in cells.split_off(length) {
            let Some(owners) = self.owners.get_mut(cell as usize) else {
                continue;
            };
            *owners -= 1;
            if *owners == 0 {
                self.free.push(cell);
            }
        }
    }

    fn own(&mut self, cell: u32) {
        if let Some(owners) = self.owners.get_mut(cell as usize) {
            *owners += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_shared_prefix_is_counted_once() {
        let mut ledger = CellLedger::new(8, 3);
        for _ in 0..5 {
            assert!(ledger.extend(0));
        }
        ledger.share(0, 1, 4);
        ledger.share(0, 2, 5);
        assert_eq!(ledger.free_cells(), 3);
        assert!(ledger.extend(1));
        assert_eq!((ledger.length(1), ledger.free_cells()), (5, 2));
        assert_eq!(ledger.cells_beside([1].into_iter()), 1);
        assert_eq!(ledger.cells_beside([0, 1].into_iter()), 0);
        assert_eq!(ledger.cells_beside([].into_iter()), 6);
        ledger.truncate(0, 0);
        assert_eq!(ledger.free_cells(), 2, "the others still hold the prefix");
        ledger.truncate(2, 0);
        assert_eq!(
            ledger.free_cells(),
            3,
            "the fifth cell was held by the last one alone"
        );
        ledger.truncate(1, 0);
        assert_eq!(ledger.free_cells(), 8);
    }

    #[test]
    fn a_full_ledger_gives_no_cell() {
        let mut ledger = CellLedger::new(1, 1);
        assert!(ledger.extend(0));
        assert!(!ledger.extend(0));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Extend(u16),
        Fork(u16, u16, usize),
        Truncate(u16, usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0u16..4).prop_map(Step::Extend),
            (0u16..4, 0u16..4, 0usize..8).prop_map(|(from, to, length)| Step::Fork(from, to, length)),
            (0u16..4, 0usize..8).prop_map(|(sequence, length)| Step::Truncate(sequence, length)),
        ]
    }

    proptest! {
        /// Whatever is done, emptying every sequence frees every cell.
        #[test]
        fn no_cell_is_lost(steps in proptest::collection::vec(step(), 0..60)) {
            let mut ledger = CellLedger::new(16, 4);
            for step in steps {
                match step {
                    Step::Extend(sequence) => {
                        let _ = ledger.extend(sequence);
                    }
                    Step::Fork(from, to, length) if from != to => {
                        ledger.truncate(to, 0);
                        ledger.share(from, to, length);
                    }
                    Step::Fork(..) => {}
                    Step::Truncate(sequence, length) => ledger.truncate(sequence, length),
                }
            }
            for sequence in 0..4 {
                ledger.truncate(sequence, 0);
            }
            prop_assert_eq!(ledger.free_cells(), 16);
        }
    }
}
