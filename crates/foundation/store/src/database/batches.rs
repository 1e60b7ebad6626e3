//! Batches: many jobs that were asked for in one call, of which only so many are open at once.
//!
//! ```text
//! submitted ─▶ parked ── there is room ─▶ open: queued, running ─▶ ended ── makes room for the next
//!                ▲                                                   │
//!                └──────────────────── resumed, retried ─────────────┘
//! ```
//!
//! A job leaves the parking through [`Database::refill_batch`] alone, which holds the row of the batch, counts, and opens no
//! more than there is room for. It runs whenever a job of the batch ends; when that is lost with the process, the next
//! round of [`Database::expire_jobs`] does it.

use tenon_domain::{BatchCounts, BatchId, JobEvent, JobState, PrincipalId};

use super::idempotency::{self, IdempotencyKey, Used};
use super::jobs::{self, Place, advance, begin_again, insert_job, job_columns, open_jobs, unpark};
use super::ledger::reserve;
use super::session::{Row, Session, Value, values};
use super::{Charge, Database, DatabaseError, Exceeded, Job, LimitScope, NewJob, Notice, Submitted};

/// A batch that is to be kept.
#[derive(Debug, Clone)]
pub struct NewBatch {
    /// Its identity.
    pub id: BatchId,
    /// Who asks.
    pub owner: PrincipalId,
    /// The name of the repository.
    pub repository: String,
    /// The key that it is asked with, whose limits count.
    pub key: String,
    /// How many of its jobs may be open at once.
    pub concurrency: u32,
    /// Its jobs, of the same owner and repository.
    pub items: Vec<NewItem>,
}

/// A job of a batch that is to be kept. Ceilings are looked up when it is its turn.
#[derive(Debug, Clone)]
pub struct NewItem {
    /// What whoever asks calls it; no two of a batch are called alike.
    pub custom_id: String,
    /// The job.
    pub job: NewJob,
}

/// A batch as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Its identity.
    pub id: BatchId,
    /// Who asked.
    pub owner: PrincipalId,
    /// The name of the repository.
    pub repository: String,
    /// How many of its jobs may be open at once.
    pub concurrency: u32,
    /// Milliseconds since 1970.
    pub created_at_ms: i64,
    /// When the last of its jobs ended.
    pub finished_at_ms: Option<i64>,
    /// How many jobs stand where.
    pub counts: BatchCounts,
}

/// Which batches to list.
#[derive(Debug, Clone, Default)]
pub struct BatchFilter {
    /// Of this owner alone.
    pub owner: Option<PrincipalId>,
    /// Of this repository alone.
    pub repository: Option<String>,
    /// Older than this one.
    pub before: Option<BatchId>,
}

/// A job of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchItem {
    /// Its place in the batch, from 0.
    pub index: i64,
    /// What whoever asked calls it.
    pub custom_id: String,
    /// The job.
    pub job: Job,
}

/// Of so many batches the jobs are opened in one round.
const AT_ONCE: u32 = 100;

impl Database {
    /// Keeps a batch with all of its jobs, or nothing.
    ///
    /// # Errors
    /// When the database does not answer, or two items are called alike.
    pub async fn submit_batch(
        &self,
        batch: &NewBatch,
        key: Option<&IdempotencyKey>,
        now_ms: i64,
    ) -> Result<Submitted, DatabaseError> {
        let mut session = self.write().await?;
        if let Some(key) = key {
            match idempotency::claim(&mut session, key, now_ms).await? {
                Used::Never => {}
                Used::ForTheSame(answer) => return Ok(Submitted::Before(answer)),
                Used::ForAnother => return Ok(Submitted::KeyOfAnother),
            }
        }
        if let Err(refused) = reserve(&mut session, &charges(batch), now_ms).await? {
            drop(session);
            self.tell_refused(&refused, now_ms).await?;
            return Ok(Submitted::Exceeded(refused.exceeded));
        }
        session
            .run(
                "INSERT INTO batches (id, owner, repository, api_key, concurrency, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6)",
                values![
                    batch.id.to_string(),
                    batch.owner.to_string(),
                    &batch.repository,
                    &batch.key,
                    batch.concurrency,
                    now_ms
                ],
            )
            .await?;
        for (index, item) in (0..).zip(&batch.items) {
            let place = Place {
                batch: batch.id,
                item: index,
                custom_id: &item.custom_id,
            };
            insert_job(&mut session, &item.job, Some(&place), now_ms).await?;
        }
        session.commit().await?;
        // The batch is kept; what fails here is done by the next round.
        let _ = self.refill_batch(batch.id).await;
        Ok(Submitted::New)
    }

