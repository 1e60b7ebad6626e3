//! People, service accounts and their keys.

use std::collections::BTreeSet;

use tenon_domain::{Digest, Principal, PrincipalId};

use super::session::{Row, Session, json, unreadable, values};
use super::{Database, DatabaseError};

/// A key that is to be kept. The key itself is not: its digest is.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// The part of the key that names it.
    pub id: String,
    /// Whose it is.
    pub principal: PrincipalId,
    /// What it is called.
    pub name: String,
    /// Of the whole text of the key.
    pub digest: Digest,
    /// What it is limited to, as the room of access writes it.
    pub scopes: String,
    /// Until when it holds, in milliseconds since 1970.
    pub expires_at_ms: Option<i64>,
}

/// A key as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// The part of the key that names it.
    pub id: String,
    /// Whose it is.
    pub principal: PrincipalId,
    /// What it is called.
    pub name: String,
    /// Of the whole text of the key.
    pub digest: Digest,
    /// What it is limited to, as the room of access writes it.
    pub scopes: String,
    /// Milliseconds since 1970.
    pub created_at_ms: i64,
    /// Until when it holds.
    pub expires_at_ms: Option<i64>,
    /// Since when it holds no longer.
    pub revoked_at_ms: Option<i64>,
}

impl Database {
    /// Keeps a new principal.
    ///
    /// # Errors
    /// [`DatabaseError::Conflict`] when the name is taken.
    pub async fn add_principal(&self, principal: &Principal, now_ms: i64) -> Result<(), DatabaseError> {
        let mut session = self.write().await?;
        insert_principal(&mut session, principal, now_ms).await?;
        session.commit().await
    }

    /// Changes everything about a principal but the id; whether there is one.
    ///
    /// # Errors
    /// [`DatabaseError::Conflict`] when the name is taken.
    pub async fn change_principal(&self, principal: &Principal) -> Result<bool, DatabaseError> {
        let mut session = self.write().await?;
        let repositories = json("repositories", &principal.repositories)?;
        let changed = session
            .run(
                "UPDATE principals SET name = $2, team = $3, role = $4, repositories = $5 WHERE id = $1",
                values![
                    principal.id.to_string(),
                    &principal.name,
                    principal.team.clone(),
                    principal.role.as_str(),
                    repositories,
                ],
            )
            .await?;
        session.commit().await?;
        Ok(changed > 0)
    }

