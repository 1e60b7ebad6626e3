//! Many jobs in one call, of which only so many are open.

use std::collections::BTreeMap;

use tenon_domain::{BatchCounts, BatchId, BatchState, JobEvent, JobState, Level, PrincipalId};
use tenon_store::{
    Batch, BatchFilter, Database, IdempotencyKey, LimitScope, LimitUnit, NewBatch, NewItem, Submitted,
};

use crate::place::{at_once, on_both, on_both_places};
use crate::samples::{
    LEASE, NOW, claim, failed, failed_attempt, job, limit, owner, proposal, propose, submit, tokens, used_by,
};

fn batch(owner: PrincipalId, items: usize, concurrency: u32) -> NewBatch {
    NewBatch {
        id: BatchId::new(),
        owner,
        repository: "web".to_owned(),
        key: "aaaaaaaaaaaa".to_owned(),
        concurrency,
        items: (0..items)
            .map(|number| NewItem {
                custom_id: format!("item {number}"),
                job: job(owner),
            })
            .collect(),
    }
}

async fn submitted(database: &Database, batch: &NewBatch) -> BatchId {
    let submitted = database.submit_batch(batch, None, NOW).await.unwrap();
    assert_eq!(submitted, Submitted::New);
    batch.id
}

async fn read(database: &Database, id: BatchId) -> Batch {
    database.batch(id).await.unwrap().unwrap()
}

fn open(counts: &BatchCounts) -> u32 {
    counts.queued + counts.running + counts.cancelling
}

#[test]
fn only_so_many_are_open_and_each_that_ends_makes_room() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        let asked = batch(ada, 5, 2);
        let id = submitted(&database, &asked).await;
        let mut left = 5;
        let mut order = Vec::new();
        while left > 0 {
            let counts = read(&database, id).await.counts;
            assert_eq!(open(&counts), left.min(2), "{counts:?}");
            let held = claim(&database, NOW).await;
            assert_eq!(held.batch, Some(id));
            order.push(held.id);
            // Neither what is given back nor what is tried again makes room.
            let held = match left {
                5 => {
                    database
                        .settle_job(held.id, held.status.fence, &JobEvent::Released, None, NOW)
                        .await
                        .unwrap();
                    assert_eq!(open(&read(&database, id).await.counts), 2);
                    claim(&database, NOW).await
                }
                4 => {
                    database
                        .settle_job(held.id, held.status.fence, &failed_attempt(NOW), None, NOW)
                        .await
                        .unwrap();
                    assert_eq!(open(&read(&database, id).await.counts), 2);
                    claim(&database, NOW).await
                }
                _ => held,
            };
            propose(
                &database,
                &held,
                &proposal(Level::Parsed, Vec::new(), None),
                NOW + 9,
            )
            .await;
            left -= 1;
        }
        let ended = read(&database, id).await;
        assert_eq!(
            (ended.counts.state(), ended.finished_at_ms),
            (BatchState::Succeeded, Some(NOW + 9))
        );
        assert!(
            database
                .claim_job("worker", NOW + LEASE, NOW)
                .await
                .unwrap()
                .is_none()
        );

        let items = database.batch_items(id, None, -1, 3).await.unwrap();
        let names: Vec<_> = items.iter().map(|item| item.custom_id.as_str()).collect();
        assert_eq!(names, ["item 0", "item 1", "item 2"]);
        let rest = database.batch_items(id, None, 2, 10).await.unwrap();
        assert_eq!(rest.iter().map(|item| item.index).collect::<Vec<_>>(), [3, 4]);
        let ids: Vec<_> = items.iter().chain(&rest).map(|item| item.job.id).collect();
        assert_eq!(
            ids,
            asked.items.iter().map(|item| item.job.id).collect::<Vec<_>>()
        );
    });
}

