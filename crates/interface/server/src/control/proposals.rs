use axum::body::Body;
use axum::http::{StatusCode, header};
use serde::Deserialize;
use tenon_access::Resource;
use tenon_api as api;
use tenon_audit::EventKind;
use tenon_change::unified_diff;
use tenon_domain::{Digest, Proposal, ProposalId};
use tenon_jobs::now_ms;
use tenon_signals::{Feedback as Given, edit_distance};
use tenon_store::{Feedback, FeedbackVerdict, ProposalRow};

use super::answer::Answer;
use super::asked::{Asked, Noted};
use super::{Refusal, jobs, view};

const LONGEST_REASON: usize = 4096;

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
    let of = jobs::of_list(asked, listed.repository.as_deref()).await?;
    let permit = asked.permit(&of, Noted::read("proposals")).await?;
    let before = listed.cursor.as_deref().map(jobs::cursor).transpose()?;
    let owner = jobs::owner(asked, listed.owner.as_deref()).await?;
    let repository = listed.repository.as_deref();
    let rows = asked
        .control
        .database()
        .proposal_rows(owner, repository, before, limit)
        .await?;
    let next = (rows.len() == limit as usize)
        .then(|| rows.last().map(|row| row.id.to_string()))
        .flatten();
    let mut proposals = Vec::with_capacity(rows.len());
    for row in &rows {
        if asked.may_see(&resource(asked, row).await?) {
            proposals.push(view::proposal_summary(row));
        }
    }
    Ok(Answer::json(
        &permit,
        StatusCode::OK,
        &api::ProposalPage { proposals, next },
    ))
}

pub(super) async fn read(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let row = found(asked).await?;
    let noted = Noted::done(EventKind::ProposalRead, format!("proposals/{}", row.id));
    let permit = asked.permit(&resource(asked, &row).await?, noted).await?;
    let proposal = whole(asked, row.id).await?;
    let approvals = asked.control.database().approvals(row.id).await?;
    let view = view::proposal(&row, &proposal, &approvals).map_err(Refusal::internal)?;
    // Its tag is the digest of what it says: nothing but approvals is ever added.
    let tag = format!(
        "\"{}\"",
        Digest::of(serde_json::to_vec(&view).unwrap_or_default()).short()
    );
    let sent = asked.header("if-none-match").unwrap_or_default();
    let is_known = sent.split(',').map(str::trim).any(|one| one == tag || one == "*");
    let answer = match is_known {
        true => Answer::nothing(&permit, StatusCode::NOT_MODIFIED),
        false => Answer::json(&permit, StatusCode::OK, &view),
    };
    Ok(answer.with_header(header::ETAG, &tag))
}

pub(super) async fn diff(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let row = found(asked).await?;
    let noted = Noted::done(EventKind::ProposalRead, format!("proposals/{}/diff", row.id));
    let permit = asked.permit(&resource(asked, &row).await?, noted).await?;
    let diff = unified_diff(&whole(asked, row.id).await?.change);
    Ok(Answer::body(&permit, "text/x-diff", Body::from(diff)))
}

pub(super) async fn record(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let row = found(asked).await?;
    let noted = Noted::done(EventKind::ProposalRead, format!("proposals/{}/record", row.id));
    let permit = asked.permit(&resource(asked, &row).await?, noted).await?;
    Ok(Answer::json(
        &permit,
        StatusCode::OK,
        &whole(asked, row.id).await?,
    ))
}

pub(super) async fn feedback(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let request: api::FeedbackRequest = asked.read()?;
    let wrong = |error| Refusal::bad(format!("the body, at `verdict`: {error}"));
    let verdict: FeedbackVerdict = request.verdict.parse().map_err(wrong)?;
    if request
        .reason
        .as_ref()
        .is_some_and(|reason| reason.len() > LONGEST_REASON)
    {
        return Err(Refusal::bad(format!(
            "the body, at `reason`: give {LONGEST_REASON} bytes at most"
        )));
    }
    let row = found(asked).await?;
    let noted = Noted::done(EventKind::ProposalFeedback, format!("proposals/{}", row.id))
        .with("verdict", verdict.as_str());
    let permit = asked.permit(&resource(asked, &row).await?, noted).await?;
    let distance = match (&request.final_diff, verdict) {
        (_, FeedbackVerdict::Accepted) => Some(0.0),
        (Some(kept), _) => Some(edit_distance(
            &unified_diff(&whole(asked, row.id).await?.change),
            kept,
        )),
        (None, _) => None,
    };
    let feedback = Feedback {
        proposal: row.id,
        principal: asked.caller.principal.id,
        verdict,
        reason: request.reason,
        edit_distance_permille: distance.map(|distance| (distance * 1000.0).round() as i64),
    };
    asked
        .control
        .database()
        .give_feedback(&feedback, now_ms())
        .await?;
    let given = match verdict {
        FeedbackVerdict::Accepted => Given::Accepted,
        FeedbackVerdict::Edited => Given::Edited,
        FeedbackVerdict::Rejected => Given::Rejected,
    };
    asked.control.metrics().feedback(given, row.task, distance);
    Ok(Answer::nothing(&permit, StatusCode::NO_CONTENT))
}

/// Says that a change may go further. Asking twice is the same as asking once.
pub(super) async fn approve(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let row = found(asked).await?;
    let subject = format!("proposals/{}", row.id);
    let noted = Noted::done(EventKind::ProposalApproved, subject).with("level", row.level.as_str());
    let permit = asked.permit(&resource(asked, &row).await?, noted).await?;
    let database = asked.control.database();
    database
        .approve(row.id, asked.caller.principal.id, now_ms())
        .await?;
    Ok(Answer::nothing(&permit, StatusCode::NO_CONTENT))
}

async fn found(asked: &Asked<'_>) -> Result<ProposalRow, Refusal> {
    let id: ProposalId = asked.place("id")?;
    let row = asked.control.database().proposal_row(id).await?;
    row.ok_or_else(|| Refusal::missing(format!("there is no proposal `{id}`")))
}

async fn whole(asked: &Asked<'_>, id: ProposalId) -> Result<Proposal, Refusal> {
    let proposal = asked.control.database().proposal(id).await?;
    proposal.ok_or_else(|| Refusal::missing(format!("the text of the proposal `{id}` has expired")))
}

async fn resource(asked: &Asked<'_>, row: &ProposalRow) -> Result<Resource, Refusal> {
    Ok(Resource::Proposal {
        id: row.id,
        owner: row.owner,
        repository: row.repository.clone(),
        classification: asked.classification(&row.repository).await?,
    })
}
