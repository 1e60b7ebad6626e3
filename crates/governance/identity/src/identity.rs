use serde_json::{Map, Value};

use crate::settings::ProviderSettings;
use crate::{IdentityError, TokenProblem};

/// What a provider says of somebody.
pub(crate) type Claims = Map<String, Value>;

/// Somebody, by the word of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider.
    pub issuer: String,
    /// Their name at the provider, which stays theirs.
    pub subject: String,
    /// What they are called here.
    pub name: String,
    /// Whether that name is theirs for sure.
    pub vouching: Vouching,
    /// Their e-mail address, if it is theirs for sure.
    pub email: Option<String>,
    /// Their groups at the provider.
    pub groups: Vec<String>,
}

/// Whether somebody who carries a name is who is known by that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vouching {
    /// The provider verified it, or the operator named the claim.
    Vouched,
    /// They may have chosen it themselves.
    Claimed,
}

const MOST_GROUPS: usize = 1000;

impl Identity {
    /// Reads claims that were verified.
    pub(crate) fn read(claims: &Claims, settings: &ProviderSettings) -> Result<Self, IdentityError> {
        let text = |name: &str| text(claims, name);
        // It names somebody to the letter: two that differ in a blank are two people.
        let subject = claims.get("sub").and_then(|subject| subject.as_str());
        let subject = subject.filter(|subject| !subject.is_empty());
        let subject = subject.ok_or(TokenProblem::Lacks("sub"))?.to_owned();
        let is_named = settings.user_claim.as_deref();
        let email = text("email").filter(|_| is_verified(claims, is_named == Some("email")));
        let (name, vouching) = match is_named {
            Some("email") => (email.clone(), Vouching::Vouched),
            Some(claim) => (text(claim), Vouching::Vouched),
            None => match &email {
                Some(email) => (Some(email.clone()), Vouching::Vouched),
                None => (
                    text("preferred_username").or_else(|| Some(subject.clone())),
                    Vouching::Claimed,
                ),
            },
        };
        let groups = settings
            .groups_claim
            .as_deref()
            .map(|claim| groups(claims, claim));
        Ok(Self {
            issuer: settings.issuer.clone(),
            subject,
            name: name.ok_or_else(|| IdentityError::Unnamed {
                claim: is_named.unwrap_or("sub").to_owned(),
            })?,
            vouching,
            email,
            groups: groups.unwrap_or_default(),
        })
    }

    /// Whether something is asked for that the claims do not say.
    pub(crate) fn lacks(claims: &Claims, settings: &ProviderSettings) -> bool {
        let name = settings.user_claim.as_deref().unwrap_or("email");
        let asked = [Some(name), settings.groups_claim.as_deref()];
        asked.into_iter().flatten().any(|name| !claims.contains_key(name))
    }
}

/// An address that the provider did not verify may be anybody's. Where the operator names the claim, silence will do.
fn is_verified(claims: &Claims, is_named: bool) -> bool {
    match claims.get("email_verified") {
        Some(Value::Bool(verified)) => *verified,
        // Some providers write it as text.
        Some(Value::String(text)) => text == "true",
        Some(_) => false,
        None => is_named,
    }
}

fn text(claims: &Claims, name: &str) -> Option<String> {
    let text = claims.get(name)?.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn groups(claims: &Claims, name: &str) -> Vec<String> {
    match claims.get(name) {
        Some(Value::String(group)) => vec![group.clone()],
        Some(Value::Array(groups)) => groups
            .iter()
            .take(MOST_GROUPS)
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(user_claim: Option<&str>) -> ProviderSettings {
        ProviderSettings {
            issuer: "https://id.example".to_owned(),
            client_id: "tenon".to_owned(),
            client_secret: None,
            public_url: "https://tenon.example".to_owned(),
            callback: "/auth/callback".to_owned(),
            scopes: vec!["openid".to_owned()],
            user_claim: user_claim.map(str::to_owned),
            groups_claim: Some("groups".to_owned()),
        }
    }

    fn read(user_claim: Option<&str>, claims: Value) -> Result<Identity, IdentityError> {
        let Value::Object(claims) = claims else { panic!() };
        Identity::read(&claims, &settings(user_claim))
    }

    #[test]
    fn a_name_is_vouched_for_by_the_provider_or_the_operator() {
        let named = |user_claim, claims| {
            let identity = read(user_claim, claims).unwrap();
            (identity.name, identity.vouching)
        };
        let (vouched, claimed) = (Vouching::Vouched, Vouching::Claimed);
        let verified = json!({ "sub": "1", "email": "ada@a.example", "email_verified": true });
        assert_eq!(named(None, verified), ("ada@a.example".to_owned(), vouched));
        let silent = json!({ "sub": "1", "email": "ada@a.example", "preferred_username": "ada" });
        assert_eq!(named(None, silent.clone()), ("ada".to_owned(), claimed));
        assert_eq!(
            named(Some("email"), silent.clone()),
            ("ada@a.example".to_owned(), vouched)
        );
        assert_eq!(
            named(Some("preferred_username"), silent),
            ("ada".to_owned(), vouched)
        );
        assert_eq!(named(None, json!({ "sub": "1" })), ("1".to_owned(), claimed));

        let refused = json!({ "sub": "1", "email": "ada@a.example", "email_verified": false });
        let unnamed = |claim: &str| IdentityError::Unnamed {
            claim: claim.to_owned(),
        };
        assert_eq!(read(Some("email"), refused), Err(unnamed("email")));
        assert_eq!(read(Some("upn"), json!({ "sub": "1" })), Err(unnamed("upn")));
        assert_eq!(
            read(None, json!({ "sub": "" })),
            Err(TokenProblem::Lacks("sub").into())
        );
    }

    #[test]
    fn groups_are_a_list_or_one() {
        let groups = |claims| read(None, claims).unwrap().groups;
        assert_eq!(groups(json!({ "sub": "1", "groups": ["a", 1, "b"] })), ["a", "b"]);
        assert_eq!(groups(json!({ "sub": "1", "groups": "a" })), ["a"]);
        assert_eq!(groups(json!({ "sub": "1", "groups": { "a": true } })), [""; 0]);
    }
}
