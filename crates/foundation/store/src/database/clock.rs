//! Leases are judged by the clock of whoever judges: all who share a database have to agree what time it is.

use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use super::session::values;
use super::{Database, DatabaseError};

/// Clocks that are further apart than this are not right, in milliseconds. A lease is several times as long.
const MOST_APART_MS: u64 = 5_000;

/// How far the clock of this machine is from that of the database, at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockSkew {
    /// By how many milliseconds it is ahead; below zero, it is behind.
    pub ahead_ms: i64,
}

impl ClockSkew {
    /// Between these two moments of this machine the database said what time it is there.
    fn between(before_ms: i64, there_ms: i64, after_ms: i64) -> Self {
        let nearest = there_ms.clamp(before_ms.min(after_ms), before_ms.max(after_ms));
        Self {
            ahead_ms: nearest.saturating_sub(there_ms),
        }
    }

    /// Whether leases can be judged nevertheless.
    pub fn is_bearable(self) -> bool {
        self.ahead_ms.unsigned_abs() <= MOST_APART_MS
    }
}

impl Database {
    /// Compares the clock of this machine with that of the database, and remembers whether they agree. A database on this
    /// machine has no other clock.
    ///
    /// # Errors
    /// When the database does not answer: then nothing new is remembered.
    pub async fn compare_clocks(&self) -> Result<ClockSkew, DatabaseError> {
        if !self.is_shared() {
            return Ok(ClockSkew { ahead_ms: 0 });
        }
        let mut session = self.read().await?;
        let before_ms = now_ms();
        let statement = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS now";
        let row = session.one(statement, values![]).await?;
        let skew = ClockSkew::between(before_ms, row.integer("now")?, now_ms());
        self.clock_is_wrong.store(!skew.is_bearable(), Ordering::Relaxed);
        Ok(skew)
    }

    /// Whether the clocks agreed when they were last compared. While they do not, nothing is to be taken, and nothing that
    /// others hold is to be taken for abandoned.
    pub fn has_right_clock(&self) -> bool {
        !self.clock_is_wrong.load(Ordering::Relaxed)
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_way_takes_is_no_difference() {
        for (there, ahead, is_bearable) in [
            (1_000, 0, true),
            (1_400, 0, true),
            (900, 100, true),
            (1_600, -100, true),
            (-4_000, 5_000, true),
            (-4_001, 5_001, false),
            (6_501, -5_001, false),
        ] {
            let skew = ClockSkew::between(1_000, there, 1_500);
            assert_eq!(
                (skew.ahead_ms, skew.is_bearable()),
                (ahead, is_bearable),
                "{there}"
            );
        }
        // The clock was set back meanwhile.
        assert_eq!(ClockSkew::between(1_500, 1_200, 1_000).ahead_ms, 0);
    }
}
