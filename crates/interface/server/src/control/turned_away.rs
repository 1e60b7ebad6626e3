//! Keys that are tried in vain. Whoever knows the name of a key must not fill the audit log with it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Each is recorded once in this time.
const PAUSE: Duration = Duration::from_secs(60);
/// Only keys that there are can be tried: more of them than this are not remembered at once.
const MOST: usize = 10_000;

/// What was tried and not recorded.
#[derive(Default)]
pub(super) struct TurnedAway(Mutex<HashMap<String, Tries>>);

struct Tries {
    recorded_at: Instant,
    since: i64,
}

impl TurnedAway {
    /// Whether this is to be recorded: then, how often it was tried since the last time without being so.
    pub fn count(&self, what: &str, now: Instant) -> Option<i64> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |tries: &Tries| now.saturating_duration_since(tries.recorded_at) >= PAUSE;
        if all.len() >= MOST {
            all.retain(|_, tries| !is_over(tries));
        }
        if let Some(tries) = all.get_mut(what).filter(|tries| !is_over(tries)) {
            tries.since = tries.since.saturating_add(1);
            return None;
        }
        let tries = Tries {
            recorded_at: now,
            since: 0,
        };
        let before = all.insert(what.to_owned(), tries);
        Some(before.map_or(0, |before| before.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_recorded_once_in_a_minute_with_what_was_not() {
        let turned_away = TurnedAway::default();
        let begun = Instant::now();
        let at = |seconds: u64| begun + Duration::from_secs(seconds);
        assert_eq!(turned_away.count("one", at(0)), Some(0));
        assert_eq!(turned_away.count("other", at(0)), Some(0));
        for second in 1..60 {
            assert_eq!(turned_away.count("one", at(second)), None);
        }
        assert_eq!(turned_away.count("one", at(60)), Some(59));
        assert_eq!(turned_away.count("one", at(119)), None);
        assert_eq!(turned_away.count("one", at(500)), Some(1));
    }
}
