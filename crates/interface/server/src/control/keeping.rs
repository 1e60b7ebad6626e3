//! What the service does by itself from time to time: nothing in it takes input, and doing it twice does no harm.

use std::time::Duration;

use tenon_audit::{AuditEvent, Checkpoint, EventKind, Retention, SigningKey, Truncation};
use tenon_jobs::now_ms;
use tenon_store::{DatabaseError, StoredCheckpoint};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Control, work};

/// How long things are kept.
#[derive(Debug, Clone, Copy)]
pub struct Keeping {
    /// Prompts, code and samples of jobs that have ended.
    pub payloads: Duration,
    /// Rows of the audit log.
    pub audit: Retention,
}

/// Jobs that lost their worker or their time are noticed this soon even where no worker runs.
const JOBS: Duration = Duration::from_secs(5);
const OLD: Duration = Duration::from_secs(3600);

impl Control {
    /// Keeps house until `stop`. What fails is done the next time.
    pub async fn keep(&self, keeping: Keeping, key: &SigningKey, stop: &CancellationToken) {
        let mut next_old = Instant::now();
        while !stop.is_cancelled() {
            let now = now_ms();
            for job in self.database().expire_jobs(now).await.unwrap_or_default() {
                if job.status.state.is_final() {
                    work::settled(&self.parts.journal, &self.parts.metrics, &job, None).await;
                }
            }
            if next_old <= Instant::now() {
                next_old = Instant::now() + OLD;
                let _ = self
                    .database()
                    .expire_payloads(now - milliseconds(keeping.payloads))
                    .await;
                let _ = self.database().expire_idempotency_keys(now).await;
                let _ = self.expire_audit(keeping.audit, key, now).await;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep_until(Instant::now() + JOBS) => {}
            }
        }
    }

    /// Removes the oldest rows of the log, up to a checkpoint, and signs where it begins from then on.
    async fn expire_audit(
        &self,
        retention: Retention,
        key: &SigningKey,
        now_ms: i64,
    ) -> Result<(), DatabaseError> {
        let stored = self.database().checkpoints().await?;
        let checkpoints: Vec<Checkpoint> = stored
            .iter()
            .filter_map(|one| serde_json::from_str(&one.body).ok())
            .collect();
        let Some(truncation) = Truncation::plan(retention, now_ms, &checkpoints, &key.public_key()) else {
            return Ok(());
        };
        let Ok(anchor) = truncation.sign(key, now_ms) else {
            return Ok(());
        };
        let Ok(body) = serde_json::to_string(&anchor) else {
            return Ok(());
        };
        let through = truncation.through();
        let event = AuditEvent::new(EventKind::AuditExpired, now_ms).with_detail("through", through);
        if self.parts.journal.record(event).await.is_err() {
            return Ok(());
        }
        let anchor = StoredCheckpoint {
            sequence: through,
            at_ms: now_ms,
            body,
        };
        self.database().truncate_audit(&anchor).await.map(drop)
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
