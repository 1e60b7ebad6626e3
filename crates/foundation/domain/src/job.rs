use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{FailureCategory, Level, ProposalId};

/// Identifies a job; sorts by time of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(Uuid);

impl JobId {
    /// A new id, from the clock and the system's randomness.
    #[expect(
        clippy::new_without_default,
        reason = "a default id would be a new one each time"
    )]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl FromStr for JobId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

/// Where a job stands.
///
/// ```text
///             ┌──────────── released, lease expired, failed with a retry
///             ▼                          │
///  submitted ─▶ queued ── claimed ──▶ running ──▶ succeeded
///                 │                    │    └───▶ failed ───┐
///                 │             cancel requested            ├─ retried ─▶ queued
///                 │                    ▼                    │
///                 └─ cancel ─▶ ... cancelling ─▶ cancelled ─┘
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waits for a worker.
    Queued,
    /// A worker is at it.
    Running,
    /// A worker is at it and was asked to stop.
    Cancelling,
    /// It came to its end; what it made says how far that was checked.
    Succeeded,
    /// It came to nothing.
    Failed,
    /// Somebody did not want it any more.
    Cancelled,
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Queued,
        Self::Running,
        Self::Cancelling,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
    ];

    /// The name in the store and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
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

/// A word that is no state of a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no state of a job: queued, running, cancelling, succeeded, failed and cancelled are")]
pub struct UnknownJobState(String);

impl FromStr for JobState {
    type Err = UnknownJobState;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|state| state.as_str() == text)
            .ok_or_else(|| UnknownJobState(text.to_owned()))
    }
}

/// What came of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum JobOutcome {
    /// A proposal, checked as far as its level says.
    Proposed {
        /// Its identity.
        proposal: ProposalId,
        /// How far it was checked.
        level: Level,
    },
    /// Nothing.
    Failed {
        /// What kind of failure it was.
        category: FailureCategory,
        /// What went wrong, for people.
        message: String,
    },
}

/// Something that happened to a job. The history of a job is a list of these, and [`JobStatus::step`] makes its status
/// from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum JobEvent {
    /// A worker took it.
    Claimed {
        /// The worker.
        worker: String,
    },
    /// The worker gave it back unfinished, since it has to stop: the attempt does not count.
    Released,
    /// The worker was not heard of in time.
    LeaseExpired,
    /// The attempt failed, and another is worth making.
    AttemptFailed {
        /// What kind of failure it was.
        category: FailureCategory,
        /// What went wrong, for people.
        message: String,
        /// When the next attempt may begin, in milliseconds since 1970-01-01 UTC.
        retry_at_ms: i64,
    },
    /// It failed for good.
    Failed {
        /// What kind of failure it was.
        category: FailureCategory,
        /// What went wrong, for people.
        message: String,
    },
    /// It made a proposal.
    Proposed {
        /// The proposal.
        proposal: ProposalId,
        /// How far it was checked.
        level: Level,
    },
    /// Somebody asked to stop it.
    CancelRequested,
    /// The worker stopped it.
    Cancelled,
    /// Its time was over before it was done.
    DeadlinePassed,
    /// Somebody wants it tried again.
    Retried,
}

/// An event that does not fit where the job stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a job that is {} cannot be {event}", state.as_str())]
pub struct StepError {
    /// Where the job stands.
    pub state: JobState,
    /// What was to happen.
    pub event: &'static str,
}

/// Everything about a job that events change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobStatus {
    /// Where it stands.
    pub state: JobState,
    /// How many attempts were begun since it was submitted or retried.
    pub attempt: u32,
    /// How many may be begun.
    pub max_attempts: u32,
    /// Grows with every claim: what a worker writes counts only while this is the number that it was given.
    pub fence: i64,
    /// The worker that is at it.
    pub worker: Option<String>,
    /// Before this no worker may take it; milliseconds since 1970-01-01 UTC.
    pub available_at_ms: i64,
    /// What came of it.
    pub outcome: Option<JobOutcome>,
}

