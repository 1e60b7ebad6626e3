//! `tenon webhook`: who hears of what happens on a server.

use tenon_api::{Delivery, DeliveryPage, Webhook, WebhookCreated, WebhookRequest, Webhooks};
use tenon_client::query;

use super::govern::print;
use crate::arguments::WebhookCommand;
use crate::failure::{Exit, Failure};
use crate::server_client::{Asking, asking};

/// `tenon webhook …`.
pub async fn run(command: WebhookCommand) -> Result<Exit, Failure> {
    match command {
        WebhookCommand::Add {
            url,
            events,
            repository,
            server,
        } => {
            let asking = asking(&server)?;
            let request = WebhookRequest {
                url,
                events,
                repository,
            };
            let created = asking.client.post("/webhooks", &request).await?;
            show_secret(&asking, &created);
        }
        WebhookCommand::List { repository, server } => {
            let asking = asking(&server)?;
            let path = format!("/webhooks{}", query(&[("repository", repository.as_deref())]));
            let all: Webhooks = asking.client.get(&path).await?;
            print(&asking, &all, all.webhooks.iter().map(webhook_line));
        }
        WebhookCommand::Remove(one) => {
            let asking = asking(&one.server)?;
            asking.client.delete(&format!("/webhooks/{}", one.id)).await?;
            asking.output.say(&format!("{} hears of nothing more", one.id));
        }
        WebhookCommand::Enable(one) => {
            let asking = asking(&one.server)?;
            let path = format!("/webhooks/{}/enable", one.id);
            let webhook: Webhook = asking.client.post(&path, &()).await?;
            print(&asking, &webhook, [webhook_line(&webhook)]);
        }
        WebhookCommand::Rotate { webhook, now } => {
            let asking = asking(&webhook.server)?;
            let path = format!("/webhooks/{}/rotate", webhook.id);
            let path = path + &query(&[("now", now.then_some("true"))]);
            let created = asking.client.post(&path, &()).await?;
            show_secret(&asking, &created);
        }
        WebhookCommand::Deliveries {
            webhook,
            limit,
            server,
        } => {
            let asking = asking(&server)?;
            let limit = limit.to_string();
            let pairs = [("webhook", webhook.as_deref()), ("limit", Some(limit.as_str()))];
            let page: DeliveryPage = asking
                .client
                .get(&format!("/webhooks/deliveries{}", query(&pairs)))
                .await?;
            print(&asking, &page, page.deliveries.iter().map(delivery_line));
        }
        WebhookCommand::Replay(one) => {
            let asking = asking(&one.server)?;
            let path = format!("/webhooks/deliveries/{}/replay", one.id);
            let delivery: Delivery = asking.client.post(&path, &()).await?;
            print(&asking, &delivery, [delivery_line(&delivery)]);
        }
    }
    Ok(Exit::Success)
}

fn show_secret(asking: &Asking, created: &WebhookCreated) {
    match asking.json {
        true => asking.output.json(created),
        false => {
            let id = &created.webhook.id;
            asking.output.say(&format!(
                "webhook {id}; what it is signed with is shown this once:"
            ));
            asking.output.result(&created.secret);
        }
    }
}

fn webhook_line(webhook: &Webhook) -> String {
    let events = match webhook.events.is_empty() {
        true => "every event".to_owned(),
        false => webhook.events.join(" "),
    };
    let repository = webhook
        .repository
        .as_deref()
        .map(|name| format!("  of {name}"))
        .unwrap_or_default();
    let state = match (&webhook.disabled_at, &webhook.disabled_reason) {
        (None, _) => String::new(),
        (Some(at), reason) => format!("  disabled {at}: {}", reason.as_deref().unwrap_or("by somebody")),
    };
    format!("{}  {}  {events}{repository}{state}", webhook.id, webhook.url)
}

fn delivery_line(delivery: &Delivery) -> String {
    let attempt = match delivery.attempt {
        1 => "1 attempt".to_owned(),
        count => format!("{count} attempts"),
    };
    let next = delivery
        .next_at
        .as_deref()
        .map(|at| format!("  next {at}"))
        .unwrap_or_default();
    let error = delivery
        .last_error
        .as_deref()
        .map(|error| format!("  {error}"))
        .unwrap_or_default();
    let Delivery {
        id,
        event,
        state,
        created_at,
        ..
    } = delivery;
    format!("{id}  {event}  {created_at}  {state}, {attempt}{next}{error}")
}
