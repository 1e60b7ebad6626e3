//! ID tokens: who signed them, and what they have to say to be meant for us, now.

use jsonwebtoken::{DecodingKey, Header, Validation, decode, decode_header};
use serde_json::Value;

use crate::identity::Claims;
use crate::keys::Keys;

/// What is wrong with a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenProblem {
    /// It is no token, or signed in a way that proves nothing, such as `none`.
    #[error("it is no token that is signed with a key of the provider's")]
    Unsigned,
    /// No key of the provider's is the one that it names.
    #[error("it names a key that the provider does not have")]
    UnknownKey,
    /// The signature is not that of the key.
    #[error("its signature is wrong")]
    Signature,
    /// It is another provider's.
    #[error("it is another provider's")]
    Issuer,
    /// It is for somebody else.
    #[error("it is for another client")]
    Audience,
    /// It answers another question.
    #[error("it answers another attempt to sign in")]
    Nonce,
    /// It is too old.
    #[error("it has expired")]
    Expired,
    /// It is not valid yet.
    #[error("it is from the future: compare the clocks of the two machines")]
    Early,
    /// It does not say what it has to.
    #[error("it lacks `{0}`")]
    Lacks(&'static str),
    /// What is said of the person elsewhere is said of another.
    #[error("what the provider says of the person is said of another")]
    Subject,
}

/// What a token has to say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'own> {
    pub issuer: &'own str,
    pub client_id: &'own str,
    pub nonce: &'own str,
    /// Seconds since 1970.
    pub now: i64,
}

/// By so many seconds clocks may differ.
const SKEW: i64 = 60;

/// What a token says about its signature. Only signatures with a public key are read.
pub(crate) fn header(token: &str) -> Result<Header, TokenProblem> {
    use jsonwebtoken::Algorithm::{HS256, HS384, HS512};
    let header = decode_header(token).map_err(|_| TokenProblem::Unsigned)?;
    match header.alg {
        // The secret would be one that both sides know: or, in an attack, the public key.
        HS256 | HS384 | HS512 => Err(TokenProblem::Unsigned),
        _ => Ok(header),
    }
}

/// The claims of a token that is signed by the provider, and meant for us, now.
pub(crate) fn verify(token: &str, keys: &Keys, expected: Expected<'_>) -> Result<Claims, TokenProblem> {
    let header = header(token)?;
    let key = keys.find(&header).ok_or(TokenProblem::UnknownKey)?;
    let key = DecodingKey::from_jwk(key).map_err(|_| TokenProblem::UnknownKey)?;
    let mut validation = Validation::new(header.alg);
    // What it says is checked below, at a time that is given.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let decoded = decode::<Claims>(token, &key, &validation).map_err(|_| TokenProblem::Signature)?;
    check(&decoded.claims, expected)?;
    Ok(decoded.claims)
}

fn check(claims: &Claims, expected: Expected<'_>) -> Result<(), TokenProblem> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(expected.issuer) {
        return Err(TokenProblem::Issuer);
    }
    check_audience(claims, expected.client_id)?;
    if text("nonce") != Some(expected.nonce) {
        return Err(TokenProblem::Nonce);
    }
    if text("sub").is_none_or(str::is_empty) {
        return Err(TokenProblem::Lacks("sub"));
    }
    if seconds(claims, "exp")? <= expected.now.saturating_sub(SKEW) {
        return Err(TokenProblem::Expired);
    }
    let latest = expected.now.saturating_add(SKEW);
    let begins = claims.get("nbf").map_or(Ok(0), |_| seconds(claims, "nbf"))?;
    match seconds(claims, "iat")? > latest || begins > latest {
        true => Err(TokenProblem::Early),
        false => Ok(()),
    }
}

/// One audience is us. Among others, or where a party is named that it was made for, that party is us.
fn check_audience(claims: &Claims, client_id: &str) -> Result<(), TokenProblem> {
    let is_us = |value: &Value| value.as_str() == Some(client_id);
    let (is_for_us, is_for_others) = match claims.get("aud") {
        Some(Value::Array(audiences)) => (audiences.iter().any(is_us), audiences.len() > 1),
        Some(audience) => (is_us(audience), false),
        None => (false, false),
    };
    let is_party = match claims.get("azp") {
        Some(party) => is_us(party),
        None => !is_for_others,
    };
    match is_for_us && is_party {
        true => Ok(()),
        false => Err(TokenProblem::Audience),
    }
}

fn seconds(claims: &Claims, name: &'static str) -> Result<i64, TokenProblem> {
    let value = claims.get(name).ok_or(TokenProblem::Lacks(name))?;
    // A number of seconds may have a fraction.
    let whole = value.as_f64().map(|seconds| seconds as i64);
    value.as_i64().or(whole).ok_or(TokenProblem::Lacks(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problem(change: Value) -> Option<TokenProblem> {
        let mut claims = json!({
            "iss": "https://id.example", "aud": "tenon", "nonce": "n", "sub": "1", "exp": 1000, "iat": 900,
        });
        let Value::Object(change) = change else { panic!() };
        for (name, value) in change {
            match value.is_null() {
                true => claims.as_object_mut().unwrap().remove(&name),
                false => claims.as_object_mut().unwrap().insert(name, value),
            };
        }
        let expected = Expected {
            issuer: "https://id.example",
            client_id: "tenon",
            nonce: "n",
            now: 950,
        };
        check(claims.as_object().unwrap(), expected).err()
    }

    #[test]
    fn a_token_is_from_them_for_us_and_of_now() {
        for good in [
            json!({}),
            json!({ "aud": ["tenon"] }),
            json!({ "aud": ["other", "tenon"], "azp": "tenon" }),
            json!({ "exp": 891 }),
            json!({ "iat": 1010 }),
            json!({ "exp": 1000.5, "nbf": 1 }),
        ] {
            assert_eq!(problem(good.clone()), None, "{good}");
        }
        for (bad, said) in [
            (json!({ "iss": "https://id.example/" }), TokenProblem::Issuer),
            (json!({ "iss": null }), TokenProblem::Issuer),
            (json!({ "aud": "other" }), TokenProblem::Audience),
            (json!({ "aud": null }), TokenProblem::Audience),
            (json!({ "aud": ["tenon", "other"] }), TokenProblem::Audience),
            (
                json!({ "aud": ["tenon", "other"], "azp": "other" }),
                TokenProblem::Audience,
            ),
            (json!({ "azp": "other" }), TokenProblem::Audience),
            (json!({ "nonce": "m" }), TokenProblem::Nonce),
            (json!({ "nonce": null }), TokenProblem::Nonce),
            (json!({ "sub": null }), TokenProblem::Lacks("sub")),
            (json!({ "sub": "" }), TokenProblem::Lacks("sub")),
            (json!({ "exp": 890 }), TokenProblem::Expired),
            (json!({ "exp": null }), TokenProblem::Lacks("exp")),
            (json!({ "exp": "1000" }), TokenProblem::Lacks("exp")),
            (json!({ "iat": null }), TokenProblem::Lacks("iat")),
            (json!({ "iat": 1011 }), TokenProblem::Early),
            (json!({ "nbf": 1011 }), TokenProblem::Early),
        ] {
            assert_eq!(problem(bad.clone()), Some(said), "{bad}");
        }
    }
}
