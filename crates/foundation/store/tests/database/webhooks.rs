//! Events: who is told of what, and that each delivery is in one hand at a time.

use std::collections::BTreeSet;

use tenon_domain::{Classification, JobEvent, Level, Secret};
use tenon_store::{
    ClaimedDelivery, Database, DatabaseError, DeliveryOutcome, DeliveryState, NewWebhook,
    RegisteredRepository, RepositoryKind, Rotated, Rotation, WebhookEvent, WebhookKind,
};

use crate::place::{at_once, on_both, on_both_places};
use crate::samples::{LEASE, NOW, claim, claimed, failed, job, owner, proposal, propose, submit};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SECOND: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const THIRD: &str = "whsec_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB";

fn webhook(id: &str) -> NewWebhook {
    NewWebhook {
        id: id.to_owned(),
        url: format!("https://{id}.example/"),
        secret: Secret::new(SECRET),
        events: Vec::new(),
        repository: None,
    }
}

async fn add(database: &Database, id: &str) {
    database.add_webhook(&webhook(id), NOW).await.unwrap();
    // Of a repository that nobody registered nothing is told.
    let _ = database
        .add_repository(&repository("web", Classification::Normal))
        .await;
}

fn repository(name: &str, classification: Classification) -> RegisteredRepository {
    RegisteredRepository {
        name: name.to_owned(),
        kind: RepositoryKind::Remote,
        location: format!("https://host/{name}"),
        classification,
        created_at_ms: NOW,
    }
}

/// Takes the one delivery that is due.
async fn take(database: &Database, now_ms: i64) -> ClaimedDelivery {
    let mut taken = database
        .claim_deliveries(8, now_ms + LEASE, now_ms)
        .await
        .unwrap();
    assert_eq!(taken.len(), 1, "{taken:?}");
    taken.remove(0)
}

async fn settle(database: &Database, taken: &ClaimedDelivery, outcome: DeliveryOutcome, now_ms: i64) {
    assert!(database.settle_delivery(taken, &outcome, now_ms).await.unwrap());
}

/// Gives a webhook another secret, now.
async fn rotate(
    database: &Database,
    id: &str,
    secret: &Secret,
    old_until_ms: i64,
    ends_older: bool,
) -> Rotated {
    let rotation = Rotation {
        secret: secret.clone(),
        old_until_ms,
        ends_older,
    };
    database.rotate_webhook(id, &rotation, NOW).await.unwrap()
}

/// The events that are on their way to a webhook, oldest first.
async fn told(database: &Database, webhook: &str) -> Vec<WebhookEvent> {
    let mut deliveries = database.deliveries(Some(webhook), None, 100).await.unwrap();
    deliveries.sort_by_key(|delivery| delivery.created_at_ms);
    deliveries.iter().map(|delivery| delivery.event).collect()
}

fn delivered() -> DeliveryOutcome {
    DeliveryOutcome::Delivered { status: 200 }
}

fn failed_for_good() -> DeliveryOutcome {
    DeliveryOutcome::Failed {
        status: Some(500),
        error: "the target answered 500".to_owned(),
    }
}

#[test]
fn what_happens_to_a_job_is_told_as_it_is_written_and_only_then() {
    use WebhookEvent::{JobCancelled, JobFailed, JobSubmitted, JobSucceeded};
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        submit(&database, &job(ada), NOW).await;
        let silent = claim(&database, NOW).await;
        assert_eq!(database.deliveries(None, None, 10).await.unwrap(), []);

        add(&database, "all").await;
        let fenced = database.settle_job(silent.id, 9, &failed(), None, NOW).await;
        assert!(matches!(fenced, Err(DatabaseError::Fenced(_))));
        assert_eq!(told(&database, "all").await, []);
        database
            .settle_job(silent.id, 1, &failed(), None, NOW + 1)
            .await
            .unwrap();
        assert_eq!(told(&database, "all").await, [JobFailed]);

        let good = claimed(&database, &job(ada), NOW + 2).await;
        database
            .settle_job(good.id, 1, &JobEvent::Released, None, NOW + 3)
            .await
            .unwrap();
        let good = claim(&database, NOW + 3).await;
        propose(
            &database,
            &good,
            &proposal(Level::Tested, Vec::new(), None),
            NOW + 4,
        )
        .await;
        let unwanted = submit(&database, &job(ada), NOW + 5).await;
        database
            .change_job(unwanted, &JobEvent::CancelRequested, NOW + 6)
            .await
            .unwrap();
        assert_eq!(
            told(&database, "all").await,
            [JobFailed, JobSubmitted, JobSucceeded, JobSubmitted, JobCancelled]
        );
    });
}

