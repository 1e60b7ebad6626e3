use std::time::Duration;

use reqwest::Url;
use tenon_domain::{ModelReference, Price, Secret};
use tenon_runtime::ModelDescriptor;

use crate::dialect::{ConstraintDialect, Dialect, FillRoute, TokenCounting, UpstreamKind};

/// A model behind an HTTP interface.
#[derive(Debug, Clone)]
pub struct RemoteConfiguration {
    /// The name that Tenon calls it by.
    pub name: String,
    /// The address of the interface, up to and including `/v1`.
    pub base_url: String,
    /// The name that the upstream calls it by.
    pub model: String,
    /// What identifies us to the upstream.
    pub api_key: Option<Secret>,
    /// What its tokens cost, if that is known.
    pub price: Option<Price>,
    /// Tokens of context, prompt and completion together.
    pub context_length: u32,
    /// What the upstream can do; begin with [`UpstreamKind::dialect`].
    pub dialect: Dialect,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// How many requests may run at once for the samples of one prompt.
    pub max_parallel: usize,
}

/// How long to wait for an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// From sending the request to the first token of the answer, reading the prompt included.
    pub first_token: Duration,
    /// Between two tokens.
    pub idle: Duration,
}

/// Why a configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigurationError {
    /// Not an address.
    #[error("the base_url of model `{name}` is not an http address: `{base_url}` ({reason})")]
    Address {
        /// The model.
        name: String,
        /// What was given.
        base_url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The key cannot be sent.
    #[error("the api key of model `{name}` holds characters that a header cannot carry")]
    ApiKey {
        /// The model.
        name: String,
    },
    /// No HTTP client can be made, for example because the system has no certificates.
    #[error("no HTTP client can be made for model `{name}`: {reason}")]
    Client {
        /// The model.
        name: String,
        /// Why.
        reason: String,
    },
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_token: Duration::from_secs(120),
            idle: Duration::from_secs(30),
        }
    }
}

impl RemoteConfiguration {
    /// A model on a server of this kind, without a key and with the usual patience.
    pub fn new(kind: UpstreamKind, name: &str, base_url: &str, model: &str, context_length: u32) -> Self {
        Self {
            name: name.to_owned(),
            base_url: base_url.to_owned(),
            model: model.to_owned(),
            api_key: None,
            price: None,
            context_length,
            dialect: kind.dialect(),
            timeouts: Timeouts::default(),
            max_parallel: 4,
        }
    }

    /// Checks the address; a path that ends in a slash or not means the same.
    pub(crate) fn parse_base_url(&self) -> Result<Url, ConfigurationError> {
        let fail = |reason: String| ConfigurationError::Address {
            name: self.name.clone(),
            base_url: self.base_url.clone(),
            reason,
        };
        let url = Url::parse(self.base_url.trim_end_matches('/')).map_err(|error| fail(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(fail("it must begin with http:// or https://".to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(fail("credentials belong in the api key".to_owned()));
        }
        Ok(url)
    }

    pub(crate) fn describe(&self, url: &Url) -> ModelDescriptor {
        ModelDescriptor {
            reference: ModelReference {
                name: self.name.clone(),
                digest: None,
                price: self.price,
            },
            context_length: self.context_length,
            fills_in_the_middle: self.dialect.fill != FillRoute::None,
            constrains: !matches!(
                self.dialect.constraint,
                ConstraintDialect::None | ConstraintDialect::ResponseFormat
            ),
            counts_exactly: self.dialect.counting != TokenCounting::Estimated,
            remote: !is_loopback(url),
        }
    }
}

/// Whether the upstream runs on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
