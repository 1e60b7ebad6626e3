//! Whoever adds a webhook cannot reach into the network of the server with it.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tenon_store::DeliveryState;
use tenon_webhooks::{Allowed, DelivererSettings, Guard, Resolver, SystemResolver, WebhookError};

use crate::scene::{Scene, answering, loopback};

/// Answers with one list after the other, and with the last one from then on.
struct Changing {
    answers: Mutex<Vec<Vec<IpAddr>>>,
    asked: AtomicUsize,
}

impl Changing {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parsed = answers
            .iter()
            .map(|answer| answer.iter().map(|one| one.parse().unwrap()).collect());
        Arc::new(Self {
            answers: Mutex::new(parsed.rev().collect()),
            asked: AtomicUsize::new(0),
        })
    }
}

#[async_trait]
impl Resolver for Changing {
    async fn resolve(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut answers = self.answers.lock().unwrap();
        match answers.len() {
            1 => Ok(answers[0].clone()),
            _ => Ok(answers.pop().unwrap()),
        }
    }
}

fn allowing(patterns: &[&str]) -> Guard {
    Guard::new(patterns.iter().map(|pattern| pattern.parse().unwrap()).collect())
}

#[test]
fn a_host_is_looked_up_and_judged_by_all_of_its_addresses() {
    let refused = Guard::default().look_up("https://localhost/a.git");
    assert!(
        matches!(refused, Err(WebhookError::NotPublic { .. })),
        "{refused:?}"
    );
    let refused = Guard::default().look_up("https://169.254.169.254/a.git");
    assert!(
        matches!(refused, Err(WebhookError::NotPublic { .. })),
        "{refused:?}"
    );
    let found = allowing(&["127.0.0.0/8", "::1"])
        .look_up("https://localhost/a.git")
        .unwrap();
    assert!(
        !found.is_empty() && found.iter().all(IpAddr::is_loopback),
        "{found:?}"
    );
    // Wherever that leads.
    assert_eq!(
        allowing(&["localhost"]).look_up("https://localhost/a.git"),
        Ok(Vec::new())
    );
    let public = Guard::default().look_up("https://1.1.1.1/a.git");
    assert_eq!(public, Ok(vec!["1.1.1.1".parse().unwrap()]));
}

#[test]
fn addresses_inside_of_a_network_are_refused_in_every_spelling() {
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "017700000001",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.01",
        "127.0.0.1.",
        "１２７.0.0.1",
        "①②⑦.⓪.⓪.①",
        "%31%32%37.0.0.1",
        "0",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.5.4",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "0xa9fea9fe",
        "224.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
    ] {
        for url in [
            format!("https://{host}/"),
            format!("https://{host}:8443/latest?x#y"),
        ] {
            let refused = Guard::default().admit(&url).unwrap_err();
            assert!(
                matches!(refused, WebhookError::NotPublic { .. }),
                "{url}: {refused}"
            );
        }
    }
    for url in [
        "https://1.1.1.1/",
        "https://[2606:4700:4700::1111]/",
        "https://hooks.example.com/a?b=c",
    ] {
        assert!(Guard::default().admit(url).is_ok(), "{url}");
    }
}

#[test]
fn what_is_no_address_of_the_web_is_refused() {
    let long = format!("https://host/{}", "a".repeat(3000));
    for url in [
        "",
        "hooks.example.com",
        "ftp://host/",
        "file:///etc/passwd",
        "gopher://host/",
        "https://",
        "https://me@host/",
        "https://me:secret@host/",
        "https://1.2.3.4.5/",
        "https://ho st/",
        "https://[::1",
        &long,
    ] {
        let refused = Guard::default().admit(url).unwrap_err();
        assert!(matches!(refused, WebhookError::Url { .. }), "{url}: {refused}");
    }
}

#[test]
fn only_what_is_allowed_may_be_asked_without_encryption() {
    let plain = "http://hooks.example.com/";
    let refused = Guard::default().admit(plain).unwrap_err();
    assert!(
        matches!(&refused, WebhookError::Insecure { host } if host == "hooks.example.com"),
        "{refused}"
    );
    assert!(matches!(
        allowing(&["other.example"]).admit(plain),
        Err(WebhookError::Insecure { .. })
    ));
    assert!(allowing(&["Hooks.Example.com"]).admit(plain).is_ok());
    assert!(matches!(
        allowing(&["10.0.0.0/8"]).admit("http://1.1.1.1/"),
        Err(WebhookError::Insecure { .. })
    ));
    assert!(allowing(&["10.0.0.0/8"]).admit("http://10.9.8.7/").is_ok());
    assert!(matches!(
        allowing(&["10.0.0.0/8"]).admit("http://11.0.0.1/"),
        Err(WebhookError::Insecure { .. })
    ));
    assert!(matches!(
        allowing(&["10.0.0.0/8"]).admit("https://192.168.0.1/"),
        Err(WebhookError::NotPublic { .. })
    ));
}

