//! People who sign in: on their way to the provider, who they are there, and how long they stay.

use tenon_domain::{Digest, Principal, PrincipalId, Secret};

use super::principals::{insert_principal, principal};
use super::session::{Row, Session, values};
use super::{Database, DatabaseError};

/// Somebody on their way to the provider and back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginAttempt {
    /// Of the state that comes back with them.
    pub state: Digest,
    /// What the provider's answer has to repeat.
    pub nonce: String,
    /// What proves that who asked is who redeems the code.
    pub verifier: Secret,
    /// Where they go afterwards.
    pub return_to: String,
    /// Until when they may come back, in milliseconds since 1970.
    pub expires_at_ms: i64,
}

/// Who somebody is at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderIdentity {
    /// The provider.
    pub issuer: String,
    /// Their name there, which stays the same.
    pub subject: String,
}

/// How well somebody who arrives is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acquaintance {
    /// They came by this identity before.
    Known,
    /// They are a user, and come by this identity for the first time.
    Linked,
    /// They were no user until now.
    New,
}

/// The promise of a key to a program on somebody's machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginGrant {
    /// Of the code that the program brings.
    pub code: Digest,
    /// Whose key it will be.
    pub principal: PrincipalId,
    /// Of what only the program knows.
    pub challenge: Digest,
    /// What the key will be called.
    pub name: String,
    /// Until when the program may come, in milliseconds since 1970.
    pub expires_at_ms: i64,
}

/// A session that is to be kept. Its token is not: the digest is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// Names it; no secret.
    pub id: String,
    /// Of the token.
    pub digest: Digest,
    /// Until when it holds, in milliseconds since 1970.
    pub expires_at_ms: i64,
}

/// A session as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSession {
    /// Names it; no secret.
    pub id: String,
    /// Whose it is.
    pub principal: PrincipalId,
    /// Milliseconds since 1970.
    pub created_at_ms: i64,
    /// Until when it holds.
    pub expires_at_ms: i64,
    /// Since when it holds no longer.
    pub revoked_at_ms: Option<i64>,
}

