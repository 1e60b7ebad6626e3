//! The same request is kept once, and no more jobs are open than may be.

use tenon_domain::{Level, PrincipalId};
use tenon_store::{Database, IdempotencyKey, JobFilter, Limit, LimitScope, LimitUnit, NewJob, Submitted};

use crate::place::{at_once, on_both};
use crate::samples::{NOW, claim, job, limit, owner, person, proposal, propose, tokens};

const DAY: i64 = 86_400_000;

fn key(principal: &str, fingerprint: &str, answer: &str) -> IdempotencyKey {
    IdempotencyKey {
        principal: principal.to_owned(),
        name: "once".to_owned(),
        fingerprint: fingerprint.to_owned(),
        answer: answer.to_owned(),
        expires_at_ms: NOW + DAY,
    }
}

async fn how_many(database: &Database) -> usize {
    database.jobs(&JobFilter::default(), 1000).await.unwrap().len()
}

#[test]
fn a_request_that_is_sent_again_is_kept_once_even_at_once() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        let send = async |key: IdempotencyKey, now_ms: i64| {
            database.submit_job(&job(ada), Some(&key), now_ms).await.unwrap()
        };
        assert_eq!(send(key("ada", "body", "first"), NOW).await, Submitted::New);
        assert_eq!(
            send(key("ada", "body", "second"), NOW + 1).await,
            Submitted::Before("first".to_owned())
        );
        assert_eq!(
            send(key("ada", "other body", "third"), NOW + 1).await,
            Submitted::KeyOfAnother
        );
        assert_eq!(
            send(key("bob", "other body", "fourth"), NOW + 1).await,
            Submitted::New
        );
        let late = NOW + DAY;
        assert_eq!(
            send(key("ada", "body", "fifth"), late - 1).await,
            Submitted::Before("first".to_owned())
        );
        assert_eq!(how_many(&database).await, 2);

        let mut renewed = key("ada", "other body", "sixth");
        renewed.expires_at_ms = late + DAY;
        assert_eq!(send(renewed, late).await, Submitted::New);
        assert_eq!(
            send(key("ada", "other body", "seventh"), late).await,
            Submitted::Before("sixth".to_owned())
        );
        assert_eq!(how_many(&database).await, 3);

        let submitted = at_once(&database, 8, move |database, number| async move {
            let key = key("cid", "body", &format!("answer {number}"));
            database.submit_job(&job(ada), Some(&key), NOW).await.unwrap()
        });
        let submitted = submitted.await;
        let new: Vec<_> = (0..8)
            .filter(|number| submitted[*number] == Submitted::New)
            .collect();
        assert_eq!(new.len(), 1, "{submitted:?}");
        let before = Submitted::Before(format!("answer {}", new[0]));
        assert_eq!(
            submitted.iter().filter(|one| **one == before).count(),
            7,
            "{submitted:?}"
        );
        assert_eq!(how_many(&database).await, 4);
    });
}

#[test]
fn a_key_is_free_again_when_there_was_no_room() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        let key = key("ada", "body", "answer");
        let mut greedy = job(ada);
        greedy.charges = vec![tokens("ada", 400), tokens("bob", 1001)];
        let Submitted::Exceeded(exceeded) = database.submit_job(&greedy, Some(&key), NOW).await.unwrap()
        else {
            panic!("it is more than there is");
        };
        assert_eq!(exceeded.limit, greedy.charges[1].limit);
        assert_eq!(exceeded.resets_at_ms, NOW + 3_600_000);
        assert_eq!(how_many(&database).await, 0);
        assert!(database.used(NOW).await.unwrap().is_empty());
        assert_eq!(database.job_request(greedy.id).await.unwrap(), None);
        assert_eq!(
            database.submit_job(&job(ada), Some(&key), NOW).await.unwrap(),
            Submitted::New
        );
    });
}

fn ceiling(scope: LimitScope, quota: i64) -> Limit {
    limit(scope, LimitUnit::Concurrency, 0, quota)
}

/// How many of sixteen submissions at once are kept.
async fn kept_of_sixteen(database: &Database, asked: impl Fn(usize) -> NewJob) -> usize {
    let submitted = at_once(database, 16, move |database, number| {
        let asked = asked(number);
        async move { database.submit_job(&asked, None, NOW).await.unwrap() }
    });
    let submitted = submitted.await;
    let is_told = |one: &Submitted| matches!(one, Submitted::New | Submitted::Exceeded(_));
    assert!(submitted.iter().all(is_told), "{submitted:?}");
    submitted.iter().filter(|one| **one == Submitted::New).count()
}

fn asking(owner: PrincipalId, repository: &str, ceilings: Vec<Limit>) -> NewJob {
    NewJob {
        repository: repository.to_owned(),
        ceilings,
        ..job(owner)
    }
}

#[test]
fn no_more_jobs_are_open_than_may_be_however_many_ask_at_once() {
    on_both(async |database| {
        let (ada, bob) = (owner(&database, "ada").await, owner(&database, "bob").await);
        let of_ada = || vec![ceiling(LimitScope::User("ada".to_owned()), 5)];
        assert_eq!(
            kept_of_sixteen(&database, move |_| asking(ada, "one", of_ada())).await,
            5
        );
        // One that ends makes room for one.
        let held = claim(&database, NOW).await;
        propose(&database, &held, &proposal(Level::Parsed, Vec::new(), None), NOW).await;
        assert_eq!(
            kept_of_sixteen(&database, move |_| asking(ada, "one", of_ada())).await,
            1
        );

        let each = || vec![ceiling(LimitScope::EachUser, 4)];
        assert_eq!(
            kept_of_sixteen(&database, move |_| asking(bob, "two", each())).await,
            4
        );
        let of_three = || vec![ceiling(LimitScope::Repository("three".to_owned()), 3)];
        let both = [ada, bob];
        assert_eq!(
            kept_of_sixteen(&database, move |n| asking(both[n % 2], "three", of_three())).await,
            3
        );
    });
}

#[test]
fn a_team_has_its_room_together_and_two_ceilings_never_wait_for_each_other() {
    on_both(async |database| {
        let mut of_team = Vec::new();
        for name in ["ada", "bob"] {
            let mut person = person(name);
            person.team = Some("web".to_owned());
            database.add_principal(&person, NOW).await.unwrap();
            of_team.push(person.id);
        }
        let cid = owner(&database, "cid").await;
        let ceilings = |number: usize| {
            let team = ceiling(LimitScope::Team("web".to_owned()), 6);
            let repository = ceiling(LimitScope::Repository("web".to_owned()), 20);
            match number % 2 {
                0 => vec![team, repository],
                _ => vec![repository, team],
            }
        };
        let kept = kept_of_sixteen(&database, move |n| asking(of_team[n % 2], "web", ceilings(n / 2))).await;
        assert_eq!(kept, 6);
        // Whoever is in no team takes none of it.
        assert_eq!(
            kept_of_sixteen(&database, move |n| asking(cid, "web", ceilings(n))).await,
            14
        );
    });
}
