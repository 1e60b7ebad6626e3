//! Targets that do what they should not.

use std::sync::Arc;
use std::time::Duration;

use tenon_store::DeliveryState;
use tenon_testkit::{DeafPort, FakeServer, Framing, HttpAnswer, Step};
use tenon_webhooks::{DelivererSettings, SystemResolver};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::scene::{Scene, answering, loopback};

const SOON: Duration = Duration::from_secs(10);

fn impatient() -> DelivererSettings {
    DelivererSettings {
        timeout: Duration::from_millis(300),
        ..DelivererSettings::default()
    }
}

/// The one delivery's state and what was wrong, after one attempt.
async fn attempt(url: &str, settings: DelivererSettings) -> (DeliveryState, Option<String>) {
    let scene = Scene::new().await;
    scene.webhook("all", url).await;
    scene.event().await;
    let deliverer = scene.deliverer_with(loopback(), settings, Arc::new(SystemResolver));
    assert_eq!(timeout(SOON, deliverer.deliver_due()).await, Ok(1));
    let delivery = scene.delivery().await;
    (delivery.state, delivery.last_error)
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let elsewhere = answering(200);
    for status in [301, 302, 303, 307, 308] {
        let to = elsewhere.address();
        let server = FakeServer::start(move |_| {
            Some(HttpAnswer::whole(status, "text/plain", "").with_header("location", &to))
        });
        let (state, error) = attempt(&server.address(), DelivererSettings::default()).await;
        assert_eq!(state, DeliveryState::Pending);
        assert!(error.unwrap().contains("redirects are not followed"));
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn what_is_no_answer_is_a_failure() {
    for said in [
        "",
        "\0\0\0",
        "SSH-2.0-OpenSSH_9.9\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbroken",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let saying = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 1024]).await;
            stream.write_all(said.as_bytes()).await.unwrap();
        });
        let (state, error) = attempt(&url, DelivererSettings::default()).await;
        assert_eq!(state, DeliveryState::Pending, "{said:?}");
        assert!(error.unwrap().starts_with("no answer: "), "{said:?}");
        saying.await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_without_end_is_left_and_counts_by_its_status() {
    // Far more than is read, and then silence: whoever read on would wait for the timeout.
    let huge = || HttpAnswer {
        status: 200,
        headers: Vec::new(),
        framing: Framing::Length(1 << 40),
        steps: vec![Step::Send(vec![b'x'; 1 << 20]), Step::Hang],
    };
    let server = FakeServer::start(move |_| Some(huge()));
    let patient = DelivererSettings {
        timeout: Duration::from_secs(60),
        ..DelivererSettings::default()
    };
    assert_eq!(
        attempt(&server.address(), patient).await,
        (DeliveryState::Delivered, None)
    );
    timeout(SOON, server.disconnected()).await.unwrap();
}

#[tokio::test]
async fn a_target_that_hangs_is_left_in_time() {
    let late = Some("no answer within 0 s".to_owned());
    let silent = FakeServer::start(|_| None);
    assert_eq!(
        attempt(&silent.address(), impatient()).await,
        (DeliveryState::Pending, late.clone())
    );
    timeout(SOON, silent.disconnected()).await.unwrap();
    let deaf = DeafPort::open();
    assert_eq!(
        attempt(&deaf.address(), impatient()).await,
        (DeliveryState::Pending, late)
    );
    // The status came: it arrived, whatever the rest does.
    let half = || HttpAnswer {
        status: 202,
        headers: Vec::new(),
        framing: Framing::Chunked,
        steps: vec![Step::Hang],
    };
    let server = FakeServer::start(move |_| Some(half()));
    assert_eq!(
        attempt(&server.address(), impatient()).await,
        (DeliveryState::Delivered, None)
    );
}

#[tokio::test]
async fn a_slow_target_holds_up_nobody_else_and_is_asked_one_thing_at_a_time() {
    let scene = Scene::new().await;
    let slow = FakeServer::start(|_| None);
    let (tell, mut heard) = mpsc::unbounded_channel();
    let fast = FakeServer::start(move |request| {
        let _ = tell.send(request.header("webhook-id").unwrap().to_owned());
        Some(HttpAnswer::whole(200, "text/plain", ""))
    });
    scene.webhook("slow", &slow.address()).await;
    scene.webhook("fast", &fast.address()).await;
    let stop = CancellationToken::new();
    let settings = DelivererSettings {
        drain: Duration::from_millis(1),
        ..DelivererSettings::default()
    };
    let deliverer = scene.deliverer_with(loopback(), settings, Arc::new(SystemResolver));
    let running = tokio::spawn(deliverer.run(stop.clone()));
    for _ in 0..30 {
        scene.event().await;
        timeout(SOON, heard.recv()).await.unwrap().unwrap();
    }
    assert_eq!(slow.requests().len(), 1);
    stop.cancel();
    timeout(SOON, running).await.unwrap().unwrap();
    // What was under way when it had to stop is not lost, and is let go.
    timeout(SOON, slow.disconnected()).await.unwrap();
    let waiting = scene.database.deliveries(Some("slow"), None, 100).await.unwrap();
    assert!(
        waiting
            .iter()
            .all(|delivery| delivery.state == DeliveryState::Pending)
    );
    assert_eq!(waiting.len(), 30);
}
