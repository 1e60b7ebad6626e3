use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tenon_domain::Secret;

use crate::discovery::Metadata;
use crate::http::{Http, expect_success, parse};
use crate::identity::Claims;
use crate::keys::Keys;
use crate::token::{self, Expected};
use crate::{Identity, IdentityError, ProviderSettings, TokenProblem};

/// An OpenID provider. What it says of itself is asked for when it is needed, and then known for an hour.
#[derive(Debug)]
pub struct Provider {
    settings: ProviderSettings,
    origin: String,
    http: Http,
    known: Mutex<Option<Known>>,
}

#[derive(Debug, Clone)]
struct Known {
    since: Instant,
    metadata: Arc<Metadata>,
    keys: Option<Arc<Keys>>,
}

/// Somebody who comes back from the provider.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'own> {
    /// What they bring.
    pub code: &'own str,
    /// The provider that sent them, where it says so.
    pub issuer: Option<&'own str>,
    /// What they left with.
    pub nonce: &'own str,
    /// What they left with.
    pub verifier: &'own Secret,
    /// Seconds since 1970.
    pub now: i64,
}

/// What is answered to a code.
#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct TokenError {
    error: String,
}

const FRESH: Duration = Duration::from_secs(3600);
const LONGEST_ERROR: usize = 100;

impl Provider {
    /// Checks the settings. Nothing is asked yet.
    ///
    /// # Errors
    /// When an address is none.
    pub fn new(settings: ProviderSettings) -> Result<Self, IdentityError> {
        let url = |text: &str, what: &str| {
            text.parse::<Url>().map_err(|_| IdentityError::Settings {
                reason: format!("its {what} is no address"),
            })
        };
        let issuer = url(&settings.issuer, "issuer")?;
        let origin = url(&settings.public_url, "public URL")?
            .origin()
            .ascii_serialization();
        Ok(Self {
            http: Http::new(is_on_this_machine(&issuer))?,
            settings,
            origin,
            known: Mutex::new(None),
        })
    }

    /// What it calls itself.
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// The origin that people reach the server at, as browsers write it.
    pub fn public_origin(&self) -> &str {
        &self.origin
    }

