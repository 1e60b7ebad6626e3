use std::time::Instant;

use axum::http::{HeaderMap, Method};
use tenon_access::{KeyGrant, PresentedKey, Scopes};
use tenon_audit::{AuditEvent, Authentication, EventKind};
use tenon_domain::{Digest, Principal};
use tenon_jobs::now_ms;
use tenon_store::{Database, DatabaseError, StoredKey};

use super::sign_in::{Cookie, SignIn};
use super::{Control, Refusal};
use crate::access::sent_key;

/// Whoever asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub principal: Principal,
    pub credential: Credential,
    pub scopes: Scopes,
    /// When the key ends, in milliseconds since 1970; what it makes ends no later.
    pub expires_at_ms: Option<i64>,
}

/// How they showed it, by what names that and is no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    /// By a key.
    Key(String),
    /// By having signed in.
    Session(String),
}

impl Credential {
    pub fn authentication(&self) -> Authentication {
        match self {
            Self::Key(_) => Authentication::ApiKey,
            Self::Session(_) => Authentication::User,
        }
    }

    /// What names it.
    pub fn id(&self) -> &str {
        match self {
            Self::Key(id) | Self::Session(id) => id,
        }
    }

    /// The event with a word about it.
    pub fn noted(&self, event: AuditEvent) -> AuditEvent {
        match self {
            Self::Key(id) => event.with_detail("key", id.as_str()),
            Self::Session(id) => event.with_detail("session", id.as_str()),
        }
    }
}

const NO_KEY: &str = "send a key as `Authorization: Bearer tenon_…`; `tenon key create` makes one";

impl Caller {
    /// Recognises whoever sent these headers: by their key, else by their session. One that ended is recognised,
    /// recorded and refused. A session changes something only for pages of our own.
    pub async fn recognise(control: &Control, method: &Method, headers: &HeaderMap) -> Result<Self, Refusal> {
        if let Some(sent) = sent_key(headers) {
            return Self::of_key(control, sent).await;
        }
        let Some(sign_in) = Self::sent_session(control, headers) else {
            return Err(Refusal::unauthenticated(NO_KEY));
        };
        let caller = Self::of_session(control, sign_in, headers).await?;
        if !method.is_safe() && !sign_in.is_own(headers) {
            let refusal = Refusal::foreign_page();
            record(control, &caller.principal, &caller.credential, &refusal.detail).await?;
            return Err(refusal);
        }
        Ok(caller)
    }

