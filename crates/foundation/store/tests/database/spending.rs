//! What models came to is added up, and whoever asked for it is told how far it goes.

use serde_json::Value;
use tenon_domain::{JobEvent, ModelReference, Price, Secret};
use tenon_store::{Charge, Database, NewJob, NewWebhook, Settlement, Spending, WebhookEvent};

use crate::place::on_both;
use crate::samples::{LEASE, NOW, claimed, failed, job, owner, submit, tokens, used_by};

const DAY: i64 = 86_400_000;

fn upstream(price: Option<Price>) -> ModelReference {
    ModelReference {
        name: "large".to_owned(),
        digest: None,
        price,
    }
}

#[test]
fn spending_is_added_up_by_day_and_what_is_not_known_is_counted_apart() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        let price = Price {
            input: 1_000_000,
            output: 2_000_000,
        };
        let answer = |price, prompt, completion| Settlement {
            corrections: Vec::new(),
            reserved_at_ms: NOW,
            spending: Some(Spending::of(
                ada,
                "/v1/messages",
                &upstream(price),
                prompt,
                completion,
            )),
        };
        let today = [
            answer(Some(price), Some(100), Some(10)),
            answer(Some(price), Some(50), None),
            answer(None, Some(7), Some(3)),
        ];
        database.settle_all(&today, NOW).await.unwrap();
        let again = [answer(Some(price), Some(1), Some(1))];
        database.settle_all(&again, NOW + 1).await.unwrap();
        database.settle_all(&again, NOW + DAY).await.unwrap();

        let rows = database.spending(NOW, 10).await.unwrap();
        let row = |index: usize| {
            let row = &rows[index];
            (
                row.answers,
                row.prompt_tokens,
                row.completion_tokens,
                row.cost_micros,
            )
        };
        assert_eq!(rows.len(), 2, "{rows:?}");
        assert_eq!((row(0), row(1)), ((1, 1, 1, 3), (4, 158, 14, 123)));
        assert_eq!((rows[1].unreported, rows[1].unpriced), (1, 2));
        assert_eq!((rows[0].day_ms - rows[1].day_ms, rows[1].day_ms % DAY), (DAY, 0));
        assert_eq!(
            (rows[0].principal.as_str(), rows[0].door.as_str()),
            ("ada", "/v1/messages")
        );
        assert_eq!(database.spending(NOW + DAY, 10).await.unwrap().len(), 1);
    });
}

async fn listen(database: &Database, id: &str, events: Vec<WebhookEvent>) {
    let webhook = NewWebhook {
        id: id.to_owned(),
        url: format!("https://{id}.example/"),
        secret: Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        events,
        repository: None,
    };
    database.add_webhook(&webhook, NOW).await.unwrap();
}

/// The marks that a webhook hears of, in order, and how much was used at each.
async fn marks(database: &Database, webhook: &str) -> Vec<(i64, i64)> {
    let claimed = database.deliveries(Some(webhook), None, 100).await.unwrap();
    assert!(claimed.iter().all(|one| one.event == WebhookEvent::LimitReached));
    let mut marks = Vec::new();
    let mut now = NOW;
    loop {
        now += LEASE;
        let taken = database.claim_deliveries(8, now + LEASE, now).await.unwrap();
        if taken.is_empty() {
            return marks;
        }
        for one in taken {
            let body: Value = serde_json::from_str(&one.body).unwrap();
            let data = &body["data"]["data"];
            assert_eq!(data["scope"], "user:ada");
            marks.push((data["percent"].as_i64().unwrap(), data["used"].as_i64().unwrap()));
            let outcome = tenon_store::DeliveryOutcome::Delivered { status: 200 };
            database.settle_delivery(&one, &outcome, now).await.unwrap();
        }
    }
}

#[test]
fn whoever_asks_for_it_hears_once_that_half_most_and_all_is_spent() {
    on_both(async |database| {
        listen(&database, "budget", vec![WebhookEvent::LimitReached]).await;
        listen(&database, "jobs", Vec::new()).await;
        let reserve = async |amount| database.reserve(&[tokens("ada", amount)], NOW).await.unwrap();
        // Of 1,000.
        reserve(499).await.unwrap();
        reserve(1).await.unwrap();
        reserve(100).await.unwrap();
        // What it came to is more than was thought.
        let settlement = Settlement {
            corrections: vec![tokens("ada", 250)],
            reserved_at_ms: NOW,
            spending: None,
        };
        database.settle_all(&[settlement], NOW).await.unwrap();
        assert!(reserve(200).await.is_err());
        assert!(reserve(200).await.is_err());
        assert_eq!(
            marks(&database, "budget").await,
            [(50, 500), (80, 850), (100, 850)]
        );
        assert!(marks(&database, "jobs").await.is_empty());

        // A new window is told of anew.
        let later = NOW + 3_600_000;
        let charge = tokens("ada", 900);
        database.reserve(&[charge], later).await.unwrap().unwrap();
        assert_eq!(
            database.deliveries(Some("budget"), None, 9).await.unwrap().len(),
            4
        );
    });
}

#[test]
fn a_job_that_is_tried_again_counts_as_a_new_one() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        let asking = NewJob {
            deadline_at_ms: Some(NOW + 1000),
            charges: vec![tokens("ada", 400)],
            ..job(ada)
        };
        let held = claimed(&database, &asking, NOW).await;
        database
            .settle_job(held.id, held.status.fence, &failed(), None, NOW + 1)
            .await
            .unwrap();
        assert_eq!(used_by(&database, "ada", NOW + 1).await, 0);

        let ceiling = Charge {
            limit: tenon_store::Limit {
                unit: tenon_store::LimitUnit::Concurrency,
                window_seconds: 0,
                quota: 1,
                ..tokens("ada", 1).limit
            },
            ..tokens("ada", 1)
        };
        let other = submit(&database, &job(ada), NOW + 2).await;
        let ceilings = [ceiling.limit];
        let retry = async |amount, now| {
            let charges = [tokens("ada", amount)];
            database
                .retry_job(held.id, &charges, &ceilings, now)
                .await
                .unwrap()
        };
        assert!(retry(400, NOW + 5000).await.is_err(), "one is open already");
        let cancelled = database
            .change_job(other, &JobEvent::CancelRequested, NOW + 3)
            .await;
        cancelled.unwrap();
        assert!(
            retry(1001, NOW + 5000).await.is_err(),
            "that is more than there is"
        );
        let retried = retry(400, NOW + 5000).await.unwrap();
        assert_eq!(used_by(&database, "ada", NOW + 5000).await, 400);
        // It has as much time as it had.
        assert_eq!(retried.deadline_at_ms, Some(NOW + 6000));
        assert!(database.expire_jobs(NOW + 5001).await.unwrap().is_empty());
        let again = database.retry_job(held.id, &[], &[], NOW + 5000).await;
        assert!(again.is_err(), "it waits already");
    });
}

#[test]
fn a_job_whose_time_is_over_is_given_to_nobody() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        let late = NewJob {
            deadline_at_ms: Some(NOW + 10),
            ..job(ada)
        };
        submit(&database, &late, NOW).await;
        let claim = async |now| database.claim_job("worker", now + LEASE, now).await.unwrap();
        assert!(claim(NOW + 11).await.is_none());
        let ended = database.expire_jobs(NOW + 11).await.unwrap();
        assert!(ended.len() == 1 && ended[0].status.state.is_final(), "{ended:?}");
    });
}
