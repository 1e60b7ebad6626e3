use std::collections::BTreeMap;

use axum::http::{StatusCode, header};
use serde::Deserialize;
use tenon_access::{Action, Resource};
use tenon_api as api;
use tenon_audit::EventKind;
use tenon_domain::{BatchCounts, BatchId, Criticality, Digest, JobState};
use tenon_jobs::now_ms;
use tenon_store::{Batch, BatchFilter, NewBatch, NewItem};

use super::answer::Answer;
use super::asked::{Asked, Noted, Permit, shown};
use super::jobs::{self, Wrong};
use super::{Refusal, view};

const MOST_ITEMS: usize = 1000;
const LONGEST_ID: usize = 128;
const MOST_AT_ONCE: u32 = 64;
const AT_ONCE: u32 = 4;

pub(super) async fn submit(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let request: api::BatchRequest = asked.read()?;
    let mut batch = resolve(asked, &request)?;
    jobs::known(asked, &batch.repository).await?;
    let resource = Resource::Repository {
        name: batch.repository.clone(),
        classification: asked.classification(&batch.repository).await?,
    };
    let body = serde_json::to_string(&request).map_err(Refusal::internal)?;
    let digest = Digest::of(&body).to_string();
    let noted = |kind, subject: String| {
        Noted::done(kind, subject)
            .with("repository", request.repository.as_str())
            .with("items", i64::try_from(batch.items.len()).unwrap_or(i64::MAX))
            .with("request", digest.as_str())
    };
    let now = now_ms();
    let first = view::batch(&as_submitted(&batch, now));
    let answer = serde_json::to_string(&first).map_err(Refusal::internal)?;
    let key = jobs::idempotency_key(asked, &body, answer, now)?;
    if let Some(answer) = jobs::answered_before::<api::Batch>(asked, key.as_ref(), now).await? {
        let noted = Noted::read(format!("batches/{}", answer.id)).with("repeated", "yes");
        let permit = asked.permit(&resource, noted).await?;
        return Ok(accepted(&permit, &answer));
    }
    let of_batch = noted(EventKind::BatchSubmitted, format!("batches/{}", batch.id));
    let permit = asked.permit(&resource, of_batch).await?;
    // Each of its jobs is one that the caller may submit.
    let of_jobs = noted(EventKind::JobSubmitted, format!("batches/{}/items", batch.id));
    asked.permit_also(Action::JobsCreate, &resource, of_jobs).await?;
    leave_room(asked, &batch).await?;
    let charges = jobs::charges(asked, &asked.caller, &batch.repository).await?;
    for item in &mut batch.items {
        item.job.charges.clone_from(&charges);
    }
    let submitted = asked
        .control
        .database()
        .submit_batch(&batch, key.as_ref(), now)
        .await?;
    let answer = jobs::answered(submitted, first, now)?;
    Ok(accepted(&permit, &answer))
}

fn accepted(permit: &Permit, batch: &api::Batch) -> Answer {
    let location = format!("/api/v1/batches/{}", batch.id);
    Answer::json(permit, StatusCode::ACCEPTED, batch).with_header(header::LOCATION, &location)
}

/// The batch, every item of it read into the words of the engine; the first that is wrong is told with its place.
fn resolve(asked: &Asked<'_>, request: &api::BatchRequest) -> Result<NewBatch, Refusal> {
    let concurrency = request.concurrency.unwrap_or(AT_ONCE);
    if !(1..=MOST_AT_ONCE).contains(&concurrency) {
        return Err(jobs::field("concurrency", &format!("give 1 to {MOST_AT_ONCE}")));
    }
    if !(1..=MOST_ITEMS).contains(&request.items.len()) {
        let detail = format!("{} items: give 1 to {MOST_ITEMS}", request.items.len());
        return Err(jobs::field("items", &detail));
    }
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    let mut items = Vec::with_capacity(request.items.len());
    for (index, item) in request.items.iter().enumerate() {
        let wrong = |wrong: Wrong| jobs::field(&format!("items[{index}].{}", wrong.field), &wrong.detail);
        let custom_id = item.custom_id.clone().unwrap_or_else(|| index.to_string());
        if custom_id.is_empty() || custom_id.len() > LONGEST_ID || custom_id.contains(char::is_control) {
            let detail = format!("give 1 to {LONGEST_ID} bytes without control characters");
            return Err(wrong(Wrong::new("custom_id", detail)));
        }
        if let Some(before) = names.insert(custom_id.clone(), index) {
            let detail = format!("`{}` is what item {before} is called", shown(&custom_id));
            return Err(wrong(Wrong::new("custom_id", detail)));
        }
        let job = jobs::resolve(&asked.caller, &whole(request, item)).map_err(wrong)?;
        items.push(NewItem { custom_id, job });
    }
    Ok(NewBatch {
        id: BatchId::new(),
        owner: asked.caller.principal.id,
        repository: request.repository.clone(),
        key: asked.caller.credential.id().to_owned(),
        concurrency,
        items,
    })
}

/// The item with what it shares with the others.
fn whole(batch: &api::BatchRequest, item: &api::BatchItemRequest) -> api::JobRequest {
    let defaults = &batch.defaults;
    api::JobRequest {
        task: item
            .task
            .clone()
            .or_else(|| defaults.task.clone())
            .unwrap_or_default(),
        repository: batch.repository.clone(),
        intent: item.intent.clone(),
        files: item.files.clone(),
        tests: item.tests.clone().unwrap_or_else(|| defaults.tests.clone()),
        quality: item.quality.clone().or_else(|| defaults.quality.clone()),
        seed: item.seed.or(defaults.seed),
        max_seconds: item.max_seconds.or(defaults.max_seconds),
        max_samples: item.max_samples.or(defaults.max_samples),
        revision: defaults.revision.clone(),
        criticality: defaults.criticality.clone(),
        deadline_seconds: defaults.deadline_seconds,
    }
}

