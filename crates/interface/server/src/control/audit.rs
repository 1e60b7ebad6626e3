use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use futures::Stream;
use serde::Deserialize;
use tenon_access::Resource;
use tenon_api as api;
use tenon_audit::{Checkpoint, EventKind, Verifier, checkpoint_line};
use tenon_store::{Database, DatabaseError};

use super::answer::Answer;
use super::asked::{Asked, Noted};
use super::{Refusal, jobs};

const AT_ONCE: u32 = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    cursor: Option<String>,
    limit: Option<u32>,
}

pub(super) async fn read(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let listed: Listed = asked.query()?;
    let limit = jobs::page_limit(listed.limit)?;
    let before: i64 = listed.cursor.as_deref().map_or(Ok(i64::MAX), jobs::cursor)?;
    let permit = asked.permit(&Resource::Service, Noted::read("audit")).await?;
    let rows = asked.control.database().audit_rows_before(before, limit).await?;
    let next = rows.last().filter(|_| rows.len() == limit as usize);
    let next = next.map(|(sequence, _)| sequence.to_string());
    let records = rows.iter().map(|(_, line)| serde_json::from_str(line));
    let records = records.collect::<Result<_, _>>().map_err(Refusal::internal)?;
    Ok(Answer::json(
        &permit,
        StatusCode::OK,
        &api::AuditPage { records, next },
    ))
}

pub(super) async fn verify(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let permit = asked
        .permit(&Resource::Service, Noted::read("audit/verify"))
        .await?;
    asked.control.parts.journal.sign().await?;
    let database = asked.control.database();
    let checkpoints = checkpoints(database).await?;
    let mut verifier = Verifier::new(&asked.control.parts.audit_keys, checkpoints);
    let mut after = i64::MIN;
    loop {
        let rows = database.audit_rows(after, AT_ONCE).await?;
        let Some((last, _)) = rows.last() else { break };
        after = *last;
        // Digests are computed: not on a thread that others wait for.
        let verified = tokio::task::spawn_blocking(move || {
            rows.iter().for_each(|(_, line)| verifier.push(line));
            verifier
        });
        verifier = verified.await.map_err(Refusal::internal)?;
    }
    let report = verifier.finish();
    let report = api::AuditReport {
        is_whole: report.is_whole(),
        records: report.records,
        first: report.first,
        last: report.last,
        signed_through: report.signed_through,
        keys: report.keys.iter().map(ToString::to_string).collect(),
        unknown_keys: report.unknown_keys.iter().map(ToString::to_string).collect(),
        problems: report.problems.iter().map(ToString::to_string).collect(),
        unlisted: report.unlisted,
    };
    Ok(Answer::json(&permit, StatusCode::OK, &report))
}

pub(super) async fn export(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let noted = Noted::done(EventKind::AuditExported, "audit");
    let permit = asked.permit(&Resource::Service, noted).await?;
    asked.control.parts.journal.sign().await?;
    let database = asked.control.database().clone();
    let checkpoints = checkpoints(&database).await?;
    let body = Body::from_stream(lines(database, checkpoints));
    Ok(Answer::body(&permit, "application/x-ndjson", body))
}

/// The checkpoints, and the rows after them, a piece at a time: whoever verifies then needs to keep neither.
fn lines(
    database: Database,
    checkpoints: Vec<Checkpoint>,
) -> impl Stream<Item = Result<Bytes, ExportError>> + Send {
    let signed: String = checkpoints
        .iter()
        .map(|one| checkpoint_line(one) + "\n")
        .collect();
    let first = futures::stream::iter([Ok(Bytes::from(signed))]);
    let rows = futures::stream::unfold(Some((database, i64::MIN)), |going| async move {
        let (database, after) = going?;
        let rows = match database.audit_rows(after, AT_ONCE).await {
            Ok(rows) => rows,
            Err(error) => return Some((Err(ExportError(error)), None)),
        };
        let last = rows.last().map(|(last, _)| *last)?;
        let lines: String = rows.into_iter().map(|(_, line)| line + "\n").collect();
        Some((Ok(Bytes::from(lines)), Some((database, last))))
    });
    futures::StreamExt::chain(first, rows)
}

/// The export broke off: the client sees a body that does not end.
#[derive(Debug, thiserror::Error)]
#[error("the export broke off: {0}")]
struct ExportError(DatabaseError);

async fn checkpoints(database: &Database) -> Result<Vec<Checkpoint>, Refusal> {
    let stored = database.checkpoints().await?;
    let read = stored.iter().map(|one| serde_json::from_str(&one.body));
    read.collect::<Result<_, _>>().map_err(Refusal::internal)
}
