//! Jobs: their status is a row that only [`JobStatus::step`] changes, and every change is an event beside it.

use std::collections::BTreeSet;

use tenon_domain::{BatchId, Criticality, JobEvent, JobId, JobState, JobStatus, PrincipalId, Proposal, Task};

use super::announcement::{Announcement, announce};
use super::idempotency::{self, IdempotencyKey, Used};
use super::ledger::{reserve, settle};
use super::proposals::insert_proposal;
use super::session::{Row, Session, Value, json, unreadable, values};
use super::spending::{Spending, spend};
use super::{Charge, Database, DatabaseError, Exceeded, Limit, LimitScope, LimitUnit, Notice};

/// A job that is to be kept.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Its identity.
    pub id: JobId,
    /// Who asks.
    pub owner: PrincipalId,
    /// The name of the repository.
    pub repository: String,
    /// The kind of work.
    pub task: Task,
    /// Before whom it goes.
    pub criticality: Criticality,
    /// What is asked, as JSON; kept as a payload.
    pub request: String,
    /// How many attempts may be begun.
    pub max_attempts: u32,
    /// When it is too late, in milliseconds since 1970.
    pub deadline_at_ms: Option<i64>,
    /// What is reserved for it, and settled by what it comes to.
    pub charges: Vec<Charge>,
    /// How many open jobs there may be, this one included.
    pub ceilings: Vec<Limit>,
}

/// What became of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submitted {
    /// The job is kept.
    New,
    /// It was submitted before, and answered so.
    Before(String),
    /// The key of idempotency was used for another request.
    KeyOfAnother,
    /// A limit leaves no room for it.
    Exceeded(Exceeded),
}

/// A job as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its identity.
    pub id: JobId,
    /// Who asked.
    pub owner: PrincipalId,
    /// The name of the repository.
    pub repository: String,
    /// The kind of work.
    pub task: Task,
    /// Before whom it goes.
    pub criticality: Criticality,
    /// When it is too late, in milliseconds since 1970.
    pub deadline_at_ms: Option<i64>,
    /// Milliseconds since 1970.
    pub created_at_ms: i64,
    /// When a worker took it first.
    pub started_at_ms: Option<i64>,
    /// When it ended.
    pub finished_at_ms: Option<i64>,
    /// What events changed.
    pub status: JobStatus,
    /// The number of its last event.
    pub last_event: i64,
    /// The batch that it is part of.
    pub batch: Option<BatchId>,
    /// No worker sees it yet: as many jobs of its batch as may be are open.
    pub is_parked: bool,
}

/// Which jobs to list.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    /// Of this owner alone.
    pub owner: Option<PrincipalId>,
    /// Of this repository alone.
    pub repository: Option<String>,
    /// In this state alone.
    pub state: Option<JobState>,
    /// Older than this one.
    pub before: Option<JobId>,
}

/// One line of a job's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobHistoryEntry {
    /// Its number, from 1.
    pub sequence: i64,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// What happened.
    pub news: JobNews,
}

/// What a line of the history says.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum JobNews {
    /// The status changed.
    Event(JobEvent),
    /// The work went on.
    Progress {
        /// What is being done, for people.
        progress: String,
    },
}

/// Whether a worker still holds its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// It does; go on.
    Yes,
    /// It does, and is to stop.
    AskedToStop,
    /// Somebody else has it, or it ended.
    No,
}

/// How much waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueDepth {
    /// Of which class.
    pub criticality: Criticality,
    /// How many jobs wait.
    pub waiting: i64,
    /// When the oldest of them was submitted, in milliseconds since 1970.
    pub oldest_ms: i64,
}

/// Progress is told this often at most: a run that says more is still heard by its last lines.
const MOST_EVENTS: i64 = 10_000;
/// What jobs are spent through.
const DOOR: &str = "jobs";
/// When there may be room again that an open job takes.
const SOON_MS: i64 = 5_000;

macro_rules! job_columns {
    () => {
        "id, owner, repository, task, criticality, deadline_at, created_at, started_at, finished_at, state, attempt, \
         max_attempts, fence, worker, available_at, outcome, last_event, batch, parked"
    };
}
pub(super) use job_columns;

/// No worker takes a job for longer at once: a lease that ends later was taken by a clock that was set back since.
const LONGEST_LEASE_MS: i64 = 600_000;

