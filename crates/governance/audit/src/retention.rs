use std::time::Duration;

use crate::{AuditError, Checkpoint, CheckpointKind, Head, PublicKey, SigningKey};

/// The least that records are kept: six months, whichever months they are.
pub const RETENTION_FLOOR: Duration = Duration::from_secs(183 * 86_400);

/// How long records are kept unless somebody says otherwise.
pub const RETENTION_DEFAULT: Duration = Duration::from_secs(400 * 86_400);

/// How long records are kept, never less than [`RETENTION_FLOOR`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Retention(Duration);

/// What retention may remove: everything up to a head that was signed when all of it was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truncation {
    anchor: Head,
}

impl Retention {
    /// Checks `duration`.
    ///
    /// # Errors
    /// When it is shorter than [`RETENTION_FLOOR`].
    pub fn new(duration: Duration) -> Result<Self, AuditError> {
        if duration < RETENTION_FLOOR {
            return Err(AuditError::RetentionTooShort {
                given: duration,
                floor: RETENTION_FLOOR,
            });
        }
        Ok(Self(duration))
    }

    /// How long.
    pub fn duration(self) -> Duration {
        self.0
    }

    /// What happened before this moment has expired at `now_ms`; both in milliseconds since 1970 UTC.
    pub fn cutoff_ms(self, now_ms: i64) -> i64 {
        now_ms.saturating_sub(i64::try_from(self.0.as_millis()).unwrap_or(i64::MAX))
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self(RETENTION_DEFAULT)
    }
}

impl Truncation {
    /// What has expired at `now_ms`: everything up to the latest checkpoint that is itself older than `retention`.
    ///
    /// A checkpoint is signed after the records it speaks for, so they are all at least as old as it is. `None` when
    /// nothing has expired that was not removed before. Checkpoints that none of these keys signed count for nothing.
    pub fn plan(
        retention: Retention,
        now_ms: i64,
        checkpoints: &[Checkpoint],
        trusted: &[PublicKey],
    ) -> Option<Self> {
        let cutoff = retention.cutoff_ms(now_ms);
        let latest = |kind: CheckpointKind, before: i64| {
            checkpoints
                .iter()
                .filter(|checkpoint| checkpoint.kind == kind && checkpoint.at_ms < before)
                .filter(|checkpoint| trusted.iter().any(|key| checkpoint.is_signed_by(key)))
                .map(|checkpoint| checkpoint.head)
                .max_by_key(|head| head.sequence)
        };
        let anchor = latest(CheckpointKind::Periodic, cutoff)?;
        let removed = latest(CheckpointKind::Truncation, i64::MAX).map_or(0, |head| head.sequence);
        (anchor.sequence > removed).then_some(Self { anchor })
    }

    /// The last record that may go; all before it go too.
    pub fn through(&self) -> i64 {
        self.anchor.sequence
    }

    /// The checkpoint at which the log starts afterwards. It is stored before, or together with, the removal.
    ///
    /// # Errors
    /// When the cryptographic library cannot sign.
    pub fn sign(&self, key: &SigningKey, now_ms: i64) -> Result<Checkpoint, AuditError> {
        key.checkpoint(self.anchor, now_ms, CheckpointKind::Truncation)
    }
}
