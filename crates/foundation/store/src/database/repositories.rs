//! The repositories that the service works on.

use std::str::FromStr;

use tenon_domain::Classification;

use super::session::{Row, unreadable, values};
use super::{Database, DatabaseError};

/// A repository that was registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredRepository {
    /// What requests call it.
    pub name: String,
    /// How it is reached.
    pub kind: RepositoryKind,
    /// The folder or the address.
    pub location: String,
    /// Whether it may leave the machine.
    pub classification: Classification,
    /// Milliseconds since 1970.
    pub created_at_ms: i64,
}

/// How a repository is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepositoryKind {
    /// A folder on the server.
    Path,
    /// A remote that the server clones.
    Remote,
    /// An archive that was uploaded.
    Archive,
}

impl RepositoryKind {
    /// The name in the store and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Remote => "remote",
            Self::Archive => "archive",
        }
    }
}

/// A word that is no kind of repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no kind of repository: path, remote and archive are")]
pub struct UnknownRepositoryKind(String);

impl FromStr for RepositoryKind {
    type Err = UnknownRepositoryKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "path" => Ok(Self::Path),
            "remote" => Ok(Self::Remote),
            "archive" => Ok(Self::Archive),
            other => Err(UnknownRepositoryKind(other.to_owned())),
        }
    }
}

impl Database {
    /// Registers a repository.
    ///
    /// # Errors
    /// [`DatabaseError::Conflict`] when the name is taken.
    pub async fn add_repository(&self, repository: &RegisteredRepository) -> Result<(), DatabaseError> {
        let mut session = self.write().await?;
        session
            .run(
                "INSERT INTO repositories (name, kind, location, classification, created_at) VALUES ($1, $2, $3, $4, $5)",
                values![
                    &repository.name,
                    repository.kind.as_str(),
                    &repository.location,
                    repository.classification.as_str(),
                    repository.created_at_ms,
                ],
            )
            .await?;
        session.commit().await
    }

    /// Forgets a repository; whether there was one. What was made for it stays.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn remove_repository(&self, name: &str) -> Result<bool, DatabaseError> {
        let mut session = self.write().await?;
        let removed = session
            .run("DELETE FROM repositories WHERE name = $1", values![name])
            .await?;
        session
            .run("DELETE FROM archives WHERE repository = $1", values![name])
            .await?;
        session.commit().await?;
        Ok(removed > 0)
    }

    /// The repository of that name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn repository(&self, name: &str) -> Result<Option<RegisteredRepository>, DatabaseError> {
        let mut session = self.read().await?;
        let statement =
            "SELECT name, kind, location, classification, created_at FROM repositories WHERE name = $1";
        let row = session.first(statement, values![name]).await?;
        row.as_ref().map(registered).transpose()
    }

    /// Every repository, by name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn repositories(&self) -> Result<Vec<RegisteredRepository>, DatabaseError> {
        let mut session = self.read().await?;
        let statement =
            "SELECT name, kind, location, classification, created_at FROM repositories ORDER BY name";
        let rows = session.all(statement, values![]).await?;
        rows.iter().map(registered).collect()
    }
}

fn registered(row: &Row) -> Result<RegisteredRepository, DatabaseError> {
    let classification = row.text("classification")?;
    Ok(RegisteredRepository {
        name: row.text("name")?,
        kind: row.parsed("kind")?,
        location: row.text("location")?,
        classification: serde_json::from_value(classification.into())
            .map_err(|error| unreadable("classification", error))?,
        created_at_ms: row.integer("created_at")?,
    })
}
