//! Whether a target is asked at all: one that failed again and again gets time to recover, then one request to prove it.
//!
//! ```text
//!            failures in a row            the wait is over            the probe failed
//!   closed ─────────────────────▶ open ────────────────────▶ probing ─────────────────▶ open, twice as long
//!     ▲                                                          │
//!     └──────────────────────────── it answered ─────────────────┘
//! ```

use std::time::Duration;

use tokio::time::Instant;

use crate::watch::Standing;

/// When a target is left alone, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerPolicy {
    /// Failures in a row.
    pub failures: u32,
    /// The first wait; each that follows a failed probe is twice as long.
    pub wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
}

impl Default for BreakerPolicy {
    fn default() -> Self {
        Self {
            failures: 3,
            wait: Duration::from_secs(5),
            longest_wait: Duration::from_secs(120),
        }
    }
}

/// The breaker of one target.
#[derive(Debug)]
pub(super) struct Breaker {
    policy: BreakerPolicy,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed {
        failures: u32,
        /// How long it is left alone when it fails once too often.
        wait: Duration,
    },
    Open {
        until: Instant,
        wait: Duration,
        /// Whether the target itself asked for patience.
        was_asked: bool,
    },
    Probing {
        wait: Duration,
    },
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The target answered, if only to say that the request was wrong.
    Answered,
    /// It did not.
    Failed,
    /// It asked for patience.
    Limited(Duration),
    /// Nobody waited for it.
    Unknown,
}

impl Breaker {
    pub fn new(policy: BreakerPolicy) -> Self {
        Self {
            policy,
            state: State::Closed {
                failures: 0,
                wait: policy.wait,
            },
        }
    }

    /// When the target may be asked again; `None` when it may be now.
    pub fn closed_until(&self, now: Instant) -> Option<Instant> {
        match self.state {
            State::Closed { .. } => None,
            State::Open { until, .. } => (now < until).then_some(until),
            // Another request is finding out.
            State::Probing { .. } => Some(now),
        }
    }

    /// Whether the target is left alone because it asked for that.
    pub fn was_asked(&self) -> bool {
        matches!(self.state, State::Open { was_asked: true, .. })
    }

    /// Where the target stands.
    pub fn standing(&self) -> Standing {
        match self.state {
            State::Closed { .. } => Standing::Asked,
            State::Open { was_asked: true, .. } => Standing::Limited,
            State::Open { .. } => Standing::Failing,
            State::Probing { .. } => Standing::OnTrial,
        }
    }

    /// Takes note of a first text: a probe has shown that the target answers. Whether it comes to an end is seen later.
    pub fn answers(&mut self) {
        if let State::Probing { wait } = self.state {
            self.state = self.on_trial(self.longer(wait));
        }
    }

    /// Takes note of an attempt that begins; the caller made sure that the target may be asked.
    pub fn begin(&mut self) {
        self.state = match self.state {
            // It has not failed.
            State::Open {
                was_asked: true,
                wait,
                ..
            } => self.on_trial(wait),
            State::Open { wait, .. } => State::Probing { wait },
            state => state,
        };
    }

    /// Everybody is let in, and one failure ends that.
    fn on_trial(&self, wait: Duration) -> State {
        State::Closed {
            failures: self.policy.failures.saturating_sub(1),
            wait,
        }
    }

    fn longer(&self, wait: Duration) -> Duration {
        (wait * 2).min(self.policy.longest_wait)
    }

