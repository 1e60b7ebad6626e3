//! Webhooks: who hears of what happens to jobs, and where.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tenon_domain::{JobState, Secret};

use super::session::{Row, Session, json, values};
use super::{Database, DatabaseError};

/// Something that webhooks hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WebhookEvent {
    /// A job was submitted.
    #[serde(rename = "job.submitted")]
    JobSubmitted,
    /// A job came to a proposal.
    #[serde(rename = "job.succeeded")]
    JobSucceeded,
    /// A job came to nothing.
    #[serde(rename = "job.failed")]
    JobFailed,
    /// A job was cancelled.
    #[serde(rename = "job.cancelled")]
    JobCancelled,
    /// Tokens or cost of a window are used up to a half, to four fifths, or to the end.
    #[serde(rename = "limit.reached")]
    LimitReached,
}

impl WebhookEvent {
    /// Every event.
    pub const ALL: [Self; 5] = [
        Self::JobSubmitted,
        Self::JobSucceeded,
        Self::JobFailed,
        Self::JobCancelled,
        Self::LimitReached,
    ];

    /// The name in the store and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::JobSubmitted => "job.submitted",
            Self::JobSucceeded => "job.succeeded",
            Self::JobFailed => "job.failed",
            Self::JobCancelled => "job.cancelled",
            Self::LimitReached => "limit.reached",
        }
    }

    /// What is told of a job that is in this state now.
    pub(super) fn of(state: JobState) -> Option<Self> {
        match state {
            JobState::Queued => Some(Self::JobSubmitted),
            JobState::Succeeded => Some(Self::JobSucceeded),
            JobState::Failed => Some(Self::JobFailed),
            JobState::Cancelled => Some(Self::JobCancelled),
            JobState::Running | JobState::Cancelling => None,
        }
    }
}

/// A word that is no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no event: job.submitted, job.succeeded, job.failed, job.cancelled and limit.reached are")]
pub struct UnknownWebhookEvent(String);

impl FromStr for WebhookEvent {
    type Err = UnknownWebhookEvent;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|event| event.as_str() == text)
            .ok_or_else(|| UnknownWebhookEvent(text.to_owned()))
    }
}

/// Who set a webhook up, and what is sent to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookKind {
    /// A user, through the interface: signed messages.
    Webhook,
    /// Whoever runs the server, in its configuration: bare CloudEvents.
    Sink,
}

impl WebhookKind {
    /// The name in the store and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Sink => "sink",
        }
    }
}

/// A word that is no kind of webhook.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no kind of webhook: webhook and sink are")]
pub struct UnknownWebhookKind(String);

impl FromStr for WebhookKind {
    type Err = UnknownWebhookKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "webhook" => Ok(Self::Webhook),
            "sink" => Ok(Self::Sink),
            other => Err(UnknownWebhookKind(other.to_owned())),
        }
    }
}

/// A webhook that is to be kept.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Its identity.
    pub id: String,
    /// Where events are sent.
    pub url: String,
    /// What they are signed with.
    pub secret: Secret,
    /// Which events; none stands for all of them.
    pub events: Vec<WebhookEvent>,
    /// The one repository that it hears of; every one that is not confidential, without it.
    pub repository: Option<String>,
}

/// A webhook as it is kept, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its identity.
    pub id: String,
    /// Who set it up.
    pub kind: WebhookKind,
    /// Where events are sent.
    pub url: String,
    /// Which events; none stands for all of them.
    pub events: Vec<WebhookEvent>,
    /// The one repository that it hears of.
    pub repository: Option<String>,
    /// Milliseconds since 1970.
    pub created_at_ms: i64,
    /// Since when nothing is sent to it any more.
    pub disabled_at_ms: Option<i64>,
    /// Why.
    pub disabled_reason: Option<String>,
    /// How many deliveries failed for good since the last that arrived.
    pub failures: u32,
}

/// The identity of the one sink.
const SINK: &str = "sink";

macro_rules! columns {
    () => {
        "id, kind, url, events, repository, created_at, disabled_at, disabled_reason, failures"
    };
}

