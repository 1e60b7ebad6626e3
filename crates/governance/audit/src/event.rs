use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tenon_domain::{Digest, moment};
use uuid::Uuid;

use crate::clip::clip;
use crate::detail::bounded_details;
use crate::{DetailValue, EventKind};

/// Something that happened, as the service saw it. Digests, counts and names; never a prompt, an answer or a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// Its identity; sorts by time.
    pub id: Uuid,
    /// When, in milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// What kind of thing.
    pub kind: EventKind,
    /// The id of who did it, if it is known.
    pub principal: Option<String>,
    /// How they showed who they are.
    pub authentication: Authentication,
    /// What it was done to, such as `jobs/<id>`.
    pub subject: Option<String>,
    /// The action that was asked for, in the words of the policies.
    pub action: Option<String>,
    /// What the policies said.
    pub decision: Option<DecisionRecord>,
    /// The request it belongs to.
    pub request_id: Option<String>,
    /// What else is worth knowing of this kind.
    pub details: BTreeMap<String, DetailValue>,
}

/// How a principal was authenticated, in the words of CloudEvents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authentication {
    /// By an API key.
    ApiKey,
    /// As a person who signed in.
    User,
    /// Not at all: the service did it by itself.
    System,
    /// Not at all: nobody was recognised.
    Unauthenticated,
    /// In a way that another version wrote.
    #[serde(other)]
    Unknown,
}

/// What the policies said, in words close to the in-toto draft of decision receipts.
// Its fields stand in the order of their names on the wire, as RFC 8785 wants them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// Whether the action was allowed.
    #[serde(rename = "decision", with = "verdict")]
    pub allowed: bool,
    /// The digest of all policies that were in force.
    #[serde(rename = "policyDigest")]
    pub policy_digest: Digest,
    /// The policies that decided.
    #[serde(rename = "policyIds")]
    pub policies: Vec<String>,
}

impl AuditEvent {
    /// The longest text of one field, in bytes of JSON.
    pub const MAX_TEXT_BYTES: usize = 4096;
    /// The longest name of a kind, a policy or a detail, in bytes of JSON.
    pub const MAX_NAME_BYTES: usize = 128;
    /// The most details, and the most policies of a decision.
    pub const MAX_ENTRIES: usize = 32;
    /// What all details take together, in bytes of JSON.
    pub const MAX_DETAILS_BYTES: usize = 32 * 1024;

    /// An event of the service itself; say more with the fields.
    pub fn new(kind: EventKind, at_ms: i64) -> Self {
        Self {
            id: Uuid::now_v7(),
            at_ms,
            kind,
            principal: None,
            authentication: Authentication::System,
            subject: None,
            action: None,
            decision: None,
            request_id: None,
            details: BTreeMap::new(),
        }
    }

    /// The same with one more detail.
    #[must_use]
    pub fn with_detail(mut self, name: &str, value: impl Into<DetailValue>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// The same with everything that is too long cut, which sealing does to every event.
    ///
    /// Cut and not refused: a request must not stay out of the log because it is hostile, nor bloat it. A cut text ends
    /// with `…`; what was left out is counted as `details_left_out`.
    #[must_use]
    pub fn bounded(self) -> Self {
        Self {
            id: self.id,
            at_ms: moment::bounded(self.at_ms),
            kind: match self.kind {
                EventKind::Other(text) => EventKind::Other(clip(text, Self::MAX_NAME_BYTES)),
                known => known,
            },
            principal: self.principal.map(|text| clip(text, Self::MAX_TEXT_BYTES)),
            authentication: self.authentication,
            subject: self.subject.map(|text| clip(text, Self::MAX_TEXT_BYTES)),
            action: self.action.map(|text| clip(text, Self::MAX_TEXT_BYTES)),
            decision: self.decision.map(DecisionRecord::bounded),
            request_id: self.request_id.map(|text| clip(text, Self::MAX_TEXT_BYTES)),
            details: bounded_details(self.details),
        }
    }
}

impl DecisionRecord {
    fn bounded(mut self) -> Self {
        self.policies.truncate(AuditEvent::MAX_ENTRIES);
        for policy in &mut self.policies {
            *policy = clip(std::mem::take(policy), AuditEvent::MAX_NAME_BYTES);
        }
        self
    }
}

/// `allow` and `deny`.
mod verdict {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(allowed: &bool, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if *allowed { "allow" } else { "deny" })
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "allow" => Ok(true),
            "deny" => Ok(false),
            _ => Err(D::Error::custom("a decision is `allow` or `deny`")),
        }
    }
}