/// What is held no more at `$now`, or is over.
macro_rules! overdue {
    ($now:literal, $never:literal) => {
        concat!(
            "(lease_until < ",
            $now,
            " OR lease_until > ",
            $never,
            " OR (deadline_at < ",
            $now,
            " AND finished_at IS NULL))"
        )
    };
}

/// The turn of a job: behind the last of its owner, beside the first of the others.
macro_rules! turn {
    ($criticality:literal, $owner:literal) => {
        concat!(
            "SELECT CASE WHEN own.turn >= front.turn THEN own.turn + 1 ELSE front.turn END FROM \
             (SELECT COALESCE(MIN(turn), 1) AS turn FROM jobs WHERE state = 'queued' AND NOT parked \
             AND criticality = ",
            $criticality,
            ") AS front, (SELECT COALESCE(MAX(turn), 0) AS turn FROM jobs WHERE state = 'queued' AND NOT parked \
             AND criticality = ",
            $criticality,
            " AND owner = ",
            $owner,
            ") AS own"
        )
    };
}

/// Where a job stands in its batch.
pub(super) struct Place<'batch> {
    pub batch: BatchId,
    pub item: i64,
    pub custom_id: &'batch str,
}

impl Job {
    /// What each sample of a proposal came to. Samples that were drawn together read their prompt once; what no model
    /// answered cost nothing.
    pub fn spent(&self, proposal: &Proposal) -> Vec<Spending> {
        let mut read = BTreeSet::new();
        let attempts = proposal.provenance.attempts.iter();
        let answers = attempts.filter(|attempt| attempt.has_answer());
        let spent = answers.map(|attempt| {
            let sampling = &attempt.sampling;
            let round = (
                attempt.prompt_digest,
                sampling.seed.wrapping_sub(u64::from(sampling.index)),
            );
            let prompt = match read.insert(round) {
                true => attempt.prompt_tokens,
                false => Some(0),
            };
            Spending::of(
                self.owner,
                DOOR,
                &attempt.model,
                prompt,
                attempt.completion_tokens,
            )
        });
        spent.collect()
    }
}

