use std::collections::{BTreeMap, BTreeSet};

use tenon_domain::Digest;

use crate::gaps::Gaps;
use crate::row::Row;
use crate::{Checkpoint, CheckpointKind, Head, Problem, PublicKey, Report};

/// Judges a log row by row, in bounded memory.
///
/// ```
/// use tenon_audit::{AuditEvent, EventKind, Head, Record, Verifier};
///
/// let record = Record::seal(&Head::start(), AuditEvent::new(EventKind::ServiceStarted, 0));
/// let mut verifier = Verifier::new(&[], Vec::new());
/// verifier.push(&record.to_json());
/// assert!(verifier.finish().is_whole());
/// ```
#[derive(Debug)]
pub struct Verifier {
    /// The checkpoints that are well signed, by place.
    checkpoints: BTreeMap<i64, Vec<Checkpoint>>,
    /// Where a log may start.
    origins: Vec<Place>,
    /// The latest place so far.
    last: Option<Place>,
    /// Rows since then that could not be read: each stands for a place, perhaps.
    unreadable: i64,
    gaps: Gaps,
    report: Report,
}

/// A place in the log, and what the record after it may name as its predecessor.
#[derive(Debug, Clone, Copy)]
struct Place {
    sequence: i64,
    /// What was stored and what was computed. They differ in a changed record, and either may be what was sealed.
    digests: [Digest; 2],
}

impl Verifier {
    /// A verifier for one log. Checkpoints by keys that are not trusted count for nothing, and the report lists those keys.
    /// Where none is trusted, each checkpoint is checked with the key it names itself, and the report lists these.
    pub fn new(trusted: &[PublicKey], checkpoints: Vec<Checkpoint>) -> Self {
        let mut verifier = Self {
            checkpoints: BTreeMap::new(),
            origins: vec![Place::of(&Head::start())],
            last: None,
            unreadable: 0,
            gaps: Gaps::default(),
            report: Report::default(),
        };
        let (mut keys, mut unknown) = (BTreeSet::new(), BTreeSet::new());
        for checkpoint in checkpoints {
            let is_trusted = trusted.is_empty() || trusted.contains(&checkpoint.key);
            if !checkpoint.is_signed_by(&checkpoint.key) {
                let sequence = checkpoint.head.sequence;
                verifier.report.add(Problem::BadSignature { sequence });
            } else if is_trusted {
                keys.insert(checkpoint.key);
                verifier.trust(checkpoint);
            } else {
                unknown.insert(checkpoint.key);
            }
        }
        verifier.report.keys = keys.into_iter().collect();
        verifier.report.unknown_keys = unknown.into_iter().collect();
        verifier
    }

    /// Takes the next stored row.
    pub fn push(&mut self, row_text: &str) {
        match Row::parse(row_text) {
            Ok(row) => {
                self.report.records += 1;
                self.place(&row);
            }
            Err(reason) => self.push_unreadable(reason),
        }
    }

    /// Takes a row that is not even text.
    pub(crate) fn push_unreadable(&mut self, reason: String) {
        self.report.records += 1;
        self.unreadable += 1;
        self.report.add(Problem::Unreadable {
            row: self.report.records,
            after: self.last.map_or(0, |last| last.sequence),
            reason,
        });
    }

    /// The verdict.
    pub fn finish(mut self) -> Report {
        for problem in self.gaps.problems() {
            self.report.add(problem);
        }
        self.judge_tail();
        self.report.last = self.last.map(|last| last.sequence);
        self.report.problems.sort_by_key(Problem::place);
        self.report
    }

    fn trust(&mut self, checkpoint: Checkpoint) {
        if checkpoint.kind == CheckpointKind::Truncation {
            self.origins.push(Place::of(&checkpoint.head));
        }
        self.checkpoints
            .entry(checkpoint.head.sequence)
            .or_default()
            .push(checkpoint);
    }

    fn place(&mut self, row: &Row) {
        let first = self.last.is_none();
        let last = self.last.unwrap_or_else(|| self.origin(row));
        // A changed row may lie about its place; what it names as its predecessor gives it away.
        let follows = last.has(&row.previous);
        let sequence = match row.fits {
            false if follows => last.sequence.saturating_add(1),
            _ => row.sequence,
        };
        if !row.fits {
            self.report.add(Problem::Changed { sequence });
        }
        if first && follows {
            self.judge(&last);
        }
        let here = Place {
            sequence,
            digests: [row.stored, row.computed],
        };
        if sequence > last.sequence {
            self.judge_step(&last, row, sequence, first);
            self.last = Some(here);
        } else if self.gaps.fill(sequence) {
            self.report.add(Problem::Reordered { sequence });
        } else {
            self.report.add(Problem::Duplicated { sequence });
            return;
        }
        let first = self.report.first.map_or(sequence, |first| first.min(sequence));
        self.report.first = Some(first);
        self.judge(&here);
    }

    /// Where a log starts whose first row is `row`: at the head it names, else at the nearest before it.
    fn origin(&self, row: &Row) -> Place {
        let named = self.origins.iter().find(|origin| origin.has(&row.previous));
        let nearest = self
            .origins
            .iter()
            .filter(|origin| origin.sequence < row.sequence)
            .max_by_key(|origin| origin.sequence);
        named
            .or(nearest)
            .copied()
            .unwrap_or_else(|| Place::of(&Head::start()))
    }

    /// Judges the step from `last` to `row`, which stands at `sequence` behind it.
    fn judge_step(&mut self, last: &Place, row: &Row, sequence: i64, first: bool) {
        let missing = sequence.saturating_sub(last.sequence).saturating_sub(1);
        if missing > self.unreadable {
            let from = last.sequence.saturating_add(1);
            if let Some(problem) = self.gaps.open(from, sequence - 1, first) {
                self.report.add(problem);
            }
        } else if missing == 0 && row.fits && !last.has(&row.previous) {
            self.report.add(Problem::BrokenLink { sequence });
        }
        self.unreadable = 0;
    }

    /// Compares a place with the checkpoints that speak for it.
    fn judge(&mut self, place: &Place) {
        let sequence = place.sequence;
        for checkpoint in self.checkpoints.get(&sequence).into_iter().flatten() {
            if place.has(&checkpoint.head.digest) {
                self.report.checkpoints_held += 1;
                self.report.signed_through = self.report.signed_through.max(Some(sequence));
            } else {
                self.report.add(Problem::Contradicted { sequence });
            }
        }
    }

    fn judge_tail(&mut self) {
        let origin = self.origins.iter().map(|origin| origin.sequence).max();
        let last = self.last.map(|last| last.sequence).or(origin).unwrap_or(0);
        let signed = self.checkpoints.last_key_value();
        let expected = signed.map_or(0, |(sequence, _)| *sequence);
        if expected > last.saturating_add(self.unreadable) {
            self.report.add(Problem::TruncatedTail { last, expected });
        }
    }
}

impl Place {
    fn of(head: &Head) -> Self {
        Self {
            sequence: head.sequence,
            digests: [head.digest; 2],
        }
    }

    fn has(&self, digest: &Digest) -> bool {
        self.digests.contains(digest)
    }
}
