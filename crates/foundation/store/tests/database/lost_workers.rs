//! Workers that are lost, and those that come back too late.

use tenon_domain::{FailureCategory, JobEvent, JobId, JobOutcome, JobState, Level};
use tenon_store::{Database, DatabaseError, Held, Job, JobHistoryEntry};

use crate::place::{at_once, on_both};
use crate::samples::{LEASE, NOW, claim, claimed, failed, job, owner, proposal, proposed, submit};

/// Everything that could have changed.
async fn everything(database: &Database, id: JobId) -> (Job, Vec<JobHistoryEntry>, usize) {
    let proposals = database.proposal_rows(None, None, None, 10).await.unwrap();
    let history = database.job_history(id, 0, 100).await.unwrap();
    (database.job(id).await.unwrap(), history, proposals.len())
}

/// What a worker says that does not hold the job, and that it changes nothing.
async fn is_fenced(database: &Database, id: JobId, fence: i64, now_ms: i64) {
    let before = everything(database, id).await;
    assert_eq!(
        database.hold_job(id, fence, now_ms + 9 * LEASE).await.unwrap(),
        Held::No
    );
    database
        .tell_progress(id, fence, "still here", now_ms)
        .await
        .unwrap();
    let answer = proposal(Level::Tested, Vec::new(), None);
    for (event, proposal) in [
        (proposed(&answer), Some(&answer)),
        (failed(), None),
        (JobEvent::Released, None),
    ] {
        let settled = database.settle_job(id, fence, &event, proposal, now_ms).await;
        assert!(
            matches!(settled, Err(DatabaseError::Fenced(of)) if of == id),
            "{settled:?}"
        );
    }
    assert_eq!(everything(database, id).await, before);
    assert_eq!(database.proposal(answer.id).await.unwrap(), None);
}

#[test]
fn what_a_worker_says_that_lost_the_job_changes_nothing() {
    on_both(async |database| {
        let lost = claimed(&database, &job(owner(&database, "ada").await), NOW).await;
        let later = NOW + LEASE + 1;
        assert_eq!(database.expire_jobs(later).await.unwrap().len(), 1);
        is_fenced(&database, lost.id, 1, later).await;

        let second = claim(&database, later).await;
        assert_eq!((second.id, second.status.fence), (lost.id, 2));
        is_fenced(&database, lost.id, 1, later).await;
        // Nor did it lengthen the time of the other.
        assert_eq!(database.expire_jobs(later + LEASE).await.unwrap().len(), 0);
        assert_eq!(database.expire_jobs(later + LEASE + 1).await.unwrap().len(), 1);

        assert_eq!(claim(&database, later).await.status.fence, 3);
        database
            .settle_job(lost.id, 3, &failed(), None, later)
            .await
            .unwrap();
        is_fenced(&database, lost.id, 3, later).await;
        database
            .change_job(lost.id, &JobEvent::Retried, later)
            .await
            .unwrap();
        is_fenced(&database, lost.id, 3, later).await;

        // Nor does it when it holds the job, and what it says does not fit.
        let held = claim(&database, later).await;
        let before = everything(&database, held.id).await;
        let answer = proposal(Level::Tested, Vec::new(), None);
        let settled = database
            .settle_job(held.id, 4, &JobEvent::Retried, Some(&answer), later)
            .await;
        assert!(matches!(settled, Err(DatabaseError::Step(_))), "{settled:?}");
        assert_eq!(everything(&database, held.id).await, before);
        assert_eq!(database.proposal(answer.id).await.unwrap(), None);
    });
}

#[test]
fn a_job_whose_workers_are_lost_fails_in_the_end() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        let mut asked = job(ada);
        asked.max_attempts = 2;
        let id = claimed(&database, &asked, NOW).await.id;
        let until = NOW + LEASE;
        assert_eq!(database.expire_jobs(until).await.unwrap().len(), 0);
        assert_eq!(database.hold_job(id, 1, until + 50).await.unwrap(), Held::Yes);
        assert_eq!(database.expire_jobs(until + 50).await.unwrap().len(), 0);
        assert_eq!(database.expire_jobs(until + 51).await.unwrap().len(), 1);
        assert_eq!(database.job(id).await.unwrap().status.state, JobState::Queued);

        let second = claim(&database, until + 60).await;
        assert_eq!(second.status.attempt, 2);
        assert_eq!(database.expire_jobs(until + 61 + LEASE).await.unwrap().len(), 1);
        let status = database.job(id).await.unwrap().status;
        assert_eq!((status.state, status.worker), (JobState::Failed, None));
        let is_internal = matches!(
            status.outcome,
            Some(JobOutcome::Failed {
                category: FailureCategory::Internal,
                ..
            })
        );
        assert!(is_internal);
        assert_eq!(database.expire_jobs(until + 10 * LEASE).await.unwrap().len(), 0);

        let held = claimed(&database, &job(ada), NOW).await;
        database
            .change_job(held.id, &JobEvent::CancelRequested, NOW)
            .await
            .unwrap();
        // Being asked to stop does not give it more time.
        assert_eq!(database.expire_jobs(NOW + LEASE).await.unwrap().len(), 0);
        assert_eq!(database.expire_jobs(NOW + LEASE + 1).await.unwrap().len(), 1);
        assert_eq!(
            database.job(held.id).await.unwrap().status.state,
            JobState::Cancelled
        );
    });
}

#[test]
fn a_deadline_ends_what_waits_and_what_runs_once_however_many_look() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        let mut ids = Vec::new();
        for _ in 0..20 {
            let mut asked = job(ada);
            asked.deadline_at_ms = Some(NOW + 100);
            ids.push(submit(&database, &asked, NOW).await);
        }
        let endless = submit(&database, &job(ada), NOW).await;
        let running = claim(&database, NOW).await;
        assert_eq!(running.id, ids[0]);
        assert_eq!(database.expire_jobs(NOW + 100).await.unwrap().len(), 0);

        let expired = at_once(&database, 4, |database, _| async move {
            database.expire_jobs(NOW + 101).await.unwrap().len()
        });
        assert_eq!(expired.await.into_iter().sum::<usize>(), 20);
        for id in ids {
            let job = database.job(id).await.unwrap();
            assert_eq!(
                (job.status.state, job.finished_at_ms),
                (JobState::Failed, Some(NOW + 101))
            );
            let outcome = job.status.outcome;
            let category = FailureCategory::TimeoutTotal;
            assert!(matches!(outcome, Some(JobOutcome::Failed { category: of, .. }) if of == category));
        }
        assert_eq!(
            database.job(endless).await.unwrap().status.state,
            JobState::Queued
        );
        let settled = database
            .settle_job(running.id, 1, &failed(), None, NOW + 102)
            .await;
        assert!(matches!(settled, Err(DatabaseError::Fenced(_))));
    });
}

#[test]
fn a_lease_that_a_wrong_clock_set_far_ahead_ends() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        let year = NOW + 365 * 24 * 3_600_000;
        let lost = claimed(&database, &job(ada), NOW).await;
        assert_eq!(database.hold_job(lost.id, 1, year).await.unwrap(), Held::Yes);
        let expired = database.expire_jobs(NOW + 1).await.unwrap();
        assert_eq!(expired.iter().map(|job| job.id).collect::<Vec<_>>(), [lost.id]);
        assert_eq!(claim(&database, NOW + 2).await.status.fence, 2);
    });
}