#[test]
fn a_message_says_what_became_of_the_job_and_nothing_of_what_was_asked() {
    on_both(async |database| {
        add(&database, "all").await;
        let held = claimed(&database, &job(owner(&database, "ada").await), NOW).await;
        settle(&database, &take(&database, NOW).await, delivered(), NOW).await;
        let answer = proposal(Level::Built, Vec::new(), None);
        propose(&database, &held, &answer, NOW + 1).await;

        let taken = take(&database, NOW + 1).await;
        assert!(taken.body.len() < 20_000);
        let message: serde_json::Value = serde_json::from_str(&taken.body).unwrap();
        let event = &message["data"];
        let id = event["id"].as_str().unwrap();
        assert_eq!(taken.id, format!("{id}-all"));
        let expected = serde_json::json!({
            "type": "job.succeeded",
            "timestamp": "2023-11-14T22:13:20.001Z",
            "data": {
                "specversion": "1.0",
                "id": id,
                "source": "tenon",
                "type": "job.succeeded",
                "time": "2023-11-14T22:13:20.001Z",
                "subject": format!("jobs/{}", held.id),
                "datacontenttype": "application/json",
                "data": {
                    "job": held.id,
                    "repository": "web",
                    "task": "generate",
                    "state": "succeeded",
                    "proposal": answer.id,
                    "level": "built",
                },
            },
        });
        assert_eq!(message, expected);
        assert!(!format!("{taken:?}").contains("MfKQ9r8G"));
    });
}

#[test]
fn a_webhook_hears_of_what_it_was_set_up_for() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        let only_ends = NewWebhook {
            events: vec![WebhookEvent::JobFailed, WebhookEvent::JobCancelled],
            ..webhook("ends")
        };
        let of = |id: &str, repository: &str| NewWebhook {
            repository: Some(repository.to_owned()),
            ..webhook(id)
        };
        for one in [only_ends, webhook("all"), of("web", "web"), of("vault", "vault")] {
            database.add_webhook(&one, NOW).await.unwrap();
        }
        for (name, classification) in [
            ("web", Classification::Normal),
            ("other", Classification::Normal),
            ("vault", Classification::Confidential),
        ] {
            let registered = repository(name, classification);
            database.add_repository(&registered).await.unwrap();
        }
        // One that was removed, or never was, is as confidential as any.
        for name in ["web", "other", "vault", "gone"] {
            let mut asked = job(ada);
            asked.repository = name.to_owned();
            let id = submit(&database, &asked, NOW).await;
            database
                .change_job(id, &JobEvent::CancelRequested, NOW + 1)
                .await
                .unwrap();
        }
        // What is confidential is told to those alone that were set up for it.
        for (webhook, count) in [("ends", 2), ("all", 4), ("web", 2), ("vault", 2)] {
            assert_eq!(told(&database, webhook).await.len(), count, "{webhook}");
        }
        assert_eq!(told(&database, "ends").await, [WebhookEvent::JobCancelled; 2]);
    });
}

#[test]
fn a_webhook_is_in_one_hand_at_a_time_however_many_deliver() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        for id in ["a", "b", "c"] {
            add(&database, id).await;
        }
        for _ in 0..10 {
            submit(&database, &job(ada), NOW).await;
        }
        let mut arrived = BTreeSet::new();
        for round in 0..10 {
            let now = NOW + round;
            let claims = at_once(&database, 6, move |database, _| async move {
                database.claim_deliveries(8, now + LEASE, now).await.unwrap()
            });
            let taken: Vec<ClaimedDelivery> = claims.await.into_iter().flatten().collect();
            let webhooks: BTreeSet<_> = taken.iter().map(|taken| taken.webhook.clone()).collect();
            assert_eq!((taken.len(), webhooks.len()), (3, 3), "{taken:?}");
            for taken in &taken {
                assert!(arrived.insert(taken.id.clone()), "{} twice", taken.id);
                settle(&database, taken, delivered(), now).await;
            }
        }
        assert_eq!(arrived.len(), 30);
        assert!(
            database
                .claim_deliveries(8, NOW, NOW + 99)
                .await
                .unwrap()
                .is_empty()
        );
    });
}