    /// The batch of that id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn batch(&self, id: BatchId) -> Result<Option<Batch>, DatabaseError> {
        let mut session = self.read().await?;
        let statement = "SELECT id, owner, repository, concurrency, created_at FROM batches WHERE id = $1";
        match session.first(statement, values![id.to_string()]).await? {
            Some(row) => Ok(Some(batch(&mut session, &row).await?)),
            None => Ok(None),
        }
    }

    /// Batches, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn batches(&self, filter: &BatchFilter, limit: u32) -> Result<Vec<Batch>, DatabaseError> {
        let mut session = self.read().await?;
        let values: Vec<Value> = vec![
            filter.owner.map(|owner| owner.to_string()).into(),
            filter.repository.clone().into(),
            filter.before.map(|before| before.to_string()).into(),
            limit.into(),
        ];
        let rows = session
            .all(
                "SELECT id, owner, repository, concurrency, created_at FROM batches WHERE ($1 IS NULL OR owner = $1) \
                 AND ($2 IS NULL OR repository = $2) AND ($3 IS NULL OR id < $3) ORDER BY id DESC LIMIT $4",
                &values,
            )
            .await?;
        let mut batches = Vec::with_capacity(rows.len());
        for row in &rows {
            batches.push(batch(&mut session, row).await?);
        }
        Ok(batches)
    }

    /// The jobs of a batch after the item `after`, in its order.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn batch_items(
        &self,
        id: BatchId,
        state: Option<JobState>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<BatchItem>, DatabaseError> {
        let mut session = self.read().await?;
        let rows = session
            .all(
                concat!(
                    "SELECT batch_item, custom_id, ",
                    job_columns!(),
                    " FROM jobs WHERE batch = $1 AND batch_item > $2 AND ($3 IS NULL OR state = $3) \
                     ORDER BY batch_item LIMIT $4"
                ),
                values![id.to_string(), after, state.map(JobState::as_str), limit],
            )
            .await?;
        let items = rows.iter().map(|row| {
            Ok(BatchItem {
                index: row.integer("batch_item")?,
                custom_id: row.text("custom_id")?,
                job: jobs::job(row)?,
            })
        });
        items.collect()
    }

    /// How many jobs are parked, in all batches.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn parked_jobs(&self) -> Result<i64, DatabaseError> {
        let mut session = self.read().await?;
        let statement = "SELECT COUNT(*) AS n FROM jobs WHERE parked";
        session.one(statement, values![]).await?.integer("n")
    }

    /// Cancels every job of a batch that has not ended, and says how many that are.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn cancel_batch(&self, id: BatchId, now_ms: i64) -> Result<usize, DatabaseError> {
        let mut session = self.write().await?;
        let open = held(&mut session, id, &[JobState::Queued, JobState::Running]).await?;
        let cancelled = open.len();
        for job in open {
            advance(&mut session, job, &JobEvent::CancelRequested, None, now_ms).await?;
        }
        session.commit().await?;
        Ok(cancelled)
    }

    /// Has every job of a batch tried again that failed or was cancelled, and says how many that are. Each counts as a new
    /// one, with these charges.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn resume_batch(
        &self,
        id: BatchId,
        charges: &[Charge],
        now_ms: i64,
    ) -> Result<Result<usize, Exceeded>, DatabaseError> {
        let mut session = self.write().await?;
        let ended = held(&mut session, id, &[JobState::Failed, JobState::Cancelled]).await?;
        let count = i64::try_from(ended.len()).unwrap_or(i64::MAX);
        let together: Vec<Charge> = charges
            .iter()
            .map(|charge| Charge {
                amount: charge.amount.saturating_mul(count),
                ..charge.clone()
            })
            .collect();
        if count > 0
            && let Err(refused) = reserve(&mut session, &together, now_ms).await?
        {
            drop(session);
            self.tell_refused(&refused, now_ms).await?;
            return Ok(Err(refused.exceeded));
        }
        let resumed = ended.len();
        for job in ended {
            begin_again(&mut session, job, charges, now_ms).await?;
        }
        session.commit().await?;
        // What fails here is done by the next round.
        let _ = self.refill_batch(id).await;
        Ok(Ok(resumed))
    }

    /// Opens as many parked jobs of a batch as there is room for, in the batch and under every ceiling, and says how many.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn refill_batch(&self, id: BatchId) -> Result<usize, DatabaseError> {
        let mut session = self.write().await?;
        let Some(row) = lock(&mut session, id).await? else {
            return Ok(0);
        };
        let open = "SELECT COUNT(*) AS n FROM jobs WHERE batch = $1 AND finished_at IS NULL AND NOT parked";
        let open = session.one(open, values![id.to_string()]).await?.integer("n")?;
        let mut room = row.integer("concurrency")? - open;
        let (owner, repository) = (row.parsed("owner")?, row.text("repository")?);
        for (scope, quota) in ceilings(&mut session, id).await? {
            if room > 0 {
                room = room.min(quota - open_jobs(&mut session, &scope, owner, &repository).await?);
            }
        }
        if room <= 0 {
            return Ok(0);
        }
        let next = session.either(
            concat!(
                "SELECT ",
                job_columns!(),
                " FROM jobs WHERE batch = $1 AND parked ORDER BY batch_item LIMIT $2"
            ),
            concat!(
                "SELECT ",
                job_columns!(),
                " FROM jobs WHERE batch = $1 AND parked ORDER BY batch_item LIMIT $2 FOR UPDATE SKIP LOCKED"
            ),
        );
        let rows = session.all(next, values![id.to_string(), room]).await?;
        for row in &rows {
            unpark(&mut session, &jobs::job(row)?).await?;
        }
        if !rows.is_empty() {
            session.tell(Notice::JobQueued);
            session.commit().await?;
        }
        Ok(rows.len())
    }

    /// What ended makes room in its batch, and what is tried again may find some.
    pub(super) async fn refill(&self, job: &Job) {
        if let Some(batch) = job.batch
            && (job.status.state.is_final() || job.is_parked)
        {
            // What fails here is done by the next round.
            let _ = self.refill_batch(batch).await;
        }
    }

    /// Opens jobs of the batches that have fewer open than they may.
    pub(super) async fn refill_batches(&self) -> Result<(), DatabaseError> {
        let rows = {
            let mut session = self.read().await?;
            session
                .all(
                    "SELECT b.id FROM batches b JOIN (SELECT DISTINCT batch FROM jobs WHERE parked) p ON p.batch = b.id \
                     WHERE (SELECT COUNT(*) FROM jobs j WHERE j.batch = b.id AND j.finished_at IS NULL \
                     AND NOT j.parked) < b.concurrency ORDER BY b.id LIMIT $1",
                    values![AT_ONCE],
                )
                .await?
        };
        for row in &rows {
            // One that cannot be read does not keep the others waiting.
            let _ = self.refill_batch(row.parsed("id")?).await;
        }
        Ok(())
    }
}

