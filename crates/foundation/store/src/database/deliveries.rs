//! Events on their way to webhooks.
//!
//! ```text
//!              ┌───────── failed, worth another attempt
//!              ▼                 │
//! announced ─▶ pending ── claimed, for one process at a time ──▶ delivered ─┐
//!              ▲                 └──▶ failed ───────────────────────────────┤
//!              └──────────────────────────── replayed ──────────────────────┘
//! ```
//!
//! A claim holds its webhook until it is settled or its lease ends; then the delivery is made again, under the same id.

use tenon_domain::Secret;

use super::delivery::{columns as delivery_columns, delivery};
use super::session::{Row, Session, values};
use super::{ClaimedDelivery, Database, DatabaseError, Delivery, DeliveryOutcome, DeliveryState};

/// So many deliveries that fail for good, one after the other, disable a webhook.
const MOST_FAILURES: u32 = 20;

/// No lease ends later than one that is taken now, but for what clocks may differ: whatever does was taken by a clock that
/// was set back since.
pub(super) const APART_MS: i64 = 60_000;

/// Webhooks that have something to be sent and are free, those first that waited longest.
macro_rules! due {
    ($columns:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM webhooks w WHERE w.disabled_at IS NULL AND (w.free_at <= $1 OR w.free_at > $3) AND EXISTS (SELECT 1 FROM deliveries d \
             WHERE d.webhook = w.id AND d.state = 'pending' AND d.next_at <= $1) ORDER BY w.free_at, w.id LIMIT $2"
        )
    };
    ($columns:literal, locked) => {
        // Not more than is needed: rows that only refer to a webhook do not wait.
        concat!(due!($columns), " FOR NO KEY UPDATE OF w SKIP LOCKED")
    };
}

impl Database {
    /// Takes deliveries that are due, one for each webhook at most, until `lease_until_ms`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn claim_deliveries(
        &self,
        limit: u32,
        lease_until_ms: i64,
        now_ms: i64,
    ) -> Result<Vec<ClaimedDelivery>, DatabaseError> {
        let never_ms = lease_until_ms.saturating_add(APART_MS);
        let peek = self
            .read()
            .await?
            .first(due!("w.id"), values![now_ms, 1_u32, never_ms])
            .await?;
        if peek.is_none() {
            return Ok(Vec::new());
        }
        let mut session = self.write().await?;
        let statement = session.either(
            due!("w.id, w.kind, w.url, w.secret, w.old_secret, w.old_secret_until"),
            due!(
                "w.id, w.kind, w.url, w.secret, w.old_secret, w.old_secret_until",
                locked
            ),
        );
        let free = session.all(statement, values![now_ms, limit, never_ms]).await?;
        let mut claimed = Vec::with_capacity(free.len());
        for webhook in &free {
            claimed.extend(claim(&mut session, webhook, lease_until_ms, now_ms).await?);
        }
        session.commit().await?;
        Ok(claimed)
    }

    /// Writes down what came of a delivery; whether it was still whoever claimed it who had it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn settle_delivery(
        &self,
        claimed: &ClaimedDelivery,
        outcome: &DeliveryOutcome,
        now_ms: i64,
    ) -> Result<bool, DatabaseError> {
        let mut session = self.write().await?;
        // The webhook first, as in every transaction that locks both.
        let lock = session.either(
            "SELECT failures FROM webhooks WHERE id = $1",
            "SELECT failures FROM webhooks WHERE id = $1 FOR NO KEY UPDATE",
        );
        let Some(row) = session.first(lock, values![&claimed.webhook]).await? else {
            return Ok(false);
        };
        if !write_outcome(&mut session, claimed, outcome, now_ms).await? {
            // Whoever made it again meanwhile need not wait for the end of this lease.
            let statement = "UPDATE webhooks SET free_at = $3 WHERE id = $1 AND free_at = $2";
            let values = values![&claimed.webhook, claimed.lease_until_ms, now_ms];
            session.run(statement, values).await?;
            session.commit().await?;
            return Ok(false);
        }
        let (failures, disabled) = consequences(row.count("failures")?, outcome);
        session
            .run(
                "UPDATE webhooks SET failures = $2, free_at = CASE WHEN free_at = $3 THEN $4 ELSE free_at END, \
                 disabled_at = CASE WHEN $5 IS NULL THEN disabled_at ELSE $4 END, \
                 disabled_reason = COALESCE($5, disabled_reason) WHERE id = $1",
                values![&claimed.webhook, failures, claimed.lease_until_ms, now_ms, disabled],
            )
            .await?;
        session.commit().await?;
        Ok(true)
    }

    /// The delivery of that id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn delivery(&self, id: &str) -> Result<Option<Delivery>, DatabaseError> {
        let mut session = self.read().await?;
        let statement = concat!("SELECT ", delivery_columns!(), " FROM deliveries WHERE id = $1");
        let row = session.first(statement, values![id]).await?;
        row.as_ref().map(delivery).transpose()
    }

    /// Deliveries, newest first: of one webhook, or of all; before the one of that id, or from the newest on.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn deliveries(
        &self,
        webhook: Option<&str>,
        before: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Delivery>, DatabaseError> {
        let mut session = self.read().await?;
        let statement = concat!(
            "SELECT ",
            delivery_columns!(),
            " FROM deliveries WHERE ($1 IS NULL OR webhook = $1) AND ($2 IS NULL OR id < $2) ORDER BY id DESC LIMIT $3"
        );
        let rows = session.all(statement, values![webhook, before, limit]).await?;
        rows.iter().map(delivery).collect()
    }

    /// Makes a delivery again from its first attempt on, under the same id; whether there is one. What comes of an attempt
    /// that is under way counts no more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn replay_delivery(&self, id: &str, now_ms: i64) -> Result<bool, DatabaseError> {
        let mut session = self.write().await?;
        let statement = "UPDATE deliveries SET state = 'pending', attempt = 0, claims = claims + 1, next_at = $2, \
             delivered_at = NULL WHERE id = $1";
        let replayed = session.run(statement, values![id, now_ms]).await?;
        session.commit().await?;
        Ok(replayed > 0)
    }

    /// Removes deliveries from before then that nobody waits for any more; how many.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn expire_deliveries(&self, before_ms: i64) -> Result<u64, DatabaseError> {
        let mut session = self.write().await?;
        let statement = "DELETE FROM deliveries WHERE created_at < $1 AND (state <> 'pending' OR NOT EXISTS \
             (SELECT 1 FROM webhooks w WHERE w.id = deliveries.webhook AND w.disabled_at IS NULL))";
        let removed = session.run(statement, values![before_ms]).await?;
        session.commit().await?;
        Ok(removed)
    }
}