impl Database {
    /// Keeps an attempt.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_login_attempt(&self, attempt: &LoginAttempt) -> Result<(), DatabaseError> {
        let mut session = self.write().await?;
        session
            .run(
                "INSERT INTO login_attempts (state, nonce, verifier, return_to, expires_at) \
                 VALUES ($1, $2, $3, $4, $5)",
                values![
                    attempt.state.to_string(),
                    &attempt.nonce,
                    attempt.verifier.expose(),
                    &attempt.return_to,
                    attempt.expires_at_ms,
                ],
            )
            .await?;
        session.commit().await
    }

    /// Takes the attempt with this state, which nobody can take again. One that comes too late is gone as well.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn take_login_attempt(
        &self,
        state: &Digest,
        now_ms: i64,
    ) -> Result<Option<LoginAttempt>, DatabaseError> {
        let mut session = self.write().await?;
        let row = session
            .first(
                "DELETE FROM login_attempts WHERE state = $1 RETURNING nonce, verifier, return_to, expires_at",
                values![state.to_string()],
            )
            .await?;
        session.commit().await?;
        let Some(row) = row else { return Ok(None) };
        let attempt = LoginAttempt {
            state: *state,
            nonce: row.text("nonce")?,
            verifier: Secret::new(&row.text("verifier")?),
            return_to: row.text("return_to")?,
            expires_at_ms: row.integer("expires_at")?,
        };
        Ok((attempt.expires_at_ms > now_ms).then_some(attempt))
    }

    /// Keeps the promise of a key.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_login_grant(&self, grant: &LoginGrant) -> Result<(), DatabaseError> {
        let mut session = self.write().await?;
        session
            .run(
                "INSERT INTO login_grants (code, principal, challenge, name, expires_at) VALUES ($1, $2, $3, $4, $5)",
                values![
                    grant.code.to_string(),
                    grant.principal.to_string(),
                    grant.challenge.to_string(),
                    &grant.name,
                    grant.expires_at_ms,
                ],
            )
            .await?;
        session.commit().await
    }

    /// Takes the promise with this code, which nobody can take again. One that comes too late is gone as well.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn take_login_grant(
        &self,
        code: &Digest,
        now_ms: i64,
    ) -> Result<Option<LoginGrant>, DatabaseError> {
        let mut session = self.write().await?;
        let row = session
            .first(
                "DELETE FROM login_grants WHERE code = $1 RETURNING principal, challenge, name, expires_at",
                values![code.to_string()],
            )
            .await?;
        session.commit().await?;
        let Some(row) = row else { return Ok(None) };
        let grant = LoginGrant {
            code: *code,
            principal: row.parsed("principal")?,
            challenge: row.parsed("challenge")?,
            name: row.text("name")?,
            expires_at_ms: row.integer("expires_at")?,
        };
        Ok((grant.expires_at_ms > now_ms).then_some(grant))
    }

    /// Who came by this identity before.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn identified(&self, identity: &ProviderIdentity) -> Result<Option<Principal>, DatabaseError> {
        let mut session = self.read().await?;
        let statement = "SELECT p.id, p.name, p.kind, p.team, p.role, p.repositories \
             FROM identities i JOIN principals p ON p.id = i.principal \
             WHERE i.issuer = $1 AND i.subject = $2 AND p.disabled_at IS NULL";
        let row = session
            .first(statement, values![&identity.issuer, &identity.subject])
            .await?;
        row.as_ref().map(principal).transpose()
    }

    /// Whether somebody has come by an identity of this provider before.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn has_identity(&self, principal: PrincipalId, issuer: &str) -> Result<bool, DatabaseError> {
        let mut session = self.read().await?;
        let statement = "SELECT subject FROM identities WHERE principal = $1 AND issuer = $2";
        let row = session
            .first(statement, values![principal.to_string(), issuer])
            .await?;
        Ok(row.is_some())
    }

    /// Begins a session: keeps the user with the role that they have from now on, their identity and the session, or
    /// nothing of it.
    ///
    /// # Errors
    /// [`DatabaseError::Conflict`] when the name, or the identity, came to be somebody else's meanwhile.
    pub async fn sign_in(
        &self,
        user: &Principal,
        acquaintance: Acquaintance,
        identity: &ProviderIdentity,
        new: &NewSession,
        now_ms: i64,
    ) -> Result<(), DatabaseError> {
        let mut session = self.write().await?;
        match acquaintance {
            Acquaintance::New => insert_principal(&mut session, user, now_ms).await?,
            Acquaintance::Known | Acquaintance::Linked => {
                let statement = "UPDATE principals SET role = $2 WHERE id = $1 AND role <> $2";
                let role = values![user.id.to_string(), user.role.as_str()];
                session.run(statement, role).await?;
            }
        }
        if acquaintance != Acquaintance::Known {
            insert_identity(&mut session, user.id, identity, now_ms).await?;
        }
        session
            .run(
                "INSERT INTO sessions (id, principal, digest, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)",
                values![
                    &new.id,
                    user.id.to_string(),
                    new.digest.to_string(),
                    now_ms,
                    new.expires_at_ms,
                ],
            )
            .await?;
        session.commit().await
    }

    /// The session of the token with this digest, whether it still holds or not, and whose it is.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn session(
        &self,
        digest: &Digest,
    ) -> Result<Option<(StoredSession, Principal)>, DatabaseError> {
        let statement = "SELECT s.id AS session_id, s.principal, s.created_at, s.expires_at, s.revoked_at, \
             p.id, p.name, p.kind, p.team, p.role, p.repositories \
             FROM sessions s JOIN principals p ON p.id = s.principal \
             WHERE s.digest = $1 AND p.disabled_at IS NULL";
        self.one_session(statement, digest.to_string()).await
    }

    /// The session of that id, and whose it is.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn session_by_id(&self, id: &str) -> Result<Option<(StoredSession, Principal)>, DatabaseError> {
        let statement = "SELECT s.id AS session_id, s.principal, s.created_at, s.expires_at, s.revoked_at, \
             p.id, p.name, p.kind, p.team, p.role, p.repositories \
             FROM sessions s JOIN principals p ON p.id = s.principal WHERE s.id = $1";
        self.one_session(statement, id.to_owned()).await
    }

    async fn one_session(
        &self,
        statement: &'static str,
        value: String,
    ) -> Result<Option<(StoredSession, Principal)>, DatabaseError> {
        let row = self.read().await?.first(statement, values![value]).await?;
        row.map(|row| Ok((stored_session(&row)?, principal(&row)?)))
            .transpose()
    }

    /// The sessions of one principal that hold, oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sessions(
        &self,
        principal: PrincipalId,
        now_ms: i64,
    ) -> Result<Vec<StoredSession>, DatabaseError> {
        let mut session = self.read().await?;
        let statement = "SELECT id AS session_id, principal, created_at, expires_at, revoked_at FROM sessions \
             WHERE principal = $1 AND expires_at > $2 AND revoked_at IS NULL ORDER BY created_at, id";
        let rows = session
            .all(statement, values![principal.to_string(), now_ms])
            .await?;
        rows.iter().map(stored_session).collect()
    }

    /// Ends a session; whether it was not ended before.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn revoke_session(&self, id: &str, now_ms: i64) -> Result<bool, DatabaseError> {
        let mut session = self.write().await?;
        let statement = "UPDATE sessions SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
        let revoked = session.run(statement, values![id, now_ms]).await?;
        session.commit().await?;
        Ok(revoked > 0)
    }

    /// Forgets the attempts, the promises and the sessions whose time is over.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn expire_sessions(&self, now_ms: i64) -> Result<u64, DatabaseError> {
        let mut session = self.write().await?;
        let mut removed = 0;
        for statement in [
            "DELETE FROM login_attempts WHERE expires_at <= $1",
            "DELETE FROM login_grants WHERE expires_at <= $1",
            "DELETE FROM sessions WHERE expires_at <= $1",
        ] {
            removed += session.run(statement, values![now_ms]).await?;
        }
        session.commit().await?;
        Ok(removed)
    }
}

async fn insert_identity(
    session: &mut Session,
    principal: PrincipalId,
    identity: &ProviderIdentity,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    session
        .run(
            "INSERT INTO identities (issuer, subject, principal, created_at) VALUES ($1, $2, $3, $4)",
            values![&identity.issuer, &identity.subject, principal.to_string(), now_ms,],
        )
        .await?;
    Ok(())
}

fn stored_session(row: &Row) -> Result<StoredSession, DatabaseError> {
    Ok(StoredSession {
        id: row.text("session_id")?,
        principal: row.parsed("principal")?,
        created_at_ms: row.integer("created_at")?,
        expires_at_ms: row.integer("expires_at")?,
        revoked_at_ms: row.optional_integer("revoked_at")?,
    })
}
