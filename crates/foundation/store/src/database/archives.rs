//! Trees that were uploaded, whole.

use tenon_domain::Digest;

use super::session::values;
use super::{Database, DatabaseError};

impl Database {
    /// Keeps an archive as the tree of a repository, in place of the one before; its digest.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn keep_archive(
        &self,
        repository: &str,
        bytes: Vec<u8>,
        now_ms: i64,
    ) -> Result<Digest, DatabaseError> {
        let digest = Digest::of(&bytes);
        let mut session = self.write().await?;
        session
            .run(
                "INSERT INTO archives (repository, digest, bytes, created_at) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (repository) DO UPDATE SET digest = excluded.digest, bytes = excluded.bytes, \
                 created_at = excluded.created_at",
                values![repository, digest.to_string(), bytes, now_ms],
            )
            .await?;
        session.commit().await?;
        Ok(digest)
    }

    /// The archive of a repository.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn archive(&self, repository: &str) -> Result<Option<Vec<u8>>, DatabaseError> {
        let mut session = self.read().await?;
        let statement = "SELECT bytes FROM archives WHERE repository = $1";
        let row = session.first(statement, values![repository]).await?;
        row.map(|row| row.bytes("bytes")).transpose()
    }
}
