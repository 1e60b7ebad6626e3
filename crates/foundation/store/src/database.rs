//! The database of the service: SQLite beside it, or PostgreSQL when several processes share the work.
//!
//! Every statement is one text that both understand. What a caller does in one call happens in one transaction.

mod announcement;
mod approvals;
mod archives;
mod audit;
mod batches;
mod clock;
mod deliveries;
mod delivery;
mod durability;
mod error;
mod files;
mod idempotency;
mod jobs;
mod ledger;
mod model_batches;
mod notices;
mod principals;
mod proposals;
mod repositories;
mod reservations;
mod session;
mod sign_in;
mod spending;
mod url;
mod webhooks;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, PgPool, SqlitePool};
use tokio::sync::broadcast;

pub use approvals::Approval;
pub use audit::{AuditHead, StoredCheckpoint};
pub use batches::{Batch, BatchFilter, BatchItem, NewBatch, NewItem};
pub use clock::ClockSkew;
pub use delivery::{ClaimedDelivery, Delivery, DeliveryOutcome, DeliveryState};
pub use durability::Durability;
pub use error::DatabaseError;
pub use files::StoredFile;
pub use idempotency::IdempotencyKey;
pub use jobs::{Held, Job, JobFilter, JobHistoryEntry, JobNews, NewJob, QueueDepth, Submitted};
pub use ledger::{Charge, Exceeded, Limit, LimitScope, LimitUnit, Settlement, UsageRow};
pub use model_batches::{
    AnsweredLine, BatchLine, BatchUsage, ClaimedBatch, LineCounts, LineError, ModelBatch, ModelBatchStatus,
};
pub use notices::Notice;
pub use principals::{NewKey, StoredKey};
pub use proposals::{Feedback, FeedbackVerdict, ProposalRow, QualityRow};
pub use repositories::{RegisteredRepository, RepositoryKind};
pub use reservations::Reserved;
pub use sign_in::{Acquaintance, LoginAttempt, LoginGrant, NewSession, ProviderIdentity, StoredSession};
pub use spending::{Spending, SpendingRow};
pub use url::DatabaseUrl;
pub use webhooks::{NewWebhook, Rotated, Rotation, UnknownWebhookEvent, Webhook, WebhookEvent, WebhookKind};

use durability::Checkpointer;
use notices::Listener;
use reservations::Reservations;
use session::{Row, Session, Value, values};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

const PATIENCE: Duration = Duration::from_secs(5);
const READERS: u32 = 4;
const NOTICES_KEPT: usize = 4096;

/// An open database. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    pool: Pool,
    notices: broadcast::Sender<Notice>,
    clock_is_wrong: Arc<AtomicBool>,
    reservations: Arc<Reservations>,
    // Ends with the last clone.
    _listener: Option<Arc<Listener>>,
}

#[derive(Clone)]
enum Pool {
    /// One connection writes: SQLite has one writer, and waiting here is fair where waiting there is not.
    Sqlite {
        write: SqlitePool,
        read: SqlitePool,
        checkpointer: Arc<Checkpointer>,
    },
    Postgres(PgPool),
}

