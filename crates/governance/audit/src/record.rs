use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tenon_domain::{Digest, moment};
use uuid::Uuid;

use crate::detail::in_canonical_order;
use crate::json::to_line;
use crate::{AuditError, AuditEvent, Authentication, DecisionRecord, DetailValue, EventKind, sequence};

/// No record is longer, in bytes of its stored form.
pub const MAX_RECORD_BYTES: usize = 64 * 1024;

/// The end of a log: what the next record builds on, and what a checkpoint signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The sequence of the last record; 0 when there is none.
    pub sequence: i64,
    /// The digest of the last record.
    pub digest: Digest,
}

/// An event in its place: sealed over everything before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place, from 1, without gaps.
    pub sequence: i64,
    /// What happened.
    pub event: AuditEvent,
    /// The digest of the record before it.
    pub previous: Digest,
    /// The digest of its stored form without the digest itself.
    pub digest: Digest,
}

impl Head {
    /// The head of an empty log.
    pub fn start() -> Self {
        Self {
            sequence: 0,
            digest: Digest::of("the first record of a Tenon audit log follows"),
        }
    }
}

impl Record {
    /// The record that follows `head`. The event is [bounded](AuditEvent::bounded) first.
    ///
    /// Two records that are sealed over the same head fork the log: whoever keeps the rows seals and stores one at a
    /// time.
    pub fn seal(head: &Head, event: AuditEvent) -> Self {
        let mut record = Self {
            sequence: head.sequence.saturating_add(1),
            event: event.bounded(),
            previous: head.digest,
            // Until the next line.
            digest: head.digest,
        };
        record.digest = Digest::of(to_line(&record.cloud_event(None)));
        record
    }

    /// What the next record builds on.
    pub fn head(&self) -> Head {
        Head {
            sequence: self.sequence,
            digest: self.digest,
        }
    }

    /// The stored form: a CloudEvent as one line of canonical JSON.
    pub fn to_json(&self) -> String {
        to_line(&self.cloud_event(Some(self.digest)))
    }

    /// Reads the stored form, for showing. Whether it was tampered with is for the [`Verifier`](crate::Verifier) to say.
    ///
    /// # Errors
    /// When it is not a record.
    pub fn from_json(text: &str) -> Result<Self, AuditError> {
        let stored: CloudEvent<'static> = serde_json::from_str(text).map_err(|error| AuditError::Record {
            reason: error.to_string(),
        })?;
        stored.into_record().ok_or_else(|| AuditError::Record {
            reason: "it has no `hash`".to_owned(),
        })
    }

    fn cloud_event(&self, hash: Option<Digest>) -> CloudEvent<'_> {
        let event = &self.event;
        CloudEvent {
            authid: event.principal.as_deref().map(Cow::Borrowed),
            authtype: event.authentication,
            correlationid: event.request_id.as_deref().map(Cow::Borrowed),
            data: Data {
                action: event.action.as_deref().map(Cow::Borrowed),
                decision: event.decision.as_ref().map(Cow::Borrowed),
                details: Cow::Borrowed(&event.details),
            },
            datacontenttype: "application/json".into(),
            hash,
            id: event.id,
            prevhash: self.previous,
            sequence: self.sequence,
            source: "tenon".into(),
            specversion: "1.0".into(),
            subject: event.subject.as_deref().map(Cow::Borrowed),
            time: event.at_ms,
            kind: Cow::Borrowed(&event.kind),
        }
    }
}

/// A record as CloudEvents 1.0 writes it; `prevhash` and `hash` are extensions of ours.
// Its fields stand in the order of their names, and so do those of everything in it: written as they stand they are
// canonical (RFC 8785), which is several times faster than sorting them for every record. The tests compare.
#[derive(Serialize, Deserialize)]
struct CloudEvent<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    authid: Option<Cow<'a, str>>,
    authtype: Authentication,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    correlationid: Option<Cow<'a, str>>,
    data: Data<'a>,
    datacontenttype: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hash: Option<Digest>,
    id: Uuid,
    prevhash: Digest,
    #[serde(with = "sequence")]
    sequence: i64,
    source: Cow<'a, str>,
    specversion: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<Cow<'a, str>>,
    #[serde(with = "moment")]
    time: i64,
    #[serde(rename = "type")]
    kind: Cow<'a, EventKind>,
}

#[derive(Serialize, Deserialize)]
struct Data<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    action: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    decision: Option<Cow<'a, DecisionRecord>>,
    #[serde(serialize_with = "in_canonical_order")]
    details: Cow<'a, BTreeMap<String, DetailValue>>,
}

impl CloudEvent<'_> {
    fn into_record(self) -> Option<Record> {
        let event = AuditEvent {
            id: self.id,
            at_ms: self.time,
            kind: self.kind.into_owned(),
            principal: self.authid.map(Cow::into_owned),
            authentication: self.authtype,
            subject: self.subject.map(Cow::into_owned),
            action: self.data.action.map(Cow::into_owned),
            decision: self.data.decision.map(Cow::into_owned),
            request_id: self.correlationid.map(Cow::into_owned),
            details: self.data.details.into_owned(),
        };
        Some(Record {
            sequence: self.sequence,
            event,
            previous: self.prevhash,
            digest: self.hash?,
        })
    }
}
