//! Who is given which job.

use std::collections::BTreeMap;

use tenon_domain::{Criticality, Level, PrincipalId};
use tenon_store::{Database, QueueDepth};

use crate::place::{at_once, on_both};
use crate::samples::{LEASE, NOW, claim, job, owner, proposal, propose, submit};

async fn submit_many(database: &Database, owner: PrincipalId, criticality: Criticality, count: usize) {
    for _ in 0..count {
        let mut asked = job(owner);
        asked.criticality = criticality;
        submit(database, &asked, NOW).await;
    }
}

/// Whose jobs are given out, in order, until none waits.
async fn claim_all(database: &Database) -> Vec<(PrincipalId, Criticality)> {
    let mut given = Vec::new();
    while let Some(job) = database.claim_job("worker", NOW + LEASE, NOW).await.unwrap() {
        given.push((job.owner, job.criticality));
    }
    given
}

#[test]
fn no_job_is_given_to_two_workers() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        let kept = at_once(&database, 8, move |database, _| async move {
            submit_many(&database, ada, Criticality::Standard, 25).await;
        });
        kept.await;
        let claimed = at_once(&database, 8, |database, number| async move {
            let mut ids = Vec::new();
            let worker = format!("worker {number}");
            while let Some(job) = database.claim_job(&worker, NOW + LEASE, NOW).await.unwrap() {
                assert_eq!(job.status.worker.as_ref(), Some(&worker));
                let answer = proposal(Level::Parsed, Vec::new(), None);
                propose(&database, &job, &answer, NOW + 1).await;
                ids.push(job.id);
            }
            ids
        });
        let mut times = BTreeMap::new();
        for id in claimed.await.into_iter().flatten() {
            *times.entry(id).or_insert(0) += 1;
        }
        assert_eq!(times.len(), 200);
        assert!(times.values().all(|times| *times == 1), "{times:?}");
        assert_eq!(
            database.proposal_rows(None, None, None, 300).await.unwrap().len(),
            200
        );
    });
}

#[test]
fn whoever_asks_for_little_does_not_wait_behind_whoever_asks_for_much() {
    on_both(async |database| {
        let (ada, bob, cid) = (
            owner(&database, "ada").await,
            owner(&database, "bob").await,
            owner(&database, "cid").await,
        );
        submit_many(&database, ada, Criticality::Standard, 100).await;
        submit_many(&database, bob, Criticality::Standard, 1).await;
        let first = [
            claim(&database, NOW).await.owner,
            claim(&database, NOW).await.owner,
        ];
        assert_eq!(first, [ada, bob]);

        // Who comes later stands beside whoever is first by then, not before everybody who waits.
        for _ in 0..10 {
            assert_eq!(claim(&database, NOW).await.owner, ada);
        }
        submit_many(&database, cid, Criticality::Standard, 3).await;
        submit_many(&database, bob, Criticality::Standard, 2).await;
        let whose: Vec<_> = claim_all(&database)
            .await
            .into_iter()
            .map(|(owner, _)| owner)
            .collect();
        assert_eq!(whose[..8], [ada, cid, bob, ada, cid, bob, ada, cid]);
        assert_eq!(whose.len(), 89 + 3 + 2);
    });
}

#[test]
fn what_is_critical_goes_first_whoever_asked_before() {
    on_both(async |database| {
        let (ada, bob) = (owner(&database, "ada").await, owner(&database, "bob").await);
        submit_many(&database, bob, Criticality::Sheddable, 1).await;
        submit_many(&database, bob, Criticality::Standard, 1).await;
        submit_many(&database, ada, Criticality::Standard, 1).await;
        submit_many(&database, ada, Criticality::Critical, 3).await;
        let depth = |criticality, waiting| QueueDepth {
            criticality,
            waiting,
            oldest_ms: NOW,
        };
        let depths = [
            depth(Criticality::Critical, 3),
            depth(Criticality::Standard, 2),
            depth(Criticality::Sheddable, 1),
        ];
        assert_eq!(database.queue_depths().await.unwrap(), depths);
        let critical = (ada, Criticality::Critical);
        let expected = [
            critical,
            critical,
            critical,
            (bob, Criticality::Standard),
            (ada, Criticality::Standard),
            (bob, Criticality::Sheddable),
        ];
        assert_eq!(claim_all(&database).await, expected);
        assert!(database.queue_depths().await.unwrap().is_empty());
    });
}
