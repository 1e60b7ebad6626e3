//! What retention may remove, and where a log may start afterwards.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod log;

use std::time::Duration;

use log::{KEY, events, new_key, rows, sealed};
use tenon_audit::{
    Checkpoint, CheckpointKind, Head, Problem, RETENTION_DEFAULT, RETENTION_FLOOR, Record, Report, Retention,
    Truncation, Verifier,
};

const DAY_MS: i64 = 86_400_000;

#[test]
fn records_are_kept_for_half_a_year_at_least() {
    let day = Duration::from_secs(86_400);
    assert_eq!(RETENTION_FLOOR, day * 183);
    assert!(Retention::new(RETENTION_FLOOR).is_ok());
    let refusal = Retention::new(day * 90).unwrap_err().to_string();
    assert!(
        refusal.contains("at least 183 days, not 90: logs of AI systems are owed for six months"),
        "{refusal}"
    );
    assert!(Retention::new(RETENTION_FLOOR - Duration::from_secs(1)).is_err());
    assert_eq!(Retention::default().duration(), RETENTION_DEFAULT);
    assert_eq!(Retention::default().cutoff_ms(500 * DAY_MS), 100 * DAY_MS);
    assert_eq!(Retention::new(Duration::MAX).unwrap().cutoff_ms(0), -i64::MAX);
}

/// Ten records, and checkpoints of the third, sixth and ninth, 50 days apart.
fn ageing_log() -> (Vec<Record>, Vec<Checkpoint>) {
    let records = sealed(events(10));
    let signed = |index: usize| {
        let days = index as i64 / 3 * 50;
        KEY.checkpoint(records[index].head(), days * DAY_MS, CheckpointKind::Periodic)
            .unwrap()
    };
    let checkpoints = vec![signed(2), signed(5), signed(8)];
    (records, checkpoints)
}

fn verify(rows: &[String], checkpoints: &[Checkpoint]) -> Report {
    let mut verifier = Verifier::new(&[KEY.public_key()], checkpoints.to_vec());
    for row in rows {
        verifier.push(row);
    }
    verifier.finish()
}

#[test]
fn only_what_has_expired_is_removed_and_only_up_to_a_checkpoint() {
    let (_, checkpoints) = ageing_log();
    let through = |days: i64| {
        Truncation::plan(
            Retention::default(),
            days * DAY_MS,
            &checkpoints,
            &[KEY.public_key()],
        )
        .map(|truncation| truncation.through())
    };
    assert_eq!(through(400), None);
    assert_eq!(through(401), Some(3));
    assert_eq!(through(451), Some(6));
    assert_eq!(through(10_000), Some(9));
    let stranger = new_key().public_key();
    assert_eq!(
        Truncation::plan(Retention::default(), 451 * DAY_MS, &checkpoints, &[stranger]),
        None
    );
    // The key before this one is trusted, and what it signed expires.
    let trusted = [stranger, KEY.public_key()];
    let plan = Truncation::plan(Retention::default(), 451 * DAY_MS, &checkpoints, &trusted);
    assert_eq!(plan.map(|truncation| truncation.through()), Some(6));
    // What a stranger signed holds nothing up.
    let mut mixed = checkpoints.clone();
    mixed.push(
        new_key()
            .checkpoint(checkpoints[0].head, 0, CheckpointKind::Truncation)
            .unwrap(),
    );
    let plan = Truncation::plan(Retention::default(), 451 * DAY_MS, &mixed, &[KEY.public_key()]);
    assert_eq!(plan.map(|truncation| truncation.through()), Some(6));
}

#[test]
fn a_log_may_start_where_a_truncation_was_signed_and_nowhere_else() {
    let (records, mut checkpoints) = ageing_log();
    let now = 451 * DAY_MS;
    let plan = |checkpoints: &[Checkpoint]| {
        Truncation::plan(Retention::default(), now, checkpoints, &[KEY.public_key()])
    };
    let truncation = plan(&checkpoints).unwrap();
    checkpoints.push(truncation.sign(&KEY, now).unwrap());
    assert_eq!(plan(&checkpoints), None, "nothing is removed twice");
    let rows = rows(&records);
    let kept = verify(&rows[6..], &checkpoints);
    assert!(kept.is_whole(), "{:?}", kept.problems);
    assert_eq!(
        (kept.first, kept.last, kept.checkpoints_held),
        (Some(7), Some(10), 3)
    );
    assert!(
        verify(&rows, &checkpoints).is_whole(),
        "signed, but not yet removed"
    );
    for start in [1, 3, 5, 7, 9] {
        assert_eq!(
            verify(&rows[start..], &checkpoints).problems,
            [Problem::StartsWithoutAnchor {
                first: start as i64 + 1
            }]
        );
    }
}

#[test]
fn a_log_of_which_everything_expired_is_whole() {
    let (records, _) = ageing_log();
    let anchor = KEY
        .checkpoint(records[9].head(), 0, CheckpointKind::Truncation)
        .unwrap();
    assert!(verify(&[], &[anchor]).is_whole());
    let next = Record::seal(&records[9].head(), events(1).remove(0));
    assert!(verify(&[next.to_json()], &[anchor]).is_whole());
    let elsewhere = Record::seal(
        &Head {
            sequence: 10,
            digest: Head::start().digest,
        },
        events(1).remove(0),
    );
    assert!(!verify(&[elsewhere.to_json()], &[anchor]).is_whole());
}
