//! Receivers know by the signature that a message is ours.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use tenon_domain::{Digest, Secret};
use tenon_store::{Rotated, Rotation};
use tenon_testkit::HttpRequest;

use crate::scene::{NOW, SECRET, Scene, answering, loopback};

const OTHER: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// HMAC-SHA256 as RFC 2104 defines it.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let block = |pad: u8| -> Vec<u8> { (0..64).map(|index| key.get(index).unwrap_or(&0) ^ pad).collect() };
    let hash = |parts: [&[u8]; 2]| bytes_of_hexadecimal(&Digest::of(parts.concat()).hex());
    hash([&block(0x5c), &hash([&block(0x36), message])])
}

fn bytes_of_hexadecimal(text: &str) -> [u8; 32] {
    let byte = |index: usize| u8::from_str_radix(&text[2 * index..2 * index + 2], 16).unwrap();
    std::array::from_fn(byte)
}

fn from_base64(text: &str) -> Vec<u8> {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letters = text.trim_end_matches('=').chars();
    let bits: Vec<u8> = letters
        .flat_map(|letter| {
            let value = alphabet.find(letter).unwrap();
            (0..6)
                .rev()
                .map(move |place| u8::try_from(value >> place & 1).unwrap())
        })
        .collect();
    bits.chunks_exact(8)
        .map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | bit))
        .collect()
}

/// What the specification wants to stand in `webhook-signature` for a secret, computed from nothing of ours.
fn expected(secret: &str, request: &HttpRequest) -> Vec<u8> {
    let (id, timestamp) = (
        request.header("webhook-id").unwrap(),
        request.header("webhook-timestamp").unwrap(),
    );
    let signed = [format!("{id}.{timestamp}.").into_bytes(), request.body.clone()].concat();
    hmac(&from_base64(secret.strip_prefix("whsec_").unwrap()), &signed).to_vec()
}

fn signatures(request: &HttpRequest) -> Vec<Vec<u8>> {
    let all = request.header("webhook-signature").unwrap().split(' ');
    all.map(|one| from_base64(one.strip_prefix("v1,").unwrap()))
        .collect()
}

#[tokio::test]
async fn a_message_is_signed_as_the_specification_has_it() {
    let (scene, server) = (Scene::new().await, answering(204));
    scene
        .webhook("all", &format!("{}/hook?for=us", server.address()))
        .await;
    scene.event().await;
    assert_eq!(scene.deliverer(loopback()).deliver_due().await, 1);
    let requests = server.requests();
    let request = &requests[0];
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/hook?for=us")
    );
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(
        request.header("webhook-id"),
        Some(scene.delivery().await.id.as_str())
    );
    assert_eq!(
        request.header("webhook-timestamp"),
        Some((NOW / 1000).to_string().as_str())
    );
    assert_eq!(signatures(request), [expected(SECRET, request)]);
    let message: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(message["type"], "job.submitted");
}

/// Has the other secret sign, and the usual one until then.
async fn rotate(scene: &Scene, old_until_ms: i64) {
    let rotation = Rotation {
        secret: Secret::new(OTHER),
        old_until_ms,
        ends_older: false,
    };
    let rotated = scene.database.rotate_webhook("all", &rotation, NOW).await;
    assert_eq!(rotated.unwrap(), Rotated::Done);
}

#[tokio::test]
async fn after_a_rotation_both_secrets_sign_and_later_the_new_one_alone() {
    let (scene, server) = (Scene::new().await, answering(200));
    scene.webhook("all", &server.address()).await;
    rotate(&scene, NOW + 1000).await;
    let deliverer = scene.deliverer(loopback());
    for after in [0, 1000] {
        scene.set_now(NOW + after);
        scene.event().await;
        assert_eq!(deliverer.deliver_due().await, 1);
    }
    let requests = server.requests();
    assert_eq!(
        signatures(&requests[0]),
        [expected(OTHER, &requests[0]), expected(SECRET, &requests[0])]
    );
    assert_eq!(signatures(&requests[1]), [expected(OTHER, &requests[1])]);
}

/// The receiver of the manual, and whether it takes a request that `change` was done to.
fn is_accepted(request: &HttpRequest, secret: &str, change: &str) -> bool {
    let manual = include_str!("../../../../../docs/src/webhooks.md");
    let receiver = manual
        .split("```python\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let headers: serde_json::Map<_, _> = request
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), value.clone().into()))
        .collect();
    let script = format!(
        "{receiver}\nimport json, sys\nheaders = json.loads({:?})\nbody = sys.stdin.buffer.read()\n{change}\n\
         sys.exit(0 if is_from_tenon({secret:?}, headers, body) else 7)\n",
        serde_json::Value::Object(headers).to_string()
    );
    let mut python = Command::new("python3")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(&request.body).unwrap();
    match python.wait().unwrap().code() {
        Some(0) => true,
        Some(7) => false,
        other => panic!("the receiver broke off: {other:?}"),
    }
}

#[tokio::test]
async fn the_receiver_of_the_manual_takes_what_is_ours_and_nothing_else() {
    let (scene, server) = (Scene::new().await, answering(200));
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    scene.set_now(i64::try_from(since.as_millis()).unwrap());
    scene.webhook("all", &server.address()).await;
    rotate(&scene, i64::MAX).await;
    scene.event().await;
    scene.deliverer(loopback()).deliver_due().await;
    let request = &server.requests()[0];
    assert!(is_accepted(request, SECRET, ""));
    assert!(is_accepted(request, OTHER, ""));
    assert!(!is_accepted(
        request,
        "whsec_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB",
        ""
    ));
    assert!(!is_accepted(request, SECRET, "body += b' '"));
    assert!(!is_accepted(request, SECRET, "headers['webhook-id'] += '1'"));
    assert!(!is_accepted(
        request,
        SECRET,
        "headers['webhook-timestamp'] = str(int(headers['webhook-timestamp']) - 1)"
    ));
    assert!(!is_accepted(
        request,
        SECRET,
        "time.time = lambda: int(headers['webhook-timestamp']) + 301"
    ));
}