impl Database {
    /// Keeps a job and what it asks, and tells the workers.
    ///
    /// Its turn is what makes the queue fair: jobs of one owner stand one behind the other, and the first of each owner
    /// stand side by side.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn submit_job(
        &self,
        job: &NewJob,
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
        if let Some(exceeded) = full(&mut session, job.owner, &job.repository, &job.ceilings, now_ms).await? {
            return Ok(Submitted::Exceeded(exceeded));
        }
        if let Err(refused) = reserve(&mut session, &job.charges, now_ms).await? {
            drop(session);
            self.tell_refused(&refused, now_ms).await?;
            return Ok(Submitted::Exceeded(refused.exceeded));
        }
        insert_job(&mut session, job, None, now_ms).await?;
        session.tell(Notice::JobQueued);
        session.commit().await?;
        Ok(Submitted::New)
    }

    /// Gives the worker the job whose turn it is, until `lease_until_ms`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn claim_job(
        &self,
        worker: &str,
        lease_until_ms: i64,
        now_ms: i64,
    ) -> Result<Option<Job>, DatabaseError> {
        let mut session = self.write().await?;
        let statement = session.either(
            concat!(
                "SELECT ",
                job_columns!(),
                " FROM jobs WHERE state = 'queued' AND NOT parked AND available_at <= $1 \
                 AND (deadline_at IS NULL OR deadline_at >= $1) ORDER BY criticality, turn, id LIMIT 1"
            ),
            concat!(
                "SELECT ",
                job_columns!(),
                " FROM jobs WHERE state = 'queued' AND NOT parked AND available_at <= $1 \
                 AND (deadline_at IS NULL OR deadline_at >= $1) ORDER BY criticality, turn, id LIMIT 1 \
                 FOR UPDATE SKIP LOCKED"
            ),
        );
        let Some(row) = session.first(statement, values![now_ms]).await? else {
            return Ok(None);
        };
        let event = JobEvent::Claimed {
            worker: worker.to_owned(),
        };
        let job = advance(&mut session, job(&row)?, &event, Some(lease_until_ms), now_ms).await?;
        session.commit().await?;
        Ok(Some(job))
    }

    /// Says that the worker is still at it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn hold_job(&self, id: JobId, fence: i64, lease_until_ms: i64) -> Result<Held, DatabaseError> {
        let mut session = self.write().await?;
        let row = session
            .first(
                "UPDATE jobs SET lease_until = $3 WHERE id = $1 AND fence = $2 AND state IN ('running', 'cancelling') \
                 RETURNING state",
                values![id.to_string(), fence, lease_until_ms],
            )
            .await?;
        session.commit().await?;
        let state: Option<JobState> = row.map(|row| row.parsed("state")).transpose()?;
        Ok(match state {
            Some(JobState::Running) => Held::Yes,
            Some(_) => Held::AskedToStop,
            None => Held::No,
        })
    }

    /// Tells how far the worker is. What comes from a worker that lost the job is dropped.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tell_progress(
        &self,
        id: JobId,
        fence: i64,
        progress: &str,
        now_ms: i64,
    ) -> Result<(), DatabaseError> {
        let mut session = self.write().await?;
        let row = session
            .first(
                "UPDATE jobs SET last_event = last_event + 1 WHERE id = $1 AND fence = $2 AND last_event < $3 \
                 AND state IN ('running', 'cancelling') RETURNING last_event",
                values![id.to_string(), fence, MOST_EVENTS],
            )
            .await?;
        let Some(row) = row else { return Ok(()) };
        let news = JobNews::Progress {
            progress: progress.to_owned(),
        };
        insert_event(&mut session, id, row.integer("last_event")?, &news, now_ms).await?;
        session.tell(Notice::JobChanged(id));
        session.commit().await
    }

    /// Ends an attempt as its worker says, with what it made. A worker that lost the job changes nothing.
    ///
    /// # Errors
    /// [`DatabaseError::Fenced`] when the worker does not hold the job any more.
    pub async fn settle_job(
        &self,
        id: JobId,
        fence: i64,
        event: &JobEvent,
        proposal: Option<&Proposal>,
        now_ms: i64,
    ) -> Result<Job, DatabaseError> {
        let mut session = self.write().await?;
        let held = lock(&mut session, id).await?;
        let is_held = matches!(held.status.state, JobState::Running | JobState::Cancelling);
        if held.status.fence != fence || !is_held {
            return Err(DatabaseError::Fenced(id));
        }
        if let Some(proposal) = proposal {
            insert_proposal(&mut session, &held, proposal, now_ms).await?;
        }
        let job = advance(&mut session, held, event, None, now_ms).await?;
        if let Some(proposal) = proposal {
            let spending = job.spent(proposal);
            let tokens = proposal
                .usage
                .prompt_tokens
                .saturating_add(proposal.usage.completion_tokens);
            let cost = spending.iter().filter_map(Spending::cost_micros);
            let came_to = CameTo {
                tokens: i64::try_from(tokens).unwrap_or(i64::MAX),
                cost_micros: i64::try_from(cost.sum::<u64>()).unwrap_or(i64::MAX),
            };
            charge(&mut session, &job, came_to, now_ms).await?;
            spend(&mut session, spending, now_ms).await?;
        }
        session.commit().await?;
        self.refill(&job).await;
        Ok(job)
    }

    /// Does to a job what somebody asks who is not its worker: cancelling it, or trying it again.
    ///
    /// # Errors
    /// [`DatabaseError::Step`] when that does not fit where it stands.
    pub async fn change_job(&self, id: JobId, event: &JobEvent, now_ms: i64) -> Result<Job, DatabaseError> {
        let mut session = self.write().await?;
        let before = lock(&mut session, id).await?;
        let job = advance(&mut session, before, event, None, now_ms).await?;
        session.commit().await?;
        self.refill(&job).await;
        Ok(job)
    }

    /// Tries an ended job again: it counts against what is limited as a new one does, and has as much time as it had.
    ///
    /// # Errors
    /// [`DatabaseError::Step`] when it has not ended, or came to a proposal.
    pub async fn retry_job(
        &self,
        id: JobId,
        charges: &[Charge],
        ceilings: &[Limit],
        now_ms: i64,
    ) -> Result<Result<Job, Exceeded>, DatabaseError> {
        let mut session = self.write().await?;
        let before = lock(&mut session, id).await?;
        before.status.step(&JobEvent::Retried)?;
        // One of a batch is opened when there is room.
        if before.batch.is_none()
            && let Some(exceeded) =
                full(&mut session, before.owner, &before.repository, ceilings, now_ms).await?
        {
            return Ok(Err(exceeded));
        }
        if let Err(refused) = reserve(&mut session, charges, now_ms).await? {
            drop(session);
            self.tell_refused(&refused, now_ms).await?;
            return Ok(Err(refused.exceeded));
        }
        let job = begin_again(&mut session, before, charges, now_ms).await?;
        session.commit().await?;
        self.refill(&job).await;
        Ok(Ok(job))
    }

    /// Takes jobs from workers that were not heard of, ends those whose time is over, and opens those of batches that
    /// there is room for. Harmless when done by several.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn expire_jobs(&self, now_ms: i64) -> Result<Vec<Job>, DatabaseError> {
        let overdue = concat!(
            "SELECT id FROM jobs WHERE ",
            overdue!("$1", "$2"),
            " ORDER BY id LIMIT 100"
        );
        let never_ms = now_ms.saturating_add(LONGEST_LEASE_MS);
        let rows = self.read().await?.all(overdue, values![now_ms, never_ms]).await?;
        let mut expired = Vec::new();
        for row in &rows {
            match self.expire_job(row.parsed("id")?, now_ms).await {
                Ok(job) => expired.extend(job),
                // One that cannot be read does not keep the others waiting.
                Err(DatabaseError::Row { .. }) => {}
                // Whoever asks hears of those that have ended; the rest is done the next time.
                Err(_) if !expired.is_empty() => return Ok(expired),
                Err(error) => return Err(error),
            }
        }
        // What fails here is done by the next round.
        let _ = self.refill_batches().await;
        Ok(expired)
    }

    /// Each job for itself: a transaction that holds what several of them count against would wait in a circle with
    /// others.
    async fn expire_job(&self, id: JobId, now_ms: i64) -> Result<Option<Job>, DatabaseError> {
        let mut session = self.write().await?;
        let overdue = session.either(
            concat!(
                "SELECT ",
                job_columns!(),
                " FROM jobs WHERE id = $1 AND ",
                overdue!("$2", "$3")
            ),
            concat!(
                "SELECT ",
                job_columns!(),
                " FROM jobs WHERE id = $1 AND ",
                overdue!("$2", "$3"),
                " FOR UPDATE SKIP LOCKED"
            ),
        );
        let never_ms = now_ms.saturating_add(LONGEST_LEASE_MS);
        let found = session
            .first(overdue, values![id.to_string(), now_ms, never_ms])
            .await?;
        let Some(row) = found else { return Ok(None) };
        let held = job(&row)?;
        let event = match held.deadline_at_ms.is_some_and(|deadline| deadline < now_ms) {
            true => JobEvent::DeadlinePassed,
            false => JobEvent::LeaseExpired,
        };
        let job = advance(&mut session, held, &event, None, now_ms).await?;
        session.commit().await?;
        Ok(Some(job))
    }

    /// The job of that id.
    ///
    /// # Errors
    /// [`DatabaseError::UnknownJob`] when there is none.
    pub async fn job(&self, id: JobId) -> Result<Job, DatabaseError> {
        let mut session = self.read().await?;
        let statement = concat!("SELECT ", job_columns!(), " FROM jobs WHERE id = $1");
        let row = session.first(statement, values![id.to_string()]).await?;
        job(&row.ok_or(DatabaseError::UnknownJob(id))?)
    }

    /// What a job asks, as it was submitted; none when it expired.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn job_request(&self, id: JobId) -> Result<Option<String>, DatabaseError> {
        self.payload(&id.to_string()).await
    }

    /// Jobs, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn jobs(&self, filter: &JobFilter, limit: u32) -> Result<Vec<Job>, DatabaseError> {
        let mut session = self.read().await?;
        let statement = concat!(
            "SELECT ",
            job_columns!(),
            " FROM jobs WHERE ($1 IS NULL OR owner = $1) AND ($2 IS NULL OR repository = $2) \
             AND ($3 IS NULL OR state = $3) AND ($4 IS NULL OR id < $4) ORDER BY id DESC LIMIT $5"
        );
        let values: Vec<Value> = vec![
            filter.owner.map(|owner| owner.to_string()).into(),
            filter.repository.clone().into(),
            filter.state.map(JobState::as_str).into(),
            filter.before.map(|before| before.to_string()).into(),
            limit.into(),
        ];
        let rows = session.all(statement, &values).await?;
        rows.iter().map(job).collect()
    }

    /// The history of a job after a number.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn job_history(
        &self,
        id: JobId,
        after: i64,
        limit: u32,
    ) -> Result<Vec<JobHistoryEntry>, DatabaseError> {
        let mut session = self.read().await?;
        let rows = session
            .all(
                "SELECT sequence, at, body FROM job_events WHERE job = $1 AND sequence > $2 ORDER BY sequence LIMIT $3",
                values![id.to_string(), after, limit],
            )
            .await?;
        let entries = rows.iter().map(|row| {
            Ok(JobHistoryEntry {
                sequence: row.integer("sequence")?,
                at_ms: row.integer("at")?,
                news: row.json("body")?,
            })
        });
        entries.collect()
    }

    /// How much waits, by class.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn queue_depths(&self) -> Result<Vec<QueueDepth>, DatabaseError> {
        let mut session = self.read().await?;
        let rows = session
            .all(
                "SELECT criticality, COUNT(*) AS waiting, MIN(created_at) AS oldest FROM jobs WHERE state = 'queued' \
                 AND NOT parked GROUP BY criticality ORDER BY criticality",
                values![],
            )
            .await?;
        let depths = rows.iter().map(|row| {
            Ok(QueueDepth {
                criticality: criticality(row)?,
                waiting: row.integer("waiting")?,
                oldest_ms: row.integer("oldest")?,
            })
        });
        depths.collect()
    }
}

