//! An identity provider that says what a test wants it to say, and checks what it is asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD as BASE64};
use serde_json::{Value, json};
use tenon_testkit::{FakeServer, HttpAnswer, HttpRequest};

pub const CLIENT: &str = "tenon";
pub const SECRET: &str = "a secret: with % and /";

pub struct FakeProvider {
    server: FakeServer,
    script: Arc<Mutex<Script>>,
}

/// What it does until it is told otherwise.
pub struct Script {
    pub is_down: bool,
    /// In place of what it says of itself.
    pub configuration: Value,
    /// In place of what tokens say; `null` leaves a claim out.
    pub claims: Value,
    pub signing: Signing,
    /// The name of its key.
    pub key: String,
    /// What it says of a person beside the token.
    pub person: Option<Value>,
    codes: BTreeMap<String, Question>,
}

/// How tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    Right,
    /// By a key of the same name that is not the provider's.
    Forged,
    /// Not at all.
    Nothing,
    /// With what everybody can read as the secret.
    PublicKeyAsSecret,
    /// With what both sides know.
    ClientSecret,
}

/// With what somebody came.
struct Question {
    nonce: String,
    challenge: String,
    redirect_uri: String,
}

impl FakeProvider {
    pub fn start() -> Self {
        let script = Arc::new(Mutex::new(Script {
            is_down: false,
            configuration: json!({}),
            claims: json!({ "email": "ada@a.example", "email_verified": true }),
            signing: Signing::Right,
            key: "one".to_owned(),
            person: None,
            codes: BTreeMap::new(),
        }));
        let (keys, answered) = (Keys::new(), Arc::clone(&script));
        let issuer = Arc::new(Mutex::new(String::new()));
        let own = Arc::clone(&issuer);
        let server = FakeServer::start(move |request| {
            let script = answered.lock().unwrap();
            match script.is_down {
                true => Some(HttpAnswer::whole(503, "text/plain", "closed")),
                false => Some(script.answer(request, &keys, &own.lock().unwrap())),
            }
        });
        *issuer.lock().unwrap() = server.address();
        Self { server, script }
    }

    pub fn issuer(&self) -> String {
        self.server.address()
    }

    pub fn tell(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script.lock().unwrap());
    }

    /// How often it was asked for what is at this path.
    pub fn asked_for(&self, path: &str) -> usize {
        let requests = self.server.requests();
        requests.iter().filter(|request| request.path == path).count()
    }

    /// Lets somebody in who came with this address: where they are sent back to.
    pub fn admits(&self, address: &str) -> String {
        let (place, query) = address.split_once('?').unwrap();
        assert_eq!(place, format!("{}/authorize", self.issuer()));
        let asked: BTreeMap<String, String> = serde_urlencoded::from_str(query).unwrap();
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["client_id"], CLIENT);
        assert_eq!(asked["code_challenge_method"], "S256");
        assert!(asked["scope"].split(' ').any(|scope| scope == "openid"));
        let mut script = self.script.lock().unwrap();
        let code = format!("code {}", script.codes.len());
        let question = Question {
            nonce: asked["nonce"].clone(),
            challenge: asked["code_challenge"].clone(),
            redirect_uri: asked["redirect_uri"].clone(),
        };
        script.codes.insert(code.clone(), question);
        let brought = [
            ("code", code.as_str()),
            ("state", &asked["state"]),
            ("session_state", "of the provider"),
        ];
        let brought = serde_urlencoded::to_string(brought).unwrap();
        format!("{}?{brought}", asked["redirect_uri"])
    }
}

