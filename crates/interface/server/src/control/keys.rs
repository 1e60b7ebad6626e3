use axum::http::StatusCode;
use serde::Deserialize;
use tenon_access::{KeyId, MintedKey, Resource, Scopes, mint};
use tenon_api as api;
use tenon_audit::EventKind;
use tenon_domain::{Principal, Role};
use tenon_jobs::now_ms;
use tenon_store::{NewKey, StoredKey};

use super::answer::Answer;
use super::asked::{Asked, Noted, shown};
use super::service::scopes_text;
use super::{Control, Refusal, view};

const LONGEST_NAME: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    user: Option<String>,
}

pub(super) async fn list(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let listed: Listed = asked.query()?;
    let owner = owner(asked, listed.user.as_deref()).await?;
    let resource = Resource::Key { owner: owner.id };
    let permit = asked.permit(&resource, Noted::read("keys")).await?;
    let keys = asked.control.database().keys(Some(owner.id)).await?;
    let keys = keys.iter().map(view::key).collect();
    Ok(Answer::json(&permit, StatusCode::OK, &api::Keys { keys }))
}

pub(super) async fn create(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let request: api::KeyRequest = asked.read()?;
    let name = &request.name;
    // Terminals show names, and would do what they say.
    if name.trim().is_empty() || name.len() > LONGEST_NAME || name.contains(char::is_control) {
        return Err(Refusal::bad(format!(
            "the body, at `name`: give 1 to {LONGEST_NAME} bytes without control characters"
        )));
    }
    let scopes = match request.scopes.is_empty() {
        true => Scopes::all(),
        false => Scopes::parse(&request.scopes)
            .map_err(|error| Refusal::bad(format!("the body, at `scopes`: {error}")))?,
    };
    let owner = owner(asked, request.user.as_deref()).await?;
    let minted = mint().map_err(Refusal::internal)?;
    let noted = Noted::done(EventKind::KeyCreated, format!("keys/{}", minted.id))
        .with("owner", owner.id.to_string())
        .with("scopes", scopes.to_texts().join(" "));
    let now = now_ms();
    let lifetime = request
        .expires_seconds
        .map(|seconds| i64::try_from(seconds).unwrap_or(i64::MAX));
    let expires_at_ms = lifetime.map(|seconds| now.saturating_add(seconds.saturating_mul(1000)));
    // A key that ends makes none that outlives it.
    let expires_at_ms = expires_at_ms.or(asked.caller.expires_at_ms);
    let outlives = asked
        .caller
        .expires_at_ms
        .is_some_and(|end| expires_at_ms > Some(end));
    let more = if !asked.caller.scopes.cover(&scopes) {
        Some(
            "the key that asks is limited, and cannot make one that may more: name scopes that it has itself",
        )
    } else if outlives {
        Some("the key that asks ends earlier: give the new one no more time than that has")
    } else if owner.role == Role::Admin && asked.caller.principal.role != Role::Admin {
        Some("only administrators make keys of administrators")
    } else {
        None
    };
    let resource = Resource::Key { owner: owner.id };
    if let Some(detail) = more {
        return Err(asked.forbid(&resource, noted, detail).await?);
    }
    let permit = asked.permit(&resource, noted).await?;
    let lifetime_ms = expires_at_ms.map(|end| end.saturating_sub(now));
    let created = keep(
        asked.control,
        minted,
        &owner,
        request.name.trim(),
        &scopes,
        lifetime_ms,
    )
    .await?;
    Ok(Answer::json(&permit, StatusCode::CREATED, &created))
}

/// Keeps a key, and shows it this once.
pub(super) async fn keep(
    control: &Control,
    minted: MintedKey,
    owner: &Principal,
    name: &str,
    scopes: &Scopes,
    lifetime_ms: Option<i64>,
) -> Result<api::KeyCreated, Refusal> {
    let now = now_ms();
    let key = NewKey {
        id: minted.id.to_string(),
        principal: owner.id,
        name: name.to_owned(),
        digest: minted.digest,
        scopes: scopes_text(scopes),
        expires_at_ms: lifetime_ms.map(|lifetime| now.saturating_add(lifetime)),
    };
    control.database().add_key(&key, now).await?;
    let stored = StoredKey {
        id: key.id,
        principal: key.principal,
        name: key.name,
        digest: key.digest,
        scopes: key.scopes,
        created_at_ms: now,
        expires_at_ms: key.expires_at_ms,
        revoked_at_ms: None,
    };
    Ok(api::KeyCreated {
        secret: minted.text.expose().to_owned(),
        key: view::key(&stored),
    })
}

pub(super) async fn revoke(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let id: KeyId = asked.place("id")?;
    let found = asked.control.database().key(id.as_str()).await?;
    let (_, owner) = found.ok_or_else(|| Refusal::missing(format!("there is no key `{id}`")))?;
    let noted = Noted::done(EventKind::KeyRevoked, format!("keys/{id}"));
    let permit = asked.permit(&Resource::Key { owner: owner.id }, noted).await?;
    asked.control.database().revoke_key(id.as_str(), now_ms()).await?;
    Ok(Answer::nothing(&permit, StatusCode::NO_CONTENT))
}

pub(super) async fn owner(asked: &Asked<'_>, name: Option<&str>) -> Result<Principal, Refusal> {
    match name {
        None => Ok(asked.caller.principal.clone()),
        Some(name) => {
            let found = asked.control.database().principal_named(name).await?;
            found.ok_or_else(|| Refusal::missing(format!("there is no user `{}`", shown(name))))
        }
    }
}