#[test]
fn what_allows_nothing_is_no_pattern() {
    for text in [
        "",
        "*",
        "*.example.com",
        "https://host",
        "host:80",
        "10.0.0.0/40",
        "10.0.0",
        "1.2.3.4.5",
        "[::1]",
        "a b",
        "host/8",
    ] {
        assert!(text.parse::<Allowed>().is_err(), "{text}");
    }
    for text in [
        "hooks",
        "hooks.internal",
        "10.0.0.0/8",
        "::1",
        "fd00::/8",
        "xn--bcher-kva.example",
    ] {
        assert!(text.parse::<Allowed>().is_ok(), "{text}");
    }
}

#[tokio::test]
async fn names_that_lead_inside_are_refused_before_anything_is_sent() {
    let (scene, server) = (Scene::new().await, answering(200));
    let port = server.address().rsplit(':').next().unwrap().to_owned();
    let own = format!("https://localhost:{port}/");
    let error = scene
        .refusal(Guard::default(), Arc::new(SystemResolver), &own)
        .await;
    assert!(error.contains("`localhost` is not a public address"), "{error}");
    assert!(!error.contains("127.0.0.1"), "{error}");
    for inside in [
        "10.0.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "::1",
        "fd00::1",
        "::ffff:10.0.0.1",
    ] {
        // One that is not public among others that are is enough.
        for answer in [
            &[inside][..],
            &["1.1.1.1", inside],
            &[inside, "2606:4700:4700::1111"],
        ] {
            let url = format!("https://hooks.example.com:{port}/");
            let error = scene
                .refusal(Guard::default(), Changing::new(&[answer]), &url)
                .await;
            assert!(error.contains("is not a public address"), "{answer:?}: {error}");
        }
    }
    let nothing = scene
        .refusal(
            Guard::default(),
            Changing::new(&[&[]]),
            "https://hooks.example.com/",
        )
        .await;
    assert!(
        nothing.contains("cannot find the host `hooks.example.com`"),
        "{nothing}"
    );
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_name_that_may_be_plain_where_it_is_allowed_may_not_be_elsewhere() {
    let scene = Scene::new().await;
    let resolver = Changing::new(&[&["10.1.2.3", "1.1.1.1"]]);
    let error = scene
        .refusal(allowing(&["10.0.0.0/8"]), resolver, "http://hooks.example.com/")
        .await;
    assert!(error.contains("without encryption"), "{error}");
}

#[tokio::test]
async fn the_connection_goes_to_the_address_that_was_checked() {
    let (scene, server) = (Scene::new().await, answering(200));
    let port = server.address().rsplit(':').next().unwrap().to_owned();
    // What is checked is the server of this test; what it leads to a moment later, nobody may be sent to.
    let resolver = Changing::new(&[&["127.0.0.1"], &["10.0.0.1"]]);
    scene
        .webhook("all", &format!("http://rebinding.invalid:{port}/"))
        .await;
    scene.event().await;
    let asked: Arc<dyn Resolver> = resolver.clone();
    let deliverer = scene.deliverer_with(loopback(), DelivererSettings::default(), asked);
    assert_eq!(deliverer.deliver_due().await, 1);
    assert_eq!(scene.delivery().await.state, DeliveryState::Delivered);
    assert_eq!(
        server.requests()[0].header("host"),
        Some(format!("rebinding.invalid:{port}").as_str())
    );
    assert_eq!(resolver.asked.load(Ordering::Relaxed), 1);

    // The next one is checked anew, and what was found before is forgotten.
    let id = scene.delivery().await.id;
    scene.database.replay_delivery(&id, scene.now()).await.unwrap();
    assert_eq!(deliverer.deliver_due().await, 1);
    assert!(
        scene
            .delivery()
            .await
            .last_error
            .unwrap()
            .contains("is not a public address")
    );
    assert_eq!(
        (server.requests().len(), resolver.asked.load(Ordering::Relaxed)),
        (1, 2)
    );
}

#[tokio::test]
async fn whoever_runs_the_server_allows_hosts_and_ranges() {
    for pattern in ["127.0.0.1", "127.0.0.0/8", "localhost"] {
        let (scene, server) = (Scene::new().await, answering(200));
        let url = match pattern {
            "localhost" => server.address().replace("127.0.0.1", "localhost"),
            _ => server.address(),
        };
        scene.webhook("all", &url).await;
        scene.event().await;
        scene.deliverer(allowing(&[pattern])).deliver_due().await;
        assert_eq!(
            scene.delivery().await.state,
            DeliveryState::Delivered,
            "{pattern}"
        );
    }
}
