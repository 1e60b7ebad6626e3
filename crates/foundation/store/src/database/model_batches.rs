//! Batches of requests to models. One process at a time holds one, by a lease and a fence; what it writes without the
//! fence of its claim is refused, so that a line has one answer however many processes were lost over it.

use serde::{Deserialize, Serialize};

use super::deliveries::APART_MS;
use super::session::{Row, Session, json, values};
use super::{Database, DatabaseError};

/// A batch of requests to models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelBatch {
    /// Its identity; later ones sort after earlier ones.
    pub id: String,
    /// Whose it is.
    pub owner: String,
    /// The key of the service that it was asked with, by id.
    pub key: Option<String>,
    /// The route that every line is for.
    pub endpoint: String,
    /// The file with the lines.
    pub input_file: String,
    /// In what time it is to be done, in the words of whoever asked.
    pub window: String,
    /// What whoever asked wrote on it.
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
    /// How long the files that come of it are kept, in seconds.
    pub output_seconds: Option<i64>,
    /// Where it stands.
    pub status: ModelBatchStatus,
    /// Milliseconds since 1970.
    pub created_at_ms: i64,
    /// When its time is over.
    pub expires_at_ms: i64,
    /// When it came to each further status that it came to.
    pub reached_at_ms: Vec<(ModelBatchStatus, i64)>,
    /// What is wrong with it.
    pub errors: Vec<LineError>,
    /// How many lines it has, and how many of them are answered well and otherwise.
    pub counts: LineCounts,
    /// Tokens of its answers.
    pub usage: BatchUsage,
    /// The file with what was answered well.
    pub output_file: Option<String>,
    /// The file with the rest.
    pub error_file: Option<String>,
}

/// Where a batch of requests stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelBatchStatus {
    /// Its lines are being read.
    Validating,
    /// They cannot be read.
    Failed,
    /// They are being answered.
    InProgress,
    /// Everything is answered, and the files are being written.
    Finalizing,
    /// It is done.
    Completed,
    /// Its time was over before everything was answered.
    Expired,
    /// Somebody does not want it any more; what is answered is being written.
    Cancelling,
    /// Somebody did not want it any more.
    Cancelled,
}

impl ModelBatchStatus {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Validating => "validating",
            Self::Failed => "failed",
            Self::InProgress => "in_progress",
            Self::Finalizing => "finalizing",
            Self::Completed => "completed",
            Self::Expired => "expired",
            Self::Cancelling => "cancelling",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more happens to it.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Failed | Self::Completed | Self::Expired | Self::Cancelled
        )
    }
}

/// What is wrong with a line, or with the whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineError {
    /// A word for it.
    pub code: String,
    /// What is wrong, for people.
    pub message: String,
    /// Which line, from 1.
    pub line: Option<i64>,
}

/// How many lines stand where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineCounts {
    /// All of them.
    pub total: i64,
    /// Those that were answered well.
    pub completed: i64,
    /// Those that were answered otherwise, or not at all when it ended.
    pub failed: i64,
}

/// Tokens of all answers that report them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchUsage {
    /// Read.
    pub input_tokens: i64,
    /// Of those, from a cache.
    pub cached_tokens: i64,
    /// Written.
    pub output_tokens: i64,
}

impl ModelBatch {
    /// Has it stand at `status` from now on.
    pub fn reach(&mut self, status: ModelBatchStatus, now_ms: i64) {
        self.status = status;
        self.reached_at_ms.push((status, now_ms));
    }
}

/// A batch, and the fence of the claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedBatch {
    /// The batch as it stands.
    pub batch: ModelBatch,
    /// What is written for it names this.
    pub fence: i64,
}

/// One request of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchLine {
    /// Its number in the file, from 1.
    pub line: i64,
    /// What whoever asked calls it.
    pub custom_id: String,
    /// The body.
    pub request: String,
}

/// One request of a batch with its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweredLine {
    /// Its number in the file, from 1.
    pub line: i64,
    /// What whoever asked calls it.
    pub custom_id: String,
    /// The status and the body of the answer; none when there is none.
    pub answer: Option<(i64, String)>,
}

