//! Who may ask, and what they may share.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};
use tenon_domain::Digest;
use tenon_runtime::CacheScope;
use tokio::sync::OwnedSemaphorePermit;

use crate::control::Account;
use crate::failure::{Category, Failure};

/// Who may ask.
#[derive(Debug, Clone)]
pub enum Access {
    /// Programs on this machine, without a key. Web pages of other hosts are refused.
    ThisMachine,
    /// Whoever sends one of these keys, by digest.
    Keys(Vec<Digest>),
    /// Whoever sends a key that the service made.
    Governed,
}

/// Whoever asks for work, with room for it.
pub(crate) struct Admitted {
    pub scope: CacheScope,
    /// What the answer is paid from; `None` where nobody counts.
    pub account: Option<Account>,
    /// Held as long as the request is being answered.
    pub room: OwnedSemaphorePermit,
}

/// Why a list of keys cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AccessError {
    /// There is none.
    #[error("there is no key in it: write one on a line of its own")]
    Empty,
    /// One could be guessed.
    #[error(
        "the key on line {line} has fewer than {LEAST_KEY} characters; `openssl rand -hex 32` makes a good one"
    )]
    Short {
        /// 1-based.
        line: usize,
    },
}

const LEAST_KEY: usize = 16;
/// What proxies say of whom they ask for.
const FORWARDED: [&str; 5] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-real-ip",
    "via",
];

impl Access {
    /// Keys as they stand in a file: one a line, empty lines and lines that begin with `#` left out.
    ///
    /// # Errors
    /// When there is none, or one is short enough to be guessed.
    pub fn keys(text: &str) -> Result<Self, AccessError> {
        let mut keys = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let key = line.trim();
            if key.is_empty() || key.starts_with('#') {
                continue;
            }
            if key.chars().count() < LEAST_KEY {
                return Err(AccessError::Short { line: number + 1 });
            }
            keys.push(Digest::of(key));
        }
        match keys.is_empty() {
            true => Err(AccessError::Empty),
            false => Ok(Self::Keys(keys)),
        }
    }

    /// Whose request this is: what one of them had cached, no other sees.
    pub(crate) fn scope(&self, headers: &HeaderMap) -> Result<CacheScope, Failure> {
        match self {
            Self::ThisMachine => {
                same_machine(headers)?;
                Ok(CacheScope::local())
            }
            Self::Governed => Err(Failure::new(
                Category::Unauthenticated,
                "the key is missing: `tenon key create` makes one; send it as `Authorization: Bearer KEY`",
            )),
            Self::Keys(keys) => {
                let sent = sent_key(headers).map(Digest::of);
                let known = sent.filter(|sent| keys.contains(sent));
                let known = known.ok_or_else(|| {
                    let message = "the key is missing or unknown: send it as `Authorization: Bearer KEY`";
                    Failure::new(Category::Unauthenticated, message)
                })?;
                Ok(CacheScope(format!("key {known}")))
            }
        }
    }
}

pub(crate) fn sent_key(headers: &HeaderMap) -> Option<&str> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let bearer = text(header::AUTHORIZATION.as_str()).and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    bearer.or_else(|| text("x-api-key"))
}

/// A page of another host could ask in the name of whoever looks at it: by its own name bound to this machine's
/// address, or across origins.
fn same_machine(headers: &HeaderMap) -> Result<(), Failure> {
    let refused = |what: &str| {
        let message =
            format!("{what} is not this machine: without keys only programs on this machine are answered");
        Err(Failure::new(Category::Forbidden, message))
    };
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    match text(header::HOST) {
        Some(host) if !is_loopback(host) => return refused("the host that was asked for"),
        _ => {}
    }
    // Behind a proxy everybody comes from this machine.
    let is_forwarded = FORWARDED.iter().any(|name| headers.contains_key(*name));
    if is_forwarded {
        let message = "without keys only programs on this machine are answered, and this request was forwarded: send a \
                       key, and start the server with --require-keys";
        return Err(Failure::new(Category::Unauthenticated, message));
    }
    // Editors' own pages have schemes of their own; `null` is what a page hides behind.
    let is_foreign = text(header::ORIGIN).is_some_and(|origin| match origin.split_once("://") {
        Some(("http" | "https", host)) => !is_loopback(host),
        Some(_) => false,
        None => true,
    });
    match is_foreign {
        true => refused("the page that asks"),
        false => Ok(()),
    }
}

fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn keys_are_told_apart_and_never_share() {
        let access = Access::keys("# ours\n0123456789abcdef\n\n fedcba9876543210 \n").unwrap();
        let first = access.scope(&headers(&[("authorization", "Bearer 0123456789abcdef")]));
        let second = access.scope(&headers(&[("x-api-key", "fedcba9876543210")]));
        assert_ne!(first.unwrap(), second.unwrap());
        for wrong in [
            &[][..],
            &[("authorization", "Bearer 0123456789abcdee")],
            &[("authorization", "0123456789abcdef")],
            &[("authorization", "Basic 0123456789abcdef")],
        ] {
            assert!(access.scope(&headers(wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn keys_that_can_be_guessed_are_refused() {
        assert_eq!(Access::keys("# none\n").unwrap_err(), AccessError::Empty);
        assert_eq!(
            Access::keys("\nsecret\n").unwrap_err(),
            AccessError::Short { line: 2 }
        );
    }

    #[test]
    fn pages_of_other_hosts_are_refused_without_keys() {
        let allowed = [
            &[("host", "127.0.0.1:8080")][..],
            &[("host", "localhost")],
            &[("host", "[::1]:8080"), ("origin", "http://localhost:3000")],
            &[("origin", "vscode-webview://abc")],
        ];
        for pairs in allowed {
            assert!(Access::ThisMachine.scope(&headers(pairs)).is_ok(), "{pairs:?}");
        }
        let refused = [
            &[("host", "evil.example:8080")][..],
            &[("host", "127.0.0.1.evil.example")],
            &[("host", "127.0.0.1"), ("origin", "https://evil.example")],
            &[("host", "127.0.0.1"), ("origin", "null")],
        ];
        for pairs in refused {
            assert!(Access::ThisMachine.scope(&headers(pairs)).is_err(), "{pairs:?}");
        }
    }
}
