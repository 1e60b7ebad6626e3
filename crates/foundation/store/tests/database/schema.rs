//! The schema is whole, once, and never older than the database.

use std::time::Duration;

use tenon_store::{Database, DatabaseError};
use tokio::time::timeout;

use crate::place::{Place, at_once, on_both_places};
use crate::samples::{NOW, job, owner, submit};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_database_is_migrated_once_and_says_what_is_missing() {
    on_both_places(async |place| {
        let database = place.open().await;
        let pending = at_once(&database, 4, |database, _| async move {
            database.pending_migrations().await
        });
        for pending in pending.await {
            assert_eq!(pending.unwrap().first().map(String::as_str), Some("0001 service"));
        }
        // One connection is enough for everything, listening included.
        let other = Database::connect(&place.url(), 1).await.unwrap();
        let migrated = tokio::join!(
            database.migrate(),
            other.migrate(),
            database.migrate(),
            other.migrate()
        );
        let (one, two, three, four) = migrated;
        for migrated in [one, two, three, four] {
            migrated.unwrap();
        }
        assert!(database.pending_migrations().await.unwrap().is_empty());

        let id = submit(&database, &job(owner(&database, "ada").await), NOW).await;
        let again = place.migrated().await;
        assert_eq!(again.job(id).await.unwrap().id, id);
        let answers = at_once(&other, 4, |other, _| async move { other.ping().await });
        for answer in answers.await {
            answer.unwrap();
        }
        assert_eq!(again.is_shared(), matches!(place, Place::Postgres(_)));
        again.close().await;
        again.ping().await.unwrap_err();
    });
}

#[test]
fn a_migration_that_fails_changes_nothing_and_a_newer_database_is_refused() {
    on_both_places(async |place| {
        // It stands in the way of the last table but one.
        place
            .execute("CREATE TABLE audit_head (id BIGINT)")
            .await
            .unwrap();
        let (one, other) = (place.open().await, place.open().await);
        let pending = one.pending_migrations().await.unwrap();
        let error = one.migrate().await.unwrap_err();
        assert!(matches!(error, DatabaseError::Migration { .. }), "{error}");
        assert!(error.to_string().contains("audit_head"), "{error}");
        place.execute("SELECT id FROM principals").await.unwrap_err();
        assert_eq!(one.pending_migrations().await.unwrap(), pending);

        place.execute("DROP TABLE audit_head").await.unwrap();
        // Whoever failed before does not keep others from it.
        timeout(SOON, other.migrate()).await.unwrap().unwrap();
        timeout(SOON, one.migrate()).await.unwrap().unwrap();
        assert_eq!(other.audit_head().await.unwrap(), None);

        let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (9999, 'of tomorrow', true, '', 0)";
        place.execute(newer).await.unwrap();
        let error = one.migrate().await.unwrap_err();
        assert!(matches!(error, DatabaseError::Migration { .. }), "{error}");
        assert!(error.to_string().contains("9999"), "{error}");
        assert!(one.pending_migrations().await.unwrap().is_empty());
    });
}
