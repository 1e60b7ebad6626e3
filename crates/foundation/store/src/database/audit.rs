//! The rows of the audit log. What they mean, and how they hold together, the room of audit knows.

use tenon_domain::Digest;

use super::session::{Session, unreadable, values};
use super::{Database, DatabaseError, Durability};

macro_rules! new_head {
    () => {
        "INSERT INTO audit_head (id, sequence, digest) VALUES (1, $2, $3) \
         ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence, digest = excluded.digest"
    };
}

/// The end of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditHead {
    /// The number of the last row.
    pub sequence: i64,
    /// The digest of the last row.
    pub digest: Digest,
}

/// A checkpoint as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// The row it speaks of.
    pub sequence: i64,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// Its JSON.
    pub body: String,
}

impl Database {
    /// Appends rows: `seal` is given the end of the log and says the new rows and the new end. Nobody else appends
    /// meanwhile.
    ///
    /// # Errors
    /// When the database does not answer, or `seal` refuses.
    pub async fn append_audit(
        &self,
        durability: Durability,
        seal: impl FnOnce(Option<AuditHead>) -> Result<(Vec<(i64, String)>, AuditHead), DatabaseError> + Send,
    ) -> Result<AuditHead, DatabaseError> {
        let mut session = self.write_with(durability).await?;
        // Another number than that of the migrations: a log is written while a newer server looks at the schema.
        if self.is_shared() {
            let lock = "SELECT pg_advisory_xact_lock(7310592)";
            session.first(lock, values![]).await?;
        }
        let (rows, head) = seal(head(&mut session).await?)?;
        let rows = serde_json::to_string(&rows).map_err(|error| unreadable("line", error))?;
        // One way to the database for both.
        let append = session.either(
            concat!(
                "INSERT INTO audit_log (sequence, line) SELECT value ->> 0, value ->> 1 FROM json_each($1); ",
                new_head!()
            ),
            concat!(
                "WITH appended AS (INSERT INTO audit_log (sequence, line) \
                 SELECT (value ->> 0)::BIGINT, value ->> 1 FROM json_array_elements($1::json)) ",
                new_head!()
            ),
        );
        let end = head.digest.to_string();
        session.run(append, values![rows, head.sequence, end]).await?;
        session.commit().await?;
        Ok(head)
    }

    /// The end of the log; none while it is empty.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn audit_head(&self) -> Result<Option<AuditHead>, DatabaseError> {
        head(&mut self.read().await?).await
    }

    /// The rows after a number, in order.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn audit_rows(&self, after: i64, limit: u32) -> Result<Vec<(i64, String)>, DatabaseError> {
        let mut session = self.read().await?;
        let statement = "SELECT sequence, line FROM audit_log WHERE sequence > $1 ORDER BY sequence LIMIT $2";
        let rows = session.all(statement, values![after, limit]).await?;
        let rows = rows
            .iter()
            .map(|row| Ok((row.integer("sequence")?, row.text("line")?)));
        rows.collect()
    }

    /// The rows before a number, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn audit_rows_before(
        &self,
        before: i64,
        limit: u32,
    ) -> Result<Vec<(i64, String)>, DatabaseError> {
        let mut session = self.read().await?;
        let statement =
            "SELECT sequence, line FROM audit_log WHERE sequence < $1 ORDER BY sequence DESC LIMIT $2";
        let rows = session.all(statement, values![before, limit]).await?;
        let rows = rows
            .iter()
            .map(|row| Ok((row.integer("sequence")?, row.text("line")?)));
        rows.collect()
    }

    /// Keeps a checkpoint.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_checkpoint(
        &self,
        durability: Durability,
        checkpoint: &StoredCheckpoint,
    ) -> Result<(), DatabaseError> {
        let mut session = self.write_with(durability).await?;
        session
            .run(
                "INSERT INTO audit_checkpoints (sequence, at, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                values![checkpoint.sequence, checkpoint.at_ms, &checkpoint.body],
            )
            .await?;
        session.commit().await
    }

    /// Every checkpoint, in the order of the rows.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn checkpoints(&self) -> Result<Vec<StoredCheckpoint>, DatabaseError> {
        let mut session = self.read().await?;
        let statement = "SELECT sequence, at, body FROM audit_checkpoints ORDER BY sequence, at";
        let rows = session.all(statement, values![]).await?;
        let checkpoints = rows.iter().map(|row| {
            Ok(StoredCheckpoint {
                sequence: row.integer("sequence")?,
                at_ms: row.integer("at")?,
                body: row.text("body")?,
            })
        });
        checkpoints.collect()
    }

    /// Removes the rows up to and with a number, of which `anchor` is the checkpoint.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn truncate_audit(&self, anchor: &StoredCheckpoint) -> Result<u64, DatabaseError> {
        let mut session = self.write().await?;
        session
            .run(
                "INSERT INTO audit_checkpoints (sequence, at, body) VALUES ($1, $2, $3)",
                values![anchor.sequence, anchor.at_ms, &anchor.body],
            )
            .await?;
        let statement = "DELETE FROM audit_log WHERE sequence <= $1";
        let removed = session.run(statement, values![anchor.sequence]).await?;
        let statement = "DELETE FROM audit_checkpoints WHERE sequence < $1";
        session.run(statement, values![anchor.sequence]).await?;
        session.commit().await?;
        Ok(removed)
    }
}

async fn head(session: &mut Session) -> Result<Option<AuditHead>, DatabaseError> {
    let row = session
        .first("SELECT sequence, digest FROM audit_head WHERE id = 1", values![])
        .await?;
    let head = row.map(|row| {
        Ok(AuditHead {
            sequence: row.integer("sequence")?,
            digest: row.parsed("digest")?,
        })
    });
    head.transpose()
}
