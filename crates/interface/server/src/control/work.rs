use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tenon_audit::{AuditEvent, EventKind, Journal};
use tenon_domain::{AttemptOutcome, JobOutcome, JobState, Outcome, Proposal};
use tenon_jobs::{Progress, RunError, Runner, now_ms};
use tenon_signals::{Metrics, Tries};
use tenon_store::Job;
use tokio_util::sync::CancellationToken;

use super::account::measure_cost;

/// Runs jobs with another runner, and writes down and measures what came of them.
pub struct GovernedRunner {
    inner: Arc<dyn Runner>,
    journal: Journal,
    metrics: Metrics,
}

impl GovernedRunner {
    /// Writes into `journal` and `metrics` what `inner` comes to.
    pub fn new(inner: Arc<dyn Runner>, journal: Journal, metrics: Metrics) -> Self {
        Self {
            inner,
            journal,
            metrics,
        }
    }
}

/// Writes down and measures what came of a job that was settled.
pub(super) async fn settled(journal: &Journal, metrics: &Metrics, job: &Job, proposal: Option<&Proposal>) {
    measure(metrics, job, proposal);
    // The job is settled either way: what the log lacks then, the history of the job has.
    let _ = journal.record(finished(job, proposal)).await;
}

fn measure(metrics: &Metrics, job: &Job, proposal: Option<&Proposal>) {
    let outcome = match &job.status.outcome {
        Some(JobOutcome::Proposed { level, .. }) => Ok(*level),
        Some(JobOutcome::Failed { category, .. }) => Err(*category),
        // It was given back, or nobody wants it any more.
        None => return,
    };
    let end = job.finished_at_ms.unwrap_or_else(now_ms);
    metrics.job_finished(job.task, outcome, between(job.started_at_ms.unwrap_or(end), end));
    let Some(proposal) = proposal else { return };
    let tries = match proposal.provenance.chosen {
        Some(0) => Tries::First,
        _ => Tries::Repaired,
    };
    for spending in job.spent(proposal) {
        measure_cost(metrics, &spending, None);
    }
    metrics.hallucinated_names(invented(proposal));
    metrics.proposal_made(job.task, proposal.level(), tries);
    for report in &proposal.evidence.checks {
        if report.outcome != Outcome::Skipped {
            metrics.check_finished(report.kind, report.outcome);
        }
    }
}

#[async_trait]
impl Runner for GovernedRunner {
    async fn run(
        &self,
        job: &Job,
        request: &str,
        progress: &Progress,
        stop: &CancellationToken,
    ) -> Result<Proposal, RunError> {
        self.metrics
            .job_started(job.task, between(job.created_at_ms, now_ms()));
        self.inner.run(job, request, progress, stop).await
    }

    async fn settled(&self, job: &Job, proposal: Option<&Proposal>) {
        settled(&self.journal, &self.metrics, job, proposal).await;
        self.inner.settled(job, proposal).await;
    }
}

/// Candidates that named or imported what does not exist.
fn invented(proposal: &Proposal) -> u64 {
    let attempts = proposal.provenance.attempts.iter();
    let invented = attempts.filter(|attempt| match &attempt.outcome {
        AttemptOutcome::Rejected { check, .. } => check == "names" || check == "dependencies",
        _ => false,
    });
    invented.count() as u64
}

fn finished(job: &Job, proposal: Option<&Proposal>) -> AuditEvent {
    let kind = match job.status.state {
        JobState::Cancelled => EventKind::JobCancelled,
        _ => EventKind::JobFinished,
    };
    let event = AuditEvent {
        subject: Some(format!("jobs/{}", job.id)),
        ..AuditEvent::new(kind, now_ms())
    };
    let event = event
        .with_detail("owner", job.owner.to_string())
        .with_detail("repository", job.repository.as_str())
        .with_detail("state", job.status.state.as_str())
        .with_detail("attempt", i64::from(job.status.attempt));
    let event = match job.batch {
        Some(batch) => event.with_detail("batch", batch.to_string()),
        None => event,
    };
    let event = match &job.status.outcome {
        Some(JobOutcome::Failed { category, .. }) => event.with_detail("failure", category.as_str()),
        _ => event,
    };
    proposal.into_iter().fold(event, about)
}

/// Digests, names and counts: the bodies are elsewhere, and expire.
fn about(event: AuditEvent, proposal: &Proposal) -> AuditEvent {
    let attempts = &proposal.provenance.attempts;
    let models: BTreeSet<String> = attempts
        .iter()
        .map(|attempt| {
            let digest = attempt.model.digest.map(|digest| digest.to_string());
            format!(
                "{} {}",
                attempt.model.name,
                digest.unwrap_or_else(|| "remote".to_owned())
            )
        })
        .collect();
    let templates: BTreeSet<String> = attempts
        .iter()
        .map(|attempt| format!("{} {}", attempt.template.name, attempt.template.digest))
        .collect();
    let prompts: BTreeSet<String> = attempts
        .iter()
        .map(|attempt| attempt.prompt_digest.to_string())
        .collect();
    let checks: Vec<String> = proposal
        .evidence
        .checks
        .iter()
        .map(|report| {
            let outcome = match report.outcome {
                Outcome::Passed => "passed",
                Outcome::Failed => "failed",
                Outcome::Skipped => "skipped",
            };
            format!("{}={outcome}", report.kind.as_str())
        })
        .collect();
    let joined = |words: BTreeSet<String>| words.into_iter().collect::<Vec<_>>().join("; ");
    event
        .with_detail("proposal", proposal.id.to_string())
        .with_detail("level", proposal.level().as_str())
        .with_detail("context", proposal.provenance.context_digest)
        .with_detail("prompts", joined(prompts))
        .with_detail("models", joined(models))
        .with_detail("templates", joined(templates))
        .with_detail("checks", checks.join(" "))
        .with_detail("samples", i64::from(proposal.usage.attempts))
}

fn between(from_ms: i64, to_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(to_ms.saturating_sub(from_ms)).unwrap_or_default())
}
