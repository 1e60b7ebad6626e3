use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Bytes;
use axum::http::HeaderMap;
use serde::de::DeserializeOwned;
use tenon_access::{Decision, Resource};
use tenon_api::Operation;
use tenon_audit::{AuditEvent, Authentication, DecisionRecord, DetailValue, EventKind};
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
    /// Whether a decision to permit it is in the audit log.
    pub is_permitted: AtomicBool,
}

/// Says that a request is permitted, and that this is in the audit log.
#[derive(Debug)]
pub(super) struct Permit(());

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
        self.record(&decision, noted).await?;
        self.is_permitted.fetch_or(decision.allowed, Ordering::Relaxed);
        match decision.allowed {
            true => Ok(Permit(())),
            false => Err(Refusal::forbidden(decision.reason, decision.policies)),
        }
    }

    /// Refuses what policies do not know of, and records it; what they refuse is refused by them.
    pub async fn forbid(
        &self,
        resource: &Resource,
        noted: Noted<'_>,
        detail: &str,
    ) -> Result<Refusal, Refusal> {
        let decision = self.decide(resource);
        let refusal = match decision.allowed {
            true => Refusal::forbidden(detail, vec!["scope".to_owned()]),
            false => Refusal::forbidden(decision.reason.clone(), decision.policies.clone()),
        };
        let refused = Decision {
            allowed: false,
            ..decision
        };
        self.record(&refused, noted).await?;
        Ok(refusal)
    }

    async fn record(&self, decision: &Decision, noted: Noted<'_>) -> Result<(), Refusal> {
        let event = AuditEvent {
            principal: Some(self.caller.principal.id.to_string()),
            authentication: Authentication::ApiKey,
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
        let event = event.with_detail("key", self.caller.key.as_str());
        let details = noted.details.into_iter();
        let event = details.fold(event, |event, (name, value)| event.with_detail(name, value));
        self.control.parts.journal.record(event).await?;
        Ok(())
    }

    /// Writes down that what was permitted came to nothing, under the id of the request.
    pub async fn note_failure(&self, path: &str, refusal: &Refusal) {
        if !self.is_permitted.load(Ordering::Relaxed) {
            return;
        }
        let event = AuditEvent {
            principal: Some(self.caller.principal.id.to_string()),
            authentication: Authentication::ApiKey,
            subject: Some(path.to_owned()),
            action: Some(self.operation.action().as_str().to_owned()),
            request_id: Some(self.request_id.clone()),
            ..AuditEvent::new(EventKind::RequestRefused, now_ms())
        };
        let event = event
            .with_detail("key", self.caller.key.as_str())
            .with_detail("status", i64::from(refusal.status.as_u16()))
            .with_detail("reason", refusal.category.as_str());
        // The answer is a refusal already.
        let _ = self.control.parts.journal.record(event).await;
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
