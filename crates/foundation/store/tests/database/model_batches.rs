//! Files of clients, and batches of requests to models.

use tenon_store::{
    BatchLine, BatchUsage, Database, LineCounts, ModelBatch, ModelBatchStatus as Status, StoredFile,
};

use crate::place::{at_once, on_both, on_both_places};
use crate::samples::{LEASE, NOW};

const ADA: &str = "principal ada";

fn file(id: &str, owner: &str) -> StoredFile {
    StoredFile {
        id: id.to_owned(),
        owner: owner.to_owned(),
        name: "in.jsonl".to_owned(),
        purpose: "batch".to_owned(),
        bytes: 0,
        created_at_ms: NOW,
        expires_at_ms: None,
    }
}

fn batch(id: &str) -> ModelBatch {
    ModelBatch {
        id: id.to_owned(),
        owner: ADA.to_owned(),
        key: None,
        endpoint: "/v1/completions".to_owned(),
        input_file: "file-1".to_owned(),
        window: "24h".to_owned(),
        metadata: None,
        output_seconds: None,
        status: Status::Validating,
        created_at_ms: NOW,
        expires_at_ms: NOW + 1_000_000,
        reached_at_ms: Vec::new(),
        errors: Vec::new(),
        counts: LineCounts::default(),
        usage: BatchUsage::default(),
        output_file: None,
        error_file: None,
    }
}

fn lines(count: i64) -> Vec<BatchLine> {
    let lines = (1..=count).map(|line| BatchLine {
        line,
        custom_id: format!("line {line}"),
        request: "{}".to_owned(),
    });
    lines.collect()
}

#[test]
fn a_file_is_its_owners_alone_and_only_when_it_is_whole() {
    on_both(async |database| {
        database.begin_file(&file("file-1", ADA)).await.unwrap();
        database.write_file_part("file-1", 0, "one\n").await.unwrap();
        assert_eq!(database.file(ADA, "file-1").await.unwrap(), None);
        assert_eq!(database.file_bytes(ADA).await.unwrap(), 4);
        database.write_file_part("file-1", 1, "two é\n").await.unwrap();
        database.finish_file("file-1", Some(NOW + 10)).await.unwrap();
        let kept = database.file(ADA, "file-1").await.unwrap().unwrap();
        assert_eq!((kept.bytes, kept.expires_at_ms), (11, Some(NOW + 10)));
        assert_eq!(
            database.file_part("file-1", 1).await.unwrap().as_deref(),
            Some("two é\n")
        );
        assert_eq!(database.file_part("file-1", 2).await.unwrap(), None);

        assert_eq!(database.file("principal bob", "file-1").await.unwrap(), None);
        assert!(!database.remove_file("principal bob", "file-1").await.unwrap());
        assert!(database.files("principal bob", None, 9).await.unwrap().is_empty());
        assert_eq!(database.files(ADA, None, 9).await.unwrap(), [kept]);
        assert_eq!(
            database.file_part("file-1", 0).await.unwrap().as_deref(),
            Some("one\n")
        );

        // One that nobody writes any more goes after an hour, one whose time is over at once.
        database.begin_file(&file("file-2", ADA)).await.unwrap();
        database.write_file_part("file-2", 0, "one\n").await.unwrap();
        assert_eq!(database.expire_files(0, NOW + 9).await.unwrap(), 0);
        assert_eq!(database.expire_files(0, NOW + 10).await.unwrap(), 1);
        assert_eq!(database.expire_files(0, NOW + 3_600_001).await.unwrap(), 1);
        assert_eq!(database.file_part("file-2", 0).await.unwrap(), None);
        database.begin_file(&file("file-3", ADA)).await.unwrap();
        database.finish_file("file-3", None).await.unwrap();
        assert_eq!(database.expire_files(NOW + 1, NOW + 1).await.unwrap(), 1);
    });
}

#[test]
fn only_who_holds_a_batch_of_requests_writes_for_it() {
    on_both(async |database| {
        database.submit_model_batch(&batch("batch_1")).await.unwrap();
        let claims = at_once(&database, 4, |database, _| async move {
            database.claim_model_batch(NOW + LEASE, NOW).await.unwrap()
        });
        let claims: Vec<_> = claims.await.into_iter().flatten().collect();
        let [first] = claims.as_slice() else {
            panic!("{claims:?}");
        };
        assert!(
            database
                .add_batch_lines("batch_1", first.fence, &lines(3), true)
                .await
                .unwrap()
        );
        // Reading it again puts nothing there twice.
        assert!(
            database
                .add_batch_lines("batch_1", first.fence, &lines(3), true)
                .await
                .unwrap()
        );
        let begun = database
            .change_model_batch("batch_1", first.fence, |batch| {
                batch.reach(Status::InProgress, NOW)
            })
            .await
            .unwrap();
        assert_eq!(begun.unwrap().status, Status::InProgress);
        assert!(
            database
                .answer_line("batch_1", first.fence, 1, 200, "{}")
                .await
                .unwrap()
        );

        // It is lost, and another goes on where it was.
        assert!(
            database
                .claim_model_batch(NOW + LEASE, NOW + LEASE)
                .await
                .unwrap()
                .is_none()
        );
        let later = NOW + LEASE + 1;
        let second = database
            .claim_model_batch(later + LEASE, later)
            .await
            .unwrap()
            .unwrap();
        let left = database.unanswered_lines("batch_1", 0, later, 9).await.unwrap();
        assert_eq!(left.iter().map(|line| line.line).collect::<Vec<_>>(), [2, 3]);
        assert!(
            !database
                .answer_line("batch_1", first.fence, 2, 200, "late")
                .await
                .unwrap()
        );
        assert!(
            database
                .hold_model_batch("batch_1", first.fence, later)
                .await
                .unwrap()
                .is_none()
        );
        let changed = database.change_model_batch("batch_1", first.fence, |batch| {
            batch.reach(Status::Completed, later);
        });
        assert!(changed.await.unwrap().is_none());
        assert!(
            database
                .answer_line("batch_1", second.fence, 2, 400, "wrong")
                .await
                .unwrap()
        );
        database.postpone_line("batch_1", 3, later + 5).await.unwrap();
        assert!(
            database
                .unanswered_lines("batch_1", 0, later, 9)
                .await
                .unwrap()
                .is_empty()
        );
        assert_eq!(
            database
                .unanswered_lines("batch_1", 0, later + 5, 9)
                .await
                .unwrap()
                .len(),
            1
        );
        let read = database.model_batch(ADA, "batch_1").await.unwrap().unwrap();
        let counts = LineCounts {
            total: 3,
            completed: 1,
            failed: 1,
        };
        assert_eq!(read.counts, counts);
    });
}

