//! Databases that are lost, full or kept busy by somebody else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::{Connection as _, SqliteConnection};
use tenon_domain::{JobId, PrincipalId};
use tenon_store::Notice::{JobChanged, JobQueued};
use tenon_store::{Database, DatabaseError, DatabaseUrl, JobFilter};
use tenon_testkit::TemporaryPostgres;
use tokio::time::timeout;

use crate::place::{Place, at_once, runtime};
use crate::samples::{NOW, claim, job, owner, person, submit};

/// No call waits longer for a database.
const BOUND: Duration = Duration::from_secs(20);
const WRITERS: usize = 4;

fn is_unavailable<T>(result: &Result<T, DatabaseError>) -> bool {
    matches!(result, Err(error @ DatabaseError::Unavailable { .. }) if error.is_temporary())
}

/// Submits jobs until the database is lost; notes those that it said it keeps.
async fn submit_until_lost(
    database: Database,
    owner: PrincipalId,
    kept: Arc<Mutex<Vec<JobId>>>,
) -> DatabaseError {
    loop {
        let asked = job(owner);
        match database.submit_job(&asked, None, NOW).await {
            Ok(_) => kept.lock().unwrap().push(asked.id),
            Err(error) => return error,
        }
    }
}

#[test]
fn a_server_that_is_killed_is_waited_for_and_nothing_that_it_said_it_keeps_is_lost() {
    let runtime = runtime();
    let mut server = TemporaryPostgres::start_durable();
    let url: DatabaseUrl = server.url().parse().unwrap();
    runtime.block_on(async {
        let database = Database::connect(&url, 8).await.unwrap();
        database.migrate().await.unwrap();
        let ada = owner(&database, "ada").await;
        let kept = Arc::new(Mutex::new(Vec::new()));
        let write = |_| tokio::spawn(submit_until_lost(database.clone(), ada, Arc::clone(&kept)));
        let writers: Vec<_> = (0..WRITERS).map(write).collect();
        while kept.lock().unwrap().len() < 50 {
            tokio::task::yield_now().await;
        }
        server.kill();
        for writer in writers {
            let error = timeout(BOUND, writer).await.unwrap().unwrap();
            assert!(is_unavailable(&Err::<(), _>(error)));
        }
        let mut notices = database.notices();
        let (pinged, connected) = tokio::join!(
            timeout(BOUND, database.ping()),
            timeout(BOUND, Database::connect(&url, 1))
        );
        assert!(is_unavailable(&pinged.unwrap()));
        assert!(
            matches!(connected.unwrap(), Err(error @ DatabaseError::Connect { .. }) if error.is_temporary())
        );

        server.restart();
        let pinged = at_once(&database, 8, |database, _| async move { database.ping().await });
        for pinged in pinged.await {
            pinged.unwrap();
        }
        // Whoever listens is told to look, since what was said meanwhile is lost; then it hears as before.
        assert_eq!(timeout(BOUND, notices.recv()).await.unwrap(), Ok(JobQueued));
        let id = claim(&database, NOW).await.id;
        let hears = async { while notices.recv().await.unwrap() != JobChanged(id) {} };
        timeout(BOUND, hears).await.unwrap();

        let kept = kept.lock().unwrap().clone();
        let found = database.jobs(&JobFilter::default(), 100_000).await.unwrap();
        let found: Vec<_> = found.into_iter().map(|job| job.id).collect();
        assert!(kept.iter().all(|id| found.contains(id)));
        assert!(found.len() <= kept.len() + WRITERS);
    });
}

#[test]
fn nobody_else_may_read_the_file() {
    let place = Place::sqlite();
    runtime().block_on(async {
        let database = place.migrated().await;
        submit(&database, &job(owner(&database, "ada").await), NOW).await;
        let folder = place.file().parent().unwrap().to_owned();
        let mut files = 0;
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", entry.path().display());
            files += 1;
        }
        assert!(files >= 2, "the journal lies beside it");
    });
}

#[test]
fn a_file_that_cannot_be_had_is_named() {
    let url = DatabaseUrl::file("/nonexistent/tenon.db");
    let error = runtime()
        .block_on(Database::connect(&url, 1))
        .map(drop)
        .unwrap_err();
    assert!(
        error.to_string().contains("sqlite:/nonexistent/tenon.db"),
        "{error}"
    );
}

#[test]
fn a_file_that_somebody_else_writes_is_waited_for_and_a_full_disk_is_no_fault_of_ours() {
    let place = Place::sqlite();
    runtime().block_on(async {
        let database = place.migrated().await;
        let ada = owner(&database, "ada").await;
        let url = format!("sqlite:{}", place.file().display());
        let mut other = SqliteConnection::connect(&url).await.unwrap();
        sqlx::raw_sql("BEGIN IMMEDIATE")
            .execute(&mut other)
            .await
            .unwrap();
        let submitted = timeout(BOUND, database.submit_job(&job(ada), None, NOW))
            .await
            .unwrap();
        assert!(is_unavailable(&submitted), "{submitted:?}");
        // Reading goes on meanwhile.
        assert_eq!(database.principals().await.unwrap().len(), 1);
        sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
        submit(&database, &job(ada), NOW).await;

        sqlx::raw_sql("PRAGMA max_page_count = 1")
            .execute(&mut other)
            .await
            .unwrap();
        let more = "INSERT INTO audit_log (sequence, line) VALUES (1, hex(zeroblob(1000000)))";
        let full = sqlx::raw_sql(more).execute(&mut other).await.unwrap_err();
        assert!(full.to_string().contains("full"), "{full}");
        assert!(is_unavailable(&Err::<(), _>(DatabaseError::from(full))));
    });
}

/// As a full disk does, in the middle of a transaction.
const ENDS: &str =
    "CREATE TRIGGER full BEFORE INSERT ON principals BEGIN SELECT RAISE(ROLLBACK, 'full'); END";

#[test]
fn a_transaction_that_sqlite_ended_by_itself_is_the_last_that_fails() {
    let place = Place::sqlite();
    runtime().block_on(async {
        let database = place.migrated().await;
        place.execute(ENDS).await.unwrap();
        for name in ["ada", "bob"] {
            let refused = database.add_principal(&person(name), NOW).await.unwrap_err();
            assert!(refused.to_string().contains("full"), "{refused}");
        }
        place.execute("DROP TRIGGER full").await.unwrap();
        owner(&database, "cid").await;
        let names: Vec<String> = database
            .principals()
            .await
            .unwrap()
            .into_iter()
            .map(|one| one.name)
            .collect();
        assert_eq!(names, ["cid"]);
    });
}