impl JobStatus {
    /// A job that was submitted just now.
    pub fn submitted(max_attempts: u32, available_at_ms: i64) -> Self {
        Self {
            state: JobState::Queued,
            attempt: 0,
            max_attempts,
            fence: 0,
            worker: None,
            available_at_ms,
            outcome: None,
        }
    }

    /// The status after `event`.
    ///
    /// # Errors
    /// When the event does not fit the state.
    pub fn step(&self, event: &JobEvent) -> Result<Self, StepError> {
        use JobState::{Cancelled, Cancelling, Failed, Queued, Running, Succeeded};
        let next = match (self.state, event) {
            (Queued, JobEvent::Claimed { worker }) => Self {
                state: Running,
                attempt: self.attempt + 1,
                fence: self.fence + 1,
                worker: Some(worker.clone()),
                ..self.clone()
            },
            (Running, JobEvent::Released) => Self {
                attempt: self.attempt.saturating_sub(1),
                ..self.idle(Queued)
            },
            (Running, JobEvent::LeaseExpired) if self.attempt < self.max_attempts => self.idle(Queued),
            (Running, JobEvent::LeaseExpired) => {
                self.failed(FailureCategory::Internal, "its workers were lost")
            }
            (
                Running,
                JobEvent::AttemptFailed {
                    category, message, ..
                },
            ) if self.attempt >= self.max_attempts => self.failed(*category, message),
            (Running, JobEvent::AttemptFailed { retry_at_ms, .. }) => Self {
                available_at_ms: *retry_at_ms,
                ..self.idle(Queued)
            },
            (Running, JobEvent::Failed { category, message }) => self.failed(*category, message),
            (Running | Cancelling, JobEvent::Proposed { proposal, level }) => Self {
                outcome: Some(JobOutcome::Proposed {
                    proposal: *proposal,
                    level: *level,
                }),
                ..self.idle(Succeeded)
            },
            (Queued | Running, JobEvent::DeadlinePassed) => self.failed(
                FailureCategory::TimeoutTotal,
                "its deadline passed before it was done",
            ),
            (Queued, JobEvent::CancelRequested) => self.idle(Cancelled),
            (Running, JobEvent::CancelRequested) => Self {
                state: Cancelling,
                ..self.clone()
            },
            (
                Cancelling,
                JobEvent::Cancelled
                | JobEvent::Released
                | JobEvent::LeaseExpired
                | JobEvent::AttemptFailed { .. }
                | JobEvent::Failed { .. }
                | JobEvent::DeadlinePassed,
            ) => self.idle(Cancelled),
            (Failed | Cancelled, JobEvent::Retried) => Self {
                attempt: 0,
                outcome: None,
                ..self.idle(Queued)
            },
            (state, event) => {
                return Err(StepError {
                    state,
                    event: event.participle(),
                });
            }
        };
        Ok(next)
    }

    /// The status after a whole history.
    ///
    /// # Errors
    /// When one of the events does not fit.
    pub fn replay<'events>(
        self,
        events: impl IntoIterator<Item = &'events JobEvent>,
    ) -> Result<Self, StepError> {
        events
            .into_iter()
            .try_fold(self, |status, event| status.step(event))
    }

    fn idle(&self, state: JobState) -> Self {
        Self {
            state,
            worker: None,
            ..self.clone()
        }
    }

    fn failed(&self, category: FailureCategory, message: &str) -> Self {
        Self {
            outcome: Some(JobOutcome::Failed {
                category,
                message: message.to_owned(),
            }),
            ..self.idle(JobState::Failed)
        }
    }
}

