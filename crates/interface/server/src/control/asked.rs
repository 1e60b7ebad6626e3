use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::http::HeaderMap;
use serde::de::DeserializeOwned;
use tenon_access::{Decision, Resource};
use tenon_api::Operation;
use tenon_audit::{AuditEvent, DecisionRecord, DetailValue, EventKind};
use tenon_domain::Classification;
use tenon_jobs::now_ms;

use super::{Caller, Control, Refusal};

/// A request whose caller is known.
pub(super) struct Asked<'service> {
    pub control: &'service Control,
    pub operation: Operation,
    pub caller: Caller,
    pub request_id: String,
    pub headers: HeaderMap,
    /// What stands in the places of the path.
    pub places: BTreeMap<String, String>,
    pub query: String,
    pub body: Result<Bytes, Refusal>,
}

/// Says that a request is permitted, and that this is in the audit log.
#[derive(Debug)]
pub(super) struct Permit(());

impl Permit {
    /// The same where nobody's permission can be asked for: whoever decided says so in the event, which is kept first.
    pub async fn of_door(control: &Control, event: AuditEvent) -> Result<Self, Refusal> {
        control.parts.journal.record(event).await?;
        Ok(Self(()))
    }
}

/// What is recorded beside the decision.
pub(super) struct Noted<'words> {
    pub kind: EventKind,
    pub subject: String,
    pub details: Vec<(&'words str, DetailValue)>,
}

impl Noted<'_> {
    /// Something is read.
    pub fn read(subject: impl Into<String>) -> Self {
        Self {
            kind: EventKind::RequestAnswered,
            subject: subject.into(),
            details: Vec::new(),
        }
    }

    /// Something is done.
    pub fn done(kind: EventKind, subject: impl Into<String>) -> Self {
        Self {
            kind,
            subject: subject.into(),
            details: Vec::new(),
        }
    }
}

impl<'words> Noted<'words> {
    pub fn with(mut self, name: &'words str, value: impl Into<DetailValue>) -> Self {
        self.details.push((name, value.into()));
        self
    }
}

impl Asked<'_> {
    /// Decides, records the decision, and refuses when it is a no.
    pub async fn permit(&self, resource: &Resource, noted: Noted<'_>) -> Result<Permit, Refusal> {
        let decision = self.decide(resource);
        let event = AuditEvent {
            principal: Some(self.caller.principal.id.to_string()),
            authentication: self.caller.credential.authentication(),
            subject: Some(noted.subject),
            action: Some(self.operation.action().as_str().to_owned()),
            request_id: Some(self.request_id.clone()),
            decision: Some(DecisionRecord {
                allowed: decision.allowed,
                policies: decision.policies.clone(),
                policy_digest: self.control.parts.authorizer.digest(),
            }),
            ..AuditEvent::new(
                match decision.allowed {
                    true => noted.kind,
                    false => EventKind::RequestRefused,
                },
                now_ms(),
            )
        };
        let event = self.caller.credential.noted(event);
        let details = noted.details.into_iter();
        let event = details.fold(event, |event, (name, value)| event.with_detail(name, value));
        self.control.parts.journal.record(event).await?;
        match decision.allowed {
            true => Ok(Permit(())),
            false => Err(Refusal::forbidden(decision.reason, decision.policies)),
        }
    }

    /// Whether one row of a list may be seen. The list itself was permitted before.
    pub fn may_see(&self, resource: &Resource) -> bool {
        self.decide(resource).allowed
    }

    fn decide(&self, resource: &Resource) -> Decision {
        let Caller {
            principal, scopes, ..
        } = &self.caller;
        self.control
            .parts
            .authorizer
            .decide(principal, scopes, self.operation.action(), resource)
    }

    /// What stands in a place of the path, read as one of our words.
    pub fn place<T: std::str::FromStr>(&self, name: &str) -> Result<T, Refusal> {
        let text = self.places.get(name).map(String::as_str).unwrap_or_default();
        let wrong = |_| Refusal::missing(format!("there is no `{}` here", shown(text)));
        text.parse().map_err(wrong)
    }

    /// The body, read as `T`.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        super::body::read(&self.headers, self.body.as_ref().map_err(Clone::clone)?)
    }

    /// The query, read as `T`.
    pub fn query<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        serde_urlencoded::from_str(&self.query).map_err(|error| Refusal::bad(format!("the query: {error}")))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// How carefully a repository is kept; one that is gone is kept carefully.
    pub async fn classification(&self, repository: &str) -> Result<Classification, Refusal> {
        let found = self.control.database().repository(repository).await?;
        Ok(found.map_or(Classification::Confidential, |found| found.classification))
    }
}

/// Text from outside, short and in one line.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}
