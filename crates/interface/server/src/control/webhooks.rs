use axum::http::StatusCode;
use serde::Deserialize;
use tenon_access::Resource;
use tenon_api as api;
use tenon_audit::EventKind;
use tenon_domain::moment;
use tenon_jobs::now_ms;
use tenon_store::{NewWebhook, Rotated, Rotation, Webhook, WebhookEvent, WebhookKind};
use tenon_webhooks::{Destination, generate_secret};

use super::answer::Answer;
use super::asked::{Asked, Noted, Permit, shown};
use super::{Refusal, jobs, view};

/// Each event is written once for every webhook that wants it.
const MOST: usize = 100;
/// How long the secret before the newest signs, too.
const OLD_HOLDS_MS: i64 = 24 * 3600 * 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    repository: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListedDeliveries {
    webhook: Option<String>,
    cursor: Option<String>,
    limit: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rotating {
    /// Ends a secret that was replaced before.
    #[serde(default)]
    now: bool,
}

pub(super) async fn list(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let listed: Listed = asked.query()?;
    let wanted = listed.repository.as_deref();
    let permit = asked
        .permit(&resource(asked, wanted).await?, Noted::read("webhooks"))
        .await?;
    let mut webhooks = Vec::new();
    for webhook in &asked.control.database().webhooks().await? {
        let is_wanted = wanted.is_none() || webhook.repository.as_deref() == wanted;
        if is_wanted && asked.may_see(&resource(asked, webhook.repository.as_deref()).await?) {
            webhooks.push(view::webhook(webhook));
        }
    }
    Ok(Answer::json(&permit, StatusCode::OK, &api::Webhooks { webhooks }))
}

pub(super) async fn add(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let request: api::WebhookRequest = asked.read()?;
    let (webhook, destination) = resolve(asked, &request)?;
    let noted = changed(&webhook.id, "added")
        // The rest of an address may be what opens it.
        .with("host", destination.host())
        .with("events", request.events.join(" "));
    let resource = resource(asked, webhook.repository.as_deref()).await?;
    let permit = asked.permit(&resource, noted).await?;
    let database = asked.control.database();
    if let Some(name) = &webhook.repository
        && database.repository(name).await?.is_none()
    {
        return Err(Refusal::missing(format!(
            "there is no repository `{}`",
            shown(name)
        )));
    }
    if database.webhooks().await?.len() >= MOST {
        return Err(Refusal::conflict(format!(
            "there are {MOST} webhooks already: remove one first"
        )));
    }
    database.add_webhook(&webhook, now_ms()).await?;
    created(
        asked,
        &permit,
        StatusCode::CREATED,
        &webhook.id,
        webhook.secret.expose(),
    )
    .await
}

fn resolve(asked: &Asked<'_>, request: &api::WebhookRequest) -> Result<(NewWebhook, Destination), Refusal> {
    let wrong = |field: &str, error: String| Refusal::bad(format!("the body, at `{field}`: {error}"));
    let url = request.url.trim();
    let destination = asked.control.parts.guard.admit(url);
    let destination = destination.map_err(|error| wrong("url", error.to_string()))?;
    let mut events = Vec::new();
    for event in &request.events {
        let event: WebhookEvent = event.parse().map_err(|_| {
            let known = WebhookEvent::ALL.map(WebhookEvent::as_str).join(", ");
            wrong("events", format!("`{}` is no event: {known} are", shown(event)))
        })?;
        if !events.contains(&event) {
            events.push(event);
        }
    }
    let webhook = NewWebhook {
        id: uuid::Uuid::now_v7().to_string(),
        url: url.to_owned(),
        secret: generate_secret().map_err(Refusal::internal)?,
        events,
        repository: request.repository.clone(),
    };
    Ok((webhook, destination))
}

pub(super) async fn remove(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let (webhook, permit) = found(asked, "removed").await?;
    if webhook.kind == WebhookKind::Sink {
        return Err(of_the_configuration());
    }
    asked.control.database().remove_webhook(&webhook.id).await?;
    Ok(Answer::nothing(&permit, StatusCode::NO_CONTENT))
}

pub(super) async fn enable(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let (webhook, permit) = found(asked, "enabled").await?;
    if webhook.kind == WebhookKind::Sink {
        return Err(of_the_configuration());
    }
    asked.control.database().enable_webhook(&webhook.id).await?;
    let webhook = read(asked, &webhook.id).await?;
    Ok(Answer::json(&permit, StatusCode::OK, &view::webhook(&webhook)))
}

pub(super) async fn rotate(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let rotating: Rotating = asked.query()?;
    let (webhook, permit) = found(asked, "given a new secret").await?;
    if webhook.kind == WebhookKind::Sink {
        return Err(of_the_configuration());
    }
    let now = now_ms();
    let rotation = Rotation {
        secret: generate_secret().map_err(Refusal::internal)?,
        old_until_ms: now.saturating_add(OLD_HOLDS_MS),
        ends_older: rotating.now,
    };
    match asked
        .control
        .database()
        .rotate_webhook(&webhook.id, &rotation, now)
        .await?
    {
        Rotated::Done => {}
        Rotated::Unknown => return Err(Refusal::conflict("the webhook was removed meanwhile")),
        Rotated::OlderHolds { until_ms } => {
            let until = moment::to_text(until_ms);
            return Err(Refusal::conflict(format!(
                "the secret before the last signs until {until}, and receivers may know it alone: wait, or end it with \
                 `?now=true`"
            )));
        }
    }
    created(
        asked,
        &permit,
        StatusCode::OK,
        &webhook.id,
        rotation.secret.expose(),
    )
    .await
}

pub(super) async fn deliveries(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let listed: ListedDeliveries = asked.query()?;
    let limit = jobs::page_limit(listed.limit)?;
    let webhook = listed.webhook.as_deref();
    let of = match webhook {
        Some(id) => match asked.control.database().webhook(id).await? {
            Some(found) => resource(asked, found.repository.as_deref()).await?,
            None => Resource::Service,
        },
        None => Resource::Service,
    };
    let permit = asked.permit(&of, Noted::read("webhooks/deliveries")).await?;
    let database = asked.control.database();
    let rows = database
        .deliveries(webhook, listed.cursor.as_deref(), limit)
        .await?;
    let next = rows
        .last()
        .filter(|_| rows.len() == limit as usize)
        .map(|last| last.id.clone());
    let seen = seen(asked).await?;
    let rows = rows.iter().filter(|row| seen.contains(&row.webhook));
    let deliveries = rows.map(view::delivery).collect();
    Ok(Answer::json(
        &permit,
        StatusCode::OK,
        &api::DeliveryPage { deliveries, next },
    ))
}

pub(super) async fn replay(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let id: String = asked.place("id")?;
    let database = asked.control.database();
    let delivery = database.delivery(&id).await?;
    let webhook = match &delivery {
        Some(delivery) => database.webhook(&delivery.webhook).await?,
        None => None,
    };
    let noted = Noted::done(
        EventKind::ConfigurationChanged,
        format!("webhooks/deliveries/{}", shown(&id)),
    )
    .with("change", "replayed");
    let repository = webhook.as_ref().and_then(|webhook| webhook.repository.as_deref());
    // What is there is not said to those who may not do it anyway.
    let permit = asked.permit(&resource(asked, repository).await?, noted).await?;
    let webhook =
        webhook.ok_or_else(|| Refusal::missing(format!("there is no delivery `{}`", shown(&id))))?;
    if webhook.disabled_at_ms.is_some() {
        return Err(Refusal::conflict("the webhook is disabled: enable it first"));
    }
    database.replay_delivery(&id, now_ms()).await?;
    let replayed = database
        .delivery(&id)
        .await?
        .ok_or_else(|| Refusal::internal("a delivery that was replayed is gone"))?;
    Ok(Answer::json(
        &permit,
        StatusCode::ACCEPTED,
        &view::delivery(&replayed),
    ))
}

/// The webhook that the path names, if this may be done to it.
async fn found(asked: &Asked<'_>, change: &'static str) -> Result<(Webhook, Permit), Refusal> {
    let id: String = asked.place("id")?;
    let webhook = asked.control.database().webhook(&id).await?;
    let repository = webhook.as_ref().and_then(|webhook| webhook.repository.as_deref());
    // What is there is not said to those who may not do it anyway.
    let permit = asked
        .permit(&resource(asked, repository).await?, changed(&shown(&id), change))
        .await?;
    let missing = || Refusal::missing(format!("there is no webhook `{}`", shown(&id)));
    Ok((webhook.ok_or_else(missing)?, permit))
}

async fn read(asked: &Asked<'_>, id: &str) -> Result<Webhook, Refusal> {
    let webhook = asked.control.database().webhook(id).await?;
    webhook.ok_or_else(|| Refusal::conflict("the webhook was removed meanwhile"))
}

async fn created(
    asked: &Asked<'_>,
    permit: &Permit,
    status: StatusCode,
    id: &str,
    secret: &str,
) -> Result<Answer, Refusal> {
    let created = api::WebhookCreated {
        secret: secret.to_owned(),
        webhook: view::webhook(&read(asked, id).await?),
    };
    Ok(Answer::json(permit, status, &created))
}

/// The webhooks whose deliveries the caller may see.
async fn seen(asked: &Asked<'_>) -> Result<Vec<String>, Refusal> {
    let mut seen = Vec::new();
    for webhook in asked.control.database().webhooks().await? {
        if asked.may_see(&resource(asked, webhook.repository.as_deref()).await?) {
            seen.push(webhook.id);
        }
    }
    Ok(seen)
}

async fn resource(asked: &Asked<'_>, repository: Option<&str>) -> Result<Resource, Refusal> {
    jobs::of_list(asked, repository).await
}

fn changed(id: &str, change: &'static str) -> Noted<'static> {
    Noted::done(EventKind::ConfigurationChanged, format!("webhooks/{id}")).with("change", change)
}

fn of_the_configuration() -> Refusal {
    Refusal::conflict(
        "the sink is part of the server's configuration: change `event_sink` there; a start enables it",
    )
}
