//! Every way of tampering is found, and its place is named.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod log;

use log::{KEY, event, events, new_key, periodic, rows, sealed, sealed_over};
use proptest::collection::vec;
use proptest::prelude::*;
use tenon_audit::{AuditEvent, Checkpoint, Head, Problem, Record, Report, Verifier};

fn verify(rows: &[String], checkpoints: &[Checkpoint]) -> Report {
    let mut verifier = Verifier::new(&[KEY.public_key()], checkpoints.to_vec());
    for row in rows {
        verifier.push(row);
    }
    verifier.finish()
}

/// A log, checkpoints of every third and of the last record, and two places in it, in order.
fn log_and_places() -> impl Strategy<Value = (Vec<Record>, Vec<Checkpoint>, usize, usize)> {
    vec(event(), 2..12)
        .prop_flat_map(|events| {
            let places = 0..events.len();
            (Just(events), places.clone(), places)
        })
        .prop_map(|(events, one, other)| {
            let records = sealed(events);
            let last = records.len() as i64;
            let signed = |record: &&Record| record.sequence % 3 == 0 || record.sequence == last;
            let checkpoints = records.iter().filter(signed).map(periodic).collect();
            (records, checkpoints, one.min(other), one.max(other))
        })
}

fn sequence(index: usize) -> i64 {
    index as i64 + 1
}

fn renamed(event: &AuditEvent) -> AuditEvent {
    AuditEvent {
        subject: Some(format!("not {:?}", event.subject)),
        ..event.clone()
    }
}

proptest! {
    #[test]
    fn what_was_sealed_verifies((records, checkpoints, ..) in log_and_places()) {
        let report = verify(&rows(&records), &checkpoints);
        prop_assert!(report.is_whole(), "{:?}", report.problems);
        prop_assert_eq!(report.records, records.len() as u64);
        prop_assert_eq!((report.first, report.last), (Some(1), Some(records.len() as i64)));
        prop_assert_eq!(report.checkpoints_held, checkpoints.len() as u64);
        prop_assert_eq!(report.signed_through, report.last);
        prop_assert_eq!(report.keys, [KEY.public_key()]);
    }

    #[test]
    fn a_changed_row_is_found_and_named(
        (records, checkpoints, index, _) in log_and_places(),
        place: proptest::sample::Index,
        replacement in prop_oneof![any::<char>(), (b' '..=b'~').prop_map(char::from)],
    ) {
        let mut rows = rows(&records);
        let mut characters: Vec<char> = rows[index].chars().collect();
        let place = place.index(characters.len());
        prop_assume!(characters[place] != replacement);
        characters[place] = replacement;
        rows[index] = characters.into_iter().collect();
        let report = verify(&rows, &checkpoints);
        prop_assert_eq!(report.problems.len(), 1, "{:?}", report.problems);
        let problem = &report.problems[0];
        let named = matches!(problem, Problem::Changed { .. } | Problem::Unreadable { .. });
        prop_assert!(named, "{problem:?}");
        prop_assert_eq!(problem.place(), sequence(index));
    }

    #[test]
    fn removed_rows_are_found_and_named((records, checkpoints, from, to) in log_and_places()) {
        let mut rows = rows(&records);
        rows.drain(from..=to);
        let (first, last) = (from == 0, to + 1 == records.len());
        let end = Problem::TruncatedTail { last: from as i64, expected: sequence(to) };
        let expected = match (first, last) {
            (_, true) => end,
            (true, false) => Problem::StartsWithoutAnchor { first: sequence(to) + 1 },
            (false, false) => Problem::Removed { from: sequence(from), to: sequence(to) },
        };
        prop_assert_eq!(verify(&rows, &checkpoints).problems, [expected]);
    }

    #[test]
    fn swapped_rows_are_found_and_named((records, checkpoints, from, to) in log_and_places()) {
        let mut rows = rows(&records);
        rows.swap(from, to);
        let expected: Vec<Problem> = (from..to)
            .map(|index| Problem::Reordered { sequence: sequence(index) })
            .collect();
        prop_assert_eq!(verify(&rows, &checkpoints).problems, expected);
    }

    #[test]
    fn a_row_that_is_there_twice_is_found_and_named((records, checkpoints, from, to) in log_and_places()) {
        let expected = Problem::Duplicated { sequence: sequence(from) };
        let mut later = rows(&records);
        later.insert(to + 1, later[from].clone());
        prop_assert_eq!(verify(&later, &checkpoints).problems, [expected]);
        let expected = Problem::Duplicated { sequence: sequence(to) };
        let mut earlier = rows(&records);
        earlier.insert(from, earlier[to].clone());
        prop_assert!(verify(&earlier, &checkpoints).problems.contains(&expected));
    }

    #[test]
    fn a_row_that_was_replaced_whole_breaks_the_chain((records, checkpoints, index, _) in log_and_places()) {
        let mut forged = records.clone();
        let before = Head { sequence: index as i64, digest: records[index].previous };
        forged[index] = Record::seal(&before, renamed(&records[index].event));
        let report = verify(&rows(&forged), &checkpoints);
        let signed = checkpoints.iter().any(|checkpoint| checkpoint.head.sequence == sequence(index));
        let contradicted = signed.then_some(Problem::Contradicted { sequence: sequence(index) });
        let broken = Problem::BrokenLink { sequence: sequence(index) + 1 };
        let broken = (sequence(index) < records.len() as i64).then_some(broken);
        let expected: Vec<Problem> = contradicted.into_iter().chain(broken).collect();
        prop_assert_eq!(report.problems, expected);
    }

    #[test]
    fn history_that_was_rewritten_with_new_digests_contradicts_its_checkpoints(
        (records, checkpoints, index, _) in log_and_places(),
    ) {
        let before = Head { sequence: index as i64, digest: records[index].previous };
        let rewritten = records[index..].iter().map(|record| renamed(&record.event)).collect();
        let mut forged = records[..index].to_vec();
        forged.extend(sealed_over(before, rewritten));
        let expected: Vec<Problem> = checkpoints
            .iter()
            .map(|checkpoint| checkpoint.head.sequence)
            .filter(|signed| *signed >= sequence(index))
            .map(|sequence| Problem::Contradicted { sequence })
            .collect();
        let report = verify(&rows(&forged), &checkpoints);
        prop_assert_eq!(report.checkpoints_held, (checkpoints.len() - expected.len()) as u64);
        prop_assert_eq!(report.problems, expected);
    }

    #[test]
    fn any_text_is_judged(texts in vec(any::<String>(), 1..5)) {
        let report = verify(&texts, &[]);
        prop_assert_eq!(report.problems.len(), texts.len());
    }
}