    pub fn end(&mut self, verdict: Verdict, now: Instant) {
        let open = |wait: Duration| State::Open {
            until: now + wait,
            wait,
            was_asked: false,
        };
        self.state = match (self.state, verdict) {
            // What was asked before says nothing of now.
            (state @ State::Open { .. }, Verdict::Answered | Verdict::Failed | Verdict::Unknown) => state,
            (_, Verdict::Answered) => State::Closed {
                failures: 0,
                wait: self.policy.wait,
            },
            (_, Verdict::Limited(patience)) => State::Open {
                until: now + patience,
                wait: self.policy.wait,
                was_asked: true,
            },
            (State::Closed { failures, wait }, Verdict::Failed) if failures + 1 < self.policy.failures => {
                State::Closed {
                    failures: failures + 1,
                    wait,
                }
            }
            (State::Closed { wait, .. }, Verdict::Failed) => open(wait),
            (State::Probing { wait }, Verdict::Failed) => open(self.longer(wait)),
            // The next request finds out.
            (State::Probing { wait }, Verdict::Unknown) => State::Open {
                until: now,
                wait,
                was_asked: false,
            },
            (state @ State::Closed { .. }, Verdict::Unknown) => state,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: BreakerPolicy = BreakerPolicy {
        failures: 2,
        wait: Duration::from_secs(10),
        longest_wait: Duration::from_secs(15),
    };

    fn after(now: Instant, seconds: u64) -> Instant {
        now + Duration::from_secs(seconds)
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_probe_closes_it() {
        let now = Instant::now();
        let mut breaker = Breaker::new(POLICY);
        breaker.end(Verdict::Failed, now);
        breaker.end(Verdict::Answered, now);
        breaker.end(Verdict::Failed, now);
        assert_eq!(breaker.closed_until(now), None, "they were not in a row");
        breaker.end(Verdict::Failed, now);
        assert_eq!(breaker.closed_until(now), Some(after(now, 10)));
        let later = after(now, 10);
        assert_eq!(breaker.closed_until(later), None);
        breaker.begin();
        assert!(breaker.closed_until(later).is_some(), "one probe at a time");
        breaker.end(Verdict::Failed, later);
        assert_eq!(
            breaker.closed_until(later),
            Some(after(later, 15)),
            "twice as long, but no longer than that"
        );
        breaker.begin();
        breaker.end(Verdict::Answered, after(later, 15));
        assert_eq!(breaker.closed_until(after(later, 15)), None);
    }

    #[test]
    fn a_probe_that_nobody_waited_for_proves_nothing() {
        let now = Instant::now();
        let mut breaker = Breaker::new(POLICY);
        breaker.end(Verdict::Failed, now);
        breaker.end(Verdict::Failed, now);
        let later = after(now, 10);
        breaker.begin();
        breaker.end(Verdict::Unknown, later);
        assert_eq!(breaker.closed_until(later), None, "the next request may probe");
    }

    #[test]
    fn a_probe_that_writes_lets_others_in() {
        let now = Instant::now();
        let mut breaker = Breaker::new(POLICY);
        breaker.end(Verdict::Limited(Duration::ZERO), now);
        breaker.begin();
        breaker.answers();
        assert_eq!(breaker.closed_until(now), None);
        breaker.end(Verdict::Failed, now);
        assert!(breaker.closed_until(now).is_some(), "it died in the middle");
        let later = after(now, 10);
        breaker.begin();
        breaker.answers();
        breaker.end(Verdict::Failed, later);
        assert_eq!(
            breaker.closed_until(later),
            Some(after(later, 15)),
            "it dies each time"
        );
    }

    #[test]
    fn an_answer_from_before_does_not_end_the_patience() {
        let now = Instant::now();
        let mut breaker = Breaker::new(POLICY);
        breaker.end(Verdict::Limited(Duration::from_secs(7)), now);
        breaker.end(Verdict::Answered, now);
        assert_eq!(breaker.closed_until(now), Some(after(now, 7)));
        breaker.begin();
        assert_eq!(breaker.closed_until(after(now, 7)), None, "all are let in again");
    }

    #[test]
    fn patience_is_kept() {
        let now = Instant::now();
        let mut breaker = Breaker::new(POLICY);
        breaker.end(Verdict::Limited(Duration::from_secs(7)), now);
        assert_eq!(breaker.closed_until(now), Some(after(now, 7)));
        assert!(breaker.was_asked());
    }
}