impl JobEvent {
    /// The name of the kind, on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Claimed { .. } => "claimed",
            Self::Released => "released",
            Self::LeaseExpired => "lease_expired",
            Self::AttemptFailed { .. } => "attempt_failed",
            Self::Failed { .. } => "failed",
            Self::Proposed { .. } => "proposed",
            Self::CancelRequested => "cancel_requested",
            Self::Cancelled => "cancelled",
            Self::DeadlinePassed => "deadline_passed",
            Self::Retried => "retried",
        }
    }

    fn participle(&self) -> &'static str {
        match self {
            Self::Claimed { .. } => "claimed",
            Self::Released => "released",
            Self::LeaseExpired => "taken from its worker",
            Self::AttemptFailed { .. } | Self::Failed { .. } => "failed",
            Self::Proposed { .. } => "answered with a proposal",
            Self::CancelRequested | Self::Cancelled => "cancelled",
            Self::DeadlinePassed => "ended by its deadline",
            Self::Retried => "retried",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimed() -> JobEvent {
        JobEvent::Claimed {
            worker: "w".to_owned(),
        }
    }

    fn failed_attempt(retry_at_ms: i64) -> JobEvent {
        JobEvent::AttemptFailed {
            category: FailureCategory::Network,
            message: "no answer".to_owned(),
            retry_at_ms,
        }
    }

    fn every_event() -> Vec<JobEvent> {
        vec![
            claimed(),
            JobEvent::Released,
            JobEvent::LeaseExpired,
            failed_attempt(7),
            JobEvent::Failed {
                category: FailureCategory::BadRequest,
                message: "no".to_owned(),
            },
            JobEvent::Proposed {
                proposal: ProposalId::new(),
                level: Level::Tested,
            },
            JobEvent::CancelRequested,
            JobEvent::Cancelled,
            JobEvent::DeadlinePassed,
            JobEvent::Retried,
        ]
    }

    /// Every status that four events in a row can lead to.
    fn reachable() -> Vec<JobStatus> {
        let mut all = vec![JobStatus::submitted(2, 0)];
        let mut last = all.clone();
        for _ in 0..4 {
            let events = every_event();
            last = last
                .iter()
                .flat_map(|status| events.iter().filter_map(|event| status.step(event).ok()))
                .collect();
            all.extend(last.iter().cloned());
        }
        all
    }

    #[test]
    fn an_attempt_that_fails_is_made_again_until_none_is_left() {
        let job = JobStatus::submitted(2, 0);
        let once = job.replay(&[claimed(), failed_attempt(50)]).unwrap();
        assert_eq!(
            (once.state, once.attempt, once.available_at_ms),
            (JobState::Queued, 1, 50)
        );
        let twice = once.replay(&[claimed(), failed_attempt(90)]).unwrap();
        assert_eq!(twice.state, JobState::Failed);
        assert!(matches!(
            twice.outcome,
            Some(JobOutcome::Failed {
                category: FailureCategory::Network,
                ..
            })
        ));
        let again = twice.step(&JobEvent::Retried).unwrap();
        assert_eq!(
            (again.state, again.attempt, again.outcome),
            (JobState::Queued, 0, None)
        );
    }

    #[test]
    fn a_worker_that_has_to_stop_costs_no_attempt() {
        let job = JobStatus::submitted(1, 0)
            .replay(&[claimed(), JobEvent::Released])
            .unwrap();
        assert_eq!((job.state, job.attempt, job.fence), (JobState::Queued, 0, 1));
    }

    #[test]
    fn nothing_but_a_person_moves_a_job_that_ended() {
        for status in reachable().iter().filter(|status| status.state.is_final()) {
            for event in every_event() {
                let moved = status.step(&event).is_ok();
                let may = event == JobEvent::Retried && status.state != JobState::Succeeded;
                assert_eq!(moved, may, "{status:?} {event:?}");
            }
        }
    }

    #[test]
    fn the_fence_grows_with_every_claim_and_only_then() {
        for status in reachable() {
            for event in every_event() {
                let Ok(next) = status.step(&event) else { continue };
                let claims = i64::from(matches!(event, JobEvent::Claimed { .. }));
                assert_eq!(next.fence, status.fence + claims);
                assert!(next.attempt <= next.max_attempts);
                let is_held = matches!(next.state, JobState::Running | JobState::Cancelling);
                assert_eq!(next.worker.is_some(), is_held, "{status:?} {event:?}");
                assert_eq!(
                    next.outcome.is_some(),
                    matches!(next.state, JobState::Succeeded | JobState::Failed)
                );
            }
        }
    }
}