#[test]
fn a_batch_is_kept_whole_or_not_at_all_and_once() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        let mut greedy = batch(ada, 3, 2);
        for item in &mut greedy.items {
            item.job.charges = vec![tokens("ada", 400)];
        }
        let refused = database.submit_batch(&greedy, None, NOW).await.unwrap();
        assert!(matches!(refused, Submitted::Exceeded(_)), "{refused:?}");
        greedy.items.pop();
        let mut twice = batch(ada, 2, 2);
        twice.items[1].job.id = twice.items[0].job.id;
        database.submit_batch(&twice, None, NOW).await.unwrap_err();
        assert!(
            database
                .batches(&BatchFilter::default(), 10)
                .await
                .unwrap()
                .is_empty()
        );
        assert_eq!(database.parked_jobs().await.unwrap(), 0);

        let key = IdempotencyKey {
            principal: "ada".to_owned(),
            name: "once".to_owned(),
            fingerprint: "body".to_owned(),
            answer: "first".to_owned(),
            expires_at_ms: NOW + 1000,
        };
        assert_eq!(
            database.submit_batch(&greedy, Some(&key), NOW).await.unwrap(),
            Submitted::New
        );
        assert_eq!(used_by(&database, "ada", NOW).await, 800);
        let again = database.submit_batch(&greedy, Some(&key), NOW).await.unwrap();
        assert_eq!(again, Submitted::Before("first".to_owned()));
        assert_eq!(
            database.batches(&BatchFilter::default(), 10).await.unwrap().len(),
            1
        );

        // What is cancelled gives back what was reserved for it.
        database.cancel_batch(greedy.id, NOW).await.unwrap();
        assert_eq!(used_by(&database, "ada", NOW).await, 0);
    });
}

#[test]
fn a_failure_touches_no_other_and_what_came_to_nothing_is_resumed() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        let id = submitted(&database, &batch(ada, 6, 2)).await;
        let bad = claim(&database, NOW).await;
        database
            .settle_job(bad.id, bad.status.fence, &failed(), None, NOW)
            .await
            .unwrap();
        let good = claim(&database, NOW).await;
        propose(&database, &good, &proposal(Level::Tested, Vec::new(), None), NOW).await;
        let running = claim(&database, NOW).await;
        assert_eq!(database.cancel_batch(id, NOW).await.unwrap(), 4);
        let counts = read(&database, id).await.counts;
        assert_eq!(
            (counts.cancelled, counts.cancelling, counts.state()),
            (3, 1, BatchState::Cancelling)
        );
        assert_eq!(database.cancel_batch(id, NOW).await.unwrap(), 0);
        database
            .settle_job(running.id, running.status.fence, &JobEvent::Cancelled, None, NOW)
            .await
            .unwrap();
        let counts = read(&database, id).await.counts;
        assert_eq!(
            (counts.state(), counts.failed, counts.succeeded),
            (BatchState::Failed, 1, 1)
        );
        let failed = database
            .batch_items(id, Some(JobState::Failed), -1, 9)
            .await
            .unwrap();
        assert_eq!(
            failed.iter().map(|item| item.job.id).collect::<Vec<_>>(),
            [bad.id]
        );

        // Each counts as a new one: of 1,000 tokens there are 400 for two of them, and not for five.
        let resume = async |amount| {
            database
                .resume_batch(id, &[tokens("ada", amount)], NOW)
                .await
                .unwrap()
        };
        assert!(resume(400).await.is_err());
        assert_eq!(used_by(&database, "ada", NOW).await, 0);
        assert_eq!(resume(200).await, Ok(5));
        assert_eq!(used_by(&database, "ada", NOW).await, 1000);
        assert_eq!(resume(200).await, Ok(0));
        for _ in 0..5 {
            assert!(open(&read(&database, id).await.counts) <= 2);
            let held = claim(&database, NOW).await;
            propose(&database, &held, &proposal(Level::Tested, Vec::new(), None), NOW).await;
        }
        let counts = read(&database, id).await.counts;
        assert_eq!((counts.state(), counts.succeeded), (BatchState::Succeeded, 6));
    });
}

#[test]
fn a_job_of_a_batch_that_is_tried_again_by_itself_waits_for_room() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        let id = submitted(&database, &batch(ada, 3, 1)).await;
        let bad = claim(&database, NOW).await;
        database
            .settle_job(bad.id, bad.status.fence, &failed(), None, NOW)
            .await
            .unwrap();
        let retried = database.retry_job(bad.id, &[], &[], NOW).await.unwrap().unwrap();
        assert!(retried.is_parked);
        assert_eq!(open(&read(&database, id).await.counts), 1);
        // One that is cancelled while it is parked is gone for good.
        let last = database.batch_items(id, None, 1, 1).await.unwrap()[0].job.id;
        let cancelled = database
            .change_job(last, &JobEvent::CancelRequested, NOW)
            .await
            .unwrap();
        assert_eq!(
            (cancelled.status.state, cancelled.is_parked),
            (JobState::Cancelled, false)
        );
        let counts = read(&database, id).await.counts;
        assert_eq!((open(&counts), counts.parked), (1, 1));
    });
}

