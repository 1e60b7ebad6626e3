use tenon_redact::{Finding, Kind, Redactor, Settings};

use crate::samples::{Random, Sample, sample};

fn redacted(text: &str) -> (String, Vec<Finding>) {
    let mut session = Redactor::new(Settings::default()).session();
    let redacted = session.redact(text).into_owned();
    (redacted, session.findings().to_vec())
}

fn samples(seed: u64) -> impl Iterator<Item = Sample> {
    let mut random = Random(seed);
    let kinds = Kind::ALL.iter().filter(|kind| **kind != Kind::Lookalike);
    kinds.map(move |kind| sample(*kind, &mut random))
}

#[test]
fn every_kind_is_replaced_and_named() {
    for sample in (0..40).flat_map(samples) {
        let (redacted, findings) = redacted(&sample.text);
        assert!(!redacted.contains(&sample.value), "{}: {redacted}", sample.kind);
        assert!(
            findings.iter().any(|finding| finding.kind == sample.kind),
            "{}: {findings:?}",
            sample.text
        );
        let label = format!("TENON_REDACTED_{}_1_", sample.kind.name().to_ascii_uppercase());
        assert!(redacted.contains(&label), "{redacted}");
    }
}

#[test]
fn what_stands_around_a_value_stays() {
    let value = sample(Kind::GitHubToken, &mut Random(7)).value;
    let (redacted, _) = redacted(&format!("日本{value}é, \\n{value}, %3D{value}"));
    let placeholder = redacted
        .strip_prefix("日本")
        .and_then(|rest| rest.split_once("é, "))
        .unwrap()
        .0;
    assert_eq!(
        redacted,
        format!("日本{placeholder}é, \\n{placeholder}, %3D{placeholder}")
    );
}

#[test]
fn what_is_switched_off_stays() {
    let token = sample(Kind::GitLabToken, &mut Random(1)).text;
    let text = format!("{token} maria@acme.io +49 30 1234567");
    let redact = |secrets, personal| {
        let mut session = Redactor::new(Settings { secrets, personal }).session();
        let redacted = session.redact(&text).into_owned();
        (
            redacted.contains(&token),
            redacted.contains("maria@acme.io +49 30 1234567"),
        )
    };
    assert_eq!(redact(true, false), (false, true));
    assert_eq!(redact(false, true), (true, false));
    assert_eq!(redact(false, false), (true, true));
}