/// What is parked has room of its own, as large as the queue's.
async fn leave_room(asked: &Asked<'_>, batch: &NewBatch) -> Result<(), Refusal> {
    let criticality = batch.items.first().map(|item| item.job.criticality);
    jobs::leave_room(asked, criticality.unwrap_or(Criticality::Standard)).await?;
    let parked = asked.control.database().parked_jobs().await?;
    let room = i64::from(asked.control.parts.queue);
    let items = i64::try_from(batch.items.len()).unwrap_or(i64::MAX);
    match parked.saturating_add(items) <= room {
        true => Ok(()),
        false => Err(Refusal::shed(format!(
            "{parked} jobs of batches are not open yet, and {room} may be: {items} more do not fit"
        ))),
    }
}

fn as_submitted(batch: &NewBatch, now_ms: i64) -> Batch {
    let parked = u32::try_from(batch.items.len()).unwrap_or(u32::MAX);
    Batch {
        id: batch.id,
        owner: batch.owner,
        repository: batch.repository.clone(),
        concurrency: batch.concurrency,
        created_at_ms: now_ms,
        finished_at_ms: None,
        counts: BatchCounts {
            parked,
            ..BatchCounts::default()
        },
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    repository: Option<String>,
    owner: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

pub(super) async fn list(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let listed: Listed = asked.query()?;
    let limit = jobs::page_limit(listed.limit)?;
    let resource = jobs::of_list(asked, listed.repository.as_deref()).await?;
    let permit = asked.permit(&resource, Noted::read("batches")).await?;
    let filter = BatchFilter {
        owner: jobs::owner(asked, listed.owner.as_deref()).await?,
        repository: listed.repository,
        before: listed.cursor.as_deref().map(jobs::cursor).transpose()?,
    };
    let rows = asked.control.database().batches(&filter, limit).await?;
    let next = rows.last().filter(|_| rows.len() == limit as usize);
    let next = next.map(|batch| batch.id.to_string());
    let mut batches = Vec::with_capacity(rows.len());
    for batch in &rows {
        if asked.may_see(&resource_of(asked, batch).await?) {
            batches.push(view::batch(batch));
        }
    }
    Ok(Answer::json(
        &permit,
        StatusCode::OK,
        &api::BatchPage { batches, next },
    ))
}

pub(super) async fn read(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let batch = found(asked).await?;
    let noted = Noted::read(format!("batches/{}", batch.id));
    let permit = asked.permit(&resource_of(asked, &batch).await?, noted).await?;
    Ok(Answer::json(&permit, StatusCode::OK, &view::batch(&batch)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListedItems {
    state: Option<JobState>,
    cursor: Option<String>,
    limit: Option<u32>,
}

pub(super) async fn items(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let listed: ListedItems = asked.query()?;
    let limit = jobs::page_limit(listed.limit)?;
    let after: i64 = listed.cursor.as_deref().map_or(Ok(-1), jobs::cursor)?;
    let batch = found(asked).await?;
    let noted = Noted::read(format!("batches/{}/items", batch.id));
    let permit = asked.permit(&resource_of(asked, &batch).await?, noted).await?;
    let database = asked.control.database();
    let rows = database.batch_items(batch.id, listed.state, after, limit).await?;
    let next = rows.last().filter(|_| rows.len() == limit as usize);
    let page = api::BatchItemPage {
        next: next.map(|item| item.index.to_string()),
        items: rows.iter().map(view::batch_item).collect(),
    };
    Ok(Answer::json(&permit, StatusCode::OK, &page))
}

pub(super) async fn cancel(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let (batch, permit) = changing(asked, EventKind::BatchCancelled).await?;
    asked.control.database().cancel_batch(batch.id, now_ms()).await?;
    changed(asked, &permit).await
}

pub(super) async fn resume(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let (batch, permit) = changing(asked, EventKind::BatchResumed).await?;
    let now = now_ms();
    let charges = jobs::charges(asked, &asked.caller, &batch.repository).await?;
    let resumed = asked
        .control
        .database()
        .resume_batch(batch.id, &charges, now)
        .await?;
    resumed.map_err(|exceeded| Refusal::exceeded(&exceeded, now))?;
    changed(asked, &permit).await
}

async fn changing(asked: &Asked<'_>, kind: EventKind) -> Result<(Batch, Permit), Refusal> {
    let batch = found(asked).await?;
    let noted = Noted::done(kind, format!("batches/{}", batch.id));
    let permit = asked.permit(&resource_of(asked, &batch).await?, noted).await?;
    Ok((batch, permit))
}

async fn changed(asked: &Asked<'_>, permit: &Permit) -> Result<Answer, Refusal> {
    let batch = found(asked).await?;
    Ok(Answer::json(permit, StatusCode::ACCEPTED, &view::batch(&batch)))
}

/// The batch that the path names.
async fn found(asked: &Asked<'_>) -> Result<Batch, Refusal> {
    let id: BatchId = asked.place("id")?;
    let found = asked.control.database().batch(id).await?;
    found.ok_or_else(|| Refusal::missing(format!("there is no batch `{id}`")))
}

async fn resource_of(asked: &Asked<'_>, batch: &Batch) -> Result<Resource, Refusal> {
    Ok(Resource::Batch {
        id: batch.id,
        owner: batch.owner,
        repository: batch.repository.clone(),
        classification: asked.classification(&batch.repository).await?,
    })
}