const OK: i64 = 200;

impl Database {
    /// Keeps a batch of requests, for whoever takes it first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn submit_model_batch(&self, batch: &ModelBatch) -> Result<(), DatabaseError> {
        let mut session = self.write().await?;
        session
            .run(
                "INSERT INTO model_batches (id, owner, is_open, fence, lease_until, body, created_at) \
                 VALUES ($1, $2, TRUE, 0, 0, $3, $4)",
                values![&batch.id, &batch.owner, json("body", batch)?, batch.created_at_ms],
            )
            .await?;
        session.commit().await
    }

    /// The batch of requests of that id, if it belongs to `owner`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn model_batch(&self, owner: &str, id: &str) -> Result<Option<ModelBatch>, DatabaseError> {
        let mut session = self.read().await?;
        let statement = "SELECT body FROM model_batches WHERE id = $1 AND owner = $2";
        match session.first(statement, values![id, owner]).await? {
            Some(row) => Ok(Some(counted(&mut session, row.json("body")?).await?)),
            None => Ok(None),
        }
    }

    /// The batches of requests of `owner`, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn model_batches(
        &self,
        owner: &str,
        before: Option<&str>,
        limit: u32,
    ) -> Result<Vec<ModelBatch>, DatabaseError> {
        let mut session = self.read().await?;
        let rows = session
            .all(
                "SELECT body FROM model_batches WHERE owner = $1 AND ($2 IS NULL OR id < $2) \
                 ORDER BY id DESC LIMIT $3",
                values![owner, before, limit],
            )
            .await?;
        let mut batches = Vec::with_capacity(rows.len());
        for row in &rows {
            batches.push(counted(&mut session, row.json("body")?).await?);
        }
        Ok(batches)
    }

    /// How many batches of `owner` have not ended.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn open_model_batches(&self, owner: &str) -> Result<i64, DatabaseError> {
        let mut session = self.read().await?;
        let statement = "SELECT COUNT(*) AS n FROM model_batches WHERE owner = $1 AND is_open";
        session.one(statement, values![owner]).await?.integer("n")
    }

    /// Has a batch of `owner` cancelled by whoever holds it; as it stands then, and none when there is none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn cancel_model_batch(
        &self,
        owner: &str,
        id: &str,
        now_ms: i64,
    ) -> Result<Option<ModelBatch>, DatabaseError> {
        let mut session = self.write().await?;
        let Some(row) = lock(&mut session, id).await? else {
            return Ok(None);
        };
        let mut batch: ModelBatch = row.json("body")?;
        if batch.owner != owner {
            return Ok(None);
        }
        if matches!(
            batch.status,
            ModelBatchStatus::Validating | ModelBatchStatus::InProgress
        ) {
            batch.reach(ModelBatchStatus::Cancelling, now_ms);
            save(&mut session, &batch).await?;
        }
        let batch = counted(&mut session, batch).await?;
        session.commit().await?;
        Ok(Some(batch))
    }

    /// Gives out the batch that waits longest, until `lease_until_ms`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn claim_model_batch(
        &self,
        lease_until_ms: i64,
        now_ms: i64,
    ) -> Result<Option<ClaimedBatch>, DatabaseError> {
        let mut session = self.write().await?;
        let statement = session.either(
            "SELECT id, body, fence FROM model_batches WHERE is_open AND (lease_until < $1 OR lease_until > $2) \
             ORDER BY lease_until, id LIMIT 1",
            "SELECT id, body, fence FROM model_batches WHERE is_open AND (lease_until < $1 OR lease_until > $2) \
             ORDER BY lease_until, id LIMIT 1 FOR UPDATE SKIP LOCKED",
        );
        // Nobody's lease ends later than one that is taken now, but for what clocks may differ.
        let never_ms = lease_until_ms.saturating_add(APART_MS);
        let Some(row) = session.first(statement, values![now_ms, never_ms]).await? else {
            return Ok(None);
        };
        let fence = row.integer("fence")? + 1;
        let statement = "UPDATE model_batches SET fence = $2, lease_until = $3 WHERE id = $1";
        session
            .run(statement, values![row.text("id")?, fence, lease_until_ms])
            .await?;
        session.commit().await?;
        Ok(Some(ClaimedBatch {
            batch: row.json("body")?,
            fence,
        }))
    }

    /// Says that somebody is still at a batch, and how it stands; none when another has it by now. A lease that ends at
    /// once gives it back.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn hold_model_batch(
        &self,
        id: &str,
        fence: i64,
        lease_until_ms: i64,
    ) -> Result<Option<ModelBatch>, DatabaseError> {
        let mut session = self.write().await?;
        let row = session
            .first(
                "UPDATE model_batches SET lease_until = $3 WHERE id = $1 AND fence = $2 RETURNING body",
                values![id, fence, lease_until_ms],
            )
            .await?;
        session.commit().await?;
        row.map(|row| row.json("body")).transpose()
    }

    /// Changes a batch that is held, and says how it stands then; none when another has it by now. What somebody asked
    /// for meanwhile, `change` sees.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn change_model_batch(
        &self,
        id: &str,
        fence: i64,
        change: impl FnOnce(&mut ModelBatch) + Send,
    ) -> Result<Option<ModelBatch>, DatabaseError> {
        let mut session = self.write().await?;
        let Some(mut batch) = held(&mut session, id, fence).await? else {
            return Ok(None);
        };
        change(&mut batch);
        save(&mut session, &batch).await?;
        if batch.status.is_final() {
            let lines = "DELETE FROM model_batch_lines WHERE batch = $1";
            session.run(lines, values![id]).await?;
            for file in [&batch.output_file, &batch.error_file].into_iter().flatten() {
                let whole = "UPDATE files SET whole = TRUE WHERE id = $1";
                session.run(whole, values![file]).await?;
            }
        }
        session.commit().await?;
        Ok(Some(batch))
    }

    /// Keeps lines of a batch that is held, or with `anew` puts them in the place of all others; whether it is held.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_batch_lines(
        &self,
        id: &str,
        fence: i64,
        lines: &[BatchLine],
        anew: bool,
    ) -> Result<bool, DatabaseError> {
        let mut session = self.write().await?;
        if held(&mut session, id, fence).await?.is_none() {
            return Ok(false);
        }
        if anew {
            let statement = "DELETE FROM model_batch_lines WHERE batch = $1";
            session.run(statement, values![id]).await?;
        }
        for line in lines {
            session
                .run(
                    "INSERT INTO model_batch_lines (batch, line, custom_id, request, available_at) \
                     VALUES ($1, $2, $3, $4, 0)",
                    values![id, line.line, &line.custom_id, &line.request],
                )
                .await?;
        }
        session.commit().await?;
        Ok(true)
    }

    /// Lines after `after` that have no answer yet and may be begun.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn unanswered_lines(
        &self,
        id: &str,
        after: i64,
        now_ms: i64,
        limit: u32,
    ) -> Result<Vec<BatchLine>, DatabaseError> {
        let mut session = self.read().await?;
        let rows = session
            .all(
                "SELECT line, custom_id, request FROM model_batch_lines WHERE batch = $1 AND status IS NULL \
                 AND line > $2 AND available_at <= $3 ORDER BY line LIMIT $4",
                values![id, after, now_ms, limit],
            )
            .await?;
        let lines = rows.iter().map(|row| {
            Ok(BatchLine {
                line: row.integer("line")?,
                custom_id: row.text("custom_id")?,
                request: row.text("request")?,
            })
        });
        lines.collect()
    }

    /// Keeps the answer to a line of a batch that is held; whether it is.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn answer_line(
        &self,
        id: &str,
        fence: i64,
        line: i64,
        status: i64,
        answer: &str,
    ) -> Result<bool, DatabaseError> {
        let mut session = self.write().await?;
        if held(&mut session, id, fence).await?.is_none() {
            return Ok(false);
        }
        session
            .run(
                "UPDATE model_batch_lines SET status = $3, answer = $4, request = '' WHERE batch = $1 AND line = $2",
                values![id, line, status, answer],
            )
            .await?;
        session.commit().await?;
        Ok(true)
    }

    /// Has a line begun not before `available_at_ms`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn postpone_line(
        &self,
        id: &str,
        line: i64,
        available_at_ms: i64,
    ) -> Result<(), DatabaseError> {
        let mut session = self.write().await?;
        let statement = "UPDATE model_batch_lines SET available_at = $3 WHERE batch = $1 AND line = $2";
        session.run(statement, values![id, line, available_at_ms]).await?;
        session.commit().await
    }

    /// Lines after `after` with their answers, in their order.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn batch_lines(
        &self,
        id: &str,
        after: i64,
        limit: u32,
    ) -> Result<Vec<AnsweredLine>, DatabaseError> {
        let mut session = self.read().await?;
        let rows = session
            .all(
                "SELECT line, custom_id, status, answer FROM model_batch_lines WHERE batch = $1 AND line > $2 \
                 ORDER BY line LIMIT $3",
                values![id, after, limit],
            )
            .await?;
        let lines = rows.iter().map(|row| {
            let answer = row.optional_integer("status")?.zip(row.optional_text("answer")?);
            Ok(AnsweredLine {
                line: row.integer("line")?,
                custom_id: row.text("custom_id")?,
                answer,
            })
        });
        lines.collect()
    }

    /// How many lines of a batch stand where.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn line_counts(&self, id: &str) -> Result<LineCounts, DatabaseError> {
        let mut session = self.read().await?;
        line_counts(&mut session, id).await
    }

    /// Removes the batches of requests that ended and were made before `before_ms`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn expire_model_batches(&self, before_ms: i64) -> Result<u64, DatabaseError> {
        let mut session = self.write().await?;
        let statement = "DELETE FROM model_batches WHERE NOT is_open AND created_at < $1";
        let removed = session.run(statement, values![before_ms]).await?;
        session.commit().await?;
        Ok(removed)
    }
}