#[test]
fn with_less_room_than_webhooks_they_take_turns() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        for id in ["a", "b", "c"] {
            add(&database, id).await;
        }
        for _ in 0..3 {
            submit(&database, &job(ada), NOW).await;
        }
        let mut turns = Vec::new();
        for round in 0..6 {
            let now = NOW + round;
            let taken = database.claim_deliveries(1, now + LEASE, now).await.unwrap();
            settle(&database, &taken[0], delivered(), now).await;
            turns.push(taken[0].webhook.clone());
        }
        assert_eq!(turns, ["a", "b", "c", "a", "b", "c"]);
    });
}

#[test]
fn a_delivery_whose_process_was_lost_is_made_again_and_what_that_one_says_counts_no_more() {
    on_both(async |database| {
        add(&database, "all").await;
        submit(&database, &job(owner(&database, "ada").await), NOW).await;
        let lost = take(&database, NOW).await;
        let until = NOW + LEASE;
        assert!(
            database
                .claim_deliveries(8, until, until - 1)
                .await
                .unwrap()
                .is_empty()
        );
        let second = take(&database, until).await;
        assert_eq!(
            (&second.id, second.attempt, &second.body),
            (&lost.id, 2, &lost.body)
        );
        assert!(
            !database
                .settle_delivery(&lost, &delivered(), until)
                .await
                .unwrap()
        );
        assert_eq!(
            database.delivery(&lost.id).await.unwrap().unwrap().state,
            DeliveryState::Pending
        );
        assert!(
            database
                .claim_deliveries(8, until, until)
                .await
                .unwrap()
                .is_empty()
        );
        settle(&database, &second, delivered(), until).await;
        assert!(
            !database
                .settle_delivery(&second, &failed_for_good(), until)
                .await
                .unwrap()
        );
        let arrived = database.delivery(&lost.id).await.unwrap().unwrap();
        assert_eq!(
            (arrived.state, arrived.delivered_at_ms),
            (DeliveryState::Delivered, Some(until))
        );
    });
}

#[test]
fn a_clock_that_was_set_back_holds_no_webhook_for_ever() {
    const DAY: i64 = 24 * 3600 * 1000;
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        add(&database, "all").await;
        submit(&database, &job(ada), NOW).await;
        let lost = take(&database, NOW + DAY).await;
        let again = take(&database, NOW).await;
        assert_eq!((&again.id, again.attempt), (&lost.id, 2));
        settle(&database, &again, delivered(), NOW).await;
    });
}

#[test]
fn twenty_that_fail_in_a_row_disable_a_webhook_and_one_that_arrives_forgives() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        add(&database, "all").await;
        for _ in 0..41 {
            submit(&database, &job(ada), NOW).await;
        }
        let state = async || database.webhook("all").await.unwrap().unwrap();
        for _ in 0..19 {
            settle(&database, &take(&database, NOW).await, failed_for_good(), NOW).await;
        }
        assert_eq!((state().await.failures, state().await.disabled_at_ms), (19, None));
        settle(&database, &take(&database, NOW).await, delivered(), NOW).await;
        assert_eq!(state().await.failures, 0);
        for _ in 0..20 {
            settle(
                &database,
                &take(&database, NOW + 7).await,
                failed_for_good(),
                NOW + 7,
            )
            .await;
        }
        assert_eq!(
            (state().await.failures, state().await.disabled_at_ms),
            (20, Some(NOW + 7))
        );
        let reason = state().await.disabled_reason.unwrap();
        assert!(
            reason.contains("20 deliveries failed in a row") && reason.contains("answered 500"),
            "{reason}"
        );

        // Nothing is sent to it, and nothing new is kept for it; what waited goes out once it is enabled.
        assert!(
            database
                .claim_deliveries(8, NOW, NOW + 99)
                .await
                .unwrap()
                .is_empty()
        );
        submit(&database, &job(ada), NOW).await;
        assert_eq!(told(&database, "all").await.len(), 41);
        assert!(database.enable_webhook("all").await.unwrap());
        assert_eq!((state().await.failures, state().await.disabled_reason), (0, None));
        take(&database, NOW + 99).await;
    });
}

#[test]
fn whoever_wants_no_more_gets_no_more() {
    on_both(async |database| {
        add(&database, "all").await;
        submit(&database, &job(owner(&database, "ada").await), NOW).await;
        let taken = take(&database, NOW).await;
        settle(&database, &taken, DeliveryOutcome::Gone { status: 410 }, NOW).await;
        let state = database.webhook("all").await.unwrap().unwrap();
        assert_eq!(state.disabled_at_ms, Some(NOW));
        assert!(state.disabled_reason.unwrap().contains("410"));
        let delivery = database.delivery(&taken.id).await.unwrap().unwrap();
        assert_eq!(
            (delivery.state, delivery.last_status),
            (DeliveryState::Failed, Some(410))
        );
    });
}