    /// How people sign in here, if a session was sent.
    pub fn sent_session<'own>(control: &'own Control, headers: &HeaderMap) -> Option<&'own SignIn> {
        let sign_in = control.parts.sign_in.as_ref()?;
        sign_in.sent(Cookie::Session, headers).map(|_| sign_in)
    }

    /// Recognises whoever signed in.
    pub async fn of_session(
        control: &Control,
        sign_in: &SignIn,
        headers: &HeaderMap,
    ) -> Result<Self, Refusal> {
        let unknown = || Refusal::unauthenticated("there is no such session: sign in at `/auth/login`");
        let sent = sign_in.sent(Cookie::Session, headers).ok_or_else(unknown)?;
        let found = control.database().session(&Digest::of(sent)).await?;
        let (stored, principal) = found.ok_or_else(unknown)?;
        let credential = Credential::Session(stored.id);
        let is_over = stored.revoked_at_ms.is_some() || stored.expires_at_ms <= now_ms();
        if is_over {
            let refusal = Refusal::unauthenticated("the session is over: sign in again at `/auth/login`");
            record(control, &principal, &credential, &refusal.detail).await?;
            return Err(refusal);
        }
        Ok(Self {
            principal,
            credential,
            scopes: Scopes::all(),
            // What somebody makes who signed in may outlive the session, as it may with a key without an end.
            expires_at_ms: None,
        })
    }

    async fn of_key(control: &Control, sent: &str) -> Result<Self, Refusal> {
        let presented =
            PresentedKey::parse(sent).map_err(|error| Refusal::unauthenticated(error.to_string()))?;
        // One that is unknown and one that is wrong are not told apart.
        let unknown = || Refusal::unauthenticated("there is no such key");
        let found = control.database().key(presented.id().as_str()).await?;
        let (stored, principal) = found.ok_or_else(unknown)?;
        if !presented.matches(&stored.digest) {
            let refusal = unknown();
            let credential = Credential::Key(stored.id);
            record(control, &principal, &credential, "the secret is wrong").await?;
            return Err(refusal);
        }
        Self::granted(control, stored, principal).await
    }

    /// Whoever a key speaks for that was recognised before.
    pub async fn of_known_key(control: &Control, id: &str) -> Result<Self, Refusal> {
        let found = control.database().key(id).await?;
        let (stored, principal) = found.ok_or_else(|| Refusal::unauthenticated("there is no such key"))?;
        Self::granted(control, stored, principal).await
    }

    async fn granted(control: &Control, stored: StoredKey, principal: Principal) -> Result<Self, Refusal> {
        let scopes: Scopes = serde_json::from_str(&stored.scopes).map_err(Refusal::internal)?;
        let grant = KeyGrant {
            principal,
            scopes,
            expires_at: stored.expires_at_ms.map(seconds),
            revoked_at: stored.revoked_at_ms.map(seconds),
        };
        let credential = Credential::Key(stored.id);
        if let Some(refusal) = grant.refusal(seconds(now_ms())) {
            record(control, &grant.principal, &credential, &refusal.to_string()).await?;
            return Err(Refusal::unauthenticated(refusal.to_string()));
        }
        Ok(Self {
            principal: grant.principal,
            credential,
            scopes: grant.scopes,
            expires_at_ms: stored.expires_at_ms,
        })
    }

    /// Whether the key or the session still holds, and speaks for somebody who may do the same as when it was recognised.
    pub async fn still_holds(&self, database: &Database) -> Result<bool, DatabaseError> {
        let id = match &self.credential {
            Credential::Key(id) => id,
            Credential::Session(id) => {
                let found = database.session_by_id(id).await?;
                let is_out = database.disabled_principals().await?.contains(&self.principal.id);
                return Ok(found.is_some_and(|(stored, principal)| {
                    let is_over = stored.revoked_at_ms.is_some() || stored.expires_at_ms <= now_ms();
                    principal == self.principal && !is_out && !is_over
                }));
            }
        };
        let found = database.key(id).await?;
        Ok(found.is_some_and(|(stored, principal)| {
            let has_expired = stored.expires_at_ms.is_some_and(|expiry| expiry <= now_ms());
            principal == self.principal && stored.revoked_at_ms.is_none() && !has_expired
        }))
    }
}

fn seconds(milliseconds: i64) -> u64 {
    u64::try_from(milliseconds / 1000).unwrap_or_default()
}

/// Not each time: whoever knows the name of a key could fill the log with it.
async fn record(
    control: &Control,
    principal: &Principal,
    credential: &Credential,
    why: &str,
) -> Result<(), Refusal> {
    let subject = match credential {
        Credential::Key(id) => format!("keys/{id}"),
        Credential::Session(id) => format!("sessions/{id}"),
    };
    let tried = format!("{subject} {why}");
    let Some(unrecorded) = control.turned_away.count(&tried, Instant::now()) else {
        return Ok(());
    };
    let event = AuditEvent {
        principal: Some(principal.id.to_string()),
        authentication: Authentication::Unauthenticated,
        subject: Some(subject),
        ..AuditEvent::new(EventKind::RequestRefused, now_ms())
    };
    let event = event.with_detail("reason", why);
    let event = match unrecorded {
        0 => event,
        count => event.with_detail("unrecorded", count),
    };
    control.parts.journal.record(event).await?;
    Ok(())
}