#[test]
fn an_empty_log_is_whole() {
    let report = verify(&[], &[]);
    assert!(report.is_whole());
    assert_eq!((report.records, report.first, report.last), (0, None, None));
}

#[test]
fn white_space_and_other_spellings_of_a_digest_are_changes() {
    let row = sealed(events(1))[0].to_json();
    let (before, digest) = row.split_once("\"hash\":\"sha256:").unwrap();
    let (digest, after) = digest.split_at(64);
    for changed in [
        row.replace("\":", "\": "),
        format!("{row} "),
        format!("{before}\"hash\":\"{digest}{after}"),
        format!("{before}\"hash\":\"sha256:{}{after}", digest.to_uppercase()),
        row.replacen('{', "{\"type\":\"job.cancelled\",", 1),
    ] {
        assert_eq!(
            verify(&[changed], &[]).problems,
            [Problem::Changed { sequence: 1 }]
        );
    }
}

#[test]
fn a_row_without_its_digest_is_no_record_and_harms_no_other() {
    let records = sealed(events(2));
    let rows = rows(&records);
    let digest = records[0].digest.to_string();
    for broken in [
        rows[0].replace("\"hash\"", "\"hush\""),
        rows[0].replace(&digest, "sha256:\\b"),
    ] {
        let problems = verify(&[broken, rows[1].clone()], &[periodic(&records[0])]).problems;
        let named = matches!(
            problems.as_slice(),
            [Problem::Unreadable { row: 1, after: 0, .. }]
        );
        assert!(named, "{problems:?}");
    }
}

