//! How fast records are sealed and verified: `cargo nextest run --release -p tenon-audit --run-ignored all --no-capture rate`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod log;

use std::time::{Duration, Instant};

use log::rows;
use tenon_audit::{AuditEvent, Authentication, DecisionRecord, EventKind, Head, Record, Verifier};
use tenon_domain::Digest;

const COUNT: u32 = 100_000;

fn request(number: u32) -> AuditEvent {
    AuditEvent {
        principal: Some("01991f4e-7a01-7c3c-9d2e-2f5b8f3e9a10".into()),
        authentication: Authentication::ApiKey,
        subject: Some("jobs/01991f4e-7a01-7c3c-9d2e-2f5b8f3e9a11".into()),
        action: Some("jobs.create".into()),
        decision: Some(DecisionRecord {
            allowed: true,
            policies: vec!["developers".into(), "models".into()],
            policy_digest: Digest::of("policies"),
        }),
        request_id: Some("req_01991f4e7a01".into()),
        ..AuditEvent::new(EventKind::RequestAnswered, 1_790_000_000_000)
    }
    .with_detail("model", "qwen2.5-coder-1.5b")
    .with_detail("prompt", Digest::of(number.to_string()))
    .with_detail("status", 200)
    .with_detail("tokens", i64::from(number))
}

fn each(what: &str, work: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    work();
    let each = begin.elapsed() / COUNT;
    println!("{what}: {each:?} each");
    each
}

#[test]
#[ignore = "a measurement, which a busy machine spoils"]
fn the_rate_of_sealing_leaves_room_for_requests() {
    let events: Vec<AuditEvent> = (0..COUNT).map(request).collect();
    let mut head = Head::start();
    let mut records = Vec::new();
    let sealing = each("sealed", || {
        for event in events {
            let record = Record::seal(&head, event);
            head = record.head();
            records.push(record);
        }
    });
    let mut texts = Vec::new();
    each("written", || texts = rows(&records));
    each("verified", || {
        let mut verifier = Verifier::new(&[], Vec::new());
        texts.iter().for_each(|text| verifier.push(text));
        assert!(verifier.finish().is_whole());
    });
    assert!(sealing < Duration::from_micros(20), "{sealing:?}");
}
