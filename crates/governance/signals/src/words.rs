use tenon_domain::{CheckKind, FailureCategory, Outcome, Task};

/// What the cache had to do with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CacheUse {
    /// The answer was kept from before.
    Hit,
    /// It was looked for and not there.
    Miss,
    /// Somebody else was being answered the same, and the answer was waited for.
    Shared,
    /// It was not looked for.
    Bypass,
}

impl CacheUse {
    /// The word in metrics and traces.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Shared => "shared",
            Self::Bypass => "bypass",
        }
    }
}

/// Which way tokens went, and at which price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenDirection {
    /// Read by the model, those from a cache included.
    Input,
    /// Written by the model.
    Output,
    /// Of those read, the ones that came from a cache.
    CacheRead,
    /// Of those read, the ones that were kept for later.
    CacheWrite,
    /// Of those written, the ones that nobody sees.
    Reasoning,
}

impl TokenDirection {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
            Self::CacheRead => "cache_read",
            Self::CacheWrite => "cache_write",
            Self::Reasoning => "reasoning",
        }
    }
}

/// Whether an upstream is asked. The gauge shows 0, 1 and 2 in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// It is asked.
    Closed,
    /// One request finds out whether it answers again.
    HalfOpen,
    /// It failed too often of late and is left alone.
    Open,
}

impl BreakerState {
    pub(crate) fn value(self) -> u64 {
        match self {
            Self::Closed => 0,
            Self::HalfOpen => 1,
            Self::Open => 2,
        }
    }
}

/// Why an upstream is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OpeningReason {
    /// It failed too often in a row.
    Failing,
    /// It asked for patience.
    Limited,
}

impl OpeningReason {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Limited => "limited",
        }
    }
}

/// Why a request was turned away unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ShedReason {
    /// As much is being answered as may be.
    Saturated,
    /// As many wait as may wait.
    QueueFull,
    /// It would have waited past its deadline.
    Deadline,
    /// There is no memory for what it needs.
    Memory,
    /// The service is about to stop.
    Draining,
}

impl ShedReason {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Saturated => "saturated",
            Self::QueueFull => "queue_full",
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::Draining => "draining",
        }
    }
}

/// What a person did with a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Feedback {
    /// Took it as it was.
    Accepted,
    /// Took it and changed it.
    Edited,
    /// Did not take it.
    Rejected,
}

impl Feedback {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Edited => "edited",
            Self::Rejected => "rejected",
        }
    }
}

/// What became of a suggestion at a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SuggestionOutcome {
    /// Somebody saw it.
    Viewed,
    /// It was taken.
    Taken,
    /// A part of it was taken.
    TakenPartly,
    /// Somebody wrote by hand what it said.
    Typed,
    /// Something else was written.
    Dismissed,
}

impl SuggestionOutcome {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Viewed => "viewed",
            Self::Taken => "taken",
            Self::TakenPartly => "taken_partly",
            Self::Typed => "typed",
            Self::Dismissed => "dismissed",
        }
    }
}

/// How many candidates a proposal took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tries {
    /// The first candidate passed as the model wrote it.
    First,
    /// A candidate was mended, or an earlier one rejected.
    Repaired,
}

/// How it ended: `success`, or the category of the failure.
pub(crate) fn ending(failure: Option<FailureCategory>) -> &'static str {
    failure.map_or("success", FailureCategory::as_str)
}

pub(crate) fn task(task: Option<Task>) -> &'static str {
    task.map_or("none", Task::as_str)
}

/// The class of an HTTP status; what is none counts as a failure of ours.
pub(crate) fn status_class(status: u16) -> &'static str {
    match status {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

pub(crate) fn check(kind: CheckKind) -> &'static str {
    match kind {
        CheckKind::Policy => "policy",
        CheckKind::Syntax => "syntax",
        CheckKind::Names => "names",
        CheckKind::Dependencies => "dependencies",
        CheckKind::Secrets => "secrets",
        CheckKind::Lint => "lint",
        CheckKind::Types => "types",
        CheckKind::Build => "build",
        CheckKind::Examples => "examples",
        CheckKind::Tests => "tests",
        CheckKind::Acceptance => "acceptance",
    }
}

pub(crate) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "failed",
        Outcome::Skipped => "skipped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_and_outcomes_are_called_as_in_evidence() {
        for name in [
            "policy",
            "syntax",
            "names",
            "dependencies",
            "secrets",
            "lint",
            "types",
            "build",
            "examples",
            "tests",
            "acceptance",
        ] {
            let kind: CheckKind = serde_json::from_value(name.into()).unwrap();
            assert_eq!(check(kind), name);
        }
        for name in ["passed", "failed", "skipped"] {
            let read: Outcome = serde_json::from_value(name.into()).unwrap();
            assert_eq!(outcome(read), name);
        }
    }
}
