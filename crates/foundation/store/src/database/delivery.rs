use std::str::FromStr;

use tenon_domain::Secret;

use super::session::Row;
use super::{DatabaseError, WebhookEvent, WebhookKind};

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is to be made, now or later.
    Pending,
    /// It arrived.
    Delivered,
    /// It did not arrive, and is not tried again.
    Failed,
}

impl DeliveryState {
    /// The name in the store and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

/// A word that is no state of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no state of a delivery: pending, delivered and failed are")]
pub struct UnknownDeliveryState(String);

impl FromStr for DeliveryState {
    type Err = UnknownDeliveryState;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "pending" => Ok(Self::Pending),
            "delivered" => Ok(Self::Delivered),
            "failed" => Ok(Self::Failed),
            other => Err(UnknownDeliveryState(other.to_owned())),
        }
    }
}

/// An event for one webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its identity, the same at every attempt.
    pub id: String,
    /// The webhook that it is for.
    pub webhook: String,
    /// What happened.
    pub event: WebhookEvent,
    /// Where it stands.
    pub state: DeliveryState,
    /// How many attempts were begun since it came up or was replayed.
    pub attempt: u32,
    /// When the next one may begin, in milliseconds since 1970.
    pub next_at_ms: i64,
    /// The status of the last answer, if there was one.
    pub last_status: Option<u16>,
    /// What was wrong with the last attempt.
    pub last_error: Option<String>,
    /// Milliseconds since 1970.
    pub created_at_ms: i64,
    /// When it arrived.
    pub delivered_at_ms: Option<i64>,
}

/// A delivery to make, for whoever claimed it.
#[derive(Debug, Clone)]
pub struct ClaimedDelivery {
    /// Its identity, the same at every attempt.
    pub id: String,
    /// The webhook that it is for.
    pub webhook: String,
    /// How it is sent.
    pub kind: WebhookKind,
    /// Where to.
    pub url: String,
    /// What it is signed with: the secret, and for a while after a rotation the one before.
    pub secrets: Vec<Secret>,
    /// The message.
    pub body: String,
    /// Which attempt it is, from 1.
    pub attempt: u32,
    /// The claim; what others settle that is theirs no longer, changes nothing.
    pub claim: i64,
    /// Until when nobody else claims it.
    pub lease_until_ms: i64,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// It arrived.
    Delivered {
        /// The status of the answer.
        status: u16,
    },
    /// It did not, and another attempt is worth making.
    Retry {
        /// The status of the answer, if there was one.
        status: Option<u16>,
        /// What was wrong.
        error: String,
        /// When to try again, in milliseconds since 1970.
        at_ms: i64,
    },
    /// It did not, and that was the last attempt.
    Failed {
        /// The status of the answer, if there was one.
        status: Option<u16>,
        /// What was wrong.
        error: String,
    },
    /// The target wants no more.
    Gone {
        /// The status of the answer.
        status: u16,
    },
}

/// The columns that [`delivery`] reads.
macro_rules! columns {
    () => {
        "id, webhook, event, state, attempt, next_at, last_status, last_error, created_at, delivered_at"
    };
}
pub(super) use columns;

pub(super) fn delivery(row: &Row) -> Result<Delivery, DatabaseError> {
    let status = row.optional_integer("last_status")?;
    Ok(Delivery {
        id: row.text("id")?,
        webhook: row.text("webhook")?,
        event: row.parsed("event")?,
        state: row.parsed("state")?,
        attempt: row.count("attempt")?,
        next_at_ms: row.integer("next_at")?,
        last_status: status.and_then(|status| u16::try_from(status).ok()),
        last_error: row.optional_text("last_error")?,
        created_at_ms: row.integer("created_at")?,
        delivered_at_ms: row.optional_integer("delivered_at")?,
    })
}