#[test]
fn rows_that_another_version_wrote_are_judged_as_well() {
    let records = sealed(events(2));
    let (hash, bare) = {
        let mut event: serde_json::Value = serde_json::from_str(&records[0].to_json()).unwrap();
        event.as_object_mut().unwrap().remove("hash");
        event["authtype"] = "passkey".into();
        event["tenant"] = "blue".into();
        event["data"]["weight"] = 0.25.into();
        let bare = serde_json_canonicalizer::to_string(&event).unwrap();
        (tenon_domain::Digest::of(&bare), bare)
    };
    let row = bare.replacen(",\"id\":", &format!(",\"hash\":\"{hash}\",\"id\":"), 1);
    let report = verify(&[row], &[]);
    assert!(report.is_whole(), "{:?}", report.problems);
}

#[test]
fn every_problem_is_counted_and_a_hundred_are_listed() {
    let rows = rows(&sealed(events(500)));
    let odd: Vec<String> = rows.into_iter().step_by(2).collect();
    let report = verify(&odd, &[]);
    assert_eq!(report.problems.len(), 100);
    assert_eq!(report.unlisted, 149);
    assert!(!report.is_whole());
}

#[test]
fn a_checkpoint_of_another_key_is_named_and_counts_for_nothing() {
    let records = sealed(events(3));
    let other = new_key();
    let foreign = |index: usize, head: Head| {
        other
            .checkpoint(head, index as i64, tenon_audit::CheckpointKind::Periodic)
            .unwrap()
    };
    // Whatever it says.
    let elsewhere = Head {
        sequence: 9,
        digest: Head::start().digest,
    };
    let signed = [
        foreign(0, records[1].head()),
        foreign(1, elsewhere),
        periodic(&records[0]),
    ];
    let report = verify(&rows(&records), &signed);
    assert!(report.is_whole(), "{:?}", report.problems);
    assert_eq!(report.unknown_keys, [other.public_key()]);
    assert_eq!((report.checkpoints_held, report.signed_through), (1, Some(1)));

    // It does not let a log begin where it likes.
    let begins = other
        .checkpoint(records[0].head(), 0, tenon_audit::CheckpointKind::Truncation)
        .unwrap();
    assert!(!verify(&rows(&records)[1..], &[begins]).is_whole());
    let mut forged = signed[0];
    forged.key = KEY.public_key();
    let report = verify(&rows(&records), &[forged]);
    assert_eq!(report.problems, [Problem::BadSignature { sequence: 2 }]);
}

#[test]
fn the_key_before_and_the_key_of_another_server_are_trusted_when_they_are_named() {
    let records = sealed(events(3));
    let (lost, other) = (new_key(), new_key());
    let signed = |key: &tenon_audit::SigningKey, index: usize, kind| {
        key.checkpoint(records[index].head(), 0, kind).unwrap()
    };
    let checkpoints = vec![
        signed(&lost, 0, tenon_audit::CheckpointKind::Truncation),
        signed(&other, 1, tenon_audit::CheckpointKind::Periodic),
        signed(&KEY, 2, tenon_audit::CheckpointKind::Periodic),
    ];
    let trusted = [&*KEY, &lost, &other].map(tenon_audit::SigningKey::public_key);
    let mut verifier = Verifier::new(&trusted, checkpoints);
    rows(&records)[1..].iter().for_each(|row| verifier.push(row));
    let report = verifier.finish();
    assert!(report.is_whole(), "{:?}", report.problems);
    assert_eq!((report.keys.len(), report.signed_through), (3, Some(3)));
    assert!(report.unknown_keys.is_empty());
}

#[test]
fn without_a_key_the_report_says_who_signed() {
    let records = sealed(events(3));
    let mut verifier = Verifier::new(&[], vec![periodic(&records[1])]);
    for row in rows(&records) {
        verifier.push(&row);
    }
    let report = verifier.finish();
    assert!(report.is_whole());
    assert_eq!(report.keys, [KEY.public_key()]);
    assert_eq!(report.signed_through, Some(2));
}

#[test]
fn several_problems_are_told_apart() {
    let mut rows = rows(&sealed(events(12)));
    rows[10] = "not JSON".into();
    rows[7] = rows[7].replace("\"index\":7", "\"index\":8");
    rows.remove(3);
    let said: Vec<String> = verify(&rows, &[])
        .problems
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        said,
        [
            "records 4 to 4 are missing",
            "record 8 was changed: its content does not fit its digest",
            "row 10, after record 10, is no record: expected ident at line 1 column 2",
        ]
    );
}
