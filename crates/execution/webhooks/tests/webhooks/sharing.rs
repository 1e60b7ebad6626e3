//! Several processes on one database, and those that are killed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tenon_store::{Database, DeliveryState};
use tenon_testkit::{FakeServer, HttpAnswer, TemporaryPostgres};
use tenon_webhooks::{Deliverer, DelivererSettings, SystemResolver};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::scene::{NOW, Scene, loopback};

const SOON: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_on_one_database_double_nothing() {
    let postgres = TemporaryPostgres::start();
    let url = postgres.url().parse().unwrap();
    let one = Scene::over(
        Database::connect(&url, 8).await.unwrap(),
        tempfile::tempdir().unwrap(),
    )
    .await;
    let other = Database::connect(&url, 8).await.unwrap();
    let (tell, mut heard) = mpsc::unbounded_channel();
    let server = FakeServer::start(move |request| {
        let _ = tell.send(request.header("webhook-id").unwrap().to_owned());
        Some(HttpAnswer::whole(200, "text/plain", ""))
    });
    for id in ["a", "b", "c", "d"] {
        one.webhook(id, &server.address()).await;
    }
    let stop = CancellationToken::new();
    let first = tokio::spawn(one.deliverer(loopback()).run(stop.clone()));
    let (settings, resolver) = (DelivererSettings::default(), Arc::new(SystemResolver));
    let second = Deliverer::with(other, loopback(), settings, resolver, one.clock());
    let second = tokio::spawn(second.run(stop.clone()));
    for _ in 0..50 {
        one.event().await;
    }
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    while times.len() < 200 {
        let id = timeout(SOON, heard.recv()).await.unwrap().unwrap();
        *times.entry(id).or_default() += 1;
    }
    stop.cancel();
    for running in [first, second] {
        timeout(SOON, running).await.unwrap().unwrap();
    }
    while let Ok(id) = heard.try_recv() {
        *times.entry(id).or_default() += 1;
    }
    assert!(times.values().all(|times| *times == 1), "{times:?}");
    let all = one.database.deliveries(None, None, 300).await.unwrap();
    assert_eq!(all.len(), 200);
    assert!(
        all.iter()
            .all(|delivery| delivery.state == DeliveryState::Delivered)
    );
}

#[tokio::test]
async fn what_was_under_way_when_its_process_was_killed_is_sent_again_under_the_same_id() {
    let scene = Scene::new().await;
    let hangs = Arc::new(AtomicBool::new(true));
    let (tell, mut heard) = mpsc::unbounded_channel();
    let server = FakeServer::start({
        let hangs = Arc::clone(&hangs);
        move |_| {
            let _ = tell.send(());
            match hangs.load(Ordering::Relaxed) {
                true => None,
                false => Some(HttpAnswer::whole(200, "text/plain", "")),
            }
        }
    });
    scene.webhook("all", &server.address()).await;
    scene.event().await;
    let killed = tokio::spawn(scene.deliverer(loopback()).run(CancellationToken::new()));
    timeout(SOON, heard.recv()).await.unwrap().unwrap();
    killed.abort();
    assert!(killed.await.unwrap_err().is_cancelled());
    timeout(SOON, server.disconnected()).await.unwrap();

    hangs.store(false, Ordering::Relaxed);
    let next = scene.deliverer(loopback());
    scene.set_now(NOW + 59_999);
    assert_eq!(next.deliver_due().await, 0);
    scene.set_now(NOW + 60_000);
    assert_eq!(next.deliver_due().await, 1);
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].header("webhook-id"), requests[1].header("webhook-id"));
    assert_eq!(requests[0].body, requests[1].body);
    let delivery = scene.delivery().await;
    assert_eq!((delivery.state, delivery.attempt), (DeliveryState::Delivered, 2));
}