#[test]
fn a_delivery_is_replayed_under_its_id_from_the_first_attempt_on() {
    on_both(async |database| {
        add(&database, "all").await;
        submit(&database, &job(owner(&database, "ada").await), NOW).await;
        let first = take(&database, NOW).await;
        let retry = DeliveryOutcome::Retry {
            status: None,
            error: "no answer".to_owned(),
            at_ms: NOW + 5000,
        };
        settle(&database, &first, retry, NOW).await;
        assert!(
            database
                .claim_deliveries(8, NOW, NOW + 4999)
                .await
                .unwrap()
                .is_empty()
        );
        let second = take(&database, NOW + 5000).await;
        assert_eq!((&second.id, second.attempt), (&first.id, 2));
        settle(&database, &second, delivered(), NOW + 5000).await;

        assert!(database.replay_delivery(&first.id, NOW + 6000).await.unwrap());
        let again = take(&database, NOW + 6000).await;
        assert_eq!(
            (&again.id, again.attempt, &again.body),
            (&first.id, 1, &first.body)
        );
        assert!(!database.replay_delivery("unknown", NOW).await.unwrap());
    });
}

#[test]
fn a_delivery_that_is_replayed_while_it_is_made_is_made_again() {
    on_both(async |database| {
        add(&database, "all").await;
        submit(&database, &job(owner(&database, "ada").await), NOW).await;
        let under_way = take(&database, NOW).await;
        assert!(database.replay_delivery(&under_way.id, NOW + 1).await.unwrap());
        let settled = database.settle_delivery(&under_way, &delivered(), NOW + 2).await;
        assert!(!settled.unwrap());
        let again = take(&database, NOW + 2).await;
        assert_eq!((&again.id, again.attempt), (&under_way.id, 1));
        settle(&database, &again, delivered(), NOW + 3).await;
    });
}

#[test]
fn what_came_to_an_end_is_forgotten_in_time_and_what_waits_is_not() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        add(&database, "all").await;
        for at in [NOW, NOW + 1, NOW + 2] {
            submit(&database, &job(ada), at).await;
        }
        let (first, second) = (take(&database, NOW).await, NOW + 1);
        settle(&database, &first, delivered(), NOW).await;
        assert_eq!(database.expire_deliveries(NOW).await.unwrap(), 0);
        assert_eq!(database.expire_deliveries(second).await.unwrap(), 1);
        assert_eq!(database.expire_deliveries(NOW + 99).await.unwrap(), 0);
        // Nobody waits for what waits for a webhook that is disabled.
        let gone = take(&database, NOW + 2).await;
        settle(&database, &gone, DeliveryOutcome::Gone { status: 410 }, NOW + 2).await;
        assert_eq!(database.expire_deliveries(NOW + 99).await.unwrap(), 2);
        assert_eq!(database.deliveries(None, None, 10).await.unwrap(), []);
    });
}

#[test]
fn the_old_secret_signs_beside_the_new_one_until_its_time_is_over() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        add(&database, "all").await;
        for _ in 0..2 {
            submit(&database, &job(ada), NOW).await;
        }
        let new = Secret::new(SECOND);
        assert_eq!(
            rotate(&database, "all", &new, NOW + 10, false).await,
            Rotated::Done
        );
        let taken = take(&database, NOW + 9).await;
        assert_eq!(taken.secrets, [new.clone(), Secret::new(SECRET)]);
        settle(&database, &taken, delivered(), NOW + 9).await;
        assert_eq!(
            take(&database, NOW + 10).await.secrets,
            std::slice::from_ref(&new)
        );
        assert_eq!(
            rotate(&database, "unknown", &new, NOW, false).await,
            Rotated::Unknown
        );
    });
}