impl Script {
    fn answer(&self, request: &HttpRequest, keys: &Keys, issuer: &str) -> HttpAnswer {
        match request.path.as_str() {
            "/.well-known/openid-configuration" => {
                let mut said = json!({
                    "issuer": issuer,
                    "authorization_endpoint": format!("{issuer}/authorize"),
                    "token_endpoint": format!("{issuer}/token"),
                    "jwks_uri": format!("{issuer}/keys"),
                    "userinfo_endpoint": format!("{issuer}/person"),
                });
                merge(&mut said, &self.configuration);
                json_answer(200, &said)
            }
            "/keys" => json_answer(
                200,
                &json!({ "keys": [
                { "kty": "of tomorrow", "kid": "two" },
                keys.published(&self.key),
            ] }),
            ),
            "/token" => self.redeem(request, keys, issuer),
            "/person" => {
                assert_eq!(request.header("authorization"), Some("Bearer of the person"));
                let nothing = json!({ "sub": "person 1" });
                json_answer(200, self.person.as_ref().unwrap_or(&nothing))
            }
            "/redirected" => HttpAnswer::whole(302, "text/plain", "").with_header("location", "/keys"),
            "/endless" => json_answer(200, &json!(" ".repeat(1 << 20))),
            other => panic!("nobody asks a provider for {other}"),
        }
    }

    fn redeem(&self, request: &HttpRequest, keys: &Keys, issuer: &str) -> HttpAnswer {
        let form: BTreeMap<String, String> = serde_urlencoded::from_bytes(&request.body).unwrap();
        let credentials = BASE64_STANDARD.encode("tenon:a+secret%3A+with+%25+and+%2F");
        assert_eq!(
            request.header("authorization"),
            Some(format!("Basic {credentials}").as_str())
        );
        assert_eq!(form["grant_type"], "authorization_code");
        let refused = || json_answer(400, &json!({ "error": "invalid_grant" }));
        let Some(question) = self.codes.get(&form["code"]) else {
            return refused();
        };
        let Some(verifier) = form.get("code_verifier") else {
            return refused();
        };
        let challenge = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
        let is_theirs = BASE64.encode(challenge) == question.challenge;
        if !is_theirs || verifier.len() < 43 || form["redirect_uri"] != question.redirect_uri {
            return refused();
        }
        let now = tenon_jobs::now_ms() / 1000;
        let mut claims = json!({
            "iss": issuer, "aud": CLIENT, "sub": "person 1", "nonce": question.nonce, "iat": now, "exp": now + 300,
        });
        merge(&mut claims, &self.claims);
        let token = keys.sign(&claims, self.signing, &self.key);
        let answer = json!({ "token_type": "Bearer", "access_token": "of the person", "id_token": token });
        json_answer(200, &answer)
    }
}

/// The provider's key, and another's.
struct Keys {
    own: EcdsaKeyPair,
    other: EcdsaKeyPair,
}

impl Keys {
    fn new() -> Self {
        let key = || EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self {
            own: key(),
            other: key(),
        }
    }

    fn published(&self, name: &str) -> Value {
        let point = self.own.public_key().as_ref();
        let (x, y) = (BASE64.encode(&point[1..33]), BASE64.encode(&point[33..65]));
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": name, "x": x, "y": y })
    }

    fn sign(&self, claims: &Value, signing: Signing, name: &str) -> String {
        let algorithm = match signing {
            Signing::Right | Signing::Forged => "ES256",
            Signing::Nothing => "none",
            Signing::PublicKeyAsSecret | Signing::ClientSecret => "HS256",
        };
        let header = json!({ "alg": algorithm, "typ": "JWT", "kid": name });
        let text = format!(
            "{}.{}",
            BASE64.encode(header.to_string()),
            BASE64.encode(claims.to_string())
        );
        let by = |key: &EcdsaKeyPair| {
            let signature = key.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
            signature.as_ref().to_vec()
        };
        let with = |secret: &[u8]| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
            hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
        };
        let signature = match signing {
            Signing::Right => by(&self.own),
            Signing::Forged => by(&self.other),
            Signing::Nothing => Vec::new(),
            Signing::PublicKeyAsSecret => with(self.own.public_key().as_ref()),
            Signing::ClientSecret => with(SECRET.as_bytes()),
        };
        format!("{text}.{}", BASE64.encode(signature))
    }
}

fn merge(into: &mut Value, from: &Value) {
    let into = into.as_object_mut().unwrap();
    for (name, value) in from.as_object().unwrap() {
        match value.is_null() {
            true => into.remove(name),
            false => into.insert(name.clone(), value.clone()),
        };
    }
}

fn json_answer(status: u16, value: &Value) -> HttpAnswer {
    HttpAnswer::whole(status, "application/json", value.to_string())
}
