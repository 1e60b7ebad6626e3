use axum::http::StatusCode;
use serde::Deserialize;
use tenon_access::Resource;
use tenon_api as api;
use tenon_audit::EventKind;
use tenon_jobs::now_ms;

use super::answer::Answer;
use super::asked::{Asked, Noted, shown};
use super::{Refusal, keys, view};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    user: Option<String>,
}

// A session is decided about like a key: both speak for their owner.
pub(super) async fn list(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let listed: Listed = asked.query()?;
    let owner = keys::owner(asked, listed.user.as_deref()).await?;
    let resource = Resource::Key { owner: owner.id };
    let permit = asked.permit(&resource, Noted::read("sessions")).await?;
    let sessions = asked.control.database().sessions(owner.id, now_ms()).await?;
    let sessions = sessions.iter().map(view::session).collect();
    Ok(Answer::json(&permit, StatusCode::OK, &api::Sessions { sessions }))
}

pub(super) async fn revoke(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let id: String = asked.place("id")?;
    let found = asked.control.database().session_by_id(&id).await?;
    let missing = || Refusal::missing(format!("there is no session `{}`", shown(&id)));
    let (_, owner) = found.ok_or_else(missing)?;
    let noted = Noted::done(EventKind::SessionRevoked, format!("sessions/{}", shown(&id)));
    let permit = asked.permit(&Resource::Key { owner: owner.id }, noted).await?;
    asked.control.database().revoke_session(&id, now_ms()).await?;
    Ok(Answer::nothing(&permit, StatusCode::NO_CONTENT))
}
