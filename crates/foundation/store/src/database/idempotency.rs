//! Answers that are given again when the same is asked again.

use super::session::{Session, values};
use super::{Database, DatabaseError};

/// The key that a request was sent with, so that it may be sent twice and is done once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// Whose key it is.
    pub principal: String,
    /// The key.
    pub name: String,
    /// The digest of what is asked.
    pub fingerprint: String,
    /// The answer, for those who ask again.
    pub answer: String,
    /// When the key is free again, in milliseconds since 1970.
    pub expires_at_ms: i64,
}

impl Database {
    /// The answer that was given to this very request before, if there was one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn answered_before(
        &self,
        key: &IdempotencyKey,
        now_ms: i64,
    ) -> Result<Option<String>, DatabaseError> {
        let mut session = self.read().await?;
        let row = session
            .first(
                "SELECT answer FROM idempotency_keys WHERE principal = $1 AND name = $2 AND fingerprint = $3 \
                 AND expires_at > $4",
                values![&key.principal, &key.name, &key.fingerprint, now_ms],
            )
            .await?;
        row.map(|row| row.text("answer")).transpose()
    }

    /// Forgets the keys that are free again.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn expire_idempotency_keys(&self, now_ms: i64) -> Result<u64, DatabaseError> {
        let mut session = self.write().await?;
        let statement = "DELETE FROM idempotency_keys WHERE expires_at <= $1";
        let removed = session.run(statement, values![now_ms]).await?;
        session.commit().await?;
        Ok(removed)
    }
}

/// What a key stood for before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Used {
    /// Nothing.
    Never,
    /// The same request, which was answered so.
    ForTheSame(String),
    /// Another request.
    ForAnother,
}

/// Takes the key for the request that this transaction does.
pub(super) async fn claim(
    session: &mut Session,
    key: &IdempotencyKey,
    now_ms: i64,
) -> Result<Used, DatabaseError> {
    session
        .run(
            "DELETE FROM idempotency_keys WHERE principal = $1 AND name = $2 AND expires_at <= $3",
            values![&key.principal, &key.name, now_ms],
        )
        .await?;
    let taken = session
        .run(
            "INSERT INTO idempotency_keys (principal, name, fingerprint, answer, expires_at) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (principal, name) DO NOTHING",
            values![
                &key.principal,
                &key.name,
                &key.fingerprint,
                &key.answer,
                key.expires_at_ms
            ],
        )
        .await?;
    if taken > 0 {
        return Ok(Used::Never);
    }
    let row = session
        .one(
            "SELECT fingerprint, answer FROM idempotency_keys WHERE principal = $1 AND name = $2",
            values![&key.principal, &key.name],
        )
        .await?;
    match row.text("fingerprint")? == key.fingerprint {
        true => Ok(Used::ForTheSame(row.text("answer")?)),
        false => Ok(Used::ForAnother),
    }
}