/// Takes the first delivery that is due for a webhook, which this transaction holds.
async fn claim(
    session: &mut Session,
    webhook: &Row,
    lease_until_ms: i64,
    now_ms: i64,
) -> Result<Option<ClaimedDelivery>, DatabaseError> {
    let id = webhook.text("id")?;
    let taken = session
        .first(
            "UPDATE deliveries SET claims = claims + 1, attempt = attempt + 1 WHERE id = (SELECT id FROM deliveries \
             WHERE webhook = $1 AND state = 'pending' AND next_at <= $2 ORDER BY next_at, id LIMIT 1) \
             RETURNING id, body, attempt, claims",
            values![&id, now_ms],
        )
        .await?;
    let Some(taken) = taken else { return Ok(None) };
    let statement = "UPDATE webhooks SET free_at = $2 WHERE id = $1";
    session.run(statement, values![&id, lease_until_ms]).await?;
    Ok(Some(ClaimedDelivery {
        id: taken.text("id")?,
        webhook: id,
        kind: webhook.parsed("kind")?,
        url: webhook.text("url")?,
        secrets: secrets(webhook, now_ms)?,
        body: taken.text("body")?,
        attempt: taken.count("attempt")?,
        claim: taken.integer("claims")?,
        lease_until_ms,
    }))
}

fn secrets(webhook: &Row, now_ms: i64) -> Result<Vec<Secret>, DatabaseError> {
    let holds = webhook
        .optional_integer("old_secret_until")?
        .is_some_and(|until| until > now_ms);
    let old = webhook.optional_text("old_secret")?.filter(|_| holds);
    let all = webhook.optional_text("secret")?.into_iter().chain(old);
    Ok(all.map(|secret| Secret::new(&secret)).collect())
}

async fn write_outcome(
    session: &mut Session,
    claimed: &ClaimedDelivery,
    outcome: &DeliveryOutcome,
    now_ms: i64,
) -> Result<bool, DatabaseError> {
    use DeliveryState::{Delivered, Failed, Pending};
    let (state, next_at_ms, status, error) = match outcome {
        DeliveryOutcome::Delivered { status } => (Delivered, now_ms, Some(*status), None),
        DeliveryOutcome::Retry { status, error, at_ms } => (Pending, *at_ms, *status, Some(error.as_str())),
        DeliveryOutcome::Failed { status, error } => (Failed, now_ms, *status, Some(error.as_str())),
        DeliveryOutcome::Gone { status } => (Failed, now_ms, Some(*status), Some(GONE)),
    };
    let delivered_at_ms = (state == Delivered).then_some(now_ms);
    let written = session
        .run(
            "UPDATE deliveries SET state = $3, next_at = $4, last_status = $5, last_error = $6, delivered_at = $7 \
             WHERE id = $1 AND claims = $2 AND state = 'pending'",
            values![
                &claimed.id,
                claimed.claim,
                state.as_str(),
                next_at_ms,
                status.map(i64::from),
                error,
                delivered_at_ms,
            ],
        )
        .await?;
    Ok(written > 0)
}

const GONE: &str = "the target answered 410: it wants no more";

/// How many deliveries failed in a row by now, and why nothing more is sent, if so.
fn consequences(failures: u32, outcome: &DeliveryOutcome) -> (u32, Option<String>) {
    match outcome {
        DeliveryOutcome::Delivered { .. } => (0, None),
        DeliveryOutcome::Retry { .. } => (failures, None),
        DeliveryOutcome::Gone { .. } => (failures, Some(GONE.to_owned())),
        DeliveryOutcome::Failed { error, .. } => {
            let failures = failures.saturating_add(1);
            let reason = format!("{failures} deliveries failed in a row; the last: {error}");
            (failures, (failures >= MOST_FAILURES).then_some(reason))
        }
    }
}