/// Keeps a job and what it asks, and has it announced. One of a batch is parked.
pub(super) async fn insert_job(
    session: &mut Session,
    job: &NewJob,
    place: Option<&Place<'_>>,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    insert_payload(session, &job.id.to_string(), &job.request, now_ms).await?;
    session
        .run(
            concat!(
                "INSERT INTO jobs (id, owner, repository, task, criticality, deadline_at, created_at, max_attempts, \
                 available_at, charges, batch, batch_item, custom_id, parked, turn, state, attempt, fence, last_event) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $7, $9, $10, $11, $12, $13, (",
                turn!("$5", "$2"),
                "), 'queued', 0, 0, 0)"
            ),
            values![
                job.id.to_string(),
                job.owner.to_string(),
                &job.repository,
                job.task.as_str(),
                rank(job.criticality),
                job.deadline_at_ms,
                now_ms,
                job.max_attempts,
                json("charges", &job.charges)?,
                place.map(|place| place.batch.to_string()),
                place.map(|place| place.item),
                place.map(|place| place.custom_id),
                place.is_some(),
            ],
        )
        .await?;
    let announcement = Announcement {
        job: job.id,
        repository: &job.repository,
        task: job.task,
        state: JobState::Queued,
        outcome: None,
    };
    announce(session, &announcement, now_ms).await
}

