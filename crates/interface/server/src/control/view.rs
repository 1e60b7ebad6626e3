//! What the store holds, as it stands on the wire.

use tenon_api as api;
use tenon_domain::{JobEvent, JobOutcome, Outcome, Principal, Proposal, moment};
use tenon_store::{
    Approval, Delivery, DeliveryState, Job, JobHistoryEntry, JobNews, ProposalRow, QualityRow,
    RegisteredRepository, SpendingRow, StoredKey, Webhook, WebhookEvent,
};

pub(super) fn job(job: &Job) -> api::Job {
    let mut view = api::Job {
        id: job.id.to_string(),
        state: job.status.state.as_str().to_owned(),
        task: job.task.as_str().to_owned(),
        repository: job.repository.clone(),
        owner: job.owner.to_string(),
        criticality: job.criticality.as_str().to_owned(),
        attempt: job.status.attempt,
        max_attempts: job.status.max_attempts,
        created_at: moment::to_text(job.created_at_ms),
        started_at: job.started_at_ms.map(moment::to_text),
        finished_at: job.finished_at_ms.map(moment::to_text),
        deadline_at: job.deadline_at_ms.map(moment::to_text),
        proposal: None,
        level: None,
        failure: None,
    };
    match &job.status.outcome {
        Some(JobOutcome::Proposed { proposal, level }) => {
            view.proposal = Some(proposal.to_string());
            view.level = Some(level.as_str().to_owned());
        }
        Some(JobOutcome::Failed { category, message }) => {
            view.failure = Some(api::Failure {
                category: category.as_str().to_owned(),
                message: message.clone(),
            });
        }
        None => {}
    }
    view
}

pub(super) fn event(entry: &JobHistoryEntry) -> api::Event {
    let (event, message) = match &entry.news {
        JobNews::Progress { progress } => ("progress", Some(progress.clone())),
        JobNews::Event(event) => (event.name(), said(event)),
    };
    api::Event {
        sequence: entry.sequence,
        at: moment::to_text(entry.at_ms),
        event: event.to_owned(),
        message,
    }
}

fn said(event: &JobEvent) -> Option<String> {
    match event {
        JobEvent::Claimed { worker } => Some(format!("taken by {worker}")),
        JobEvent::AttemptFailed { message, .. } | JobEvent::Failed { message, .. } => Some(message.clone()),
        JobEvent::Proposed { proposal, level } => Some(format!("proposal {proposal}: {level}")),
        JobEvent::Released
        | JobEvent::LeaseExpired
        | JobEvent::CancelRequested
        | JobEvent::Cancelled
        | JobEvent::DeadlinePassed
        | JobEvent::Retried => None,
    }
}

pub(super) fn proposal_summary(row: &ProposalRow) -> api::ProposalSummary {
    api::ProposalSummary {
        id: row.id.to_string(),
        job: row.job.to_string(),
        task: row.task.as_str().to_owned(),
        repository: row.repository.clone(),
        owner: row.owner.to_string(),
        level: row.level.as_str().to_owned(),
        summary: row.summary.clone(),
        files: row.files,
        created_at: moment::to_text(row.created_at_ms),
    }
}

pub(super) fn proposal(
    row: &ProposalRow,
    proposal: &Proposal,
    approvals: &[Approval],
) -> Result<api::Proposal, serde_json::Error> {
    let files = proposal.change.files.iter().map(|file| {
        Ok(api::FileView {
            path: file.path.as_str().to_owned(),
            kind: word(&file.kind())?,
            diff: tenon_change::file_diff(file),
        })
    });
    let checks = proposal.evidence.checks.iter().map(|report| api::CheckView {
        check: report.check.clone(),
        outcome: match report.outcome {
            Outcome::Passed => "passed",
            Outcome::Failed => "failed",
            Outcome::Skipped => "skipped",
        }
        .to_owned(),
        duration_ms: report.duration_ms,
        findings: report
            .findings
            .iter()
            .map(|finding| finding.message.clone())
            .collect(),
        reason: report.reason.clone(),
    });
    Ok(api::Proposal {
        about: proposal_summary(row),
        change: files.collect::<Result<_, serde_json::Error>>()?,
        explanation: proposal.explanation.clone(),
        checks: checks.collect(),
        approvals: approvals
            .iter()
            .map(|approval| api::Approval {
                user: approval.principal.clone(),
                at: moment::to_text(approval.at_ms),
            })
            .collect(),
        provenance: serde_json::to_value(&proposal.provenance)?,
        usage: serde_json::to_value(proposal.usage)?,
    })
}

