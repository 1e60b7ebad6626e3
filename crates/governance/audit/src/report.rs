use std::fmt;

use serde::Serialize;

use crate::PublicKey;

/// What verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The rows that were read.
    pub records: u64,
    /// The first place in the log; `None` when it is empty.
    pub first: Option<i64>,
    /// The last place in the log; `None` when it is empty.
    pub last: Option<i64>,
    /// The checkpoints that say the same as the log.
    pub checkpoints_held: u64,
    /// The latest record that such a checkpoint speaks for. What comes after it is chained, but not signed.
    pub signed_through: Option<i64>,
    /// The keys that signed the checkpoints. To be compared with one that was noted elsewhere, if none was given.
    pub keys: Vec<PublicKey>,
    /// Other keys that signed checkpoints, which nobody trusts: those count for nothing, and are no damage to the records.
    pub unknown_keys: Vec<PublicKey>,
    /// What is wrong, at most [`Report::MAX_LISTED`], in the order of the log.
    pub problems: Vec<Problem>,
    /// How many problems more there are.
    pub unlisted: u64,
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Problem {
    /// A record is not what was sealed.
    Changed {
        /// Its place.
        sequence: i64,
    },
    /// Records are missing inside the log.
    Removed {
        /// The first of them.
        from: i64,
        /// The last of them.
        to: i64,
    },
    /// A record stands behind one that came after it.
    Reordered {
        /// Its place.
        sequence: i64,
    },
    /// A place is taken twice.
    Duplicated {
        /// The place.
        sequence: i64,
    },
    /// A record is whole, but was sealed over another predecessor than the one before it.
    BrokenLink {
        /// The place of the record.
        sequence: i64,
    },
    /// A record is not the one that was signed: history was rewritten at or before it.
    Contradicted {
        /// The place of the record.
        sequence: i64,
    },
    /// A checkpoint was changed after it was signed.
    BadSignature {
        /// The place for which it pretends to speak.
        sequence: i64,
    },
    /// The log ends before its latest checkpoint.
    TruncatedTail {
        /// The last place in the log.
        last: i64,
        /// The place that was signed.
        expected: i64,
    },
    /// A row is no record.
    Unreadable {
        /// Which row, from 1.
        row: u64,
        /// The latest place before it.
        after: i64,
        /// What is wrong with it.
        reason: String,
    },
    /// The log begins where no truncation was signed.
    StartsWithoutAnchor {
        /// The first place in the log.
        first: i64,
    },
}

impl Report {
    /// The most problems that are listed.
    pub const MAX_LISTED: usize = 100;

    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.problems.is_empty() && self.unlisted == 0
    }

    pub(crate) fn add(&mut self, problem: Problem) {
        if self.problems.len() < Self::MAX_LISTED {
            self.problems.push(problem);
        } else {
            self.unlisted += 1;
        }
    }
}

impl Problem {
    /// The place in the log, or the nearest known one.
    pub fn place(&self) -> i64 {
        match self {
            Self::Changed { sequence }
            | Self::Reordered { sequence }
            | Self::Duplicated { sequence }
            | Self::BrokenLink { sequence }
            | Self::Contradicted { sequence }
            | Self::BadSignature { sequence } => *sequence,
            Self::Removed { from, .. } => *from,
            Self::TruncatedTail { last: before, .. } | Self::Unreadable { after: before, .. } => {
                before.saturating_add(1)
            }
            Self::StartsWithoutAnchor { first } => *first,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { sequence } => write!(
                formatter,
                "record {sequence} was changed: its content does not fit its digest"
            ),
            Self::Removed { from, to } => write!(formatter, "records {from} to {to} are missing"),
            Self::Reordered { sequence } => {
                write!(formatter, "record {sequence} stands behind later records")
            }
            Self::Duplicated { sequence } => {
                write!(formatter, "record {sequence} is there more than once")
            }
            Self::BrokenLink { sequence } => write!(
                formatter,
                "record {sequence} was not sealed over the record before it: one of them was replaced"
            ),
            Self::Contradicted { sequence } => write!(
                formatter,
                "record {sequence} is not the one that its checkpoint signed: the log was rewritten up to there"
            ),
            Self::BadSignature { sequence } => write!(
                formatter,
                "the checkpoint of record {sequence} was changed: the key that it names did not sign it"
            ),
            Self::TruncatedTail { last, expected } => write!(
                formatter,
                "the log ends at record {last}, but was signed up to record {expected}"
            ),
            Self::Unreadable { row, after, reason } => {
                write!(
                    formatter,
                    "row {row}, after record {after}, is no record: {reason}"
                )
            }
            Self::StartsWithoutAnchor { first } => write!(
                formatter,
                "the log starts at record {first}, but no truncation was signed there: older records are missing"
            ),
        }
    }
}
