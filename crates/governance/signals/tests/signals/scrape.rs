//! What a scrape says, read as Prometheus reads it, and metrics to which everything has happened.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use regex::Regex;
use tenon_domain::{CheckKind, Criticality, FailureCategory, Level, Outcome, Task};
use tenon_signals::{
    BreakerState, CacheUse, Feedback, Metrics, OpeningReason, RequestAnswered, ShedReason, SuggestionOutcome,
    TokenDirection, Told, Tries, Upstream,
};

pub const UPSTREAM: Upstream<'_> = Upstream {
    provider: "acme",
    model: "large",
};
const TASKS: [Task; 4] = [Task::Generate, Task::Fix, Task::Test, Task::Explain];
const SECOND: Duration = Duration::from_secs(1);

pub fn request(status: u16) -> RequestAnswered<'static> {
    RequestAnswered {
        route: "/v1/completions",
        model: Some("large"),
        task: None,
        criticality: Criticality::Critical,
        status,
        failure: None,
        cache: CacheUse::Miss,
        took: SECOND,
        first_text: Some(SECOND),
        overhead: Duration::from_millis(2),
        stream: true,
    }
}

/// Every method was called with every word.
pub fn metrics_to_which_everything_happened() -> Metrics {
    let metrics = Metrics::new();
    metrics.ready(true);
    metrics.process(1 << 20, 12);
    requests(&metrics);
    upstreams(&metrics);
    jobs(&metrics);
    quality(&metrics);
    metrics
}

fn requests(metrics: &Metrics) {
    for status in [101, 200, 304, 429, 503] {
        metrics.request_answered(&request(status));
    }
    for cache in [CacheUse::Hit, CacheUse::Miss, CacheUse::Shared, CacheUse::Bypass] {
        metrics.request_answered(&RequestAnswered {
            cache,
            ..request(200)
        });
    }
    for criticality in Criticality::ALL {
        metrics.request_answered(&RequestAnswered {
            criticality,
            stream: false,
            task: Some(Task::Fix),
            ..request(200)
        });
        metrics.request_shed(criticality, ShedReason::Saturated);
    }
    for reason in [
        ShedReason::QueueFull,
        ShedReason::Deadline,
        ShedReason::Memory,
        ShedReason::Draining,
    ] {
        metrics.request_shed(Criticality::Sheddable, reason);
    }
    for failure in FailureCategory::ALL {
        metrics.request_answered(&RequestAnswered {
            failure: Some(failure),
            ..request(500)
        });
    }
    let told = Told {
        model: "large",
        dialect: "openai",
    };
    metrics.request_tokens(told, TokenDirection::Input, 3);
    metrics.budget_remaining("service", 0.5);
}

fn upstreams(metrics: &Metrics) {
    for failure in FailureCategory::ALL.into_iter().map(Some).chain([None]) {
        metrics.attempt(UPSTREAM, failure);
        metrics.upstream_answered(UPSTREAM, failure, SECOND, Some(SECOND));
    }
    for direction in [
        TokenDirection::Input,
        TokenDirection::Output,
        TokenDirection::CacheRead,
        TokenDirection::CacheWrite,
        TokenDirection::Reasoning,
    ] {
        metrics.tokens(UPSTREAM, direction, Some(Task::Generate), 7);
    }
    metrics.fallback("large", "small");
    metrics.retry(UPSTREAM);
    metrics.breaker(UPSTREAM, BreakerState::HalfOpen);
    for reason in [OpeningReason::Failing, OpeningReason::Limited] {
        metrics.breaker_opened(UPSTREAM, reason);
    }
    metrics.model_loaded("large", SECOND);
    metrics.model_unloaded("small");
    drop(metrics.in_flight(UPSTREAM));
    metrics.stream_truncated("acme");
    metrics.cost(UPSTREAM, Some("payments"), 0.25);
    metrics.unpriced(UPSTREAM, None);
}

fn jobs(metrics: &Metrics) {
    for criticality in Criticality::ALL {
        metrics.queue(criticality, 3, Some(SECOND));
    }
    for task in TASKS {
        metrics.job_started(task, SECOND);
        metrics.job_finished(task, Ok(Level::Tested), SECOND);
        metrics.job_finished(task, Err(FailureCategory::Cancelled), SECOND);
    }
}

fn quality(metrics: &Metrics) {
    for kind in [
        CheckKind::Policy,
        CheckKind::Syntax,
        CheckKind::Names,
        CheckKind::Dependencies,
        CheckKind::Secrets,
        CheckKind::Lint,
        CheckKind::Types,
        CheckKind::Build,
        CheckKind::Examples,
        CheckKind::Tests,
        CheckKind::Acceptance,
    ] {
        for outcome in [Outcome::Passed, Outcome::Failed, Outcome::Skipped] {
            metrics.check_finished(kind, outcome);
        }
    }
    for level in [Level::Unverified, Level::Parsed, Level::Built, Level::Tested] {
        metrics.proposal_made(Task::Fix, level, Tries::First);
        metrics.proposal_made(Task::Fix, level, Tries::Repaired);
    }
    for feedback in [Feedback::Accepted, Feedback::Edited, Feedback::Rejected] {
        metrics.feedback(feedback, Task::Fix, Some(0.25));
    }
    metrics.hallucinated_names(2);
    metrics.completed(Some("deadline"));
    metrics.suggestion(SuggestionOutcome::Taken);
}

pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

pub fn samples(scrape: &str) -> Vec<Sample> {
    let line = Regex::new(r#"^(\w+)(?:\{((?:\w+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)$"#).unwrap();
    let label = Regex::new(r#"(\w+)="((?:[^"\\]|\\.)*)""#).unwrap();
    let lines = scrape.lines().filter(|line| !line.starts_with('#'));
    let read = |text: &str| {
        let parts = line
            .captures(text)
            .unwrap_or_else(|| panic!("not a sample: {text}"));
        let labels = parts.get(2).map_or("", |labels| labels.as_str());
        Sample {
            name: parts[1].to_owned(),
            labels: label
                .captures_iter(labels)
                .map(|pair| (pair[1].to_owned(), pair[2].to_owned()))
                .collect(),
            value: parts[3].parse().unwrap(),
        }
    };
    lines.map(read).collect()
}

/// For each metric its labels, and for each label the values that were seen.
pub fn labels(samples: &[Sample]) -> BTreeMap<String, BTreeMap<String, BTreeSet<String>>> {
    let mut found: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for sample in samples {
        let labels = found.entry(sample.name.clone()).or_default();
        for (label, value) in &sample.labels {
            labels.entry(label.clone()).or_default().insert(value.clone());
        }
    }
    found
}