fn word<T: serde::Serialize>(value: &T) -> Result<String, serde_json::Error> {
    let value = serde_json::to_value(value)?;
    Ok(value.as_str().unwrap_or_default().to_owned())
}

pub(super) fn repository(repository: &RegisteredRepository) -> api::Repository {
    api::Repository {
        name: repository.name.clone(),
        kind: repository.kind.as_str().to_owned(),
        location: repository.location.clone(),
        classification: repository.classification.as_str().to_owned(),
        created_at: moment::to_text(repository.created_at_ms),
    }
}

pub(super) fn user(principal: &Principal, disabled: bool) -> api::User {
    let repositories = principal.repositories.iter();
    api::User {
        id: principal.id.to_string(),
        name: principal.name.clone(),
        kind: principal.kind.as_str().to_owned(),
        team: principal.team.clone(),
        role: principal.role.as_str().to_owned(),
        repositories: repositories
            .map(|(name, role)| (name.clone(), role.as_str().to_owned()))
            .collect(),
        disabled,
    }
}

pub(super) fn spending(row: &SpendingRow) -> api::Spending {
    let count = |number: i64| u64::try_from(number).unwrap_or_default();
    api::Spending {
        day: moment::to_text(row.day_ms).chars().take(10).collect(),
        user: row.principal.clone(),
        team: row.team.clone(),
        door: row.door.clone(),
        model: row.model.clone(),
        answers: count(row.answers),
        unreported: count(row.unreported),
        prompt_tokens: count(row.prompt_tokens),
        completion_tokens: count(row.completion_tokens),
        unpriced: count(row.unpriced),
        cost_micros: count(row.cost_micros),
    }
}

pub(super) fn key(key: &StoredKey) -> api::Key {
    api::Key {
        id: key.id.clone(),
        name: key.name.clone(),
        owner: key.principal.to_string(),
        scopes: serde_json::from_str(&key.scopes).unwrap_or_default(),
        created_at: moment::to_text(key.created_at_ms),
        expires_at: key.expires_at_ms.map(moment::to_text),
        revoked_at: key.revoked_at_ms.map(moment::to_text),
    }
}

pub(super) fn webhook(webhook: &Webhook) -> api::Webhook {
    api::Webhook {
        id: webhook.id.clone(),
        kind: webhook.kind.as_str().to_owned(),
        url: webhook.url.clone(),
        events: webhook
            .events
            .iter()
            .copied()
            .map(WebhookEvent::as_str)
            .map(str::to_owned)
            .collect(),
        repository: webhook.repository.clone(),
        created_at: moment::to_text(webhook.created_at_ms),
        disabled_at: webhook.disabled_at_ms.map(moment::to_text),
        disabled_reason: webhook.disabled_reason.clone(),
        failures: webhook.failures,
    }
}

pub(super) fn delivery(delivery: &Delivery) -> api::Delivery {
    let is_pending = delivery.state == DeliveryState::Pending;
    api::Delivery {
        id: delivery.id.clone(),
        webhook: delivery.webhook.clone(),
        event: delivery.event.as_str().to_owned(),
        state: delivery.state.as_str().to_owned(),
        attempt: delivery.attempt,
        next_at: is_pending.then(|| moment::to_text(delivery.next_at_ms)),
        last_status: delivery.last_status,
        last_error: delivery.last_error.clone(),
        created_at: moment::to_text(delivery.created_at_ms),
        delivered_at: delivery.delivered_at_ms.map(moment::to_text),
    }
}

pub(super) fn quality(row: &QualityRow) -> api::Quality {
    let share = |part: i64, whole: i64| {
        if whole == 0 {
            0.0
        } else {
            part as f64 / whole as f64
        }
    };
    api::Quality {
        task: row.task.as_str().to_owned(),
        model: row.model.clone(),
        template: row.template.clone(),
        proposals: row.proposals,
        verified: row.verified,
        verified_at_first_try: row.verified_at_first_try,
        samples: row.attempts,
        invented_name_rate: share(row.invented_names, row.attempts),
        accepted: row.accepted,
        edited: row.edited,
        rejected: row.rejected,
        edit_distance: row
            .edit_distance_permille
            .map(|permille| permille as f64 / 1000.0),
        completion_tokens: row.completion_tokens,
    }
}