/// The batch, for this transaction alone: nobody else opens jobs of it, or changes several.
async fn lock(session: &mut Session, id: BatchId) -> Result<Option<Row>, DatabaseError> {
    let statement = session.either(
        "SELECT owner, repository, concurrency FROM batches WHERE id = $1",
        "SELECT owner, repository, concurrency FROM batches WHERE id = $1 FOR UPDATE",
    );
    session.first(statement, values![id.to_string()]).await
}

/// The jobs of a batch that stand so, in its order: all of them held before the first is changed, in an order that
/// everybody keeps who holds several.
async fn held(session: &mut Session, id: BatchId, of: &[JobState; 2]) -> Result<Vec<Job>, DatabaseError> {
    lock(session, id).await?;
    let statement = session.either(
        concat!(
            "SELECT ",
            job_columns!(),
            " FROM jobs WHERE batch = $1 AND state IN ($2, $3) ORDER BY batch_item"
        ),
        concat!(
            "SELECT ",
            job_columns!(),
            " FROM jobs WHERE batch = $1 AND state IN ($2, $3) ORDER BY batch_item FOR UPDATE"
        ),
    );
    let [one, other] = of.map(JobState::as_str);
    let rows = session
        .all(statement, values![id.to_string(), one, other])
        .await?;
    rows.iter().map(jobs::job).collect()
}

