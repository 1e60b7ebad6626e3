//! What a record looks like, and what it may hold.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod log;

use log::{event, sealed};
use proptest::prelude::*;
use tenon_audit::{
    AuditEvent, Authentication, DecisionRecord, DetailValue, EventKind, Head, MAX_RECORD_BYTES, Record,
};
use tenon_domain::Digest;
use uuid::Uuid;

fn decided() -> AuditEvent {
    AuditEvent {
        id: Uuid::from_u128(7),
        principal: Some("key_1".into()),
        authentication: Authentication::ApiKey,
        subject: Some("jobs/1".into()),
        action: Some("jobs.create".into()),
        decision: Some(DecisionRecord {
            allowed: true,
            policy_digest: Digest::of("policies"),
            policies: vec!["developers".into()],
        }),
        request_id: Some("req_1".into()),
        ..AuditEvent::new(EventKind::JobSubmitted, 951_827_696_789)
    }
    .with_detail("prompt", Digest::of("prompt"))
    .with_detail("bytes", 12)
}

#[test]
fn the_stored_form_never_changes() {
    let record = Record::seal(&Head::start(), decided());
    assert_eq!(record.to_json(), include_str!("log/record.json").trim_end());
}

#[test]
fn every_record_builds_on_the_one_before() {
    let records = sealed(vec![decided(), decided(), decided()]);
    let places: Vec<i64> = records.iter().map(|record| record.sequence).collect();
    assert_eq!(places, [1, 2, 3]);
    assert_eq!(records[0].previous, Head::start().digest);
    assert_eq!(records[2].previous, records[1].digest);
    assert_ne!(records[0].digest, records[1].digest);
}

#[test]
fn what_is_no_record_is_refused_with_the_reason() {
    let whole = Record::seal(&Head::start(), decided()).to_json();
    for (broken, reason) in [
        (whole.replace("\"id\"", "\"ad\""), "missing field `id`"),
        (whole.replace("\"hash\"", "\"hush\""), "it has no `hash`"),
        (
            whole.replace("0000000000000000001", "1"),
            "`1` is no place in the log",
        ),
        (
            whole.replace("2000-02-29", "2001-02-29"),
            "is not a moment in UTC",
        ),
    ] {
        let error = Record::from_json(&broken).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn a_hostile_event_cannot_bloat_the_log() {
    let long = "\u{1}é".repeat(2_000);
    let mut event = AuditEvent {
        principal: Some(long.clone()),
        subject: Some(long.clone()),
        action: Some(long.clone()),
        request_id: Some(long.clone()),
        decision: Some(DecisionRecord {
            allowed: false,
            policies: vec![long.clone(); 1000],
            policy_digest: Digest::of(""),
        }),
        ..AuditEvent::new(EventKind::Other(long.clone()), i64::MAX)
    };
    for index in 0..1000 {
        event = event.with_detail(&format!("{index:03}{long}"), long.as_str());
    }
    let record = Record::seal(&Head::start(), event);
    assert!(record.to_json().len() <= MAX_RECORD_BYTES);
    assert!(record.event.principal.unwrap().ends_with('…'));
    let details = record.event.details;
    let kept = details.len() as i64 - 1;
    assert_eq!(
        details.get("details_left_out"),
        Some(&DetailValue::Number(1000 - kept))
    );
}

#[test]
fn a_number_that_readers_of_json_would_round_is_kept_as_text() {
    let largest = (1 << 53) - 1;
    let event = AuditEvent::new(EventKind::ModelCalled, 0)
        .with_detail("exact", largest)
        .with_detail("least", i64::MIN);
    let record = Record::from_json(&Record::seal(&Head::start(), event).to_json()).unwrap();
    assert_eq!(record.event.details["exact"], DetailValue::Number(largest));
    assert_eq!(
        record.event.details["least"],
        DetailValue::Text(i64::MIN.to_string())
    );
}

proptest! {
    #[test]
    fn a_record_survives_its_stored_form(event in event()) {
        let record = Record::seal(&Head::start(), event.clone());
        let text = record.to_json();
        prop_assert_eq!(&record.event, &event.bounded());
        prop_assert_eq!(&Record::from_json(&text).unwrap(), &record);
        prop_assert!(!text.contains('\n'));
        prop_assert_eq!(serde_json_canonicalizer::pipe(&text).unwrap(), text);
    }

    #[test]
    fn the_digest_is_that_of_the_stored_form_without_it(event in event()) {
        let record = Record::seal(&Head::start(), event);
        let bare = record.to_json().replace(&format!("\"hash\":\"{}\",", record.digest), "");
        prop_assert_eq!(Digest::of(bare), record.digest);
    }
}