/// Opens a parked job to workers: its turn is what it would be if it were submitted now.
pub(super) async fn unpark(session: &mut Session, job: &Job) -> Result<(), DatabaseError> {
    session
        .run(
            concat!(
                "UPDATE jobs SET parked = FALSE, turn = (",
                turn!("$2", "$3"),
                ") WHERE id = $1"
            ),
            values![job.id.to_string(), rank(job.criticality), job.owner.to_string()],
        )
        .await
        .map(drop)
}

/// The ceiling that leaves no room for one more open job.
async fn full(
    session: &mut Session,
    owner: PrincipalId,
    repository: &str,
    ceilings: &[Limit],
    now_ms: i64,
) -> Result<Option<Exceeded>, DatabaseError> {
    // The same order for everybody, so that two that submit at once never wait for each other.
    let mut ceilings: Vec<&Limit> = ceilings.iter().collect();
    ceilings.sort_by_key(|limit| &limit.scope);
    for limit in ceilings {
        if open_jobs(session, &limit.scope, owner, repository).await? >= limit.quota {
            return Ok(Some(Exceeded {
                limit: limit.clone(),
                resets_at_ms: now_ms.saturating_add(SOON_MS),
            }));
        }
    }
    Ok(None)
}

/// What a job came to.
#[derive(Default)]
struct CameTo {
    tokens: i64,
    cost_micros: i64,
}

