//! Where a test's database is.

use std::path::PathBuf;

use sqlx::{Connection as _, PgConnection, SqliteConnection};
use tempfile::TempDir;
use tenon_store::{Database, DatabaseUrl};
use tenon_testkit::TemporaryPostgres;
use tokio::runtime::{Builder, Runtime};

/// An empty database.
pub enum Place {
    Sqlite(TempDir),
    Postgres(TemporaryPostgres),
}

/// Runs a test on a fresh database of each kind, migrated.
pub fn on_both(test: impl AsyncFn(Database)) {
    on_both_places(async |place| test(place.migrated().await).await);
}

/// Runs a test where there is an empty database of each kind.
pub fn on_both_places(test: impl AsyncFn(&Place)) {
    let runtime = runtime();
    for place in [Place::sqlite(), Place::postgres()] {
        eprintln!("on {}", place.url());
        runtime.block_on(test(&place));
    }
}

/// Where two tasks can be under way at the same time.
pub fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// What `count` calls answer that are made at once.
pub async fn at_once<Answer, Call>(
    database: &Database,
    count: usize,
    call: impl Fn(Database, usize) -> Call,
) -> Vec<Answer>
where
    Answer: Send + 'static,
    Call: Future<Output = Answer> + Send + 'static,
{
    let calls: Vec<_> = (0..count)
        .map(|number| tokio::spawn(call(database.clone(), number)))
        .collect();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.unwrap());
    }
    answers
}

impl Place {
    pub fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    pub fn postgres() -> Self {
        Self::Postgres(TemporaryPostgres::start())
    }

    /// The file, of SQLite.
    pub fn file(&self) -> PathBuf {
        match self {
            Self::Sqlite(folder) => folder.path().join("tenon.db"),
            Self::Postgres(_) => panic!("PostgreSQL has no file"),
        }
    }

    pub fn url(&self) -> DatabaseUrl {
        match self {
            Self::Sqlite(_) => DatabaseUrl::file(self.file()),
            Self::Postgres(server) => server.url().parse().unwrap(),
        }
    }

    /// One more handle.
    pub async fn open(&self) -> Database {
        Database::connect(&self.url(), 8).await.unwrap()
    }

    pub async fn migrated(&self) -> Database {
        let database = self.open().await;
        database.migrate().await.unwrap();
        database
    }

    /// Does what no handle offers.
    pub async fn execute(&self, statement: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(_) => {
                let url = format!("sqlite:{}?mode=rwc", self.file().display());
                let mut connection = SqliteConnection::connect(&url).await?;
                sqlx::raw_sql(statement).execute(&mut connection).await?;
                connection.close().await
            }
            Self::Postgres(server) => {
                let mut connection = PgConnection::connect(&server.url()).await?;
                sqlx::raw_sql(statement).execute(&mut connection).await?;
                connection.close().await
            }
        }
    }
}