impl Database {
    /// Opens the database; a file that is missing is made, for its owner alone. Nothing is migrated. Of PostgreSQL it
    /// takes this many connections, and one more to listen.
    ///
    /// # Errors
    /// When it cannot be reached or opened.
    pub async fn connect(url: &DatabaseUrl, connections: u32) -> Result<Self, DatabaseError> {
        let (notices, _) = broadcast::channel(NOTICES_KEPT);
        let unreachable = |source: sqlx::Error| DatabaseError::Connect {
            url: url.to_string(),
            source: source.into(),
        };
        match url {
            DatabaseUrl::Sqlite(path) => {
                let pool = sqlite(path).await.map_err(unreachable)?;
                Ok(Self {
                    pool,
                    notices,
                    clock_is_wrong: Arc::default(),
                    reservations: Arc::default(),
                    _listener: None,
                })
            }
            DatabaseUrl::Postgres(secret) => {
                let options: PgConnectOptions = secret.expose().parse().map_err(unreachable)?;
                let options = options.application_name("tenon").disable_statement_logging();
                let pool = PgPoolOptions::new()
                    .max_connections(connections.max(1).saturating_add(1))
                    .acquire_timeout(PATIENCE)
                    .connect_with(options)
                    .await
                    .map_err(unreachable)?;
                let listener = Listener::start(&pool, notices.clone())
                    .await
                    .map_err(unreachable)?;
                Ok(Self {
                    pool: Pool::Postgres(pool),
                    notices,
                    clock_is_wrong: Arc::default(),
                    reservations: Arc::default(),
                    _listener: Some(Arc::new(listener)),
                })
            }
        }
    }

    /// Brings the schema up to date: whole, or not at all.
    ///
    /// # Errors
    /// When a migration fails, or the database is of a newer Tenon.
    pub async fn migrate(&self) -> Result<(), DatabaseError> {
        let done = match &self.pool {
            Pool::Sqlite { write, .. } => migrate_sqlite(write).await,
            Pool::Postgres(pool) => migrate_postgres(pool).await,
        };
        done.map_err(|source| DatabaseError::Migration {
            source: source.into(),
        })
    }

    /// The migrations that were not made yet, by name.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, DatabaseError> {
        let mut session = self.read().await?;
        let table = session.either(
            "SELECT name FROM sqlite_master WHERE name = '_sqlx_migrations'",
            "SELECT relname FROM pg_class WHERE oid = to_regclass('_sqlx_migrations')",
        );
        let rows = match session.first(table, values![]).await? {
            Some(_) => {
                session
                    .all("SELECT version FROM _sqlx_migrations", values![])
                    .await?
            }
            None => Vec::new(),
        };
        let applied = rows.iter().map(|row| row.integer("version"));
        let applied = applied.collect::<Result<Vec<_>, _>>()?;
        Ok(MIGRATIONS
            .iter()
            .filter(|migration| !applied.contains(&migration.version))
            .map(|migration| format!("{:04} {}", migration.version, migration.description))
            .collect())
    }

    /// What changed, from now on. A receiver that is too slow is told so and reads the tables again.
    pub fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    /// Whether several processes on several machines can share it.
    pub fn is_shared(&self) -> bool {
        matches!(self.pool, Pool::Postgres(_))
    }

    /// Answers whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), DatabaseError> {
        self.read().await?.one("SELECT 1 AS one", &[]).await.map(drop)
    }

    /// Closes every connection after what is under way.
    pub async fn close(&self) {
        match &self.pool {
            Pool::Sqlite {
                write,
                read,
                checkpointer,
            } => {
                checkpointer.close().await;
                read.close().await;
                write.close().await;
            }
            Pool::Postgres(pool) => pool.close().await,
        }
    }

    async fn read(&self) -> Result<Session, DatabaseError> {
        Ok(match &self.pool {
            Pool::Sqlite { read, .. } => Session::SqliteRead(read.acquire().await?),
            Pool::Postgres(pool) => Session::PostgresRead(pool.acquire().await?),
        })
    }

    /// The rows of one statement that writes, where a single process has the database: then nobody can come in between, and
    /// no transaction is needed.
    async fn write_at_once(
        &self,
        statement: &'static str,
        values: &[Value],
    ) -> Result<Option<Vec<Row>>, DatabaseError> {
        let Pool::Sqlite {
            write, checkpointer, ..
        } = &self.pool
        else {
            return Ok(None);
        };
        let mut connection = write.acquire().await?;
        let rows = session::sqlite_rows(&mut connection, statement, values).await?;
        checkpointer.wake();
        Ok(Some(rows))
    }

    async fn write(&self) -> Result<Session, DatabaseError> {
        self.write_with(Durability::Immediate).await
    }

    async fn write_with(&self, durability: Durability) -> Result<Session, DatabaseError> {
        Ok(match &self.pool {
            Pool::Sqlite {
                write, checkpointer, ..
            } => Session::Sqlite {
                transaction: write.begin_with(durability.sqlite()).await?,
                notices: self.notices.clone(),
                pending: Vec::new(),
                checkpointer: Arc::clone(checkpointer),
            },
            Pool::Postgres(pool) => Session::Postgres {
                transaction: pool.begin_with(durability.postgres()).await?,
                pending: Vec::new(),
            },
        })
    }
}