async fn lock(session: &mut Session, id: &str) -> Result<Option<Row>, DatabaseError> {
    let statement = session.either(
        "SELECT body, fence FROM model_batches WHERE id = $1",
        "SELECT body, fence FROM model_batches WHERE id = $1 FOR UPDATE",
    );
    session.first(statement, values![id]).await
}

/// The batch, for this transaction alone, if that is the fence of the last claim and it has not ended.
async fn held(session: &mut Session, id: &str, fence: i64) -> Result<Option<ModelBatch>, DatabaseError> {
    let Some(row) = lock(session, id).await? else {
        return Ok(None);
    };
    if row.integer("fence")? != fence {
        return Ok(None);
    }
    let batch: ModelBatch = row.json("body")?;
    Ok((!batch.status.is_final()).then_some(batch))
}

async fn save(session: &mut Session, batch: &ModelBatch) -> Result<(), DatabaseError> {
    let statement = "UPDATE model_batches SET body = $2, is_open = $3 WHERE id = $1";
    let values = values![&batch.id, json("body", batch)?, !batch.status.is_final()];
    session.run(statement, values).await.map(drop)
}

/// The batch with the counts of its lines, as long as those are there.
async fn counted(session: &mut Session, mut batch: ModelBatch) -> Result<ModelBatch, DatabaseError> {
    if !batch.status.is_final() {
        batch.counts = line_counts(session, &batch.id).await?;
    }
    Ok(batch)
}

async fn line_counts(session: &mut Session, id: &str) -> Result<LineCounts, DatabaseError> {
    let row = session
        .one(
            "SELECT COUNT(*) AS total, \
             CAST(COALESCE(SUM(CASE WHEN status = $2 THEN 1 ELSE 0 END), 0) AS BIGINT) AS completed, \
             CAST(COALESCE(SUM(CASE WHEN status <> $2 THEN 1 ELSE 0 END), 0) AS BIGINT) AS failed \
             FROM model_batch_lines WHERE batch = $1",
            values![id, OK],
        )
        .await?;
    Ok(LineCounts {
        total: row.integer("total")?,
        completed: row.integer("completed")?,
        failed: row.integer("failed")?,
    })
}
