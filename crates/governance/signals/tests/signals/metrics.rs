//! What a scrape says after things have happened.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::scrape::{UPSTREAM, labels, metrics_to_which_everything_happened, request, samples};
use regex::Regex;
use tenon_domain::{Criticality, FailureCategory, Level, Task};
use tenon_signals::{BreakerState, Metrics, TokenDirection, Upstream, edit_distance};

/// The names in a scrape's `# TYPE` lines, as samples bear them, and their types.
fn types(scrape: &str) -> Vec<(String, String)> {
    let line = Regex::new(r"(?m)^# TYPE (\w+) (\w+)$").unwrap();
    let named = |name: &str, kind: &str| match kind {
        "counter" => format!("{name}_total"),
        "info" => format!("{name}_info"),
        _ => name.to_owned(),
    };
    let found = line.captures_iter(scrape);
    found
        .map(|found| (named(&found[1], &found[2]), found[2].to_owned()))
        .collect()
}

fn value(metrics: &Metrics, sample: &str) -> Option<f64> {
    let scrape = metrics.encode();
    let line = scrape
        .lines()
        .find(|line| line.starts_with(&format!("{sample} ")))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[test]
fn every_metric_has_its_samples_and_the_text_its_end() {
    let scrape = metrics_to_which_everything_happened().encode();
    assert!(scrape.ends_with("# EOF\n"));
    let names: BTreeSet<String> = samples(&scrape).into_iter().map(|sample| sample.name).collect();
    let mut expected = BTreeSet::new();
    for (name, kind) in types(&scrape) {
        assert!(
            name.starts_with("tenon_") || name.starts_with("process_"),
            "{name}"
        );
        match kind.as_str() {
            "histogram" => expected.extend(["sum", "count", "bucket"].map(|part| format!("{name}_{part}"))),
            _ => expected.extend([name]),
        }
    }
    assert_eq!(names, expected);
}

#[test]
fn the_manual_names_every_metric_and_no_other() {
    let manual = include_str!("../../../../../docs/src/signals.md");
    let name = Regex::new(r"`((?:tenon|process)_[a-z_]+)`").unwrap();
    let told: BTreeSet<String> = name
        .captures_iter(manual)
        .map(|found| found[1].to_owned())
        .collect();
    let scrapes = metrics_to_which_everything_happened().encode() + &Metrics::of_worker().encode();
    let names: BTreeSet<String> = types(&scrapes).into_iter().map(|(name, _)| name).collect();
    assert_eq!(told, names);
}

#[test]
fn what_happened_is_counted_under_its_own_words() {
    let metrics = Metrics::new();
    metrics.request_answered(&request(429));
    metrics.upstream_answered(
        UPSTREAM,
        Some(FailureCategory::StreamTruncated),
        Duration::from_secs(3),
        Some(Duration::from_millis(30)),
    );
    metrics.tokens(UPSTREAM, TokenDirection::CacheRead, None, 41);
    metrics.breaker(UPSTREAM, BreakerState::Open);
    metrics.job_finished(Task::Fix, Ok(Level::Built), Duration::from_secs(100));
    metrics.job_finished(
        Task::Fix,
        Err(FailureCategory::TimeoutTotal),
        Duration::from_secs(1),
    );
    metrics.queue(Criticality::Standard, 9, Some(Duration::from_millis(2_500)));
    for (sample, expected) in [
        (
            r#"tenon_requests_total{route="/v1/completions",task="none",criticality="critical",status_class="4xx",cache="miss"}"#,
            1.0,
        ),
        (
            r#"tenon_overhead_seconds_bucket{le="0.001",route="/v1/completions",stream="true"}"#,
            0.0,
        ),
        (
            r#"tenon_overhead_seconds_bucket{le="0.0025",route="/v1/completions",stream="true"}"#,
            1.0,
        ),
        (
            r#"tenon_upstream_request_seconds_sum{provider="acme",model="large",outcome="stream_truncated"}"#,
            3.0,
        ),
        (
            r#"tenon_time_to_first_token_seconds_sum{provider="acme",model="large",outcome="stream_truncated"}"#,
            0.03,
        ),
        (
            r#"tenon_tokens_total{provider="acme",model="large",direction="cache_read",task="none"}"#,
            41.0,
        ),
        (r#"tenon_breaker_state{provider="acme",model="large"}"#, 2.0),
        (
            r#"tenon_jobs_total{task="fix",outcome="success",level="built"}"#,
            1.0,
        ),
        (
            r#"tenon_jobs_total{task="fix",outcome="timeout_total",level="none"}"#,
            1.0,
        ),
        (r#"tenon_job_seconds_sum{task="fix",outcome="success"}"#, 100.0),
        (r#"tenon_queue_depth{criticality="standard"}"#, 9.0),
        (r#"tenon_queue_oldest_age_seconds{criticality="standard"}"#, 2.5),
        ("tenon_ready", 0.0),
    ] {
        assert_eq!(
            value(&metrics, sample),
            Some(expected),
            "{sample} in\n{}",
            metrics.encode()
        );
    }
}

#[test]
fn clones_count_together_and_from_every_thread() {
    let metrics = Metrics::new();
    let work = |metrics: Metrics| move || (0..500).for_each(|_| metrics.attempt(UPSTREAM, None));
    let threads: Vec<_> = (0..4)
        .map(|_| std::thread::spawn(work(metrics.clone())))
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let sample = r#"tenon_attempts_total{provider="acme",model="large",failure_category="none"}"#;
    assert_eq!(value(&metrics, sample), Some(2000.0));
}

#[test]
fn a_worker_that_is_ready_is_no_server_that_is() {
    let metrics = Metrics::of_worker();
    metrics.ready(true);
    assert_eq!(value(&metrics, "tenon_worker_ready"), Some(1.0));
    assert_eq!(value(&metrics, "tenon_ready"), None);
}

#[test]
fn a_request_is_in_flight_while_it_is_held() {
    let metrics = Metrics::new();
    let sample = r#"tenon_inflight_requests{provider="acme",model="large"}"#;
    let held = [metrics.in_flight(UPSTREAM), metrics.in_flight(UPSTREAM)];
    assert_eq!(value(&metrics, sample), Some(2.0));
    drop(held);
    assert_eq!(value(&metrics, sample), Some(0.0));
}

#[test]
fn however_many_names_come_a_scrape_stays_small() {
    let metrics = Metrics::new();
    for number in 0..1_000 {
        let name = format!("name-{number}");
        let upstream = Upstream {
            provider: &name,
            model: &name,
        };
        metrics.attempt(upstream, None);
        metrics.upstream_answered(upstream, None, Duration::ZERO, None);
        metrics.cost(upstream, Some(&name), 1.0);
        metrics.fallback(&name, &name);
        metrics.stream_truncated(&name);
        metrics.budget_remaining(&name, 1.0);
    }
    for (metric, labels) in labels(&samples(&metrics.encode())) {
        for (label, values) in labels.into_iter().filter(|(label, _)| label != "le") {
            assert!(
                values.len() <= 101,
                "{metric} has {} values of {label}",
                values.len()
            );
            let is_name = ["provider", "model", "team", "from", "to", "scope"].contains(&label.as_str());
            assert!(
                !is_name || values.contains("other"),
                "{metric} lost names of {label}"
            );
        }
    }
    let all_others = r#"tenon_cost_usd_total{provider="other",model="other",team="other"}"#;
    assert_eq!(value(&metrics, all_others), Some(900.0));
}

#[test]
fn no_label_is_free_text() {
    let words = [
        "cache",
        "check",
        "criticality",
        "dialect",
        "direction",
        "failure_category",
        "first_try",
        "level",
        "metric",
        "outcome",
        "reason",
        "route",
        "status_class",
        "stream",
        "task",
        "version",
        "le",
    ];
    let names = ["provider", "model", "team", "from", "to", "scope"];
    let scrape = metrics_to_which_everything_happened().encode();
    let found: BTreeSet<String> = labels(&samples(&scrape))
        .into_values()
        .flat_map(|labels| labels.into_keys())
        .collect();
    let known: BTreeSet<String> = words
        .iter()
        .chain(&names)
        .map(|label| (*label).to_owned())
        .collect();
    assert_eq!(found, known);
}

#[test]
fn a_name_with_quotes_and_new_lines_breaks_no_line() {
    let metrics = Metrics::new();
    metrics.stream_truncated("a\"b\\c\nd");
    let scrape = metrics.encode();
    assert!(
        scrape.contains(r#"tenon_stream_truncated_total{provider="a\"b\\c\nd"} 1"#),
        "{scrape}"
    );
    assert!(samples(&scrape).iter().any(|sample| sample.value == 1.0));
}

#[test]
fn amounts_that_cannot_be_are_not_counted() {
    let metrics = Metrics::new();
    for dollars in [-1.0, f64::NAN, f64::INFINITY] {
        metrics.cost(UPSTREAM, None, dollars);
    }
    metrics.cost(UPSTREAM, None, 0.5);
    let cost = r#"tenon_cost_usd_total{provider="acme",model="large",team="none"}"#;
    assert_eq!(value(&metrics, cost), Some(0.5));
    metrics.feedback(tenon_signals::Feedback::Edited, Task::Fix, Some(f64::NAN));
    assert_eq!(
        value(&metrics, r#"tenon_edit_distance_ratio_count{task="fix"}"#),
        None
    );
}

#[test]
fn a_budget_that_cannot_be_computed_counts_as_spent() {
    let metrics = Metrics::new();
    for (ratio, shown) in [(0.25, 0.25), (7.0, 1.0), (-1.0, 0.0), (f64::NAN, 0.0)] {
        metrics.budget_remaining("service", ratio);
        assert_eq!(
            value(&metrics, r#"tenon_budget_remaining_ratio{scope="service"}"#),
            Some(shown)
        );
    }
}

#[test]
fn what_was_taken_unchanged_is_told_apart_from_what_was_hardly_changed() {
    let metrics = Metrics::new();
    let text = "word ".repeat(200);
    for taken in [text.clone(), format!("{text} more")] {
        let distance = edit_distance(&text, &taken);
        metrics.feedback(tenon_signals::Feedback::Accepted, Task::Test, Some(distance));
    }
    assert_eq!(
        value(
            &metrics,
            r#"tenon_edit_distance_ratio_bucket{le="0.0",task="test"}"#
        ),
        Some(1.0)
    );
    assert_eq!(
        value(
            &metrics,
            r#"tenon_edit_distance_ratio_bucket{le="0.01",task="test"}"#
        ),
        Some(2.0)
    );
}