    /// Shuts a principal out from this moment on, or lets it in again; whether there is one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn disable_principal(
        &self,
        id: PrincipalId,
        disabled_at_ms: Option<i64>,
    ) -> Result<bool, DatabaseError> {
        let mut session = self.write().await?;
        let statement = "UPDATE principals SET disabled_at = $2 WHERE id = $1";
        let changed = session
            .run(statement, values![id.to_string(), disabled_at_ms])
            .await?;
        session.commit().await?;
        Ok(changed > 0)
    }

    /// Those who are shut out.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn disabled_principals(&self) -> Result<BTreeSet<PrincipalId>, DatabaseError> {
        let mut session = self.read().await?;
        let statement = "SELECT id FROM principals WHERE disabled_at IS NOT NULL";
        let rows = session.all(statement, values![]).await?;
        rows.iter().map(|row| row.parsed("id")).collect()
    }

    /// Every principal, by name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn principals(&self) -> Result<Vec<Principal>, DatabaseError> {
        let mut session = self.read().await?;
        let statement = "SELECT id, name, kind, team, role, repositories FROM principals ORDER BY name";
        let rows = session.all(statement, values![]).await?;
        rows.iter().map(principal).collect()
    }

    /// The principal of that name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn principal_named(&self, name: &str) -> Result<Option<Principal>, DatabaseError> {
        let mut session = self.read().await?;
        let statement = "SELECT id, name, kind, team, role, repositories FROM principals WHERE name = $1";
        let row = session.first(statement, values![name]).await?;
        row.as_ref().map(principal).transpose()
    }

    /// Keeps a new key.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_key(&self, key: &NewKey, now_ms: i64) -> Result<(), DatabaseError> {
        let mut session = self.write().await?;
        insert_key(&mut session, key, now_ms).await?;
        session.commit().await
    }

    /// The key of that id, and whose it is.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn key(&self, id: &str) -> Result<Option<(StoredKey, Principal)>, DatabaseError> {
        let mut session = self.read().await?;
        let statement = "SELECT k.id AS key_id, k.principal, k.name AS key_name, k.digest, k.scopes, \
             k.created_at, k.expires_at, k.revoked_at, p.id, p.name, p.kind, p.team, p.role, p.repositories \
             FROM api_keys k JOIN principals p ON p.id = k.principal WHERE k.id = $1 AND p.disabled_at IS NULL";
        let row = session.first(statement, values![id]).await?;
        row.map(|row| Ok((stored_key(&row)?, principal(&row)?)))
            .transpose()
    }

    /// The keys of one principal, or of all of them, oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn keys(&self, principal: Option<PrincipalId>) -> Result<Vec<StoredKey>, DatabaseError> {
        let mut session = self.read().await?;
        let statement = "SELECT id AS key_id, principal, name AS key_name, digest, scopes, created_at, expires_at, \
             revoked_at FROM api_keys WHERE $1 IS NULL OR principal = $1 ORDER BY created_at, id";
        let owner = principal.map(|principal| principal.to_string());
        let rows = session.all(statement, values![owner]).await?;
        rows.iter().map(stored_key).collect()
    }

    /// Ends a key; whether it held until now.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn revoke_key(&self, id: &str, now_ms: i64) -> Result<bool, DatabaseError> {
        let mut session = self.write().await?;
        let statement = "UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
        let revoked = session.run(statement, values![id, now_ms]).await?;
        session.commit().await?;
        Ok(revoked > 0)
    }

    /// Keeps the first principal and its key, if there is none at all yet; whether it did.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn found(&self, first: &Principal, key: &NewKey, now_ms: i64) -> Result<bool, DatabaseError> {
        let mut session = self.write().await?;
        let lock = session.either("SELECT 1", "SELECT pg_advisory_xact_lock(7310590)");
        session.first(lock, values![]).await?;
        if !is_empty(&mut session).await? {
            return Ok(false);
        }
        insert_principal(&mut session, first, now_ms).await?;
        insert_key(&mut session, key, now_ms).await?;
        session.commit().await?;
        Ok(true)
    }
}

async fn is_empty(session: &mut Session) -> Result<bool, DatabaseError> {
    let row = session
        .one("SELECT COUNT(*) AS n FROM principals", values![])
        .await?;
    Ok(row.integer("n")? == 0)
}

async fn insert_principal(
    session: &mut Session,
    principal: &Principal,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    let repositories = json("repositories", &principal.repositories)?;
    session
        .run(
            "INSERT INTO principals (id, name, kind, team, role, repositories, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            values![
                principal.id.to_string(),
                &principal.name,
                principal.kind.as_str(),
                principal.team.clone(),
                principal.role.as_str(),
                repositories,
                now_ms,
            ],
        )
        .await?;
    Ok(())
}

async fn insert_key(session: &mut Session, key: &NewKey, now_ms: i64) -> Result<(), DatabaseError> {
    session
        .run(
            "INSERT INTO api_keys (id, principal, name, digest, scopes, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            values![
                &key.id,
                key.principal.to_string(),
                &key.name,
                key.digest.to_string(),
                &key.scopes,
                now_ms,
                key.expires_at_ms,
            ],
        )
        .await?;
    Ok(())
}

fn principal(row: &Row) -> Result<Principal, DatabaseError> {
    let kind = row.text("kind")?;
    Ok(Principal {
        id: row.parsed("id")?,
        name: row.text("name")?,
        kind: serde_json::from_value(kind.into()).map_err(|error| unreadable("kind", error))?,
        team: row.optional_text("team")?,
        role: row.parsed("role")?,
        repositories: row.json("repositories")?,
    })
}

fn stored_key(row: &Row) -> Result<StoredKey, DatabaseError> {
    Ok(StoredKey {
        id: row.text("key_id")?,
        principal: row.parsed("principal")?,
        name: row.text("key_name")?,
        digest: row.parsed("digest")?,
        scopes: row.text("scopes")?,
        created_at_ms: row.integer("created_at")?,
        expires_at_ms: row.optional_integer("expires_at")?,
        revoked_at_ms: row.optional_integer("revoked_at")?,
    })
}
