use axum::http::HeaderMap;
use tenon_access::{KeyGrant, PresentedKey, Scopes};
use tenon_audit::{AuditEvent, Authentication, EventKind};
use tenon_domain::Principal;
use tenon_jobs::now_ms;

use super::{Control, Refusal};
use crate::access::sent_key;

/// Whoever asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub principal: Principal,
    pub key: String,
    pub scopes: Scopes,
    /// When the key ends, in milliseconds since 1970; what it makes ends no later.
    pub expires_at_ms: Option<i64>,
}

const NO_KEY: &str = "send a key as `Authorization: Bearer tenon_…`; `tenon key create` makes one";

impl Caller {
    /// Recognises whoever sent these headers. A key that ended is recognised, recorded and refused.
    pub async fn recognise(control: &Control, headers: &HeaderMap) -> Result<Self, Refusal> {
        let sent = sent_key(headers).ok_or_else(|| Refusal::unauthenticated(NO_KEY))?;
        let presented =
            PresentedKey::parse(sent).map_err(|error| Refusal::unauthenticated(error.to_string()))?;
        // One that is unknown and one that is wrong are not told apart.
        let unknown = || Refusal::unauthenticated("there is no such key");
        let found = control.database().key(presented.id().as_str()).await?;
        let (stored, principal) = found.ok_or_else(unknown)?;
        if !presented.matches(&stored.digest) {
            let refusal = unknown();
            record(control, &principal, &stored.id, "the secret is wrong").await?;
            return Err(refusal);
        }
        let scopes: Scopes = serde_json::from_str(&stored.scopes).map_err(|_| Refusal::internal())?;
        let grant = KeyGrant {
            principal,
            scopes,
            expires_at: stored.expires_at_ms.map(seconds),
            revoked_at: stored.revoked_at_ms.map(seconds),
        };
        if let Some(refusal) = grant.refusal(seconds(now_ms())) {
            record(control, &grant.principal, &stored.id, &refusal.to_string()).await?;
            return Err(Refusal::unauthenticated(refusal.to_string()));
        }
        Ok(Self {
            principal: grant.principal,
            key: stored.id,
            scopes: grant.scopes,
            expires_at_ms: stored.expires_at_ms,
        })
    }
}

fn seconds(milliseconds: i64) -> u64 {
    u64::try_from(milliseconds / 1000).unwrap_or_default()
}

async fn record(control: &Control, principal: &Principal, key: &str, why: &str) -> Result<(), Refusal> {
    let event = AuditEvent {
        principal: Some(principal.id.to_string()),
        authentication: Authentication::Unauthenticated,
        subject: Some(format!("keys/{key}")),
        ..AuditEvent::new(EventKind::RequestRefused, now_ms())
    };
    let event = event.with_detail("reason", why);
    control.parts.journal.record(event).await?;
    Ok(())
}