#[test]
fn a_secret_that_still_holds_is_ended_only_by_whoever_says_so() {
    on_both(async |database| {
        add(&database, "all").await;
        submit(&database, &job(owner(&database, "ada").await), NOW).await;
        let [second, third] = [SECOND, THIRD].map(Secret::new);
        assert_eq!(
            rotate(&database, "all", &second, NOW + 10, false).await,
            Rotated::Done
        );
        let refused = rotate(&database, "all", &third, NOW + 20, false).await;
        assert_eq!(refused, Rotated::OlderHolds { until_ms: NOW + 10 });
        let taken = take(&database, NOW).await;
        assert_eq!(taken.secrets, [second.clone(), Secret::new(SECRET)]);
        settle(&database, &taken, delivered(), NOW).await;

        assert_eq!(
            rotate(&database, "all", &third, NOW + 20, true).await,
            Rotated::Done
        );
        database.replay_delivery(&taken.id, NOW).await.unwrap();
        assert_eq!(take(&database, NOW).await.secrets, [third.clone(), second]);
        let last = Rotation {
            secret: Secret::new(SECRET),
            old_until_ms: NOW + 40,
            ends_older: false,
        };
        let late = database.rotate_webhook("all", &last, NOW + 20).await;
        assert_eq!(late.unwrap(), Rotated::Done);
    });
}

#[test]
fn a_webhook_that_is_removed_takes_what_was_for_it_along() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        add(&database, "all").await;
        submit(&database, &job(ada), NOW).await;
        let taken = take(&database, NOW).await;
        assert!(database.remove_webhook("all").await.unwrap());
        assert!(!database.remove_webhook("all").await.unwrap());
        assert!(!database.settle_delivery(&taken, &delivered(), NOW).await.unwrap());
        assert_eq!(database.deliveries(None, None, 10).await.unwrap(), []);
        assert_eq!(database.webhooks().await.unwrap(), []);
    });
}

#[test]
fn the_sink_is_what_is_configured_now() {
    on_both(async |database| {
        let sinks = async || database.webhooks().await.unwrap();
        database.ensure_sink(None, NOW).await.unwrap();
        assert_eq!(sinks().await, []);
        for url in ["https://one.example", "https://two.example"] {
            database.ensure_sink(Some(url), NOW).await.unwrap();
            let all = sinks().await;
            assert_eq!(
                (all.len(), all[0].kind, all[0].url.as_str()),
                (1, WebhookKind::Sink, url)
            );
        }
        let web = repository("web", Classification::Normal);
        database.add_repository(&web).await.unwrap();
        submit(&database, &job(owner(&database, "ada").await), NOW).await;
        let taken = take(&database, NOW).await;
        assert_eq!((taken.kind, taken.secrets.len()), (WebhookKind::Sink, 0));
        let rotated = rotate(&database, "sink", &Secret::new(SECRET), NOW, true).await;
        assert_eq!(rotated, Rotated::Unknown);
        let gone = DeliveryOutcome::Gone { status: 410 };
        settle(&database, &taken, gone, NOW).await;
        database.ensure_sink(None, NOW).await.unwrap();
        let all = sinks().await;
        assert_eq!(
            (all[0].url.as_str(), all[0].disabled_reason.as_deref()),
            ("", Some("no sink is configured"))
        );
    });
}

#[test]
fn deliveries_are_read_page_by_page() {
    on_both(async |database| {
        let ada = owner(&database, "ada").await;
        for id in ["a", "b"] {
            add(&database, id).await;
        }
        for at in 0..5 {
            submit(&database, &job(ada), NOW + at).await;
        }
        let mut seen = Vec::new();
        let mut before: Option<String> = None;
        loop {
            let page = database
                .deliveries(Some("a"), before.as_deref(), 2)
                .await
                .unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.id.clone());
            seen.extend(page.iter().map(|delivery| delivery.created_at_ms));
        }
        assert_eq!(seen, [NOW + 4, NOW + 3, NOW + 2, NOW + 1, NOW]);
        assert_eq!(database.deliveries(None, None, 99).await.unwrap().len(), 10);
    });
}

#[test]
fn several_migrations_are_made_whole_or_not_at_all() {
    on_both_places(async |place| {
        // It stands in the way of the last one alone.
        place
            .execute("CREATE TABLE deliveries (id BIGINT)")
            .await
            .unwrap();
        let database = place.open().await;
        let error = database.migrate().await.unwrap_err();
        assert!(error.to_string().contains("deliveries"), "{error}");
        place.execute("SELECT id FROM principals").await.unwrap_err();
        assert!(database.pending_migrations().await.unwrap().len() > 1);
        place.execute("DROP TABLE deliveries").await.unwrap();
        database.migrate().await.unwrap();
        assert!(database.pending_migrations().await.unwrap().is_empty());
    });
}
