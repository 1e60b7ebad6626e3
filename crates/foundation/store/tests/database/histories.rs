//! Whatever happens in whatever order, the history of a job says where it stands.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use tenon_domain::{JobEvent, JobId, JobState, JobStatus, Level, PrincipalId};
use tenon_store::{Database, DatabaseError, JobNews};

use crate::place::{Place, runtime};
use crate::samples::{LEASE, NOW, failed, failed_attempt, job, owner, proposal, proposed};

/// What a worker, or somebody beside it, does next.
#[derive(Debug, Clone)]
enum Step {
    Submit { max_attempts: u32 },
    Claim,
    Hold,
    TellProgress,
    Propose,
    Settle(JobEvent),
    Change { which: usize, event: JobEvent },
    Expire { after_ms: i64 },
}

/// What all of them see.
struct Scene {
    database: Database,
    owner: PrincipalId,
    clock: AtomicI64,
    submitted: Mutex<Vec<JobId>>,
}

fn step() -> impl Strategy<Value = Step> {
    let settled = prop_oneof![
        Just(failed()),
        (0..LEASE).prop_map(|delay| failed_attempt(NOW + delay)),
        Just(JobEvent::Released),
        Just(JobEvent::Cancelled),
        // Never right while a worker has it.
        Just(JobEvent::Retried),
    ];
    let changed = prop_oneof![Just(JobEvent::CancelRequested), Just(JobEvent::Retried)];
    prop_oneof![
        3 => (1..3_u32).prop_map(|max_attempts| Step::Submit { max_attempts }),
        5 => Just(Step::Claim),
        1 => Just(Step::Hold),
        1 => Just(Step::TellProgress),
        1 => Just(Step::Propose),
        3 => settled.prop_map(Step::Settle),
        3 => (0..8_usize, changed).prop_map(|(which, event)| Step::Change { which, event }),
        2 => (0..LEASE).prop_map(|after_ms| Step::Expire { after_ms }),
    ]
}

#[test]
fn a_history_replays_to_where_the_job_stands() {
    let runtime = runtime();
    for place in [Place::sqlite(), Place::postgres()] {
        let (database, owner) = runtime.block_on(async {
            let database = place.migrated().await;
            let owner = owner(&database, "ada").await;
            (database, owner)
        });
        let config = Config {
            cases: 24,
            failure_persistence: None,
            ..Config::default()
        };
        let plans = vec(vec(step(), 0..16), 3);
        let outcome = TestRunner::new(config).run(&plans, |plans| {
            runtime.block_on(several_workers(database.clone(), owner, plans));
            Ok(())
        });
        outcome.unwrap();
    }
}

async fn several_workers(database: Database, owner: PrincipalId, plans: Vec<Vec<Step>>) {
    let scene = Arc::new(Scene {
        database,
        owner,
        clock: AtomicI64::new(NOW),
        submitted: Mutex::default(),
    });
    let workers: Vec<_> = plans
        .into_iter()
        .map(|plan| tokio::spawn(work(Arc::clone(&scene), plan)))
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    let submitted = scene.submitted.lock().unwrap().clone();
    for id in submitted {
        the_history_says_where_it_stands(&scene.database, id).await;
    }
}

async fn work(scene: Arc<Scene>, plan: Vec<Step>) {
    // What it was given last, even when somebody else has it by now.
    let mut held = None;
    for step in plan {
        let did = take(&scene, &mut held, step.clone()).await;
        let may_fail = matches!(
            did,
            Ok(()) | Err(DatabaseError::Step(_) | DatabaseError::Fenced(_))
        );
        assert!(may_fail, "{step:?}: {did:?}");
    }
}

async fn take(scene: &Scene, held: &mut Option<(JobId, i64)>, step: Step) -> Result<(), DatabaseError> {
    let (database, now) = (&scene.database, scene.clock.fetch_add(1, Ordering::Relaxed));
    match (step, *held) {
        (Step::Submit { max_attempts }, _) => {
            let mut asked = job(scene.owner);
            asked.max_attempts = max_attempts;
            database.submit_job(&asked, None, now).await?;
            scene.submitted.lock().unwrap().push(asked.id);
        }
        (Step::Claim, _) => {
            let claimed = database.claim_job("worker", now + LEASE, now).await?;
            *held = claimed.map(|job| (job.id, job.status.fence)).or(*held);
        }
        (Step::Hold, Some((id, fence))) => drop(database.hold_job(id, fence, now + LEASE).await?),
        (Step::TellProgress, Some((id, fence))) => database.tell_progress(id, fence, "on it", now).await?,
        (Step::Propose, Some((id, fence))) => {
            let answer = proposal(Level::Built, Vec::new(), None);
            database
                .settle_job(id, fence, &proposed(&answer), Some(&answer), now)
                .await?;
        }
        (Step::Settle(event), Some((id, fence))) => {
            drop(database.settle_job(id, fence, &event, None, now).await?)
        }
        (Step::Change { which, event }, _) => {
            let id = scene.submitted.lock().unwrap().iter().rev().nth(which).copied();
            if let Some(id) = id {
                database.change_job(id, &event, now).await?;
            }
        }
        (Step::Expire { after_ms }, _) => {
            let now = scene.clock.fetch_add(after_ms, Ordering::Relaxed) + after_ms;
            database.expire_jobs(now).await?;
        }
        (Step::Hold | Step::TellProgress | Step::Propose | Step::Settle(_), None) => {}
    }
    Ok(())
}

async fn the_history_says_where_it_stands(database: &Database, id: JobId) {
    let job = database.job(id).await.unwrap();
    let history = database.job_history(id, 0, 1000).await.unwrap();
    let numbers: Vec<i64> = history.iter().map(|entry| entry.sequence).collect();
    assert_eq!(numbers, (1..=job.last_event).collect::<Vec<_>>(), "{id}");
    let events = history.iter().filter_map(|entry| match &entry.news {
        JobNews::Event(event) => Some(event),
        JobNews::Progress { .. } => None,
    });
    let replayed = JobStatus::submitted(job.status.max_attempts, job.created_at_ms).replay(events);
    assert_eq!(replayed.as_ref(), Ok(&job.status), "{id}");
    assert_eq!(job.finished_at_ms.is_some(), job.status.state.is_final(), "{id}");
    let was_claimed = job.status.fence > 0;
    assert_eq!(job.started_at_ms.is_some(), was_claimed, "{id}");
    let proposals = database.proposal_rows(None, None, None, 1000).await.unwrap();
    let is_answered = proposals.iter().any(|row| row.job == id);
    assert_eq!(is_answered, job.status.state == JobState::Succeeded, "{id}");
}
