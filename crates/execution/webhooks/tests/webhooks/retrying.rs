//! What does not arrive is tried again, and not for ever. The clock is the test's.

use std::collections::BTreeSet;

use tenon_store::DeliveryState;

use crate::scene::{NOW, Scene, answering, loopback};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

#[tokio::test]
async fn what_fails_is_tried_ten_times_over_three_days_under_one_id() {
    let (scene, server) = (Scene::new().await, answering(500));
    scene.webhook("all", &server.address()).await;
    scene.event().await;
    let deliverer = scene.deliverer(loopback());
    let pauses = [
        5000,
        5 * MINUTE,
        30 * MINUTE,
        2 * HOUR,
        5 * HOUR,
        10 * HOUR,
        14 * HOUR,
        20 * HOUR,
        24 * HOUR,
    ]
    .into_iter();
    for (pause, attempt) in pauses.zip(1..) {
        assert_eq!(deliverer.deliver_due().await, 1, "attempt {attempt}");
        let delivery = scene.delivery().await;
        assert_eq!(
            (delivery.state, delivery.attempt),
            (DeliveryState::Pending, attempt)
        );
        let waits = delivery.next_at_ms - scene.now();
        assert!(
            (pause..=pause + pause / 5).contains(&waits),
            "attempt {attempt}: {waits}"
        );
        scene.set_now(delivery.next_at_ms - 1);
        assert_eq!(deliverer.deliver_due().await, 0, "attempt {attempt} came early");
        scene.set_now(delivery.next_at_ms);
    }
    assert_eq!(deliverer.deliver_due().await, 1);
    let delivery = scene.delivery().await;
    assert_eq!((delivery.state, delivery.attempt), (DeliveryState::Failed, 10));
    assert_eq!(delivery.last_status, Some(500));
    assert!(delivery.last_error.unwrap().contains("500"));
    scene.set_now(scene.now() + 1000 * HOUR);
    assert_eq!(deliverer.deliver_due().await, 0);

    let requests = server.requests();
    let ids: BTreeSet<_> = requests
        .iter()
        .map(|request| request.header("webhook-id").unwrap())
        .collect();
    let times: BTreeSet<_> = requests
        .iter()
        .map(|request| request.header("webhook-timestamp").unwrap())
        .collect();
    let signatures: BTreeSet<_> = requests
        .iter()
        .map(|request| request.header("webhook-signature").unwrap())
        .collect();
    assert_eq!(
        (requests.len(), ids.len(), times.len(), signatures.len()),
        (10, 1, 10, 10)
    );
    assert_eq!(scene.database.webhook("all").await.unwrap().unwrap().failures, 1);
}

#[tokio::test]
async fn what_arrives_at_last_is_done() {
    let (scene, server) = (Scene::new().await, answering(201));
    scene.webhook("all", "http://127.0.0.1:1/").await;
    scene.event().await;
    let deliverer = scene.deliverer(loopback());
    assert_eq!(deliverer.deliver_due().await, 1);
    assert!(
        scene
            .delivery()
            .await
            .last_error
            .unwrap()
            .starts_with("no answer: ")
    );
    // The same event, once there is somebody.
    scene.database.remove_webhook("all").await.unwrap();
    scene.webhook("all", &server.address()).await;
    scene.event().await;
    assert_eq!(deliverer.deliver_due().await, 1);
    let delivery = scene.delivery().await;
    assert_eq!(
        (delivery.state, delivery.delivered_at_ms),
        (DeliveryState::Delivered, Some(NOW))
    );
    assert_eq!((delivery.last_status, delivery.last_error), (Some(201), None));
    assert_eq!(deliverer.deliver_due().await, 0);
}

#[tokio::test]
async fn whoever_answers_410_is_asked_no_more() {
    let (scene, server) = (Scene::new().await, answering(410));
    scene.webhook("all", &server.address()).await;
    for _ in 0..2 {
        scene.event().await;
    }
    let deliverer = scene.deliverer(loopback());
    assert_eq!(deliverer.deliver_due().await, 1);
    assert_eq!(deliverer.deliver_due().await, 0);
    let webhook = scene.database.webhook("all").await.unwrap().unwrap();
    assert!(webhook.disabled_reason.unwrap().contains("410"));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_replay_is_the_same_message_again() {
    let (scene, server) = (Scene::new().await, answering(200));
    scene.webhook("all", &server.address()).await;
    scene.event().await;
    let deliverer = scene.deliverer(loopback());
    deliverer.deliver_due().await;
    let id = scene.delivery().await.id;
    scene.set_now(NOW + HOUR);
    assert!(scene.database.replay_delivery(&id, scene.now()).await.unwrap());
    assert_eq!(deliverer.deliver_due().await, 1);
    let requests = server.requests();
    assert_eq!(requests[0].body, requests[1].body);
    assert_eq!(requests[0].header("webhook-id"), requests[1].header("webhook-id"));
    assert_ne!(
        requests[0].header("webhook-timestamp"),
        requests[1].header("webhook-timestamp")
    );
}
