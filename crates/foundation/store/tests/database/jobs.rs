//! What happens to a job while everybody does what they should.

use tenon_domain::{JobEvent, JobId, JobOutcome, JobState, Level, StepError};
use tenon_store::{Database, DatabaseError, Held, Job, JobFilter, JobNews};

use crate::place::on_both;
use crate::samples::{
    LEASE, NOW, attempt, claim, claimed, failed, failed_attempt, job, owner, passed, proposal, propose,
    submit,
};

#[test]
fn a_job_goes_from_its_submission_to_its_proposal() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        let mut asked = job(ada);
        asked.deadline_at_ms = Some(NOW + 600_000);
        let id = submit(&database, &asked, NOW).await;
        let waiting = database.job(id).await.unwrap();
        assert_eq!(
            (waiting.status.state, waiting.started_at_ms, waiting.last_event),
            (JobState::Queued, None, 0)
        );
        assert_eq!((waiting.owner, waiting.repository.as_str()), (ada, "web"));
        assert_eq!(
            (waiting.created_at_ms, waiting.deadline_at_ms),
            (NOW, Some(NOW + 600_000))
        );
        assert_eq!(database.job_request(id).await.unwrap(), Some(asked.request));

        let held = claim(&database, NOW + 10).await;
        assert_eq!(held, database.job(id).await.unwrap());
        assert_eq!(
            (held.status.state, held.status.attempt, held.status.fence),
            (JobState::Running, 1, 1)
        );
        assert_eq!(
            (held.status.worker.as_deref(), held.started_at_ms),
            (Some("worker"), Some(NOW + 10))
        );
        assert_eq!(
            database.claim_job("other", NOW + LEASE, NOW + 10).await.unwrap(),
            None
        );
        assert_eq!(
            database.hold_job(id, 1, NOW + 2 * LEASE).await.unwrap(),
            Held::Yes
        );
        database
            .tell_progress(id, 1, "reading \0 the repository", NOW + 20)
            .await
            .unwrap();

        let answer = proposal(Level::Tested, vec![attempt("small", "one", passed())], Some(0));
        let done = propose(&database, &held, &answer, NOW + 30).await;
        assert_eq!(done, database.job(id).await.unwrap());
        assert_eq!(
            (done.status.state, done.finished_at_ms),
            (JobState::Succeeded, Some(NOW + 30))
        );
        let outcome = JobOutcome::Proposed {
            proposal: answer.id,
            level: Level::Tested,
        };
        assert_eq!(done.status.outcome, Some(outcome));
        the_history_tells_it(&database, &done).await;
        the_proposal_is_kept(&database, &done, &answer).await;
    });
}

async fn the_history_tells_it(database: &Database, done: &Job) {
    let history = database.job_history(done.id, 0, 10).await.unwrap();
    let told: Vec<_> = history
        .iter()
        .map(|entry| (entry.sequence, entry.at_ms - NOW))
        .collect();
    assert_eq!(told, [(1, 10), (2, 20), (3, 30)]);
    let said = JobNews::Progress {
        progress: "reading \0 the repository".to_owned(),
    };
    assert_eq!(history[1].news, said);
    assert!(matches!(&history[0].news, JobNews::Event(JobEvent::Claimed { worker }) if worker == "worker"));
    assert!(matches!(
        &history[2].news,
        JobNews::Event(JobEvent::Proposed { .. })
    ));
    assert_eq!(database.job_history(done.id, 1, 1).await.unwrap(), history[1..2]);
}

async fn the_proposal_is_kept(database: &Database, done: &Job, answer: &tenon_domain::Proposal) {
    assert_eq!(database.proposal(answer.id).await.unwrap().as_ref(), Some(answer));
    let row = database.proposal_row(answer.id).await.unwrap().unwrap();
    assert_eq!((row.job, row.owner, row.task), (done.id, done.owner, done.task));
    assert_eq!(
        (row.level, row.files, row.created_at_ms),
        (Level::Tested, 1, NOW + 30)
    );
    assert_eq!(
        (row.repository.as_str(), row.summary.as_str()),
        ("web", "adds `slugify`")
    );
    let of_web = database
        .proposal_rows(Some(done.owner), Some("web"), None, 10)
        .await
        .unwrap();
    assert_eq!(of_web, std::slice::from_ref(&row));
    assert_eq!(database.proposal_rows(None, None, None, 10).await.unwrap(), [row]);
    assert!(
        database
            .proposal_rows(None, Some("other"), None, 10)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        database
            .proposal_rows(None, None, Some(answer.id), 10)
            .await
            .unwrap()
            .is_empty()
    );
}

