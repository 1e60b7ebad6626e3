use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, Header};
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;

use crate::IdentityError;
use crate::http::Http;

/// The keys that a provider signs with. Those of kinds that are not known here are left out.
#[derive(Debug, Clone)]
pub(crate) struct Keys(Vec<Jwk>);

#[derive(Deserialize)]
struct Published {
    keys: Vec<Value>,
}

impl Keys {
    pub async fn fetch(http: &Http, address: Url) -> Result<Self, IdentityError> {
        let published: Published = http.get("its keys", address).await?;
        let keys = published.keys.into_iter();
        Ok(Self(
            keys.filter_map(|key| serde_json::from_value(key).ok()).collect(),
        ))
    }

    /// The key that a token says it is signed with. A token that says nothing has to be signed with the only one that
    /// it can be.
    pub fn find(&self, header: &Header) -> Option<&Jwk> {
        let mut fitting = self.0.iter().filter(|key| {
            let is_named = header.kid.is_none() || key.common.key_id == header.kid;
            is_named && fits(key, header.alg)
        });
        let found = fitting.next();
        found.filter(|_| fitting.next().is_none())
    }
}

/// Whether a key is for signatures of this algorithm: one of another kind must never verify anything.
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let of_kind = match (&key.algorithm, algorithm) {
        (
            AlgorithmParameters::RSA(_),
            Algorithm::RS256
            | Algorithm::RS384
            | Algorithm::RS512
            | Algorithm::PS256
            | Algorithm::PS384
            | Algorithm::PS512,
        ) => true,
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES256) => key.curve == EllipticCurve::P256,
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES384) => key.curve == EllipticCurve::P384,
        (AlgorithmParameters::OctetKeyPair(key), Algorithm::EdDSA) => key.curve == EllipticCurve::Ed25519,
        _ => false,
    };
    let is_for_it = key
        .common
        .key_algorithm
        .is_none_or(|own| own.to_string() == format!("{algorithm:?}"));
    of_kind && is_for_it && key.common.public_key_use != Some(PublicKeyUse::Encryption)
}
