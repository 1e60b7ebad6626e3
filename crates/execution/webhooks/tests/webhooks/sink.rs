//! The sink of the server's configuration.

use serde_json::{Value, json};
use tenon_store::DeliveryState;
use tenon_webhooks::Guard;

use crate::scene::{NOW, Scene, answering};

#[tokio::test]
async fn the_sink_gets_the_event_with_its_attributes_as_headers() {
    let (scene, server) = (Scene::new().await, answering(202));
    // Who configures the server need not allow its own choice.
    scene
        .database
        .ensure_sink(Some(&format!("{}/default", server.address())), NOW)
        .await
        .unwrap();
    scene.event().await;
    assert_eq!(scene.deliverer(Guard::default()).deliver_due().await, 1);
    let delivery = scene.delivery().await;
    assert_eq!(delivery.state, DeliveryState::Delivered);

    let request = &server.requests()[0];
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/default")
    );
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(
        (&body["repository"], &body["state"]),
        (&json!("web"), &json!("queued"))
    );
    let subject = format!("jobs/{}", body["job"].as_str().unwrap());
    let id = delivery.id.strip_suffix("-sink").unwrap();
    for (name, value) in [
        ("content-type", "application/json"),
        ("ce-specversion", "1.0"),
        ("ce-id", id),
        ("ce-source", "tenon"),
        ("ce-type", "job.submitted"),
        ("ce-time", "2023-11-14T22:13:20.000Z"),
        ("ce-subject", subject.as_str()),
    ] {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
    assert_eq!(request.header("webhook-signature"), None);
    assert_eq!(request.header("ce-datacontenttype"), None);
}

#[tokio::test]
async fn the_sink_is_tried_again_like_any_webhook_and_hears_the_same_event() {
    let (scene, server) = (Scene::new().await, answering(503));
    scene
        .database
        .ensure_sink(Some(&server.address()), NOW)
        .await
        .unwrap();
    scene.event().await;
    let deliverer = scene.deliverer(Guard::default());
    assert_eq!(deliverer.deliver_due().await, 1);
    assert_eq!(deliverer.deliver_due().await, 0);
    scene.set_now(scene.delivery().await.next_at_ms);
    assert_eq!(deliverer.deliver_due().await, 1);
    let requests = server.requests();
    assert_eq!(requests[0].header("ce-id"), requests[1].header("ce-id"));
    assert_eq!(requests[0].body, requests[1].body);
}