    /// The address that somebody leaves for, to come back with a code and this state.
    ///
    /// # Errors
    /// When the provider does not answer, or not as a provider does.
    pub async fn departure(
        &self,
        state: &str,
        nonce: &str,
        verifier: &Secret,
    ) -> Result<String, IdentityError> {
        let metadata = self.known().await?.metadata;
        let mut address = metadata.authorization.clone();
        address
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.callback())
            .append_pair("scope", &self.settings.scopes.join(" "))
            .append_pair("state", state)
            .append_pair("nonce", nonce)
            .append_pair("code_challenge", &challenge(verifier))
            .append_pair("code_challenge_method", "S256");
        Ok(address.into())
    }

    /// Who it is that comes back.
    ///
    /// # Errors
    /// When the provider does not answer, does not take the code, or answers with what cannot be trusted.
    pub async fn arrival(&self, arrival: Arrival<'_>) -> Result<Identity, IdentityError> {
        let known = self.known().await?;
        let is_theirs = match arrival.issuer {
            Some(issuer) => issuer == self.settings.issuer,
            None => !known.metadata.names_itself,
        };
        if !is_theirs {
            return Err(IdentityError::Mixed);
        }
        let tokens = self.redeem(&known.metadata, &arrival).await?;
        let expected = Expected {
            issuer: &self.settings.issuer,
            client_id: &self.settings.client_id,
            nonce: arrival.nonce,
            now: arrival.now,
        };
        let mut claims = self.verified(&known, &tokens.id_token, expected).await?;
        if Identity::lacks(&claims, &self.settings)
            && let (Some(address), Some(access)) = (&known.metadata.user, &tokens.access_token)
        {
            let more = self.asked(address, access).await?;
            add(&mut claims, more)?;
        }
        Identity::read(&claims, &self.settings)
    }

    fn callback(&self) -> String {
        format!("{}{}", self.settings.public_url, self.settings.callback)
    }

    /// What is known of the provider, asked for if it is not or not any more.
    async fn known(&self) -> Result<Known, IdentityError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(known) = known
            && known.since.elapsed() < FRESH
        {
            return Ok(known);
        }
        let metadata = Metadata::discover(&self.http, &self.settings.issuer).await?;
        let known = Known {
            since: Instant::now(),
            metadata: Arc::new(metadata),
            keys: None,
        };
        Ok(self.keep(known))
    }

    fn keep(&self, known: Known) -> Known {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known.clone());
        known
    }

    async fn fetch_keys(&self, known: &Known) -> Result<Arc<Keys>, IdentityError> {
        let keys = Arc::new(Keys::fetch(&self.http, known.metadata.keys.clone()).await?);
        self.keep(Known {
            keys: Some(Arc::clone(&keys)),
            ..known.clone()
        });
        Ok(keys)
    }

    /// The claims of a token. Providers change their keys: one that is not known is looked for once more.
    async fn verified(
        &self,
        known: &Known,
        token: &str,
        expected: Expected<'_>,
    ) -> Result<Claims, IdentityError> {
        token::header(token)?;
        if let Some(keys) = &known.keys {
            match token::verify(token, keys, expected) {
                Err(TokenProblem::UnknownKey) => {}
                verified => return Ok(verified?),
            }
        }
        let keys = self.fetch_keys(known).await?;
        Ok(token::verify(token, &keys, expected)?)
    }

    async fn redeem(&self, metadata: &Metadata, arrival: &Arrival<'_>) -> Result<Tokens, IdentityError> {
        const WHAT: &str = "a token";
        let callback = self.callback();
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", arrival.code),
            ("redirect_uri", &callback),
            ("code_verifier", arrival.verifier.expose()),
        ];
        let mut request = self.http.client.post(metadata.token.clone());
        let id = &self.settings.client_id;
        match &self.settings.client_secret {
            Some(secret) if metadata.takes_secret_in_body => {
                form.extend([("client_id", id.as_str()), ("client_secret", secret.expose())]);
            }
            // RFC 6749, 2.3.1: both are written as in a form first.
            Some(secret) => {
                request = request.basic_auth(form_encoded(id), Some(form_encoded(secret.expose())))
            }
            None => form.push(("client_id", id)),
        }
        let body = serde_urlencoded::to_string(form).map_err(|error| IdentityError::Settings {
            reason: error.to_string(),
        })?;
        let request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        let (status, body) = self.http.send(WHAT, request).await?;
        if status == StatusCode::BAD_REQUEST || status == StatusCode::UNAUTHORIZED {
            let refused: TokenError = parse(WHAT, &body)?;
            return Err(match refused.error.as_str() {
                "invalid_grant" => IdentityError::Code,
                other => IdentityError::Answer {
                    what: WHAT,
                    reason: other
                        .chars()
                        .take(LONGEST_ERROR)
                        .flat_map(char::escape_debug)
                        .collect(),
                },
            });
        }
        expect_success(WHAT, status)?;
        parse(WHAT, &body)
    }

    /// What the provider says of whoever the token was given for.
    async fn asked(&self, address: &Url, access: &str) -> Result<Claims, IdentityError> {
        const WHAT: &str = "what it knows of the person";
        let request = self.http.client.get(address.clone()).bearer_auth(access);
        let (status, body) = self.http.send(WHAT, request).await?;
        expect_success(WHAT, status)?;
        parse(WHAT, &body)
    }
}

/// Adds what was said elsewhere about the same person; what is signed stands.
fn add(claims: &mut Claims, more: Claims) -> Result<(), TokenProblem> {
    if more.get("sub") != claims.get("sub") {
        return Err(TokenProblem::Subject);
    }
    // An address and whether it is verified belong together.
    let has_email = claims.contains_key("email");
    for (name, value) in more {
        if !(has_email && name == "email_verified") {
            claims.entry(name).or_insert(value);
        }
    }
    Ok(())
}

/// The challenge of RFC 7636.
fn challenge(verifier: &Secret) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose()))
}

fn form_encoded(text: &str) -> String {
    let pair = serde_urlencoded::to_string([("", text)]).unwrap_or_default();
    pair.strip_prefix('=').unwrap_or_default().to_owned()
}

fn is_on_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        let verifier = Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(
            challenge(&verifier),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn secrets_are_written_as_in_a_form() {
        assert_eq!(form_encoded("a:b c%é"), "a%3Ab+c%25%C3%A9");
    }

    #[test]
    fn what_is_signed_stands_and_another_person_is_none() {
        let object = |value: serde_json::Value| value.as_object().unwrap().clone();
        let mut claims = object(json!({ "sub": "1", "email": "signed" }));
        let more = json!({ "sub": "1", "email": "other", "email_verified": true, "groups": ["a"] });
        add(&mut claims, object(more)).unwrap();
        assert_eq!(
            claims,
            object(json!({ "sub": "1", "email": "signed", "groups": ["a"] }))
        );
        let other = object(json!({ "sub": "2", "groups": ["b"] }));
        assert_eq!(add(&mut claims, other), Err(TokenProblem::Subject));
        assert_eq!(add(&mut claims, object(json!({}))), Err(TokenProblem::Subject));
    }
}
