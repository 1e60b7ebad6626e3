//! The rows of the audit log follow one another, whoever appends.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use tenon_domain::Digest;
use tenon_store::{AuditHead, Database, DatabaseError, Durability, StoredCheckpoint};
use tokio::time::timeout;

use crate::place::{Place, at_once, on_both, on_both_places};
use crate::samples::NOW;

const SOON: Duration = Duration::from_secs(20);

/// The digest of a row that follows another.
fn after(previous: Option<Digest>, line: &str) -> Digest {
    let previous = previous.map(|digest| digest.to_string()).unwrap_or_default();
    Digest::of(format!("{previous} {line}"))
}

type Sealed = (Vec<(i64, String)>, AuditHead);

/// What follows the end of the log when these lines are appended.
fn seal(mut head: Option<AuditHead>, lines: Vec<String>) -> Result<Sealed, DatabaseError> {
    let rows = lines.into_iter().map(|line| {
        let sequence = head.map_or(1, |head| head.sequence + 1);
        let digest = after(head.map(|head| head.digest), &line);
        head = Some(AuditHead { sequence, digest });
        (sequence, line)
    });
    let rows = rows.collect();
    Ok((rows, head.unwrap()))
}

async fn append(database: &Database, lines: &[&str]) -> AuditHead {
    let lines = lines.iter().map(|line| (*line).to_owned()).collect();
    database
        .append_audit(Durability::Immediate, |head| seal(head, lines))
        .await
        .unwrap()
}

#[test]
fn rows_follow_one_another_however_many_append_at_once() {
    on_both(async |database| {
        let appended = at_once(&database, 8, |database, number| async move {
            for batch in 0..5 {
                let lines: Vec<_> = (0..3).map(|row| format!("{number}.{batch}.{row}")).collect();
                database
                    .append_audit(Durability::Immediate, |head| seal(head, lines))
                    .await
                    .unwrap();
            }
        });
        appended.await;
        let rows = database.audit_rows(0, 1000).await.unwrap();
        assert_eq!(rows.len(), 8 * 5 * 3);
        let mut digest = None;
        for (index, (sequence, line)) in rows.iter().enumerate() {
            assert_eq!(*sequence, index as i64 + 1);
            digest = Some(after(digest, line));
        }
        let head = database.audit_head().await.unwrap().unwrap();
        assert_eq!((head.sequence, Some(head.digest)), (120, digest));
        for batch in rows.chunks(3) {
            let of = |row: usize| batch[row].1.rsplit_once('.').unwrap();
            let (whose, _) = of(0);
            assert_eq!([of(0), of(1), of(2)], [(whose, "0"), (whose, "1"), (whose, "2")]);
        }
    });
}

#[test]
fn a_line_is_kept_as_it_is_and_a_refusal_appends_nothing() {
    on_both(async |database| {
        assert_eq!(database.audit_head().await.unwrap(), None);
        let lines = [
            r#"{"a":"\u0000 \" \\","b":[1,null]}"#,
            "",
            "null",
            "1.0",
            "\"quoted\"",
            "ünïcödé\n\t\u{1F980}",
        ];
        let head = append(&database, &lines).await;
        assert_eq!(database.audit_head().await.unwrap(), Some(head));
        let rows = database.audit_rows(0, 100).await.unwrap();
        let kept: Vec<_> = rows.iter().map(|(_, line)| line.as_str()).collect();
        assert_eq!(kept, lines);

        let refused = database
            .append_audit(Durability::Immediate, |_| Err(DatabaseError::Url))
            .await;
        assert!(matches!(refused, Err(DatabaseError::Url)));
        // A row whose number is taken is refused by the database.
        let twice =
            |head: Option<AuditHead>| Ok((vec![(7, "new".to_owned()), (1, "old".to_owned())], head.unwrap()));
        assert!(matches!(
            database.append_audit(Durability::Deferred, twice).await,
            Err(DatabaseError::Conflict { .. })
        ));
        assert_eq!(database.audit_head().await.unwrap(), Some(head));
        assert_eq!(database.audit_rows(0, 100).await.unwrap(), rows);
    });
}

#[test]
fn a_log_is_read_both_ways_and_cut_at_a_checkpoint() {
    on_both(async |database| {
        append(&database, &["a", "b", "c", "d", "e"]).await;
        let numbers =
            |rows: Vec<(i64, String)>| rows.into_iter().map(|(sequence, _)| sequence).collect::<Vec<_>>();
        assert_eq!(numbers(database.audit_rows(1, 2).await.unwrap()), [2, 3]);
        assert_eq!(
            numbers(database.audit_rows_before(5, 3).await.unwrap()),
            [4, 3, 2]
        );

        let checkpoint = |sequence: i64| StoredCheckpoint {
            sequence,
            at_ms: NOW + sequence,
            body: format!("signed {sequence}"),
        };
        for sequence in [4, 2, 2] {
            database
                .add_checkpoint(Durability::Immediate, &checkpoint(sequence))
                .await
                .unwrap();
        }
        assert_eq!(
            database.checkpoints().await.unwrap(),
            [checkpoint(2), checkpoint(4)]
        );
        assert_eq!(database.truncate_audit(&checkpoint(3)).await.unwrap(), 3);
        assert_eq!(numbers(database.audit_rows(0, 100).await.unwrap()), [4, 5]);
        assert_eq!(
            database.checkpoints().await.unwrap(),
            [checkpoint(3), checkpoint(4)]
        );

        // What follows still follows what is gone.
        assert_eq!(database.truncate_audit(&checkpoint(5)).await.unwrap(), 2);
        assert_eq!(append(&database, &["f"]).await.sequence, 6);
        assert_eq!(database.audit_rows(0, 100).await.unwrap(), [(6, "f".to_owned())]);
    });
}

#[test]
fn rows_are_appended_while_another_looks_at_the_schema() {
    on_both_places(async |place| {
        let database = place.migrated().await;
        let _migrating = match place {
            Place::Sqlite(_) => None,
            Place::Postgres(server) => {
                let mut other = PgConnection::connect(&server.url()).await.unwrap();
                let hold = sqlx::query("SELECT pg_advisory_lock(7310591)");
                hold.execute(&mut other).await.unwrap();
                Some(other)
            }
        };
        let appended = timeout(SOON, append(&database, &["one"])).await;
        assert_eq!(appended.unwrap().sequence, 1);
    });
}
