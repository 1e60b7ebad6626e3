//! Signing in and out. Whoever comes here has no permission that could be asked for: what is decided by the word of the
//! identity provider, refusals included, is in the audit log before it is answered.
//!
//! ```text
//! /auth/login ─▶ attempt kept ─▶ the provider ─▶ /auth/callback ─▶ attempt taken ─▶ identity ─▶ admission ─▶ session
//! ```

use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tenon_access::token;
use tenon_api::Door;
use tenon_audit::{AuditEvent, Authentication, EventKind};
use tenon_domain::{Digest, Principal, PrincipalId, PrincipalKind, Role};
use tenon_identity::{Arrival, Denied, Identity, IdentityError, Standing};
use tenon_jobs::now_ms;
use tenon_store::{Acquaintance, LoginAttempt, NewSession, ProviderIdentity};

use super::answer::Answer;
use super::asked::{Permit, shown};
use super::caller::{Caller, Credential};
use super::sign_in::{Cookie, SignIn, local_path};
use super::{Control, Refusal, body, programs, users};

/// How long somebody may be on their way.
const ATTEMPT: Duration = Duration::from_secs(600);
/// Where they go who do not say.
const HOME: &str = "/docs";

/// Somebody at a door.
pub(super) struct Entering<'own> {
    pub control: &'own Control,
    pub sign_in: &'own SignIn,
    request_id: &'own str,
    pub headers: HeaderMap,
    pub query: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Leaving {
    return_to: Option<String>,
}

