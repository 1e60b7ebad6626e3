//! The alert rules speak of metrics, labels and values that exist, and each was seen to fire.

use std::collections::{BTreeMap, BTreeSet};

use crate::scrape::{labels, metrics_to_which_everything_happened, samples};
use regex::Regex;
use tenon_signals::Metrics;

const RULES: &str = include_str!("../../../../../deploy/prometheus/alerts.yml");
const TESTS: [&str; 2] = [
    include_str!("../../../../../deploy/prometheus/alerts_test.yml"),
    include_str!("../../../../../deploy/prometheus/alerts_days_test.yml"),
];

/// The labels of every metric, with their values.
fn known() -> BTreeMap<String, BTreeMap<String, BTreeSet<String>>> {
    let mut all = samples(&metrics_to_which_everything_happened().encode());
    all.extend(samples(&Metrics::of_worker().encode()));
    labels(&all)
}

fn all(pattern: &str, text: &str) -> BTreeSet<String> {
    let pattern = Regex::new(pattern).unwrap();
    pattern
        .captures_iter(text)
        .map(|found| found[1].to_owned())
        .collect()
}

/// The text of each rule.
fn rules() -> Vec<&'static str> {
    let rules: Vec<&str> = Regex::new(r"(?m)^ +- (?:alert|record): ")
        .unwrap()
        .split(RULES)
        .skip(1)
        .collect();
    assert!(rules.len() > 30);
    rules
}

#[test]
fn every_metric_that_a_rule_names_exists() {
    // A runbook may name a histogram as a whole.
    let mut names: BTreeSet<String> = known().into_keys().collect();
    names.extend(
        names
            .clone()
            .iter()
            .filter_map(|name| Some(name.strip_suffix("_bucket")?.to_owned())),
    );
    let named = all(r"\b((?:tenon|process)_[a-z0-9_]+)", RULES);
    assert!(named.len() > 15);
    assert_eq!(
        named.difference(&names).collect::<Vec<_>>(),
        Vec::<&String>::new()
    );
}

#[test]
fn every_series_of_the_tests_exists() {
    let known = known();
    let series = Regex::new(r#"series: '(tenon_\w+)(?:\{([^}]*)\})?'"#).unwrap();
    for found in TESTS.iter().flat_map(|tests| series.captures_iter(tests)) {
        let metric = known
            .get(&found[1])
            .unwrap_or_else(|| panic!("{} is no metric", &found[1]));
        let used = all(r#"(\w+)=""#, found.get(2).map_or("", |labels| labels.as_str()));
        let used = used
            .iter()
            .filter(|label| !["instance", "job"].contains(&label.as_str()));
        for label in used {
            assert!(metric.contains_key(label), "{} has no label {label}", &found[1]);
        }
    }
}

#[test]
fn rules_select_labels_and_values_that_exist() {
    let known = known();
    let selector = Regex::new(r"\b(tenon_\w+)\{([^}]*)\}").unwrap();
    let matcher = Regex::new(r#"(\w+)(?:=~|!~|!=|=)"([^"]*)""#).unwrap();
    let mut checked = 0;
    for found in selector.captures_iter(RULES) {
        for condition in matcher.captures_iter(&found[2]) {
            let values = known[&found[1]].get(&condition[1]);
            let values = values.unwrap_or_else(|| panic!("{} has no label {}", &found[1], &condition[1]));
            for value in condition[2].split('|') {
                assert!(
                    values.contains(value),
                    "{} has no {}={value}",
                    &found[1],
                    &condition[1]
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 20);
}

#[test]
fn rules_group_by_labels_that_their_metrics_have() {
    let known = known();
    for rule in rules() {
        let used = all(r"\b(tenon_\w+)", rule);
        let labels: BTreeSet<&String> = used
            .iter()
            .filter_map(|metric| known.get(metric))
            .flat_map(BTreeMap::keys)
            .collect();
        for group in all(r"\bby \(([^)]*)\)", rule) {
            for label in group.split(", ").map(str::to_owned) {
                assert!(
                    labels.contains(&label),
                    "nothing has the label {label} in\n{rule}"
                );
            }
        }
    }
}

#[test]
fn every_share_that_an_alert_compares_is_recorded() {
    let recorded = all(r"- record: (\S+)", RULES);
    let used: BTreeSet<String> = rules()
        .into_iter()
        .flat_map(|rule| all(r"(?m)[ (](tenon:[a-z0-9_:]+)", rule))
        .collect();
    assert_eq!(used, recorded);
}

#[test]
fn every_alert_says_how_bad_it_is_and_what_to_do() {
    let alerts = rules().into_iter().filter(|rule| rule.contains("annotations:"));
    let head =
        Regex::new(r"labels: \{ severity: (page|ticket), area: (health|saturation|quality|combined) \}")
            .unwrap();
    for alert in alerts {
        assert!(head.is_match(alert), "{alert}");
        for annotation in ["summary: ", "description: ", "runbook: "] {
            assert_eq!(alert.matches(annotation).count(), 1, "{annotation} in\n{alert}");
        }
    }
}

#[test]
fn a_drop_in_quality_alone_gets_nobody_up() {
    assert!(!RULES.contains("severity: page, area: quality"));
    assert!(RULES.contains("severity: ticket, area: quality"));
}

#[test]
fn every_alert_was_seen_to_fire() {
    let alerts = all(r"- alert: (\w+)", RULES);
    let seen: BTreeSet<String> = TESTS
        .iter()
        .flat_map(|tests| all(r#"labels: '\{alertname="(\w+)""#, tests))
        .collect();
    let with_text: BTreeSet<String> = TESTS
        .iter()
        .flat_map(|tests| all(r"- alertname: (\w+)", tests))
        .collect();
    assert_eq!(seen.union(&with_text).cloned().collect::<BTreeSet<_>>(), alerts);
}