#[test]
fn jobs_are_listed_newest_first_by_whatever_is_known() {
    on_both(async |database| {
        let (ada, bob) = (owner(&database, "ada").await, owner(&database, "bob").await);
        let mut ids = Vec::new();
        for (owner, repository) in [(ada, "web"), (ada, "api"), (bob, "web"), (bob, "api")] {
            let mut asked = job(owner);
            asked.repository = repository.to_owned();
            ids.push(submit(&database, &asked, NOW).await);
        }
        let running = claim(&database, NOW).await.id;
        assert_eq!(running, ids[0]);

        let list = async |filter: JobFilter, limit: u32| {
            let jobs = database.jobs(&filter, limit).await.unwrap();
            jobs.into_iter().map(|job| job.id).collect::<Vec<JobId>>()
        };
        let everything = JobFilter::default();
        assert_eq!(
            list(everything.clone(), 10).await,
            [ids[3], ids[2], ids[1], ids[0]]
        );
        assert_eq!(list(everything.clone(), 2).await, [ids[3], ids[2]]);
        let older = JobFilter {
            before: Some(ids[2]),
            ..everything.clone()
        };
        assert_eq!(list(older, 10).await, [ids[1], ids[0]]);
        let of_ada = JobFilter {
            owner: Some(ada),
            ..everything.clone()
        };
        assert_eq!(list(of_ada.clone(), 10).await, [ids[1], ids[0]]);
        let of_ada_in_web = JobFilter {
            repository: Some("web".to_owned()),
            ..of_ada
        };
        assert_eq!(list(of_ada_in_web, 10).await, [ids[0]]);
        let queued = JobFilter {
            state: Some(JobState::Queued),
            ..everything
        };
        assert_eq!(list(queued, 10).await, [ids[3], ids[2], ids[1]]);
        let unknown = JobId::new();
        assert!(matches!(database.job(unknown).await, Err(DatabaseError::UnknownJob(id)) if id == unknown));
    });
}

#[test]
fn cancelling_does_what_the_state_allows() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        let cancel = async |id: JobId| database.change_job(id, &JobEvent::CancelRequested, NOW + 5).await;

        let waiting = submit(&database, &job(ada), NOW).await;
        let cancelled = cancel(waiting).await.unwrap();
        assert_eq!(
            (cancelled.status.state, cancelled.finished_at_ms),
            (JobState::Cancelled, Some(NOW + 5))
        );
        assert!(matches!(
            cancel(waiting).await,
            Err(DatabaseError::Step(StepError { .. }))
        ));
        assert_eq!(
            database.claim_job("worker", NOW + LEASE, NOW).await.unwrap(),
            None
        );

        let held = claimed(&database, &job(ada), NOW).await;
        let asked = cancel(held.id).await.unwrap();
        assert_eq!(
            (asked.status.state, asked.finished_at_ms),
            (JobState::Cancelling, None)
        );
        assert_eq!(
            database.hold_job(held.id, 1, NOW + LEASE).await.unwrap(),
            Held::AskedToStop
        );
        database
            .settle_job(held.id, 1, &JobEvent::Cancelled, None, NOW + 6)
            .await
            .unwrap();
        let stopped = database.job(held.id).await.unwrap();
        assert_eq!(
            (stopped.status.state, stopped.status.worker),
            (JobState::Cancelled, None)
        );

        // What is ready when it is cancelled is not thrown away.
        let held = claimed(&database, &job(ada), NOW).await;
        cancel(held.id).await.unwrap();
        let done = propose(
            &database,
            &held,
            &proposal(Level::Parsed, Vec::new(), None),
            NOW + 7,
        )
        .await;
        assert_eq!(done.status.state, JobState::Succeeded);
        assert!(matches!(cancel(held.id).await, Err(DatabaseError::Step(_))));
    });
}

#[test]
fn a_failed_attempt_waits_and_a_failed_job_can_be_tried_again() {
    on_both(async |database| {
        let mut asked = job(owner(&database, "ada").await);
        asked.max_attempts = 2;
        let held = claimed(&database, &asked, NOW).await;
        let settle = async |fence: i64, event: JobEvent, now_ms: i64| {
            database
                .settle_job(held.id, fence, &event, None, now_ms)
                .await
                .unwrap()
                .status
        };
        let waiting = settle(1, failed_attempt(NOW + 1000), NOW + 10).await;
        assert_eq!(
            (waiting.state, waiting.available_at_ms),
            (JobState::Queued, NOW + 1000)
        );
        assert_eq!(
            database
                .claim_job("worker", NOW + LEASE, NOW + 999)
                .await
                .unwrap(),
            None
        );

        assert_eq!(claim(&database, NOW + 1000).await.status.attempt, 2);
        let over = settle(2, failed_attempt(NOW + 5000), NOW + 1010).await;
        assert_eq!(over.state, JobState::Failed);
        let again = database
            .change_job(held.id, &JobEvent::Retried, NOW + 6000)
            .await
            .unwrap();
        assert_eq!(
            (again.status.state, again.status.attempt, again.finished_at_ms),
            (JobState::Queued, 0, None)
        );

        let third = claim(&database, NOW + 6000).await;
        assert_eq!(
            (third.status.attempt, third.status.fence, third.started_at_ms),
            (1, 3, Some(NOW))
        );
        let released = settle(3, JobEvent::Released, NOW + 6010).await;
        assert_eq!((released.state, released.attempt), (JobState::Queued, 0));
        assert_eq!(claim(&database, NOW + 6020).await.status.fence, 4);
        assert_eq!(settle(4, failed(), NOW + 6030).await.state, JobState::Failed);
    });
}