#[test]
fn a_batch_keeps_nobody_else_waiting() {
    on_both(async |database| {
        let (ada, bob) = (owner(&database, "ada").await, owner(&database, "bob").await);
        submitted(&database, &batch(ada, 50, 10)).await;
        // What is parked does not wait in the queue.
        assert_eq!(database.queue_depths().await.unwrap()[0].waiting, 10);
        submit(&database, &job(bob), NOW).await;
        submit(&database, &job(ada), NOW).await;
        let mut whose = Vec::new();
        for _ in 0..12 {
            let held = claim(&database, NOW).await;
            whose.push((held.owner, held.batch.is_some()));
        }
        assert!(whose[..2].contains(&(bob, false)), "{whose:?}");
        assert!(whose.contains(&(ada, false)), "{whose:?}");
    });
}

#[test]
fn what_may_be_open_of_somebody_holds_for_their_batches_too() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        let ceiling = limit(LimitScope::User("ada".to_owned()), LimitUnit::Concurrency, 0, 2);
        database.set_limit(&ceiling).await.unwrap();
        let single = submit(&database, &job(ada), NOW).await;
        let first = submitted(&database, &batch(ada, 4, 3)).await;
        let second = submitted(&database, &batch(ada, 4, 3)).await;
        assert_eq!(open(&read(&database, first).await.counts), 1);
        assert_eq!(open(&read(&database, second).await.counts), 0);
        // Room that something else leaves is found by the next round.
        database
            .change_job(single, &JobEvent::CancelRequested, NOW)
            .await
            .unwrap();
        database.expire_jobs(NOW).await.unwrap();
        assert_eq!(open(&read(&database, first).await.counts), 2);
        database
            .lift_limit(&LimitScope::User("ada".to_owned()), LimitUnit::Concurrency, 0)
            .await
            .unwrap();
        database.expire_jobs(NOW).await.unwrap();
        assert_eq!(open(&read(&database, first).await.counts), 3);
        assert_eq!(open(&read(&database, second).await.counts), 3);
    });
}

#[test]
fn workers_that_are_lost_amid_a_batch_lose_and_double_nothing() {
    on_both_places(async |place| {
        const ITEMS: usize = 60;
        let database = place.migrated().await;
        let ada = owner(&database, "ada").await;
        let mut asked = batch(ada, ITEMS, 4);
        for item in &mut asked.items {
            item.job.max_attempts = 100;
        }
        let id = submitted(&database, &asked).await;
        // Each worker has a connection of its own, as a process has; every third time it is lost with its job.
        let workers = at_once(&database, 6, {
            let url = place.url();
            move |_, number| {
                let url = url.clone();
                async move {
                    let database = Database::connect(&url, 2).await.unwrap();
                    let name = format!("worker {number}");
                    let (mut made, mut now) = (Vec::new(), NOW);
                    for round in 0.. {
                        now += LEASE / 2;
                        database.expire_jobs(now).await.unwrap();
                        let open = open(&read(&database, id).await.counts);
                        assert!(open <= 4, "{open} are open");
                        let Some(held) = database.claim_job(&name, now + LEASE, now).await.unwrap() else {
                            match read(&database, id).await.counts.state() {
                                BatchState::Running => continue,
                                _ => break,
                            }
                        };
                        if round % 3 == number % 3 {
                            continue;
                        }
                        let answer = proposal(Level::Parsed, Vec::new(), None);
                        let event = crate::samples::proposed(&answer);
                        let fence = held.status.fence;
                        // Another may have it by now: then this one comes to nothing.
                        if database
                            .settle_job(held.id, fence, &event, Some(&answer), now)
                            .await
                            .is_ok()
                        {
                            made.push(held.id);
                        }
                    }
                    made
                }
            }
        });
        let mut times = BTreeMap::new();
        for id in workers.await.into_iter().flatten() {
            *times.entry(id).or_insert(0) += 1;
        }
        assert_eq!(times.len(), ITEMS);
        assert!(times.values().all(|times| *times == 1), "{times:?}");
        let ended = read(&database, id).await;
        assert_eq!(ended.counts.succeeded as usize, ITEMS);
        assert_eq!(
            database.proposal_rows(None, None, None, 200).await.unwrap().len(),
            ITEMS
        );
    });
}