/// How many open jobs whoever asked may have, as it is limited now: in the order in which everybody holds them.
async fn ceilings(session: &mut Session, id: BatchId) -> Result<Vec<(LimitScope, i64)>, DatabaseError> {
    let rows = session
        .all(
            "SELECT l.scope, l.quota FROM limits l JOIN batches b ON b.id = $1 JOIN principals p ON p.id = b.owner \
             WHERE l.unit = 'concurrency' AND (l.scope = 'key:' || b.api_key OR l.scope = 'user:' || p.name \
             OR l.scope = 'team:' || p.team OR l.scope = 'repository:' || b.repository OR (l.scope = 'each:user' \
             AND NOT EXISTS (SELECT 1 FROM limits o WHERE o.unit = 'concurrency' AND o.scope = 'user:' || p.name)))",
            values![id.to_string()],
        )
        .await?;
    let ceilings = rows
        .iter()
        .map(|row| Ok((row.parsed("scope")?, row.integer("quota")?)));
    let mut ceilings = ceilings.collect::<Result<Vec<(LimitScope, i64)>, DatabaseError>>()?;
    ceilings.sort();
    Ok(ceilings)
}

/// What all items together are to be charged.
fn charges(batch: &NewBatch) -> Vec<Charge> {
    let mut total: Vec<Charge> = Vec::new();
    for charge in batch.items.iter().flat_map(|item| &item.job.charges) {
        let same = total
            .iter_mut()
            .find(|sum| sum.limit == charge.limit && sum.counted == charge.counted);
        match same {
            Some(sum) => sum.amount = sum.amount.saturating_add(charge.amount),
            None => total.push(charge.clone()),
        }
    }
    total
}

async fn batch(session: &mut Session, row: &Row) -> Result<Batch, DatabaseError> {
    let id: BatchId = row.parsed("id")?;
    let rows = session
        .all(
            "SELECT state, parked, COUNT(*) AS n, MAX(finished_at) AS finished_at FROM jobs WHERE batch = $1 \
             GROUP BY state, parked",
            values![id.to_string()],
        )
        .await?;
    let mut counts = BatchCounts::default();
    let mut finished_at_ms = None;
    for row in &rows {
        let count = match row.parsed("state")? {
            JobState::Queued if row.boolean("parked")? => &mut counts.parked,
            JobState::Queued => &mut counts.queued,
            JobState::Running => &mut counts.running,
            JobState::Cancelling => &mut counts.cancelling,
            JobState::Succeeded => &mut counts.succeeded,
            JobState::Failed => &mut counts.failed,
            JobState::Cancelled => &mut counts.cancelled,
        };
        *count = row.count("n")?;
        finished_at_ms = finished_at_ms.max(row.optional_integer("finished_at")?);
    }
    Ok(Batch {
        id,
        owner: row.parsed("owner")?,
        repository: row.text("repository")?,
        concurrency: row.count("concurrency")?,
        created_at_ms: row.integer("created_at")?,
        finished_at_ms: finished_at_ms.filter(|_| counts.state().is_final()),
        counts,
    })
}