/// Several migrations are one transaction: an update that cannot be made whole is not made.
async fn migrate_sqlite(pool: &SqlitePool) -> Result<(), MigrateError> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    MIGRATIONS.run(&mut transaction).await?;
    Ok(transaction.commit().await?)
}

async fn migrate_postgres(pool: &PgPool) -> Result<(), MigrateError> {
    // A migration that fails keeps its lock, which the end of the connection ends.
    let options = pool.connect_options().as_ref().clone();
    let alone = PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE);
    let alone = alone.connect_lazy_with(options);
    let done = async {
        let mut transaction = alone.begin().await?;
        // The lock of the migrations ends with them, and this one with the transaction: nobody looks between the two.
        sqlx::query("SELECT pg_advisory_xact_lock(7310591)")
            .execute(&mut *transaction)
            .await?;
        MIGRATIONS.run(&mut transaction).await?;
        Ok(transaction.commit().await?)
    };
    let done = done.await;
    alone.close().await;
    done
}

async fn sqlite(path: &Path) -> Result<Pool, sqlx::Error> {
    // What SQLite makes itself anybody might read.
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(sqlx::Error::Io)?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("wal_autocheckpoint", durability::LONGEST_LOG)
        .foreign_keys(true)
        .busy_timeout(PATIENCE)
        .disable_statement_logging();
    let write = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(PATIENCE)
        // A connection to a file is not lost between two uses.
        .test_before_acquire(false)
        // A full disk has SQLite end a transaction by itself, which the driver does not hear of: it would take every
        // later one for a part of that.
        .before_acquire(|connection, _| {
            let is_fit = !connection.is_in_transaction();
            Box::pin(async move { Ok(is_fit) })
        })
        .connect_with(options.clone())
        .await?;
    let checkpointer = Checkpointer::start(options.clone());
    let read = SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .connect_with(options.read_only(true))
        .await?;
    Ok(Pool::Sqlite {
        write,
        read,
        checkpointer: Arc::new(checkpointer),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_committed_is_on_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::connect(&DatabaseUrl::file(folder.path().join("a.db")), 1)
            .await
            .unwrap();
        // SQLite's numbers for NORMAL and FULL: what may wait has no other wait.
        for (durability, synchronous) in [
            (Durability::Deferred, 1),
            (Durability::Immediate, 2),
            (Durability::Deferred, 1),
        ] {
            let mut session = database.write_with(durability).await.unwrap();
            let row = session.one("PRAGMA synchronous", &[]).await.unwrap();
            assert_eq!(row.integer("synchronous").unwrap(), synchronous);
        }
    }

    #[tokio::test]
    async fn what_may_wait_reaches_the_file_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let database = Database::connect(&DatabaseUrl::file(&path), 1).await.unwrap();
        database.migrate().await.unwrap();
        let held = || {
            std::fs::read(&path)
                .unwrap()
                .windows(6)
                .any(|part| part == b"kept-7")
        };
        let mut session = database.write_with(Durability::Deferred).await.unwrap();
        let insert = "INSERT INTO audit_log (sequence, line) VALUES (7, 'kept-7')";
        session.run(insert, values![]).await.unwrap();
        session.commit().await.unwrap();
        let moved = async {
            while !held() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), moved)
            .await
            .unwrap();
    }
}