#[test]
fn a_batch_of_requests_is_its_owners_and_is_cancelled_by_whoever_holds_it() {
    on_both(async |database| {
        for id in ["batch_1", "batch_2"] {
            database.submit_model_batch(&batch(id)).await.unwrap();
        }
        assert_eq!(
            database.model_batch("principal bob", "batch_1").await.unwrap(),
            None
        );
        assert_eq!(
            database
                .cancel_model_batch("principal bob", "batch_1", NOW)
                .await
                .unwrap(),
            None
        );
        let page = database.model_batches(ADA, Some("batch_2"), 9).await.unwrap();
        assert_eq!(
            page.iter().map(|batch| batch.id.as_str()).collect::<Vec<_>>(),
            ["batch_1"]
        );
        assert_eq!(database.open_model_batches(ADA).await.unwrap(), 2);
        for _ in 0..2 {
            let cancelled = database
                .cancel_model_batch(ADA, "batch_1", NOW)
                .await
                .unwrap()
                .unwrap();
            assert_eq!(cancelled.status, Status::Cancelling);
            assert_eq!(cancelled.reached_at_ms, [(Status::Cancelling, NOW)]);
        }
        let held = database
            .claim_model_batch(NOW + LEASE, NOW)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(held.batch.status, Status::Cancelling);
        database.begin_file(&file("file-9", ADA)).await.unwrap();
        database
            .add_batch_lines("batch_1", held.fence, &lines(1), true)
            .await
            .unwrap();
        let ended = database.change_model_batch("batch_1", held.fence, |batch| {
            batch.error_file = Some("file-9".to_owned());
            batch.reach(Status::Cancelled, NOW);
        });
        assert_eq!(ended.await.unwrap().unwrap().status, Status::Cancelled);
        // Its file is there with it, its lines are gone, and nothing more happens to it.
        assert!(database.file(ADA, "file-9").await.unwrap().is_some());
        assert!(database.batch_lines("batch_1", 0, 9).await.unwrap().is_empty());
        let again = database
            .cancel_model_batch(ADA, "batch_1", NOW)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(again.status, Status::Cancelled);
        let second = database
            .claim_model_batch(NOW + LEASE, NOW + LEASE + 1)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(second.batch.id, "batch_2");
        // A clock that was wrong when it was held keeps nobody from it.
        let year = NOW + 365 * 24 * 3_600_000;
        let held = database.hold_model_batch("batch_2", second.fence, year).await;
        assert!(held.unwrap().is_some());
        let third = database.claim_model_batch(NOW + LEASE, NOW + LEASE + 2).await;
        assert_eq!(third.unwrap().unwrap().batch.id, "batch_2");
        assert_eq!(database.expire_model_batches(NOW + 1).await.unwrap(), 1);
        assert_eq!(database.model_batches(ADA, None, 9).await.unwrap().len(), 1);
    });
}

#[test]
fn processes_that_are_lost_amid_a_batch_of_requests_lose_and_double_nothing() {
    on_both_places(async |place| {
        const LINES: i64 = 60;
        let database = place.migrated().await;
        database.submit_model_batch(&batch("batch_1")).await.unwrap();
        let first = database.claim_model_batch(NOW, NOW).await.unwrap().unwrap();
        database
            .add_batch_lines("batch_1", first.fence, &lines(LINES), true)
            .await
            .unwrap();
        let kept = at_once(&database, 4, {
            let url = place.url();
            move |_, number| {
                let url = url.clone();
                async move {
                    let database = Database::connect(&url, 2).await.unwrap();
                    let (mut kept, mut now) = (Vec::new(), NOW + 1);
                    loop {
                        now += LEASE / 2;
                        let Some(held) = database.claim_model_batch(now + LEASE, now).await.unwrap() else {
                            if database
                                .unanswered_lines("batch_1", 0, now, 1)
                                .await
                                .unwrap()
                                .is_empty()
                            {
                                return kept;
                            }
                            continue;
                        };
                        // It answers a few lines, and is lost amid the next.
                        let some = database.unanswered_lines("batch_1", 0, now, 3).await.unwrap();
                        for line in some {
                            let answer = format!("process {number}");
                            let written =
                                database.answer_line("batch_1", held.fence, line.line, 200, &answer);
                            if written.await.unwrap() {
                                kept.push((line.line, answer));
                            }
                        }
                    }
                }
            }
        });
        let mut kept: Vec<_> = kept.await.into_iter().flatten().collect();
        kept.sort();
        let stored = database.batch_lines("batch_1", 0, 100).await.unwrap();
        let stored: Vec<_> = stored
            .into_iter()
            .map(|line| (line.line, line.answer.unwrap().1))
            .collect();
        assert_eq!(kept, stored);
        assert_eq!(stored.len(), usize::try_from(LINES).unwrap());
    });
}
