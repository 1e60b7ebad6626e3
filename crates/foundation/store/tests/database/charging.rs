//! A job reserves what it may take, and pays what it came to.

use tenon_domain::{JobEvent, Level};
use tenon_store::{Charge, Database, Job, LimitScope, LimitUnit, NewJob};

use crate::place::{Place, at_once, on_both, runtime};
use crate::samples::{
    LEASE, NOW, claim, claimed, failed, failed_attempt, job, limit, owner, proposal, propose, submit, tokens,
    used_by,
};

const HOUR: i64 = 3_600_000;

fn asking(owner: tenon_domain::PrincipalId) -> NewJob {
    let user = LimitScope::User("ada".to_owned());
    let request = Charge {
        counted: user.to_string(),
        limit: limit(user, LimitUnit::Requests, 3600, 100),
        amount: 1,
    };
    NewJob {
        charges: vec![tokens("ada", 400), request],
        ..job(owner)
    }
}

async fn requests(database: &Database) -> i64 {
    let used = database.used(NOW).await.unwrap();
    let requests = used.iter().filter(|(_, unit, ..)| *unit == LimitUnit::Requests);
    requests.map(|(_, _, _, used)| used).sum()
}

async fn fail(database: &Database, job: &Job, now_ms: i64) {
    database
        .settle_job(job.id, job.status.fence, &failed(), None, now_ms)
        .await
        .unwrap();
}

#[test]
fn a_job_pays_what_it_came_to_and_nothing_when_it_came_to_nothing() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        let used = async || used_by(&database, "ada", NOW).await;
        let held = claimed(&database, &asking(ada), NOW).await;
        assert_eq!(used().await, 400);
        propose(
            &database,
            &held,
            &proposal(Level::Tested, Vec::new(), None),
            NOW + 1,
        )
        .await;
        assert_eq!(used().await, 150);

        let held = claimed(&database, &asking(ada), NOW).await;
        fail(&database, &held, NOW + 1).await;
        assert_eq!(used().await, 150);
        // Nothing is reserved any more, so nothing is given back twice.
        database
            .change_job(held.id, &JobEvent::Retried, NOW + 2)
            .await
            .unwrap();
        fail(&database, &claim(&database, NOW + 2).await, NOW + 3).await;
        assert_eq!(used().await, 150);

        let waiting = submit(&database, &asking(ada), NOW).await;
        assert_eq!(used().await, 550);
        database
            .change_job(waiting, &JobEvent::CancelRequested, NOW + 1)
            .await
            .unwrap();
        assert_eq!(used().await, 150);
        database
            .change_job(waiting, &JobEvent::Retried, NOW + 2)
            .await
            .unwrap();
        let held = claim(&database, NOW + 2).await;
        propose(
            &database,
            &held,
            &proposal(Level::Tested, Vec::new(), None),
            NOW + 3,
        )
        .await;
        assert_eq!(used().await, 300);
        assert_eq!(requests(&database).await, 3);

        // However many end at once, every token is counted once.
        for _ in 0..8 {
            let mut asked = job(ada);
            asked.charges = vec![tokens("bob", 100), tokens("cid", 100)];
            submit(&database, &asked, NOW).await;
        }
        let ended = at_once(&database, 8, |database, number| async move {
            let held = claim(&database, NOW).await;
            match number % 2 {
                0 => drop(
                    propose(
                        &database,
                        &held,
                        &proposal(Level::Built, Vec::new(), None),
                        NOW + 1,
                    )
                    .await,
                ),
                _ => fail(&database, &held, NOW + 1).await,
            }
        });
        ended.await;
        assert_eq!(used_by(&database, "bob", NOW).await, 4 * 150);
        assert_eq!(used_by(&database, "cid", NOW).await, 4 * 150);
    });
}

#[test]
fn what_is_reserved_stays_so_while_the_job_may_still_come_to_something() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        let used = async |now_ms: i64| used_by(&database, "ada", now_ms).await;
        let mut asked = asking(ada);
        asked.max_attempts = 2;
        let held = claimed(&database, &asked, NOW).await;
        let again = failed_attempt(NOW + 2);
        database
            .settle_job(held.id, 1, &again, None, NOW + 1)
            .await
            .unwrap();
        assert_eq!(used(NOW + 1).await, 400);
        claim(&database, NOW + 2).await;
        database
            .change_job(held.id, &JobEvent::CancelRequested, NOW + 3)
            .await
            .unwrap();
        assert_eq!(used(NOW + 3).await, 400);
        assert_eq!(database.expire_jobs(NOW + 3 + LEASE).await.unwrap().len(), 1);
        assert_eq!(used(NOW + 3 + LEASE).await, 0);

        // A job that ends in another window leaves what others have there.
        let held = claimed(&database, &asking(ada), NOW + 10).await;
        let next = NOW + HOUR;
        submit(&database, &asking(ada), next).await;
        fail(&database, &held, next + 1).await;
        assert_eq!(used(next + 1).await, 400);
    });
}

/// Two that each hold what the other waits for are a deadlock. Only PostgreSQL locks rows.
#[test]
fn expiring_jobs_waits_for_one_of_them_and_holds_no_other() {
    let runtime = runtime();
    let place = Place::postgres();
    runtime.block_on(async {
        let database = place.migrated().await;
        let ada = owner(&database, "ada").await;
        for name in ["ada", "bob"] {
            let mut asked = job(ada);
            asked.max_attempts = 1;
            asked.charges = vec![tokens(name, 100)];
            claimed(&database, &asked, NOW).await;
        }
        let Place::Postgres(server) = &place else {
            unreachable!()
        };
        let options = sqlx::postgres::PgPoolOptions::new().max_connections(2);
        let pool = options.connect(&server.url()).await.unwrap();
        let mut other = pool.begin().await.unwrap();
        let touch = "UPDATE usage SET used = used WHERE scope = $1";
        sqlx::query(touch)
            .bind("user:bob")
            .execute(&mut *other)
            .await
            .unwrap();
        let expiring = tokio::spawn(async move { database.expire_jobs(NOW + LEASE + 1).await });
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
        while sqlx::query_scalar::<_, i64>(waiting)
            .fetch_one(&pool)
            .await
            .unwrap()
            == 0
        {
            assert!(!expiring.is_finished(), "it waits for the row of bob");
        }
        sqlx::query(touch)
            .bind("user:ada")
            .execute(&mut *other)
            .await
            .unwrap();
        other.commit().await.unwrap();
        assert_eq!(expiring.await.unwrap().unwrap().len(), 2);
    });
}