/// How many jobs are open of those that this owner's count with, until the transaction ends.
pub(super) async fn open_jobs(
    session: &mut Session,
    scope: &LimitScope,
    owner: PrincipalId,
    repository: &str,
) -> Result<i64, DatabaseError> {
    // Both must not see the last place.
    let lock = session.either("SELECT $1", "SELECT pg_advisory_xact_lock(hashtext($1))");
    session.first(lock, values![scope.to_string()]).await?;
    let statement = match scope {
        LimitScope::User(_) | LimitScope::EachUser | LimitScope::Key(_) => {
            "SELECT COUNT(*) AS n FROM jobs WHERE finished_at IS NULL AND NOT parked AND owner = $1 AND $2 = $2"
        }
        LimitScope::Repository(_) => {
            "SELECT COUNT(*) AS n FROM jobs WHERE finished_at IS NULL AND NOT parked AND repository = $2 AND $1 = $1"
        }
        LimitScope::Team(_) => {
            "SELECT COUNT(*) AS n FROM jobs j JOIN principals p ON p.id = j.owner WHERE j.finished_at IS NULL \
             AND NOT j.parked AND p.team = (SELECT team FROM principals WHERE id = $1) AND $2 = $2"
        }
    };
    let row = session
        .one(statement, values![owner.to_string(), repository])
        .await?;
    row.integer("n")
}

/// Gives back what was reserved for the job, and takes what it came to.
async fn charge(session: &mut Session, job: &Job, came_to: CameTo, now_ms: i64) -> Result<(), DatabaseError> {
    let row = session
        .one(
            "SELECT charges FROM jobs WHERE id = $1",
            values![job.id.to_string()],
        )
        .await?;
    let reserved: Vec<Charge> = row.json("charges")?;
    let spent = reserved.iter().map(|charge| Charge {
        amount: match charge.limit.unit {
            LimitUnit::Tokens => came_to.tokens - charge.amount,
            LimitUnit::CostMicros => came_to.cost_micros - charge.amount,
            LimitUnit::Requests | LimitUnit::Concurrency => 0,
        },
        ..charge.clone()
    });
    let spent: Vec<Charge> = spent.collect();
    let corrections = spent.iter().map(|charge| (charge, job.created_at_ms)).collect();
    settle(session, corrections, now_ms).await?;
    // When it is tried again, nothing is reserved any more.
    let left = reserved.into_iter().map(|charge| Charge { amount: 0, ..charge });
    let left = json("charges", &left.collect::<Vec<_>>())?;
    let statement = "UPDATE jobs SET charges = $2 WHERE id = $1";
    session
        .run(statement, values![job.id.to_string(), left])
        .await
        .map(drop)
}

/// The job, for this transaction alone.
async fn lock(session: &mut Session, id: JobId) -> Result<Job, DatabaseError> {
    let statement = session.either(
        concat!("SELECT ", job_columns!(), " FROM jobs WHERE id = $1"),
        concat!("SELECT ", job_columns!(), " FROM jobs WHERE id = $1 FOR UPDATE"),
    );
    let row = session.first(statement, values![id.to_string()]).await?;
    job(&row.ok_or(DatabaseError::UnknownJob(id))?)
}

/// Has a job that ended wait as one that is new: at the end of its owner's row, with these charges, and with as much time
/// as it had.
pub(super) async fn begin_again(
    session: &mut Session,
    mut job: Job,
    charges: &[Charge],
    now_ms: i64,
) -> Result<Job, DatabaseError> {
    job.deadline_at_ms = job.deadline_at_ms.map(|deadline| {
        let span = deadline.saturating_sub(job.created_at_ms);
        now_ms.saturating_add(span)
    });
    session
        .run(
            concat!(
                "UPDATE jobs SET charges = $2, deadline_at = $3, turn = (",
                turn!("$4", "$5"),
                ") WHERE id = $1"
            ),
            values![
                job.id.to_string(),
                json("charges", &charges)?,
                job.deadline_at_ms,
                rank(job.criticality),
                job.owner.to_string(),
            ],
        )
        .await?;
    advance(session, job, &JobEvent::Retried, None, now_ms).await
}

