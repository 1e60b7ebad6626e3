//! The service's own interface: jobs, proposals, keys, limits, the audit log.
//!
//! ```text
//! request ─▶ caller (key or session) ─▶ limits ─▶ handler ─▶ permit (policy, audit) ─▶ answer
//! ```
//!
//! A handler can only answer with a [`Permit`], and a permit is only had from a decision that is in the audit log
//! already: what is not decided, or cannot be recorded, is not answered. Signing in and out has handlers of its own.

mod account;
mod answer;
mod archives;
mod asked;
mod audit;
mod batches;
mod body;
mod caller;
mod doors;
mod events;
mod jobs;
mod keeping;
mod keys;
mod ledger;
mod programs;
mod proposals;
mod refusal;
mod repositories;
mod routes;
mod service;
mod sessions;
mod sign_in;
mod signals;
mod turned_away;
mod users;
mod view;
mod watches;
mod webhooks;
mod work;

use std::sync::{Arc, PoisonError};

use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use tenon_access::{Action, Resource};
use tenon_audit::{AuditEvent, DecisionRecord, EventKind};
use tenon_jobs::now_ms;
use tenon_runtime::CacheScope;

use crate::access::Asking;
use crate::failure::{Category, Failure};
use crate::{tally, vitals};

pub(crate) use account::{Account, Bill, CameTo, Question, Told};
use caller::Credential;

pub(crate) use caller::Caller;
pub use keeping::Keeping;
pub(crate) use refusal::Refusal;
pub use service::{Control, ControlParts};
pub use sign_in::SignIn;
pub use work::GovernedRunner;

pub(crate) use routes::{rate_limits, routes};

/// Admits a request to the models, by a key of the service's: limits, policy and audit log as everywhere.
pub(crate) async fn admit(
    control: &Arc<Control>,
    method: &Method,
    headers: &HeaderMap,
    path: &str,
    told: Option<&Told>,
) -> Result<Asking, Failure> {
    let caller = Caller::recognise(control, method, headers).await?;
    admitted(control, caller, path, told).await
}

/// Admits a line of a batch, as a request of its own with the key that the batch was asked with.
pub(crate) async fn admit_line(control: &Arc<Control>, key: &str, path: &str) -> Result<Asking, Failure> {
    let caller = Caller::of_known_key(control, key).await?;
    admitted(control, caller, path, None).await
}

/// Decides, and counts meanwhile.
async fn admitted(
    control: &Arc<Control>,
    caller: Caller,
    path: &str,
    told: Option<&Told>,
) -> Result<Asking, Failure> {
    let now = now_ms();
    let (decided, counted) = tokio::join!(
        decided(control, &caller, path, Action::ModelsUse),
        control.ledger.count_request(&caller, now),
    );
    decided?;
    let counted = counted.map_err(Refusal::from)?;
    let rows = counted.map_err(|exceeded| Refusal::exceeded(&exceeded, now))?;
    if let Some(told) = told {
        told.lock().unwrap_or_else(PoisonError::into_inner).extend(rows);
    }
    Ok(Asking {
        scope: CacheScope(format!("principal {}", caller.principal.id)),
        key: match &caller.credential {
            Credential::Key(id) => Some(id.clone()),
            Credential::Session(_) => None,
        },
        account: Some(Account::new(control, caller, path, told.cloned())),
    })
}

/// The metrics, for whoever may read signals.
pub(crate) async fn metrics(control: &Arc<Control>, headers: &HeaderMap) -> Response {
    let path = "/metrics";
    let decided = async {
        let caller = Caller::recognise(control, &Method::GET, headers).await?;
        decided(control, &caller, path, Action::SignalsRead).await
    };
    if let Err(refusal) = decided.await {
        return refusal.response("", path);
    }
    control.measure().await;
    vitals::scrape(control.metrics())
}

/// Decides about the service as a whole, and records the decision.
async fn decided(control: &Control, caller: &Caller, path: &str, action: Action) -> Result<(), Refusal> {
    let authorizer = &control.parts.authorizer;
    let decision = authorizer.decide(&caller.principal, &caller.scopes, action, &Resource::Service);
    let kind = match decision.allowed {
        true => EventKind::RequestAnswered,
        false => EventKind::RequestRefused,
    };
    let event = AuditEvent {
        principal: Some(caller.principal.id.to_string()),
        authentication: caller.credential.authentication(),
        subject: Some(path.to_owned()),
        action: Some(action.as_str().to_owned()),
        decision: Some(DecisionRecord {
            allowed: decision.allowed,
            policies: decision.policies.clone(),
            policy_digest: authorizer.digest(),
        }),
        ..AuditEvent::new(kind, now_ms())
    };
    let event = caller.credential.noted(event);
    control.parts.journal.record(event).await?;
    match decision.allowed {
        true => Ok(()),
        false => Err(Refusal::forbidden(decision.reason, decision.policies)),
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let id = tally::current_id().unwrap_or_default();
        refusal.log(tally::current().route(), &id.to_string());
        let category = match refusal.status {
            StatusCode::UNAUTHORIZED => Category::Unauthenticated,
            StatusCode::FORBIDDEN => Category::Forbidden,
            StatusCode::TOO_MANY_REQUESTS => Category::RateLimited,
            _ => Category::Unavailable,
        };
        Self {
            retry_after: refusal
                .retry_after
                .and_then(|seconds| u64::try_from(seconds).ok()),
            ..Self::new(category, refusal.detail)
        }
    }
}
