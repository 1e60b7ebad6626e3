//! An export is judged in one pass, whatever it holds.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod log;

use log::{KEY, events, periodic, rows, sealed};
use proptest::collection::vec;
use proptest::prelude::*;
use tenon_audit::{MAX_RECORD_BYTES, Problem, Report, checkpoint_line, verify_export};

/// The lines of an export of five records, of which the second and fourth are signed.
fn export() -> Vec<String> {
    let records = sealed(events(5));
    let mut lines = vec![
        checkpoint_line(&periodic(&records[1])),
        checkpoint_line(&periodic(&records[3])),
    ];
    lines.extend(rows(&records));
    lines
}

fn verify(text: impl AsRef<[u8]>) -> Report {
    verify_export(text.as_ref(), &[KEY.public_key()]).unwrap()
}

#[test]
fn a_whole_export_verifies_with_or_without_a_last_newline() {
    let text = export().join("\n");
    for text in [text.clone(), text + "\n"] {
        let report = verify(text);
        assert!(report.is_whole(), "{:?}", report.problems);
        assert_eq!((report.records, report.checkpoints_held), (5, 2));
    }
}

#[test]
fn an_export_that_was_cut_short_is_found() {
    let lines = export();
    let report = verify(lines[..lines.len() - 2].join("\n"));
    assert_eq!(report.problems, [Problem::TruncatedTail { last: 3, expected: 4 }]);
}

#[test]
fn a_line_without_end_is_passed_over_and_the_rest_is_judged() {
    let mut lines = export();
    lines[4] = "x".repeat(3 * MAX_RECORD_BYTES);
    let report = verify(lines.join("\n"));
    let reason = "it is longer than any record".to_owned();
    let row = Problem::Unreadable {
        row: 3,
        after: 2,
        reason,
    };
    assert_eq!(report.problems, [row]);
    assert_eq!(report.last, Some(5));
}

#[test]
fn a_line_that_is_no_text_is_named() {
    let text = export().join("\n").into_bytes();
    let mut broken = text.clone();
    let last = broken.len() - 3;
    broken[last] = 0xff;
    let reason = "it is not UTF-8".to_owned();
    assert_eq!(
        verify(broken).problems,
        [Problem::Unreadable {
            row: 5,
            after: 4,
            reason
        }]
    );
}

#[test]
fn a_checkpoint_between_the_records_is_refused() {
    let mut lines = export();
    let moved = lines.remove(1);
    lines.push(moved);
    let report = verify(lines.join("\n"));
    assert!(
        matches!(report.problems.as_slice(), [Problem::Unreadable { row: 6, .. }]),
        "{:?}",
        report.problems
    );
}

proptest! {
    #[test]
    fn any_bytes_are_judged(bytes in vec(any::<u8>(), 1..200)) {
        let lines = bytes.split_inclusive(|byte| *byte == b'\n').count();
        let report = verify(&bytes);
        prop_assert_eq!(report.records, lines as u64);
        prop_assert_eq!(report.problems.len(), lines);
    }
}
