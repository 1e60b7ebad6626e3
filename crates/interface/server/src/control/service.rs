use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::HeaderMap;
use tenon_access::{Authorizer, MintedKey, Scopes};
use tenon_api::{Model, Prompt};
use tenon_audit::{AuditEvent, EventKind, Journal, JournalError, PublicKey};
use tenon_domain::{Criticality, Principal, PrincipalId, PrincipalKind, Role};
use tenon_jobs::{Sources, now_ms};
use tenon_signals::Metrics;
use tenon_store::{Database, DatabaseError, NewKey};
use tenon_webhooks::Guard;

use super::Caller;
use super::account::Accounts;
use super::ledger::Ledger;
use super::sign_in::SignIn;
use super::turned_away::TurnedAway;
use super::watches::Watches;
use crate::vitals;

/// What the service's own interface is made of.
pub struct ControlParts {
    /// Where everything is kept.
    pub database: Database,
    /// Who may do what.
    pub authorizer: Authorizer,
    /// What is written down.
    pub journal: Journal,
    /// The keys that checkpoints of the log are trusted by: the one that they are signed with here, and those of others.
    pub audit_keys: Vec<PublicKey>,
    /// What is measured.
    pub metrics: Metrics,
    /// Which folders may be registered.
    pub sources: Sources,
    /// How people sign in; `None`: they do not, and keys are all there is.
    pub sign_in: Option<SignIn>,
    /// Where webhooks may lead.
    pub guard: Guard,
    /// The templates.
    pub prompts: Vec<Prompt>,
    /// The models, weakest first.
    pub models: Vec<Model>,
    /// How many jobs may wait before the first are refused.
    pub queue: u32,
}

/// The service's own interface.
pub struct Control {
    pub(super) parts: ControlParts,
    pub(super) ledger: Ledger,
    pub(super) accounts: Accounts,
    pub(super) turned_away: TurnedAway,
    pub(super) watches: Watches,
    is_ready: AtomicBool,
}

/// The name of whoever sets the service up.
const FIRST_USER: &str = "admin";

impl Control {
    /// The interface over these parts. It is not ready before [`Self::make_ready`].
    pub fn new(parts: ControlParts) -> Arc<Self> {
        let ledger = Ledger::new(parts.database.clone());
        Arc::new(Self {
            parts,
            ledger,
            accounts: Accounts::default(),
            turned_away: TurnedAway::default(),
            watches: Watches::default(),
            is_ready: AtomicBool::new(false),
        })
    }

    /// Says whether requests may come.
    pub fn make_ready(&self, is_ready: bool) {
        self.parts.metrics.ready(is_ready);
        self.is_ready.store(is_ready, Ordering::Relaxed);
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.is_ready.load(Ordering::Relaxed)
    }

    /// Whether these headers hold a session, whatever it is good for.
    pub(crate) fn knows_session(&self, headers: &HeaderMap) -> bool {
        Caller::sent_session(self, headers).is_some()
    }

    pub(crate) fn database(&self) -> &Database {
        &self.parts.database
    }

    /// What is measured.
    pub fn metrics(&self) -> &Metrics {
        &self.parts.metrics
    }

    /// Measures what is only known when it is asked for.
    pub(crate) async fn measure(&self) {
        let now = now_ms();
        // What the database does not tell stays as it was.
        let depths = self.database().queue_depths().await.unwrap_or_default();
        for criticality in Criticality::ALL {
            let depth = depths.iter().find(|depth| depth.criticality == criticality);
            let oldest =
                depth.map(|depth| u64::try_from(now.saturating_sub(depth.oldest_ms)).unwrap_or_default());
            let waiting = depth.map_or(0, |depth| u64::try_from(depth.waiting).unwrap_or_default());
            self.metrics()
                .queue(criticality, waiting, oldest.map(Duration::from_millis));
        }
        vitals::measure(self.metrics());
    }

    /// Writes into the audit log what the service does by itself.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub async fn record(&self, kind: EventKind, details: &[(&str, String)]) -> Result<(), JournalError> {
        let event = AuditEvent::new(kind, now_ms());
        let event = details.iter().fold(event, |event, (name, value)| {
            event.with_detail(name, value.clone())
        });
        self.parts.journal.record(event).await
    }

    /// Makes the first user, an administrator, with this key; whether it did: not when there is a user already.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn found(database: &Database, key: &MintedKey) -> Result<bool, DatabaseError> {
        let first = Principal {
            id: PrincipalId::new(),
            name: FIRST_USER.to_owned(),
            kind: PrincipalKind::Person,
            team: None,
            role: Role::Admin,
            repositories: std::collections::BTreeMap::new(),
        };
        let key = NewKey {
            id: key.id.to_string(),
            principal: first.id,
            name: "first".to_owned(),
            digest: key.digest,
            scopes: scopes_text(&Scopes::all()),
            expires_at_ms: None,
        };
        database.found(&first, &key, now_ms()).await
    }
}

/// Scopes as the store keeps them.
pub(super) fn scopes_text(scopes: &Scopes) -> String {
    serde_json::Value::from(scopes.to_texts()).to_string()
}
