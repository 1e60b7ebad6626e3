//! What is told of a job: written for every webhook that wants it, in the transaction that changes the job.

use serde::Serialize;
use tenon_domain::{FailureCategory, JobId, JobOutcome, JobState, Level, ProposalId, Task, moment};
use uuid::Uuid;

use super::session::{Session, json, values};
use super::{DatabaseError, WebhookEvent};

/// A job as others hear of it.
pub(super) struct Announcement<'job> {
    pub job: JobId,
    pub repository: &'job str,
    pub task: Task,
    pub state: JobState,
    pub outcome: Option<&'job JobOutcome>,
}

const SOURCE: &str = "tenon";

/// A message of Standard Webhooks. Its data is a CloudEvent.
#[derive(Serialize)]
struct Message<'event> {
    #[serde(rename = "type")]
    kind: &'event str,
    timestamp: &'event str,
    data: CloudEvent<'event>,
}

#[derive(Serialize)]
struct CloudEvent<'event> {
    specversion: &'event str,
    id: &'event str,
    source: &'event str,
    #[serde(rename = "type")]
    kind: &'event str,
    time: &'event str,
    subject: String,
    datacontenttype: &'event str,
    data: JobData<'event>,
}

/// Names and states, and none of what was asked or written.
#[derive(Serialize)]
struct JobData<'event> {
    job: JobId,
    repository: &'event str,
    task: &'event str,
    state: &'event str,
    #[serde(skip_serializing_if = "Option::is_none")]
    proposal: Option<ProposalId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<Level>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_category: Option<FailureCategory>,
}

/// Puts what happened on its way to everybody who wants it. What is confidential is told to those alone that were set
/// up for its repository.
pub(super) async fn announce(
    session: &mut Session,
    announcement: &Announcement<'_>,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    let Some(event) = WebhookEvent::of(announcement.state) else {
        return Ok(());
    };
    let id = Uuid::now_v7().to_string();
    let body = json(
        "body",
        &message(announcement, event, &id, &moment::to_text(now_ms)),
    )?;
    session
        .run(
            "INSERT INTO deliveries (id, webhook, event, body, state, attempt, claims, next_at, created_at) \
             SELECT $1 || '-' || w.id, w.id, $2, $3, 'pending', 0, 0, $4, $4 FROM webhooks w \
             WHERE w.disabled_at IS NULL AND (w.events = '[]' OR w.events LIKE '%\"' || $2 || '\"%') \
             AND (w.repository = $5 OR (w.repository IS NULL AND NOT EXISTS \
             (SELECT 1 FROM repositories r WHERE r.name = $5 AND r.classification = 'confidential')))",
            values![id, event.as_str(), body, now_ms, announcement.repository],
        )
        .await
        .map(drop)
}

fn message<'event>(
    announcement: &Announcement<'event>,
    event: WebhookEvent,
    id: &'event str,
    time: &'event str,
) -> Message<'event> {
    Message {
        kind: event.as_str(),
        timestamp: time,
        data: CloudEvent {
            specversion: "1.0",
            id,
            source: SOURCE,
            kind: event.as_str(),
            time,
            subject: format!("jobs/{}", announcement.job),
            datacontenttype: "application/json",
            data: data(announcement),
        },
    }
}

fn data<'event>(announcement: &Announcement<'event>) -> JobData<'event> {
    let (proposal, level, failure_category) = match announcement.outcome {
        Some(JobOutcome::Proposed { proposal, level }) => (Some(*proposal), Some(*level), None),
        Some(JobOutcome::Failed { category, .. }) => (None, None, Some(*category)),
        None => (None, None, None),
    };
    JobData {
        job: announcement.job,
        repository: announcement.repository,
        task: announcement.task.as_str(),
        state: announcement.state.as_str(),
        proposal,
        level,
        failure_category,
    }
}