/// Providers may say more than this.
#[derive(Deserialize)]
struct Returning {
    state: Option<String>,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

/// The answer of a door, or why it stays shut.
pub(super) async fn open(
    control: &Control,
    door: Door,
    request: Request,
    request_id: &str,
) -> Result<Response, Refusal> {
    if !control.is_ready() {
        return Err(Refusal::unavailable("the server is starting or stopping"));
    }
    let sign_in = control.parts.sign_in.as_ref().ok_or_else(|| {
        Refusal::missing("nobody signs in here: the server's configuration has no `[oidc]`; use a key")
    })?;
    if door != Door::Logout && !sign_in.turnstile.pass(Instant::now()) {
        return Err(Refusal::unavailable("too many sign in at once; try again"));
    }
    let entering = Entering {
        control,
        sign_in,
        request_id,
        headers: request.headers().clone(),
        query: request.uri().query().unwrap_or_default().to_owned(),
    };
    let answer = match door {
        Door::Program => programs::ask(&entering).await?,
        Door::Redeem => programs::redeem(&entering, body::receive(request).await?).await?,
        Door::Login => entering.login().await?,
        Door::Callback => entering.callback().await?,
        Door::Logout => entering.logout().await?,
    };
    let mut response = answer.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

impl Entering<'_> {
    async fn login(&self) -> Result<Answer, Refusal> {
        let leaving: Leaving = self.query()?;
        let return_to = leaving.return_to.as_deref().unwrap_or(HOME);
        let Some(return_to) = local_path(return_to) else {
            let refusal =
                Refusal::bad("the query, at `return_to`: it is no path of this server, such as `/docs`");
            return Err(self.refused(refusal, None).await);
        };
        let (state, nonce, verifier) = (random()?, random()?, random()?);
        let departure = self
            .sign_in
            .provider
            .departure(state.expose(), nonce.expose(), &verifier);
        let address = match departure.await {
            Ok(address) => address,
            Err(error) => return Err(self.refused(error.into(), None).await),
        };
        let permit = self.permit(self.event(EventKind::LoginStarted)).await?;
        let attempt = LoginAttempt {
            state: Digest::of(state.expose()),
            nonce: nonce.expose().to_owned(),
            verifier,
            return_to: return_to.to_owned(),
            expires_at_ms: now_ms().saturating_add(milliseconds(ATTEMPT)),
        };
        self.control.database().add_login_attempt(&attempt).await?;
        let cookie = self.sign_in.set(Cookie::Attempt, state.expose(), ATTEMPT);
        Ok(Answer::redirect(&permit, &address).with_cookie(&cookie))
    }

    async fn callback(&self) -> Result<Answer, Refusal> {
        let (identity, return_to) = match self.identified().await {
            Ok(identified) => identified,
            Err(refusal) => return Err(self.refused(refusal, None).await),
        };
        let welcomed = self.welcomed(&identity).await;
        let (user, acquaintance, is_changed) = match welcomed {
            Ok(welcomed) => welcomed,
            Err(refusal) => return Err(self.refused(refusal, Some(&identity)).await),
        };
        if is_changed {
            self.permit(self.changed(&user, acquaintance)).await?;
        }
        let (token, now) = (random()?, now_ms());
        let session = NewSession {
            id: uuid::Uuid::now_v7().to_string(),
            digest: Digest::of(token.expose()),
            expires_at_ms: now.saturating_add(milliseconds(self.sign_in.session)),
        };
        let event = AuditEvent {
            principal: Some(user.id.to_string()),
            authentication: Authentication::User,
            ..self.event(EventKind::LoginSucceeded)
        };
        let event = event
            .with_detail("session", session.id.as_str())
            .with_detail("identity", identity.subject.as_str())
            .with_detail("role", user.role.as_str());
        let permit = self.permit(event).await?;
        let whose = ProviderIdentity {
            issuer: identity.issuer.clone(),
            subject: identity.subject.clone(),
        };
        let database = self.control.database();
        let signed_in = database.sign_in(&user, acquaintance, &whose, &session, now).await;
        if let Err(error) = signed_in {
            return Err(self.refused(error.into(), Some(&identity)).await);
        }
        let begun = self
            .sign_in
            .set(Cookie::Session, token.expose(), self.sign_in.session);
        let done = self.sign_in.set(Cookie::Attempt, "", Duration::ZERO);
        Ok(Answer::redirect(&permit, &return_to)
            .with_cookie(&begun)
            .with_cookie(&done))
    }

    async fn logout(&self) -> Result<Answer, Refusal> {
        let caller = Caller::of_session(self.control, self.sign_in, &self.headers).await?;
        let Credential::Session(id) = &caller.credential else {
            return Err(Refusal::internal("a session without a session"));
        };
        if !self.sign_in.is_own(&self.headers) {
            let refusal = Refusal::foreign_page();
            return Err(self.refused(refusal, None).await);
        }
        let event = AuditEvent {
            principal: Some(caller.principal.id.to_string()),
            authentication: Authentication::User,
            ..self.event(EventKind::LoggedOut)
        };
        let permit = self.permit(event.with_detail("session", id.as_str())).await?;
        self.control.database().revoke_session(id, now_ms()).await?;
        let gone = self.sign_in.set(Cookie::Session, "", Duration::ZERO);
        Ok(Answer::nothing(&permit, StatusCode::NO_CONTENT).with_cookie(&gone))
    }

    /// Who comes back, and where they go from here. What they left with is used up by that.
    async fn identified(&self) -> Result<(Identity, String), Refusal> {
        let returning: Returning = self.query()?;
        let stranger = || {
            Refusal::bad("nobody left from this browser to sign in, or they are back already: sign in again")
        };
        let state = returning.state.ok_or_else(stranger)?;
        // Whoever has only the address was sent here by another.
        if self.sign_in.sent(Cookie::Attempt, &self.headers) != Some(&state) {
            return Err(stranger());
        }
        let now = now_ms();
        let taken = self
            .control
            .database()
            .take_login_attempt(&Digest::of(&state), now)
            .await?;
        let attempt = taken.ok_or_else(stranger)?;
        if let Some(error) = returning.error {
            let detail = format!("the identity provider does not let you in: {}", shown(&error));
            return Err(Refusal::forbidden(detail, Vec::new()));
        }
        let code = returning
            .code
            .ok_or_else(|| Refusal::bad("the query, at `code`: it is missing"))?;
        let arrival = Arrival {
            code: &code,
            issuer: returning.iss.as_deref(),
            nonce: &attempt.nonce,
            verifier: &attempt.verifier,
            now: now / 1000,
        };
        let identity = self.sign_in.provider.arrival(arrival).await?;
        Ok((identity, attempt.return_to))
    }

    /// As whom somebody is let in, how well they are known, and whether they are another user than before.
    async fn welcomed(&self, identity: &Identity) -> Result<(Principal, Acquaintance, bool), Refusal> {
        let (standing, known) = self.standing(identity).await?;
        let role = self.sign_in.admission.decide(identity, standing)?;
        let (acquaintance, is_changed) = match standing {
            Standing::Known(before) => (Acquaintance::Known, before != role),
            Standing::Named(before) => (Acquaintance::Linked, before != role),
            Standing::Unknown | Standing::Taken => (Acquaintance::New, true),
        };
        let user = match known {
            Some(known) => Principal { role, ..known },
            None => newcomer(identity, role)?,
        };
        Ok((user, acquaintance, is_changed))
    }

    async fn standing(&self, identity: &Identity) -> Result<(Standing, Option<Principal>), Refusal> {
        let database = self.control.database();
        let whose = ProviderIdentity {
            issuer: identity.issuer.clone(),
            subject: identity.subject.clone(),
        };
        if let Some(known) = database.identified(&whose).await? {
            return Ok((Standing::Known(known.role), Some(known)));
        }
        let Some(named) = database.principal_named(&identity.name).await? else {
            return Ok((Standing::Unknown, None));
        };
        let is_taken =
            named.kind != PrincipalKind::Person || database.has_identity(named.id, &identity.issuer).await?;
        Ok(match is_taken {
            true => (Standing::Taken, None),
            false => (Standing::Named(named.role), Some(named)),
        })
    }

    pub fn query<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        serde_urlencoded::from_str(&self.query).map_err(|error| Refusal::bad(format!("the query: {error}")))
    }

