//! Files of clients: text in parts, so that neither writing nor reading one needs it whole in memory.

use super::session::{Row, values};
use super::{Database, DatabaseError};

/// A file without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Its identity; later ones sort after earlier ones.
    pub id: String,
    /// Whose it is.
    pub owner: String,
    /// What whoever uploaded it calls it.
    pub name: String,
    /// What it is for.
    pub purpose: String,
    /// How long it is.
    pub bytes: i64,
    /// Milliseconds since 1970.
    pub created_at_ms: i64,
    /// When it is removed, if that is settled.
    pub expires_at_ms: Option<i64>,
}

/// Whoever writes a file for longer was lost.
const LONGEST_WRITING_MS: i64 = 3_600_000;

impl Database {
    /// Begins a file; nobody sees it before it is finished.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn begin_file(&self, file: &StoredFile) -> Result<(), DatabaseError> {
        let mut session = self.write().await?;
        session
            .run(
                "INSERT INTO files (id, owner, name, purpose, bytes, whole, created_at, expires_at) \
                 VALUES ($1, $2, $3, $4, 0, FALSE, $5, $6)",
                values![
                    &file.id,
                    &file.owner,
                    &file.name,
                    &file.purpose,
                    file.created_at_ms,
                    file.expires_at_ms
                ],
            )
            .await?;
        session.commit().await
    }

    /// Keeps the part `part` of a file that was begun: whole lines.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn write_file_part(&self, id: &str, part: i64, body: &str) -> Result<(), DatabaseError> {
        let mut session = self.write().await?;
        let statement = "INSERT INTO file_parts (file, part, body) VALUES ($1, $2, $3)";
        session.run(statement, values![id, part, body]).await?;
        let statement = "UPDATE files SET bytes = bytes + $2 WHERE id = $1";
        let bytes = i64::try_from(body.len()).unwrap_or(i64::MAX);
        session.run(statement, values![id, bytes]).await?;
        session.commit().await
    }

    /// Says that every part of a file is there, and when it is to be removed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn finish_file(&self, id: &str, expires_at_ms: Option<i64>) -> Result<(), DatabaseError> {
        let mut session = self.write().await?;
        let statement = "UPDATE files SET whole = TRUE, expires_at = $2 WHERE id = $1";
        session.run(statement, values![id, expires_at_ms]).await?;
        session.commit().await
    }

    /// The file of that id, if it is whole and belongs to `owner`.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn file(&self, owner: &str, id: &str) -> Result<Option<StoredFile>, DatabaseError> {
        let mut session = self.read().await?;
        let row = session
            .first(
                "SELECT id, owner, name, purpose, bytes, created_at, expires_at FROM files \
                 WHERE id = $1 AND owner = $2 AND whole",
                values![id, owner],
            )
            .await?;
        row.as_ref().map(file).transpose()
    }

    /// The files of `owner`, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn files(
        &self,
        owner: &str,
        before: Option<&str>,
        limit: u32,
    ) -> Result<Vec<StoredFile>, DatabaseError> {
        let mut session = self.read().await?;
        let rows = session
            .all(
                "SELECT id, owner, name, purpose, bytes, created_at, expires_at FROM files \
                 WHERE owner = $1 AND whole AND ($2 IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
                values![owner, before, limit],
            )
            .await?;
        rows.iter().map(file).collect()
    }

    /// How many bytes the files of `owner` have, those that are being written included.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn file_bytes(&self, owner: &str) -> Result<i64, DatabaseError> {
        let mut session = self.read().await?;
        let statement = "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS n FROM files WHERE owner = $1";
        session.one(statement, values![owner]).await?.integer("n")
    }

    /// A part of a file; none after the last.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn file_part(&self, id: &str, part: i64) -> Result<Option<String>, DatabaseError> {
        let mut session = self.read().await?;
        let statement = "SELECT body FROM file_parts WHERE file = $1 AND part = $2";
        let row = session.first(statement, values![id, part]).await?;
        row.map(|row| row.text("body")).transpose()
    }

    /// Removes a file of `owner`; whether there was one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn remove_file(&self, owner: &str, id: &str) -> Result<bool, DatabaseError> {
        let mut session = self.write().await?;
        let parts = "DELETE FROM file_parts WHERE file = $1 AND EXISTS \
             (SELECT 1 FROM files WHERE id = $1 AND owner = $2)";
        session.run(parts, values![id, owner]).await?;
        let statement = "DELETE FROM files WHERE id = $1 AND owner = $2";
        let removed = session.run(statement, values![id, owner]).await?;
        session.commit().await?;
        Ok(removed > 0)
    }

    /// Removes the files whose time is over, those made before `before_ms`, and those that nobody writes any more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn expire_files(&self, before_ms: i64, now_ms: i64) -> Result<u64, DatabaseError> {
        let mut session = self.write().await?;
        let abandoned = now_ms.saturating_sub(LONGEST_WRITING_MS);
        let values = values![now_ms, before_ms, abandoned];
        session
            .run(
                "DELETE FROM file_parts WHERE file IN (SELECT id FROM files WHERE expires_at <= $1 OR created_at < $2 \
                 OR (created_at < $3 AND NOT whole))",
                values,
            )
            .await?;
        let removed = session
            .run(
                "DELETE FROM files WHERE expires_at <= $1 OR created_at < $2 OR (created_at < $3 AND NOT whole)",
                values,
            )
            .await?;
        session.commit().await?;
        Ok(removed)
    }
}

fn file(row: &Row) -> Result<StoredFile, DatabaseError> {
    Ok(StoredFile {
        id: row.text("id")?,
        owner: row.text("owner")?,
        name: row.text("name")?,
        purpose: row.text("purpose")?,
        bytes: row.integer("bytes")?,
        created_at_ms: row.integer("created_at")?,
        expires_at_ms: row.optional_integer("expires_at")?,
    })
}
