//! The journal over a real database: what is recorded is signed, whether more comes or not.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod log;

use std::time::Duration;

use log::KEY;
use tenon_audit::{AuditEvent, Checkpoint, EventKind, Journal};
use tenon_store::{Database, DatabaseUrl};
use tokio::time::{Instant, sleep};

const PATIENCE: Duration = Duration::from_secs(30);
const AGE: Duration = Duration::from_millis(50);

struct Scene {
    database: Database,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::file(folder.path().join("tenon.db"));
        let database = Database::connect(&url, 4).await.unwrap();
        database.migrate().await.unwrap();
        Self {
            database,
            _folder: folder,
        }
    }

    async fn checkpoints(&self) -> Vec<Checkpoint> {
        let stored = self.database.checkpoints().await.unwrap();
        stored
            .iter()
            .map(|one| serde_json::from_str(&one.body).unwrap())
            .collect()
    }

    /// Waits until the log is signed up to there.
    async fn signed(&self, through: i64) -> Checkpoint {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(last) = self
                .checkpoints()
                .await
                .last()
                .filter(|last| last.head.sequence == through)
            {
                return *last;
            }
            assert!(Instant::now() < deadline, "record {through} was never signed");
            sleep(Duration::from_millis(10)).await;
        }
    }
}

fn event() -> AuditEvent {
    AuditEvent::new(EventKind::JobFinished, 0)
}

#[tokio::test]
async fn an_idle_log_is_signed_to_its_end_and_once() {
    let scene = Scene::new().await;
    let (journal, writer) = Journal::signing_every(AGE, scene.database.clone(), Some(KEY.clone()));
    journal.record(event()).await.unwrap();
    assert!(scene.signed(1).await.is_signed_by(&KEY.public_key()));
    sleep(AGE * 4).await;
    drop(journal);
    writer.finish().await;
    assert_eq!(scene.checkpoints().await.len(), 1);
}

#[tokio::test]
async fn what_others_write_who_have_no_key_is_signed_too() {
    let scene = Scene::new().await;
    let (_signing, _) = Journal::signing_every(AGE, scene.database.clone(), Some(KEY.clone()));
    let (silent, _) = Journal::start(scene.database.clone(), None);
    for sequence in 1..3 {
        silent.record(event()).await.unwrap();
        scene.signed(sequence).await;
    }
}

#[tokio::test]
async fn what_nobody_waits_for_is_kept_soon_with_what_comes_and_at_the_end() {
    let scene = Scene::new().await;
    let (journal, writer) = Journal::start(scene.database.clone(), None);
    let kept = async |count: usize| {
        let deadline = Instant::now() + PATIENCE;
        while scene.database.audit_rows(0, 9).await.unwrap().len() < count {
            assert!(Instant::now() < deadline, "the {count}. record was never kept");
            sleep(Duration::from_millis(5)).await;
        }
    };
    journal.record_soon(event()).unwrap();
    kept(1).await;
    journal.record_soon(event()).unwrap();
    journal.record(event()).await.unwrap();
    assert_eq!(scene.database.audit_rows(0, 9).await.unwrap().len(), 3);
    journal.record_soon(event()).unwrap();
    drop(journal);
    writer.finish().await;
    assert_eq!(scene.database.audit_rows(0, 9).await.unwrap().len(), 4);
}