    pub fn event(&self, kind: EventKind) -> AuditEvent {
        let event = AuditEvent {
            authentication: Authentication::Unauthenticated,
            subject: Some("login".to_owned()),
            request_id: Some(self.request_id.to_owned()),
            ..AuditEvent::new(kind, now_ms())
        };
        event.with_detail("issuer", self.sign_in.provider.issuer())
    }

    fn changed(&self, user: &Principal, acquaintance: Acquaintance) -> AuditEvent {
        let event = AuditEvent {
            subject: Some(format!("users/{}", user.id)),
            ..self.event(EventKind::UserChanged)
        };
        let change = match acquaintance {
            Acquaintance::New => "added",
            Acquaintance::Known | Acquaintance::Linked => "changed",
        };
        event
            .with_detail("change", change)
            .with_detail("name", user.name.as_str())
            .with_detail("role", user.role.as_str())
    }

    pub async fn permit(&self, event: AuditEvent) -> Result<Permit, Refusal> {
        Permit::of_door(self.control, event).await
    }

    /// The refusal, once it is in the log; what cannot be recorded is refused for that.
    pub async fn refused(&self, refusal: Refusal, identity: Option<&Identity>) -> Refusal {
        let event = self.event(EventKind::LoginRefused);
        let event = event.with_detail("reason", refusal.detail.as_str());
        let event = match identity {
            Some(identity) => event
                .with_detail("identity", identity.subject.as_str())
                .with_detail("name", identity.name.as_str()),
            None => event,
        };
        match self.permit(event).await {
            Ok(_) => refusal,
            Err(unrecorded) => unrecorded,
        }
    }
}

fn newcomer(identity: &Identity, role: Role) -> Result<Principal, Refusal> {
    if !users::is_name(&identity.name) {
        let detail = format!(
            "`{}` cannot be the name of a user: {}",
            shown(&identity.name),
            users::LETTERS
        );
        return Err(Refusal::forbidden(detail, Vec::new()));
    }
    Ok(Principal {
        id: PrincipalId::new(),
        name: identity.name.clone(),
        kind: PrincipalKind::Person,
        team: None,
        role,
        repositories: std::collections::BTreeMap::new(),
    })
}

pub(super) fn random() -> Result<tenon_domain::Secret, Refusal> {
    token().map_err(Refusal::internal)
}

pub(super) fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl From<IdentityError> for Refusal {
    fn from(error: IdentityError) -> Self {
        let detail = error.to_string();
        match error {
            IdentityError::Unreachable { .. } => Self::unavailable(detail),
            IdentityError::Code | IdentityError::Mixed => Self::bad(detail),
            IdentityError::Unnamed { .. } => Self::forbidden(detail, Vec::new()),
            IdentityError::Settings { .. } | IdentityError::Answer { .. } | IdentityError::Token(_) => {
                Self::upstream(detail)
            }
        }
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        Self::forbidden(denied.to_string(), Vec::new())
    }
}
