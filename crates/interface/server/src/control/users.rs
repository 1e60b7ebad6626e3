use axum::http::StatusCode;
use tenon_access::Resource;
use tenon_api as api;
use tenon_audit::EventKind;
use tenon_domain::{Principal, PrincipalId, PrincipalKind, Role};
use tenon_jobs::now_ms;

use super::answer::Answer;
use super::asked::{Asked, Noted, shown};
use super::{Refusal, view};

const LONGEST_NAME: usize = 100;

pub(super) async fn me(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let permit = asked.permit(&Resource::Service, Noted::read("me")).await?;
    let me = api::Me {
        user: view::user(&asked.caller.principal, false),
        key: asked.caller.key.clone(),
        scopes: asked.caller.scopes.to_texts(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    Ok(Answer::json(&permit, StatusCode::OK, &me))
}

pub(super) async fn list(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let permit = asked.permit(&Resource::Service, Noted::read("users")).await?;
    let all = asked.control.database().principals().await?;
    let out = asked.control.database().disabled_principals().await?;
    let users = all
        .iter()
        .map(|one| view::user(one, out.contains(&one.id)))
        .collect();
    Ok(Answer::json(&permit, StatusCode::OK, &api::Users { users }))
}

pub(super) async fn add(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let request: api::UserRequest = asked.read()?;
    let kind = match request.kind.as_deref() {
        None | Some("person") => PrincipalKind::Person,
        Some("service_account") => PrincipalKind::ServiceAccount,
        Some(_) => return Err(wrong("kind", &"it is `person` or `service_account`")),
    };
    let principal = resolve(&request, PrincipalId::new(), kind)?;
    let permit = asked
        .permit(&Resource::Service, noted(&principal, "added"))
        .await?;
    asked
        .control
        .database()
        .add_principal(&principal, now_ms())
        .await?;
    Ok(Answer::json(
        &permit,
        StatusCode::CREATED,
        &view::user(&principal, false),
    ))
}

pub(super) async fn change(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let request: api::UserRequest = asked.read()?;
    let name: String = asked.place("name")?;
    let found = asked.control.database().principal_named(&name).await?;
    let Some(found) = found else {
        // Who is there is not said to those who may not change anybody.
        let noted = Noted::done(EventKind::UserChanged, format!("users/{}", shown(&name)));
        asked.permit(&Resource::Service, noted).await?;
        return Err(Refusal::missing(format!("there is no user `{}`", shown(&name))));
    };
    if request
        .kind
        .as_deref()
        .is_some_and(|kind| kind != found.kind.as_str())
    {
        return Err(wrong(
            "kind",
            &format!("it stays `{}`, as it was made", found.kind.as_str()),
        ));
    }
    let principal = resolve(&request, found.id, found.kind)?;
    let change = if request.disabled { "disabled" } else { "changed" };
    let resource = Resource::Principal { id: found.id };
    let permit = asked.permit(&resource, noted(&principal, change)).await?;
    let is_self = found.id == asked.caller.principal.id;
    if is_self && (request.disabled || found.role == Role::Admin && principal.role != Role::Admin) {
        // Nobody would be left to undo it.
        return Err(Refusal::conflict(
            "administrators cannot shut themselves out or take their own role away: have another do it",
        ));
    }
    let disabled_at = request.disabled.then(now_ms);
    let database = asked.control.database();
    // Out first, in last: whatever fails between the two leaves nobody with more than they should have.
    if request.disabled {
        database.disable_principal(found.id, disabled_at).await?;
    }
    database.change_principal(&principal).await?;
    if !request.disabled {
        database.disable_principal(found.id, None).await?;
    }
    let user = view::user(&principal, request.disabled);
    Ok(Answer::json(&permit, StatusCode::OK, &user))
}

fn noted(principal: &Principal, change: &'static str) -> Noted<'static> {
    Noted::done(EventKind::UserChanged, format!("users/{}", principal.id))
        .with("change", change)
        .with("name", principal.name.as_str())
        .with("role", principal.role.as_str())
}

fn wrong(field: &str, detail: &dyn std::fmt::Display) -> Refusal {
    Refusal::bad(format!("the body, at `{field}`: {detail}"))
}

fn resolve(request: &api::UserRequest, id: PrincipalId, kind: PrincipalKind) -> Result<Principal, Refusal> {
    let is_name = |text: &str| {
        let is_fit = |character: char| character.is_alphanumeric() || "-_.@ ".contains(character);
        !text.trim().is_empty() && text.len() <= LONGEST_NAME && text.chars().all(is_fit)
    };
    let letters = "use letters, digits, spaces, `-`, `_`, `.` and `@`";
    if !is_name(&request.name) {
        return Err(wrong("name", &letters));
    }
    if request.team.as_deref().is_some_and(|team| !is_name(team)) {
        return Err(wrong("team", &letters));
    }
    let repositories = request.repositories.iter().map(|(name, role)| {
        let role: Role = role.parse().map_err(|error| wrong("repositories", &error))?;
        Ok((name.clone(), role))
    });
    Ok(Principal {
        id,
        name: request.name.trim().to_owned(),
        kind,
        team: request.team.clone(),
        role: request.role.parse().map_err(|error| wrong("role", &error))?,
        repositories: repositories.collect::<Result<_, Refusal>>()?,
    })
}