impl Database {
    /// Keeps a new webhook: it hears of what happens from now on.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn add_webhook(&self, webhook: &NewWebhook, now_ms: i64) -> Result<(), DatabaseError> {
        let mut session = self.write().await?;
        session
            .run(
                "INSERT INTO webhooks (id, kind, url, secret, events, repository, created_at, failures, free_at) \
                 VALUES ($1, 'webhook', $2, $3, $4, $5, $6, 0, 0)",
                values![
                    &webhook.id,
                    &webhook.url,
                    webhook.secret.expose(),
                    json("events", &webhook.events)?,
                    webhook.repository.clone(),
                    now_ms,
                ],
            )
            .await?;
        session.commit().await
    }

    /// Sends every event to this sink, too, from now on; without one, to none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn ensure_sink(&self, url: Option<&str>, now_ms: i64) -> Result<(), DatabaseError> {
        let mut session = self.write().await?;
        match url {
            Some(url) => put_sink(&mut session, url, now_ms).await?,
            None => {
                let statement = "UPDATE webhooks SET disabled_at = $2, disabled_reason = 'no sink is configured' \
                     WHERE id = $1 AND disabled_at IS NULL";
                session.run(statement, values![SINK, now_ms]).await?;
            }
        }
        session.commit().await
    }

    /// Every webhook, oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn webhooks(&self) -> Result<Vec<Webhook>, DatabaseError> {
        let mut session = self.read().await?;
        let statement = concat!("SELECT ", columns!(), " FROM webhooks ORDER BY created_at, id");
        let rows = session.all(statement, values![]).await?;
        rows.iter().map(webhook).collect()
    }

    /// The webhook of that id.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn webhook(&self, id: &str) -> Result<Option<Webhook>, DatabaseError> {
        let mut session = self.read().await?;
        let statement = concat!("SELECT ", columns!(), " FROM webhooks WHERE id = $1");
        let row = session.first(statement, values![id]).await?;
        row.as_ref().map(webhook).transpose()
    }

    /// Forgets a webhook and everything that was to be sent to it; whether there was one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn remove_webhook(&self, id: &str) -> Result<bool, DatabaseError> {
        let mut session = self.write().await?;
        // The webhook first: whoever delivers locks in this order, too.
        let removed = session
            .run("DELETE FROM webhooks WHERE id = $1", values![id])
            .await?;
        session
            .run("DELETE FROM deliveries WHERE webhook = $1", values![id])
            .await?;
        session.commit().await?;
        Ok(removed > 0)
    }

    /// Sends to a webhook again that was disabled, and what waits for it, too; whether there is one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn enable_webhook(&self, id: &str) -> Result<bool, DatabaseError> {
        let mut session = self.write().await?;
        let statement =
            "UPDATE webhooks SET disabled_at = NULL, disabled_reason = NULL, failures = 0 WHERE id = $1";
        let enabled = session.run(statement, values![id]).await?;
        session.commit().await?;
        Ok(enabled > 0)
    }

    /// Gives a webhook a new secret. The one it had signs beside it until then; whether there is such a webhook.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn rotate_webhook(
        &self,
        id: &str,
        secret: &Secret,
        old_until_ms: i64,
    ) -> Result<bool, DatabaseError> {
        let mut session = self.write().await?;
        let statement = "UPDATE webhooks SET old_secret = secret, old_secret_until = $3, secret = $2 \
             WHERE id = $1 AND kind = 'webhook'";
        let rotated = session
            .run(statement, values![id, secret.expose(), old_until_ms])
            .await?;
        session.commit().await?;
        Ok(rotated > 0)
    }
}

async fn put_sink(session: &mut Session, url: &str, now_ms: i64) -> Result<(), DatabaseError> {
    let statement = "INSERT INTO webhooks (id, kind, url, events, created_at, failures, free_at) \
         VALUES ($1, 'sink', $2, '[]', $3, 0, 0) ON CONFLICT (id) DO UPDATE SET url = $2, disabled_at = NULL, \
         disabled_reason = NULL, failures = 0";
    session.run(statement, values![SINK, url, now_ms]).await.map(drop)
}

fn webhook(row: &Row) -> Result<Webhook, DatabaseError> {
    Ok(Webhook {
        id: row.text("id")?,
        kind: row.parsed("kind")?,
        url: row.text("url")?,
        events: row.json("events")?,
        repository: row.optional_text("repository")?,
        created_at_ms: row.integer("created_at")?,
        disabled_at_ms: row.optional_integer("disabled_at")?,
        disabled_reason: row.optional_text("disabled_reason")?,
        failures: row.count("failures")?,
    })
}
