//! Whoever waits hears of what changed, and of nothing else.

use std::time::Duration;

use tenon_domain::JobId;
use tenon_store::Notice::{self, JobChanged, JobQueued};
use tokio::sync::broadcast::Receiver;
use tokio::time::timeout;

use crate::place::{Place, on_both_places};
use crate::samples::{LEASE, NOW, claim, failed, failed_attempt, job, owner, submit};

const SOON: Duration = Duration::from_secs(20);

async fn hears(notices: &mut Receiver<Notice>, expected: &[Notice]) {
    for notice in expected {
        let heard = timeout(SOON, notices.recv()).await;
        assert_eq!(heard.unwrap().unwrap(), *notice);
    }
}

#[test]
fn whoever_listens_hears_what_changed_in_order() {
    on_both_places(async |place| {
        let database = place.migrated().await;
        // With PostgreSQL, another process hears it, too.
        let listening = match place {
            Place::Sqlite(_) => database.clone(),
            Place::Postgres(_) => place.open().await,
        };
        let mut notices = listening.notices();
        let ada = owner(&database, "ada").await;
        let id = submit(&database, &job(ada), NOW).await;
        claim(&database, NOW).await;
        database.tell_progress(id, 1, "on it", NOW).await.unwrap();
        hears(&mut notices, &[JobQueued, JobChanged(id), JobChanged(id)]).await;

        // What is refused, and what did not happen, is not told.
        database
            .settle_job(id, 7, &failed(), None, NOW)
            .await
            .unwrap_err();
        database.tell_progress(id, 7, "on it", NOW).await.unwrap();
        database.job(JobId::new()).await.unwrap_err();
        database.hold_job(id, 1, NOW + LEASE).await.unwrap();
        database
            .settle_job(id, 1, &failed_attempt(NOW), None, NOW)
            .await
            .unwrap();
        hears(&mut notices, &[JobChanged(id), JobQueued]).await;
        claim(&database, NOW).await;
        database.expire_jobs(NOW + LEASE + 1).await.unwrap();
        hears(&mut notices, &[JobChanged(id), JobChanged(id), JobQueued]).await;
        assert!(notices.try_recv().is_err());
    });
}
