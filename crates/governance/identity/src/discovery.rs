use reqwest::Url;
use serde::Deserialize;

use crate::IdentityError;
use crate::http::Http;

/// What a provider says of itself, as OpenID Connect Discovery 1.0 has it.
#[derive(Debug, Clone)]
pub(crate) struct Metadata {
    pub authorization: Url,
    pub token: Url,
    pub keys: Url,
    pub user: Option<Url>,
    /// Whether the secret goes into the body, where the header is not taken.
    pub takes_secret_in_body: bool,
    /// Whether it says with every answer that the answer is its own (RFC 9207).
    pub names_itself: bool,
}

#[derive(Deserialize)]
struct Said {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

const WHAT: &str = "its configuration";

impl Metadata {
    pub async fn discover(http: &Http, issuer: &str) -> Result<Self, IdentityError> {
        let address = format!(
            "{}/.well-known/openid-configuration",
            issuer.trim_end_matches('/')
        );
        let address: Url = address.parse().map_err(|_| IdentityError::Settings {
            reason: "its issuer is no address".to_owned(),
        })?;
        let is_encrypted = address.scheme() == "https";
        let said: Said = http.get(WHAT, address).await?;
        if said.issuer != issuer {
            let mut other: String = said.issuer.chars().take(100).collect();
            other = other.escape_debug().to_string();
            return Err(wrong(format!("it calls itself `{other}`, not `{issuer}`")));
        }
        let url = |text: &str| {
            let url: Option<Url> = text.parse().ok();
            url.filter(|url| url.scheme() == "https" || (!is_encrypted && url.scheme() == "http"))
                .ok_or_else(|| wrong("one of its addresses is not encrypted, or none"))
        };
        let methods = said.token_endpoint_auth_methods_supported.unwrap_or_default();
        let takes = |method: &str| methods.iter().any(|one| one == method);
        Ok(Self {
            authorization: url(&said.authorization_endpoint)?,
            token: url(&said.token_endpoint)?,
            keys: url(&said.jwks_uri)?,
            user: said.userinfo_endpoint.as_deref().map(url).transpose()?,
            takes_secret_in_body: takes("client_secret_post") && !takes("client_secret_basic"),
            names_itself: said.authorization_response_iss_parameter_supported,
        })
    }
}

fn wrong(reason: impl Into<String>) -> IdentityError {
    IdentityError::Answer {
        what: WHAT,
        reason: reason.into(),
    }
}
