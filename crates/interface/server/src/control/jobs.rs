use std::time::Duration;

use axum::http::{StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tenon_access::Resource;
use tenon_api as api;
use tenon_audit::EventKind;
use tenon_domain::{
    AcceptanceCommand, Budget, Criticality, Digest, Intent, JobEvent, JobId, JobState, JobStatus,
    PrincipalId, Quality, RepoPath, Task,
};
use tenon_jobs::{JobRequest, now_ms};
use tenon_signals::ShedReason;
use tenon_store::{Charge, IdempotencyKey, Job, JobFilter, Limit, LimitUnit, NewJob, Submitted};

use super::answer::Answer;
use super::asked::{Asked, Noted, Permit, shown};
use super::{Caller, Refusal, view};

const MAX_ATTEMPTS: u32 = 3;
const KEY_HOLDS_MS: i64 = 24 * 3600 * 1000;
const LONGEST_KEY: usize = 255;
const DEFAULT_PAGE: u32 = 50;
const LARGEST_PAGE: u32 = 200;
/// What a job is taken to cost until it has ended.
const ESTIMATED_TOKENS: i64 = 4_000;
const LONGEST_SECONDS: u32 = 24 * 3600;

pub(super) async fn submit(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let request: api::JobRequest = asked.read()?;
    let job = resolve(&asked.caller, &request).map_err(|wrong| field(wrong.field, &wrong.detail))?;
    known(asked, &job.repository).await?;
    let resource = Resource::Repository {
        name: job.repository.clone(),
        classification: asked.classification(&job.repository).await?,
    };
    let now = now_ms();
    let first = view::job(&as_submitted(&job, now));
    let body = serde_json::to_string(&request).map_err(Refusal::internal)?;
    let answer = serde_json::to_string(&first).map_err(Refusal::internal)?;
    let key = idempotency_key(asked, &body, answer, now)?;
    if let Some(answer) = answered_before::<api::Job>(asked, key.as_ref(), now).await? {
        let noted = Noted::read(format!("jobs/{}", answer.id)).with("repeated", "yes");
        let permit = asked.permit(&resource, noted).await?;
        return Ok(accepted(&permit, &answer));
    }
    let request_digest = Digest::of(&job.request);
    let noted = Noted::done(EventKind::JobSubmitted, format!("jobs/{}", job.id))
        .with("repository", job.repository.as_str())
        .with("task", job.task.as_str())
        .with("request", request_digest.to_string());
    let permit = asked.permit(&resource, noted).await?;
    leave_room(asked, job.criticality).await?;
    let job = NewJob {
        charges: charges(asked, &asked.caller, &job.repository).await?,
        ceilings: ceilings(asked, &asked.caller, &job.repository).await?,
        ..job
    };
    let submitted = asked
        .control
        .database()
        .submit_job(&job, key.as_ref(), now)
        .await?;
    let answer = answered(submitted, first, now)?;
    Ok(accepted(&permit, &answer))
}

/// What was answered to this very request before, which needs no room any more.
pub(super) async fn answered_before<T: DeserializeOwned>(
    asked: &Asked<'_>,
    key: Option<&IdempotencyKey>,
    now_ms: i64,
) -> Result<Option<T>, Refusal> {
    let Some(key) = key else { return Ok(None) };
    let before = asked.control.database().answered_before(key, now_ms).await?;
    let read = before.map(|answer| serde_json::from_str(&answer));
    read.transpose().map_err(Refusal::internal)
}

/// The answer to what was submitted: the first one, also for whoever asks again.
pub(super) fn answered<T: DeserializeOwned>(
    submitted: Submitted,
    first: T,
    now_ms: i64,
) -> Result<T, Refusal> {
    match submitted {
        Submitted::New => Ok(first),
        Submitted::Before(answer) => serde_json::from_str(&answer).map_err(Refusal::internal),
        Submitted::KeyOfAnother => Err(Refusal::key_of_another()),
        Submitted::Exceeded(exceeded) => Err(Refusal::exceeded(&exceeded, now_ms)),
    }
}

fn accepted(permit: &Permit, job: &api::Job) -> Answer {
    let location = format!("/api/v1/jobs/{}", job.id);
    Answer::json(permit, StatusCode::ACCEPTED, job).with_header(header::LOCATION, &location)
}

/// What a job is taken to come to: what it cost is known when it has ended, and something must be left before.
pub(super) async fn charges(
    asked: &Asked<'_>,
    payer: &Caller,
    repository: &str,
) -> Result<Vec<Charge>, Refusal> {
    let ledger = &asked.control.ledger;
    let mut charges = Vec::new();
    for (unit, amount) in [(LimitUnit::Tokens, ESTIMATED_TOKENS), (LimitUnit::CostMicros, 1)] {
        charges.extend(ledger.charges(payer, Some(repository), unit, amount).await?);
    }
    Ok(charges)
}

/// How many open jobs there may be.
async fn ceilings(asked: &Asked<'_>, payer: &Caller, repository: &str) -> Result<Vec<Limit>, Refusal> {
    let ledger = &asked.control.ledger;
    let charges = ledger
        .charges(payer, Some(repository), LimitUnit::Concurrency, 1)
        .await?;
    Ok(charges.into_iter().map(|charge| charge.limit).collect())
}

/// What is wrong with a request, and where.
pub(super) struct Wrong {
    pub field: &'static str,
    pub detail: String,
}

impl Wrong {
    pub fn new(field: &'static str, detail: impl ToString) -> Self {
        Self {
            field,
            detail: detail.to_string(),
        }
    }
}

/// What is asked, read into the words of the engine.
pub(super) fn resolve(caller: &Caller, request: &api::JobRequest) -> Result<NewJob, Wrong> {
    let task = request.task.parse::<Task>();
    let task = task.map_err(|error| Wrong::new("task", error))?;
    let criticality = match &request.criticality {
        Some(word) => {
            let parsed = word.parse::<Criticality>();
            parsed.map_err(|error| Wrong::new("criticality", error))?
        }
        None => Criticality::Standard,
    };
    let files = request.files.iter().map(|file| RepoPath::parse(file));
    let defaults = Budget::default();
    let quality = match request.quality.as_deref() {
        None | Some("standard") => Quality::Standard,
        Some("fast") => Quality::Fast,
        Some("high") => Quality::High,
        Some(other) => {
            let detail = format!("`{}` is no quality: fast, standard and high are", shown(other));
            return Err(Wrong::new("quality", detail));
        }
    };
    let intent = Intent {
        task,
        text: request.intent.clone(),
        files: files
            .collect::<Result<_, _>>()
            .map_err(|error| Wrong::new("files", error))?,
        acceptance: request.tests.iter().cloned().map(AcceptanceCommand).collect(),
        quality,
        seed: request.seed.unwrap_or(0),
        budget: Budget {
            max_time: seconds("max_seconds", request.max_seconds)?.unwrap_or(defaults.max_time),
            max_attempts: request.max_samples.unwrap_or(defaults.max_attempts).clamp(1, 100),
            max_sample_tokens: defaults.max_sample_tokens,
        },
    };
    intent.validate().map_err(|error| Wrong::new("intent", error))?;
    if task == Task::Fix && intent.acceptance.is_empty() {
        return Err(Wrong::new(
            "tests",
            "name the command that fails, to have it pass",
        ));
    }
    let deadline = seconds("deadline_seconds", request.deadline_seconds)?;
    let kept = JobRequest {
        intent,
        revision: request.revision.clone(),
        traceparent: tenon_traces::current(),
    };
    Ok(NewJob {
        id: JobId::new(),
        owner: caller.principal.id,
        repository: request.repository.clone(),
        task,
        criticality,
        request: serde_json::to_string(&kept).map_err(|error| Wrong::new("intent", error))?,
        max_attempts: MAX_ATTEMPTS,
        deadline_at_ms: deadline
            .map(|deadline| now_ms() + i64::try_from(deadline.as_millis()).unwrap_or(i64::MAX)),
        charges: Vec::new(),
        ceilings: Vec::new(),
    })
}

/// Refuses what is not registered.
pub(super) async fn known(asked: &Asked<'_>, repository: &str) -> Result<(), Refusal> {
    let detail = || {
        format!(
            "there is no repository `{}`: register it first",
            shown(repository)
        )
    };
    match asked.control.database().repository(repository).await? {
        Some(_) => Ok(()),
        None => Err(Refusal::missing(detail())),
    }
}

pub(super) fn field(name: &str, wrong: &dyn std::fmt::Display) -> Refusal {
    Refusal::bad(format!("the body, at `{name}`: {wrong}"))
}

fn seconds(name: &'static str, seconds: Option<u32>) -> Result<Option<Duration>, Wrong> {
    match seconds {
        Some(0) => Err(Wrong::new(name, "give a second at least")),
        Some(number) if number > LONGEST_SECONDS => {
            Err(Wrong::new(name, format!("give {LONGEST_SECONDS} at most")))
        }
        other => Ok(other.map(|number| Duration::from_secs(u64::from(number)))),
    }
}

/// Under pressure the least urgent are refused first, at half of what may wait; the most urgent at twice as much.
pub(super) async fn leave_room(asked: &Asked<'_>, criticality: Criticality) -> Result<(), Refusal> {
    let waiting: i64 = asked
        .control
        .database()
        .queue_depths()
        .await?
        .iter()
        .map(|depth| depth.waiting)
        .sum();
    let room = i64::from(asked.control.parts.queue);
    let room = match criticality {
        Criticality::Critical => room * 2,
        Criticality::Standard => room,
        Criticality::Sheddable => room / 2,
    };
    if waiting < room {
        return Ok(());
    }
    asked
        .control
        .metrics()
        .request_shed(criticality, ShedReason::QueueFull);
    Err(Refusal::shed(format!(
        "{waiting} jobs wait already, and {room} may when one is {criticality}"
    )))
}

/// The key that the request was sent with, for a body that is read, and the answer to it.
pub(super) fn idempotency_key(
    asked: &Asked<'_>,
    body: &str,
    answer: String,
    now_ms: i64,
) -> Result<Option<IdempotencyKey>, Refusal> {
    let Some(sent) = asked.header("idempotency-key") else {
        return Ok(None);
    };
    let name = sent.trim().trim_matches('"');
    if name.is_empty() || name.len() > LONGEST_KEY {
        let detail = format!("an Idempotency-Key has 1 to {LONGEST_KEY} characters");
        return Err(Refusal::bad(detail));
    }
    let fingerprint = Digest::of(format!(
        "{} {}\n{body}",
        asked.operation.method().as_str(),
        asked.operation.path()
    ));
    Ok(Some(IdempotencyKey {
        principal: asked.caller.principal.id.to_string(),
        name: name.to_owned(),
        fingerprint: fingerprint.to_string(),
        answer,
        expires_at_ms: now_ms + KEY_HOLDS_MS,
    }))
}

fn as_submitted(job: &NewJob, now_ms: i64) -> Job {
    Job {
        id: job.id,
        owner: job.owner,
        repository: job.repository.clone(),
        task: job.task,
        criticality: job.criticality,
        deadline_at_ms: job.deadline_at_ms,
        created_at_ms: now_ms,
        started_at_ms: None,
        finished_at_ms: None,
        status: JobStatus::submitted(job.max_attempts, now_ms),
        last_event: 0,
        batch: None,
        is_parked: false,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    state: Option<JobState>,
    repository: Option<String>,
    owner: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

pub(super) async fn list(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let listed: Listed = asked.query()?;
    let limit = page_limit(listed.limit)?;
    let permit = asked
        .permit(
            &of_list(asked, listed.repository.as_deref()).await?,
            Noted::read("jobs"),
        )
        .await?;
    let filter = JobFilter {
        owner: owner(asked, listed.owner.as_deref()).await?,
        repository: listed.repository,
        state: listed.state,
        before: listed.cursor.as_deref().map(cursor).transpose()?,
    };
    let jobs = asked.control.database().jobs(&filter, limit).await?;
    let next = (jobs.len() == limit as usize)
        .then(|| jobs.last().map(|job| job.id.to_string()))
        .flatten();
    let mut seen = Vec::with_capacity(jobs.len());
    for job in &jobs {
        if asked.may_see(&resource(asked, job).await?) {
            seen.push(view::job(job));
        }
    }
    Ok(Answer::json(
        &permit,
        StatusCode::OK,
        &api::JobPage { jobs: seen, next },
    ))
}

/// What a list is of: the repository that it is limited to, or everything.
pub(super) async fn of_list(asked: &Asked<'_>, repository: Option<&str>) -> Result<Resource, Refusal> {
    Ok(match repository {
        Some(name) => Resource::Repository {
            name: name.to_owned(),
            classification: asked.classification(name).await?,
        },
        None => Resource::Service,
    })
}

pub(super) async fn owner(asked: &Asked<'_>, name: Option<&str>) -> Result<Option<PrincipalId>, Refusal> {
    match name {
        None => Ok(None),
        Some("me") => Ok(Some(asked.caller.principal.id)),
        Some(name) => {
            let found = asked.control.database().principal_named(name).await?;
            let missing = || Refusal::missing(format!("there is no user `{}`", shown(name)));
            found.map(|found| Some(found.id)).ok_or_else(missing)
        }
    }
}

pub(super) fn page_limit(limit: Option<u32>) -> Result<u32, Refusal> {
    match limit.unwrap_or(DEFAULT_PAGE) {
        limit @ 1..=LARGEST_PAGE => Ok(limit),
        _ => Err(Refusal::bad(format!("`limit` is from 1 to {LARGEST_PAGE}"))),
    }
}

pub(super) fn cursor<T: std::str::FromStr>(text: &str) -> Result<T, Refusal> {
    let wrong = |_| Refusal::bad("`cursor` is not one of ours: send what the page before said as `next`");
    text.parse().map_err(wrong)
}

pub(super) async fn read(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let job = found(asked).await?;
    let noted = Noted::read(format!("jobs/{}", job.id));
    let permit = asked.permit(&resource(asked, &job).await?, noted).await?;
    Ok(Answer::json(&permit, StatusCode::OK, &view::job(&job)))
}

pub(super) async fn cancel(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let job = found(asked).await?;
    let event = JobEvent::CancelRequested;
    let noted = Noted::done(EventKind::JobCancelled, format!("jobs/{}", job.id)).with("event", event.name());
    let permit = asked.permit(&resource(asked, &job).await?, noted).await?;
    // Asking twice is the same as asking once.
    let job = match job.status.state {
        JobState::Cancelling | JobState::Cancelled => job,
        _ => {
            let database = asked.control.database();
            database.change_job(job.id, &event, now_ms()).await?
        }
    };
    Ok(Answer::json(&permit, StatusCode::ACCEPTED, &view::job(&job)))
}

pub(super) async fn retry(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let job = found(asked).await?;
    let noted = Noted::done(EventKind::JobSubmitted, format!("jobs/{}", job.id))
        .with("event", JobEvent::Retried.name());
    let permit = asked.permit(&resource(asked, &job).await?, noted).await?;
    job.status
        .step(&JobEvent::Retried)
        .map_err(tenon_store::DatabaseError::from)?;
    leave_room(asked, job.criticality).await?;
    // Whoever asks pays, as for a new one; a limit on open jobs is one of the owner's.
    let charges = charges(asked, &asked.caller, &job.repository).await?;
    let ceilings = ceilings(asked, &asked.caller, &job.repository).await?;
    let now = now_ms();
    let retried = asked
        .control
        .database()
        .retry_job(job.id, &charges, &ceilings, now)
        .await?;
    let job = retried.map_err(|exceeded| Refusal::exceeded(&exceeded, now))?;
    Ok(Answer::json(&permit, StatusCode::ACCEPTED, &view::job(&job)))
}

/// The job that the path names.
pub(super) async fn found(asked: &Asked<'_>) -> Result<Job, Refusal> {
    let id: JobId = asked.place("id")?;
    Ok(asked.control.database().job(id).await?)
}

pub(super) async fn resource(asked: &Asked<'_>, job: &Job) -> Result<Resource, Refusal> {
    Ok(Resource::Job {
        id: job.id,
        owner: job.owner,
        repository: job.repository.clone(),
        classification: asked.classification(&job.repository).await?,
    })
}
