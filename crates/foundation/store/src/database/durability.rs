//! When what is committed is on the disk, and how the write-ahead log of SQLite is kept short beside the work.

use std::sync::Arc;
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// What a power cut may undo. The end of the process undoes nothing that is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Nothing: it is on the disk when it is answered.
    Immediate,
    /// What was committed in the last second. What comes after it is never kept without it.
    Deferred,
}

impl Durability {
    /// How a transaction begins.
    pub(super) fn sqlite(self) -> &'static str {
        match self {
            Self::Immediate => "PRAGMA synchronous = FULL; BEGIN IMMEDIATE",
            Self::Deferred => "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE",
        }
    }

    /// How a transaction begins.
    pub(super) fn postgres(self) -> &'static str {
        match self {
            Self::Immediate => "BEGIN",
            Self::Deferred => "BEGIN; SET LOCAL synchronous_commit TO OFF",
        }
    }
}

/// So many pages of the log, and whoever writes moves what is left of them before going on: only then can the log begin
/// anew.
pub(super) const LONGEST_LOG: &str = "8192";
/// What is committed is moved into the file so long after it at the latest.
const AGE: Duration = Duration::from_millis(250);

/// Moves what is committed from the log into the file, while others go on writing.
pub(super) struct Checkpointer {
    committed: Arc<Notify>,
    pool: SqlitePool,
    task: JoinHandle<()>,
}

impl Checkpointer {
    pub fn start(options: SqliteConnectOptions) -> Self {
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_lazy_with(options);
        let committed = Arc::new(Notify::new());
        let task = tokio::spawn(run(pool.clone(), Arc::clone(&committed)));
        Self {
            committed,
            pool,
            task,
        }
    }

    /// Something was committed.
    pub fn wake(&self) {
        self.committed.notify_one();
    }

    /// Ends after what is under way.
    pub async fn close(&self) {
        self.pool.close().await;
        self.task.abort();
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(pool: SqlitePool, committed: Arc<Notify>) {
    loop {
        committed.notified().await;
        sleep(AGE).await;
        // What cannot be moved now, because of a full disk or of somebody who reads, is moved later.
        let moved = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&pool).await;
        if let Err(sqlx::Error::PoolClosed) = moved {
            return;
        }
    }
}
