use std::net::{IpAddr, ToSocketAddrs as _};
use std::str::FromStr;

use reqwest::Url;

use crate::address::is_public;
use crate::{Network, WebhookError};

/// Says where events may be sent: to public addresses over TLS, and to what whoever runs the server allows.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    allow: Vec<Allowed>,
}

/// Something that is allowed though it is not public, or not encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// A host by its name, wherever that leads.
    Host(String),
    /// Every host whose addresses all are in this range.
    Network(Network),
}

/// An address that may be sent to, as far as that can be said before its host was looked up.
#[derive(Debug, Clone)]
pub struct Destination {
    url: Url,
    /// Where it names an address and not a host.
    address: Option<IpAddr>,
}

const LONGEST: usize = 2048;
const SHOWN: usize = 100;

impl Guard {
    /// A guard that lets these pass, too.
    pub fn new(allow: Vec<Allowed>) -> Self {
        Self { allow }
    }

    /// Reads an address, and refuses what can be refused without looking its host up.
    ///
    /// # Errors
    /// When it is no address of the web, carries a password, is not encrypted or not public.
    pub fn admit(&self, url: &str) -> Result<Destination, WebhookError> {
        let destination = Destination::parse(url)?;
        match destination.address {
            Some(address) => self.check(&destination, &[address])?,
            None if self.may_be_plain(&destination) => {}
            None => return Err(destination.insecure()),
        }
        Ok(destination)
    }

    /// Looks the host of an address up, as the system finds it, and decides about all that it has; none for a host that is
    /// allowed by name, wherever that leads. Waits for the network: not for a thread that others need.
    ///
    /// # Errors
    /// As [`Self::admit`], and when the host is not found.
    pub fn look_up(&self, url: &str) -> Result<Vec<IpAddr>, WebhookError> {
        let destination = self.admit(url)?;
        if let Some(address) = destination.address {
            return Ok(vec![address]);
        }
        if self.allows_host(&destination) {
            return Ok(Vec::new());
        }
        let failed = |reason: String| WebhookError::Resolve {
            host: destination.host().to_owned(),
            reason,
        };
        // The port plays no part in it.
        let found = (destination.host(), 0).to_socket_addrs();
        let found = found.map_err(|error| failed(error.to_string()))?;
        let mut addresses: Vec<IpAddr> = found.map(|found| found.ip()).collect();
        addresses.sort_unstable();
        addresses.dedup();
        if addresses.is_empty() {
            return Err(failed("it has no address".to_owned()));
        }
        self.check(&destination, &addresses)?;
        Ok(addresses)
    }

    /// Decides about the addresses that the host was found at. One that is not public is enough to refuse all of them.
    pub(crate) fn check(&self, destination: &Destination, addresses: &[IpAddr]) -> Result<(), WebhookError> {
        if self.allows_host(destination) {
            return Ok(());
        }
        let is_allowed = |address: &IpAddr| self.allows_address(*address);
        if !addresses
            .iter()
            .all(|address| is_allowed(address) || is_public(*address))
        {
            return Err(destination.not_public());
        }
        match destination.is_encrypted() || addresses.iter().all(is_allowed) {
            true => Ok(()),
            false => Err(destination.insecure()),
        }
    }

    /// Whether it depends on the addresses at most.
    fn may_be_plain(&self, destination: &Destination) -> bool {
        let allows_networks = self.allow.iter().any(|one| matches!(one, Allowed::Network(_)));
        destination.is_encrypted() || allows_networks || self.allows_host(destination)
    }

    fn allows_host(&self, destination: &Destination) -> bool {
        let host = destination.host();
        let is_host =
            |one: &Allowed| matches!(one, Allowed::Host(allowed) if allowed.eq_ignore_ascii_case(host));
        self.allow.iter().any(is_host)
    }

    fn allows_address(&self, address: IpAddr) -> bool {
        let holds = |one: &Allowed| matches!(one, Allowed::Network(network) if network.contains(address));
        self.allow.iter().any(holds)
    }
}

impl FromStr for Allowed {
    type Err = WebhookError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if let Ok(network) = text.parse() {
            return Ok(Self::Network(network));
        }
        let fits = |character: char| character.is_ascii_alphanumeric() || "-._".contains(character);
        let is_number = |label: &str| label.chars().all(|character| character.is_ascii_digit());
        // Digits at the end would be an address, and one that is no range of addresses is a slip.
        let is_host = text.chars().all(fits) && !text.rsplit('.').next().is_none_or(is_number);
        match is_host {
            true => Ok(Self::Host(text.to_ascii_lowercase())),
            false => Err(WebhookError::Pattern {
                text: text.to_owned(),
            }),
        }
    }
}

impl Destination {
    /// Reads an address of the web, whoever may be sent to it.
    pub(crate) fn parse(text: &str) -> Result<Self, WebhookError> {
        let wrong = || WebhookError::Url {
            url: text.chars().take(SHOWN).flat_map(char::escape_debug).collect(),
        };
        if text.len() > LONGEST {
            return Err(wrong());
        }
        let mut url: Url = text.parse().map_err(|_| wrong())?;
        let is_web = matches!(url.scheme(), "https" | "http");
        if !is_web || !url.username().is_empty() || url.password().is_some() {
            return Err(wrong());
        }
        url.set_fragment(None);
        let mut destination = Self { url, address: None };
        if destination.host().is_empty() {
            return Err(wrong());
        }
        // Whatever way a number was written in, it is an address in the usual form by now.
        destination.address = destination.host().parse().ok();
        Ok(destination)
    }

    /// The host, by name or address.
    pub fn host(&self) -> &str {
        let host = self.url.host_str().unwrap_or_default();
        host.trim_matches(['[', ']'])
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// The address that it names, if it names one and not a host.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.address
    }

    fn is_encrypted(&self) -> bool {
        self.url.scheme() == "https"
    }

    fn insecure(&self) -> WebhookError {
        WebhookError::Insecure {
            host: self.host().to_owned(),
        }
    }

    fn not_public(&self) -> WebhookError {
        WebhookError::NotPublic {
            host: self.host().to_owned(),
        }
    }
}
