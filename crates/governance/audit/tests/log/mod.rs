//! Logs for the tests: events of every shape, sealed rows, and a key.
#![allow(dead_code, reason = "every test program uses another part")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tenon_audit::{
    AuditEvent, Authentication, Checkpoint, CheckpointKind, DecisionRecord, DetailValue, EventKind, Head,
    Record, SigningKey,
};
use tenon_domain::Digest;
use uuid::Uuid;

pub static KEY: LazyLock<SigningKey> = LazyLock::new(new_key);

pub fn new_key() -> SigningKey {
    let folder = tempfile::tempdir().unwrap();
    key_at(&folder.path().join("audit.key"))
}

pub fn key_at(path: &Path) -> SigningKey {
    SigningKey::load_or_create(path).unwrap()
}

/// Any event, with texts and numbers as odd as they come.
pub fn event() -> impl Strategy<Value = AuditEvent> {
    (
        any::<u128>(),
        any::<i64>(),
        select(
            [
                "job.submitted",
                "model.called",
                "audit.expired",
                "of.another.version",
            ]
            .as_slice(),
        ),
        option::of(any::<String>()),
        select(
            [
                Authentication::ApiKey,
                Authentication::User,
                Authentication::System,
            ]
            .as_slice(),
        ),
        option::of(any::<String>()),
        option::of(any::<String>()),
        option::of(decision()),
        option::of(any::<String>()),
        details(),
    )
        .prop_map(
            |(id, at_ms, kind, principal, authentication, subject, action, decision, request_id, details)| {
                AuditEvent {
                    id: Uuid::from_u128(id),
                    at_ms,
                    kind: EventKind::from(kind),
                    principal,
                    authentication,
                    subject,
                    action,
                    decision,
                    request_id,
                    details,
                }
            },
        )
}

fn decision() -> impl Strategy<Value = DecisionRecord> {
    (any::<bool>(), vec(any::<String>(), 0..3)).prop_map(|(allowed, policies)| DecisionRecord {
        allowed,
        policies,
        policy_digest: Digest::of("policies"),
    })
}

fn details() -> impl Strategy<Value = BTreeMap<String, DetailValue>> {
    let value = prop_oneof![
        any::<String>().prop_map(DetailValue::Text),
        any::<i64>().prop_map(DetailValue::Number),
        (-1_i64..1).prop_map(DetailValue::Number),
    ];
    btree_map(any::<String>(), value, 0..4)
}

/// `count` plain events, a second apart.
pub fn events(count: i64) -> Vec<AuditEvent> {
    (0..count)
        .map(|index| AuditEvent::new(EventKind::JobFinished, index * 1000).with_detail("index", index))
        .collect()
}

/// The records of `events` over `head`.
pub fn sealed_over(mut head: Head, events: Vec<AuditEvent>) -> Vec<Record> {
    events
        .into_iter()
        .map(|event| {
            let record = Record::seal(&head, event);
            head = record.head();
            record
        })
        .collect()
}

pub fn sealed(events: Vec<AuditEvent>) -> Vec<Record> {
    sealed_over(Head::start(), events)
}

pub fn rows(records: &[Record]) -> Vec<String> {
    records.iter().map(Record::to_json).collect()
}

pub fn periodic(record: &Record) -> Checkpoint {
    KEY.checkpoint(record.head(), record.event.at_ms, CheckpointKind::Periodic)
        .unwrap()
}
