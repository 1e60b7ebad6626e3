//! How long a record takes to be sealed, written as text, and verified: `cargo run --release -p tenon-audit --example rate`.
#![allow(clippy::print_stdout, reason = "a measuring instrument prints")]

use std::time::Instant;

use tenon_audit::{AuditEvent, Authentication, DecisionRecord, EventKind, Head, Record, Verifier};
use tenon_domain::Digest;

const COUNT: u32 = 100_000;

fn main() {
    let events: Vec<AuditEvent> = (0..COUNT).map(request).collect();
    let mut head = Head::start();
    let records: Vec<Record> = each("sealed", || {
        let seal = |event| {
            let record = Record::seal(&head, event);
            head = record.head();
            record
        };
        events.into_iter().map(seal).collect()
    });
    let rows: Vec<String> = each("written", || records.iter().map(Record::to_json).collect());
    let is_whole = each("verified", || {
        let mut verifier = Verifier::new(&[], Vec::new());
        rows.iter().for_each(|row| verifier.push(row));
        verifier.finish().is_whole()
    });
    println!("the log is whole: {is_whole}");
}

fn each<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = work();
    println!("{what}: {:?} each", begun.elapsed() / COUNT);
    done
}

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
