//! A key for a program on the machine of somebody who signs in, the way that RFC 8252 has it for native programs.
//!
//! ```text
//! program ─▶ browser: /auth/program ─▶ "may it?" ─▶ /api/v1/grants ─▶ browser: 127.0.0.1:PORT?code= ─▶ program
//! program, with the code and with what only it knows ─▶ /auth/redeem ─▶ a key
//! ```

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use serde::Deserialize;
use tenon_access::{Resource, Scopes, mint};
use tenon_api::{Door, Operation, RedeemRequest};
use tenon_audit::{AuditEvent, Authentication, EventKind};
use tenon_domain::Digest;
use tenon_jobs::now_ms;
use tenon_store::LoginGrant;

use super::answer::Answer;
use super::asked::{Asked, Noted};
use super::caller::{Caller, Credential};
use super::doors::{Entering, milliseconds, random};
use super::{Refusal, body, keys, users};

/// How long a program may take to come for its key.
const PROMISE: Duration = Duration::from_secs(60);
/// How long the key holds.
const KEY: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// What a program says of itself.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Program {
    port: u16,
    challenge: String,
    name: String,
}

impl Program {
    fn challenge(&self) -> Result<Digest, Refusal> {
        let digest: Result<Digest, _> = self.challenge.parse();
        digest.map_err(|_| Refusal::bad("the query, at `challenge`: it is no SHA-256 digest"))
    }

    fn check(self) -> Result<Self, Refusal> {
        self.challenge()?;
        if self.port == 0 {
            return Err(Refusal::bad("the query, at `port`: it is 0"));
        }
        match users::is_name(&self.name) {
            true => Ok(self),
            false => Err(Refusal::bad(format!("the query, at `name`: {}", users::LETTERS))),
        }
    }
}

/// Asks whoever is at the browser; who did not sign in does that first.
pub(super) async fn ask(entering: &Entering<'_>) -> Result<Answer, Refusal> {
    let program = entering.query::<Program>()?.check()?;
    let event = entering.event(EventKind::RequestAnswered);
    let Ok(caller) = Caller::of_session(entering.control, entering.sign_in, &entering.headers).await else {
        let permit = entering.permit(event).await?;
        let here = format!("{}?{}", Door::Program.path(), entering.query);
        let there = serde_urlencoded::to_string([("return_to", here)]).map_err(Refusal::internal)?;
        return Ok(Answer::redirect(
            &permit,
            &format!("{}?{there}", Door::Login.path()),
        ));
    };
    let event = AuditEvent {
        principal: Some(caller.principal.id.to_string()),
        authentication: Authentication::User,
        ..event
    };
    let permit = entering
        .permit(event.with_detail("program", program.name.as_str()))
        .await?;
    let page = page(&program.name, &caller.principal.name, &entering.query);
    // Nobody frames it to have it clicked, and its one form leads to us and from there to the program.
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; \
         form-action 'self' http://127.0.0.1:{}",
        program.port
    );
    Ok(
        Answer::body(&permit, "text/html; charset=utf-8", Body::from(page))
            .with_header(header::CONTENT_SECURITY_POLICY, &policy),
    )
}

fn page(program: &str, user: &str, query: &str) -> String {
    let (program, user) = (escaped(program), escaped(user));
    let action = format!("{}?{}", Operation::GrantKey.path(), escaped(query));
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Tenon: a key for a program</title>\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <style>body{{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}}</style>\
         <h1>May a program have a key?</h1>\
         <p><strong>{program}</strong> asks for a key in the name of <strong>{user}</strong>. \
         It may then do what {user} may, for 90 days or until the key is revoked.</p>\
         <p>Say yes only if you started <code>tenon login</code> on this machine just now.</p>\
         <form method=\"post\" action=\"{action}\"><button>Yes, give it a key</button></form></html>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

/// Somebody said yes: the browser takes the code to the program.
pub(super) async fn grant(asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let program = asked.query::<Program>()?.check()?;
    let caller = &asked.caller;
    let noted = Noted::done(EventKind::RequestAnswered, "grants").with("name", program.name.as_str());
    let owner = caller.principal.id;
    let permit = asked.permit(&Resource::Key { owner }, noted).await?;
    if !matches!(caller.credential, Credential::Session(_)) {
        let detail = "a key makes another with `tenon key create`; this is for who signed in with a browser";
        return Err(Refusal::conflict(detail));
    }
    let code = random()?;
    let grant = LoginGrant {
        code: Digest::of(code.expose()),
        principal: owner,
        challenge: program.challenge()?,
        name: program.name.trim().to_owned(),
        expires_at_ms: now_ms().saturating_add(milliseconds(PROMISE)),
    };
    asked.control.database().add_login_grant(&grant).await?;
    let address = format!("http://127.0.0.1:{}/?code={}", program.port, code.expose());
    Ok(Answer::redirect(&permit, &address))
}

/// The program comes for its key.
pub(super) async fn redeem(entering: &Entering<'_>, sent: Bytes) -> Result<Answer, Refusal> {
    let request: RedeemRequest = body::read(&entering.headers, &sent)?;
    let database = entering.control.database();
    let taken = database
        .take_login_grant(&Digest::of(&request.code), now_ms())
        .await?;
    let grant = taken.filter(|grant| grant.challenge == Digest::of(&request.verifier));
    let Some(grant) = grant else {
        let refusal = Refusal::bad("the code was used before, is too old or another program's: start again");
        return Err(entering.refused(refusal, None).await);
    };
    let owner = database.principal(grant.principal).await?;
    let owner = owner.ok_or_else(|| Refusal::missing("the user is gone"))?;
    let minted = mint().map_err(Refusal::internal)?;
    let event = AuditEvent {
        principal: Some(owner.id.to_string()),
        authentication: Authentication::User,
        subject: Some(format!("keys/{}", minted.id)),
        ..entering.event(EventKind::KeyCreated)
    };
    let event = event
        .with_detail("owner", owner.id.to_string())
        .with_detail("scopes", "*")
        .with_detail("name", grant.name.as_str());
    let permit = entering.permit(event).await?;
    let lifetime = Some(milliseconds(KEY));
    let created = keys::keep(
        entering.control,
        minted,
        &owner,
        &grant.name,
        &Scopes::all(),
        lifetime,
    )
    .await?;
    Ok(Answer::json(&permit, StatusCode::CREATED, &created))
}
