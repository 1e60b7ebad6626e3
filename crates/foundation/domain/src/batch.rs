use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Identifies a batch; sorts by time of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchId(Uuid);

impl BatchId {
    /// A new id, from the clock and the system's randomness.
    #[expect(
        clippy::new_without_default,
        reason = "a default id would be a new one each time"
    )]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl FromStr for BatchId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

/// How many jobs of a batch stand where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BatchCounts {
    /// No worker sees them yet: as many as may be are open.
    pub parked: u32,
    /// They wait for a worker.
    pub queued: u32,
    /// A worker is at them.
    pub running: u32,
    /// A worker is at them and was asked to stop.
    pub cancelling: u32,
    /// They came to their end.
    pub succeeded: u32,
    /// They came to nothing.
    pub failed: u32,
    /// Somebody did not want them any more.
    pub cancelled: u32,
}

/// Where a batch stands, which its jobs say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchState {
    /// There is more to do.
    Running,
    /// Nothing more is begun, and what runs was asked to stop.
    Cancelling,
    /// Every job succeeded.
    Succeeded,
    /// Everything ended, and at least one job failed.
    Failed,
    /// Everything ended, none failed, and at least one was cancelled.
    Cancelled,
}

impl BatchState {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Cancelling => "cancelling",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more happens to it by itself.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

impl BatchCounts {
    /// All of them.
    pub fn total(&self) -> u32 {
        self.parked
            + self.queued
            + self.running
            + self.cancelling
            + self.succeeded
            + self.failed
            + self.cancelled
    }

    /// Where the batch stands.
    pub fn state(&self) -> BatchState {
        if self.parked + self.queued + self.running > 0 {
            BatchState::Running
        } else if self.cancelling > 0 {
            BatchState::Cancelling
        } else if self.failed > 0 {
            BatchState::Failed
        } else if self.cancelled > 0 {
            BatchState::Cancelled
        } else {
            BatchState::Succeeded
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_stands_where_its_jobs_say() {
        let of = |counts: [u32; 7]| {
            let [parked, queued, running, cancelling, succeeded, failed, cancelled] = counts;
            let counts = BatchCounts {
                parked,
                queued,
                running,
                cancelling,
                succeeded,
                failed,
                cancelled,
            };
            assert_eq!(counts.total(), 7);
            counts.state()
        };
        assert_eq!(of([1, 0, 0, 2, 2, 1, 1]), BatchState::Running);
        assert_eq!(of([0, 1, 0, 2, 2, 1, 1]), BatchState::Running);
        assert_eq!(of([0, 0, 1, 2, 2, 1, 1]), BatchState::Running);
        assert_eq!(of([0, 0, 0, 2, 3, 1, 1]), BatchState::Cancelling);
        assert_eq!(of([0, 0, 0, 0, 3, 2, 2]), BatchState::Failed);
        assert_eq!(of([0, 0, 0, 0, 3, 0, 4]), BatchState::Cancelled);
        assert_eq!(of([0, 0, 0, 0, 7, 0, 0]), BatchState::Succeeded);
    }
}
