use crate::{Problem, Report};

/// Places that were skipped so far: removed records, unless they turn up later.
#[derive(Debug, Default)]
pub(crate) struct Gaps(Vec<Gap>);

#[derive(Debug, Clone, Copy)]
struct Gap {
    from: i64,
    to: i64,
    /// Nothing stands before it.
    front: bool,
}

impl Gaps {
    /// Remembers that `from` to `to` were skipped. With too many to remember, the problem is certain at once.
    pub(crate) fn open(&mut self, from: i64, to: i64, front: bool) -> Option<Problem> {
        let gap = Gap { from, to, front };
        if self.0.len() >= Report::MAX_LISTED {
            return Some(gap.problem());
        }
        self.0.push(gap);
        None
    }

    /// Whether `sequence` was skipped before; now it is not.
    pub(crate) fn fill(&mut self, sequence: i64) -> bool {
        let holds = |gap: &Gap| (gap.from..=gap.to).contains(&sequence);
        let Some(index) = self.0.iter().position(holds) else {
            return false;
        };
        let gap = self.0.remove(index);
        let before = Gap {
            to: sequence - 1,
            ..gap
        };
        let after = Gap {
            from: sequence.saturating_add(1),
            front: false,
            ..gap
        };
        self.0
            .extend([before, after].into_iter().filter(|gap| gap.from <= gap.to));
        true
    }

    /// What is still missing.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        self.0.iter().map(Gap::problem).collect()
    }
}

impl Gap {
    fn problem(&self) -> Problem {
        let Self { from, to, front } = *self;
        if front {
            Problem::StartsWithoutAnchor {
                first: to.saturating_add(1),
            }
        } else {
            Problem::Removed { from, to }
        }
    }
}
