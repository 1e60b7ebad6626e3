//! What is told of a job or a limit: written for every webhook that wants it, in the transaction that changes it.

use serde::Serialize;
use tenon_domain::{FailureCategory, JobId, JobOutcome, JobState, Level, ProposalId, Task, moment};
use uuid::Uuid;

use super::session::{Session, json, values};
use super::{DatabaseError, Limit, WebhookEvent};

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
struct Message<'event, D> {
    #[serde(rename = "type")]
    kind: &'event str,
    timestamp: &'event str,
    data: CloudEvent<'event, D>,
}

#[derive(Serialize)]
struct CloudEvent<'event, D> {
    specversion: &'event str,
    id: &'event str,
    source: &'event str,
    #[serde(rename = "type")]
    kind: &'event str,
    time: &'event str,
    subject: &'event str,
    datacontenttype: &'event str,
    data: &'event D,
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

/// Puts what happened on its way to everybody who wants it. What is confidential, and what is of a repository
/// that is gone, is told to those alone that were set up for it.
pub(super) async fn announce(
    session: &mut Session,
    announcement: &Announcement<'_>,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    let Some(event) = WebhookEvent::of(announcement.state) else {
        return Ok(());
    };
    let id = Uuid::now_v7().to_string();
    let subject = format!("jobs/{}", announcement.job);
    let body = message(event, &id, &subject, &data(announcement), now_ms)?;
    session
        .run(
            "INSERT INTO deliveries (id, webhook, event, body, state, attempt, claims, next_at, created_at) \
             SELECT $1 || '-' || w.id, w.id, $2, $3, 'pending', 0, 0, $4, $4 FROM webhooks w \
             WHERE w.disabled_at IS NULL AND (w.events = '[]' OR w.events LIKE '%\"' || $2 || '\"%') \
             AND (w.repository = $5 OR (w.repository IS NULL AND EXISTS \
             (SELECT 1 FROM repositories r WHERE r.name = $5 AND r.classification = 'normal')))",
            values![id, event.as_str(), body, now_ms, announcement.repository],
        )
        .await
        .map(drop)
}

/// A limit that is used up to a mark.
#[derive(Serialize)]
pub(super) struct LimitReached<'limit> {
    pub scope: &'limit str,
    pub unit: &'limit str,
    pub window_seconds: i64,
    pub quota: i64,
    pub used: i64,
    pub percent: i64,
}

/// Tells the operator's sink, and those webhooks that name the event: what somebody spends is not for everybody who
/// wants to hear of jobs.
pub(super) async fn announce_limit(
    session: &mut Session,
    limit: &Limit,
    counted: &str,
    used: i64,
    percent: i64,
    now_ms: i64,
) -> Result<(), DatabaseError> {
    let event = WebhookEvent::LimitReached;
    let reached = LimitReached {
        scope: counted,
        unit: limit.unit.as_str(),
        window_seconds: limit.window_seconds,
        quota: limit.quota,
        used,
        percent,
    };
    let id = Uuid::now_v7().to_string();
    let body = message(event, &id, &format!("limits/{counted}"), &reached, now_ms)?;
    session
        .run(
            "INSERT INTO deliveries (id, webhook, event, body, state, attempt, claims, next_at, created_at) \
             SELECT $1 || '-' || w.id, w.id, $2, $3, 'pending', 0, 0, $4, $4 FROM webhooks w \
             WHERE w.disabled_at IS NULL AND w.repository IS NULL \
             AND (w.kind = 'sink' OR w.events LIKE '%\"' || $2 || '\"%')",
            values![id, event.as_str(), body, now_ms],
        )
        .await
        .map(drop)
}

fn message<D: Serialize>(
    event: WebhookEvent,
    id: &str,
    subject: &str,
    data: &D,
    now_ms: i64,
) -> Result<String, DatabaseError> {
    let time = moment::to_text(now_ms);
    let message = Message {
        kind: event.as_str(),
        timestamp: &time,
        data: CloudEvent {
            specversion: "1.0",
            id,
            source: SOURCE,
            kind: event.as_str(),
            time: &time,
            subject,
            datacontenttype: "application/json",
            data,
        },
    };
    json("body", &message)
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