/// The one place where a job's status changes.
pub(super) async fn advance(
    session: &mut Session,
    mut job: Job,
    event: &JobEvent,
    lease_until_ms: Option<i64>,
    now_ms: i64,
) -> Result<Job, DatabaseError> {
    job.status = job.status.step(event)?;
    job.last_event += 1;
    job.started_at_ms = job.started_at_ms.or(lease_until_ms.map(|_| now_ms));
    job.finished_at_ms = job.status.state.is_final().then_some(now_ms);
    job.is_parked = match event {
        // It waits for room in its batch again.
        JobEvent::Retried => job.batch.is_some(),
        _ => job.is_parked && job.status.state == JobState::Queued,
    };
    let is_held = matches!(job.status.state, JobState::Running | JobState::Cancelling);
    let outcome = job
        .status
        .outcome
        .as_ref()
        .map(|outcome| json("outcome", outcome));
    session
        .run(
            "UPDATE jobs SET state = $2, attempt = $3, fence = $4, worker = $5, available_at = $6, outcome = $7, \
             last_event = $8, started_at = $9, finished_at = $10, \
             lease_until = CASE WHEN $11 THEN COALESCE($12, lease_until) ELSE NULL END, parked = $13 WHERE id = $1",
            values![
                job.id.to_string(),
                job.status.state.as_str(),
                job.status.attempt,
                job.status.fence,
                job.status.worker.clone(),
                job.status.available_at_ms,
                outcome.transpose()?,
                job.last_event,
                job.started_at_ms,
                job.finished_at_ms,
                is_held,
                lease_until_ms,
                job.is_parked,
            ],
        )
        .await?;
    insert_event(
        session,
        job.id,
        job.last_event,
        &JobNews::Event(event.clone()),
        now_ms,
    )
    .await?;
    if matches!(job.status.state, JobState::Failed | JobState::Cancelled) {
        charge(session, &job, CameTo::default(), now_ms).await?;
    }
    if job.status.state.is_final() {
        let announcement = Announcement {
            job: job.id,
            repository: &job.repository,
            task: job.task,
            state: job.status.state,
            outcome: job.status.outcome.as_ref(),
        };
        announce(session, &announcement, now_ms).await?;
    }
    session.tell(Notice::JobChanged(job.id));
    if job.status.state == JobState::Queued {
        session.tell(Notice::JobQueued);
    }
    Ok(job)
}

async fn insert_event(
    session: &mut Session,
    job: JobId,
    sequence: i64,
    news: &JobNews,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    let body = json("body", news)?;
    let statement = "INSERT INTO job_events (job, sequence, at, body) VALUES ($1, $2, $3, $4)";
    let values = values![job.to_string(), sequence, now_ms, body];
    session.run(statement, values).await.map(drop)
}

pub(super) async fn insert_payload(
    session: &mut Session,
    id: &str,
    body: &str,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    let statement = "INSERT INTO payloads (id, body, created_at) VALUES ($1, $2, $3)";
    session.run(statement, values![id, body, now_ms]).await.map(drop)
}

fn rank(criticality: Criticality) -> i64 {
    let mut all = Criticality::ALL.into_iter().zip(0..);
    all.find(|(one, _)| *one == criticality)
        .map_or(0, |(_, rank)| rank)
}

fn criticality(row: &Row) -> Result<Criticality, DatabaseError> {
    let rank = row.integer("criticality")?;
    let found = usize::try_from(rank)
        .ok()
        .and_then(|rank| Criticality::ALL.get(rank).copied());
    found.ok_or_else(|| unreadable("criticality", rank))
}

pub(super) fn job(row: &Row) -> Result<Job, DatabaseError> {
    let outcome = row.optional_text("outcome")?;
    let outcome = outcome.map(|text| serde_json::from_str(&text)).transpose();
    let batch = row.optional_text("batch")?.map(|id| id.parse());
    Ok(Job {
        id: row.parsed("id")?,
        owner: row.parsed("owner")?,
        repository: row.text("repository")?,
        task: row.parsed("task")?,
        criticality: criticality(row)?,
        deadline_at_ms: row.optional_integer("deadline_at")?,
        created_at_ms: row.integer("created_at")?,
        started_at_ms: row.optional_integer("started_at")?,
        finished_at_ms: row.optional_integer("finished_at")?,
        status: JobStatus {
            state: row.parsed("state")?,
            attempt: row.count("attempt")?,
            max_attempts: row.count("max_attempts")?,
            fence: row.integer("fence")?,
            worker: row.optional_text("worker")?,
            available_at_ms: row.integer("available_at")?,
            outcome: outcome.map_err(|error| unreadable("outcome", error))?,
        },
        last_event: row.integer("last_event")?,
        batch: batch
            .transpose()
            .map_err(|error: uuid::Error| unreadable("batch", error))?,
        is_parked: row.boolean("parked")?,
    })
}
