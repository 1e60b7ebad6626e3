//! How people sign in, and the cookies that say that they did.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};
use tenon_identity::{Admission, Provider};

/// How people sign in.
#[derive(Debug)]
pub struct SignIn {
    pub(super) provider: Provider,
    pub(super) admission: Admission,
    /// How long a session holds.
    pub(super) session: Duration,
    pub(super) turnstile: Turnstile,
}

impl SignIn {
    /// By the word of this provider, for so long.
    pub fn new(provider: Provider, admission: Admission, session: Duration) -> Self {
        Self {
            provider,
            admission,
            session,
            turnstile: Turnstile::new(Instant::now()),
        }
    }

    fn is_encrypted(&self) -> bool {
        self.provider.public_origin().starts_with("https://")
    }

    /// The name of a cookie. With the prefix a browser takes it only over TLS and from this host alone.
    fn name(&self, cookie: Cookie) -> String {
        let prefix = if self.is_encrypted() { "__Host-" } else { "" };
        let name = match cookie {
            Cookie::Session => "tenon_session",
            Cookie::Attempt => "tenon_login",
        };
        format!("{prefix}{name}")
    }

    /// What a browser sent under this name.
    pub(super) fn sent<'sent>(&self, cookie: Cookie, headers: &'sent HeaderMap) -> Option<&'sent str> {
        let name = self.name(cookie);
        let lines = headers.get_all(header::COOKIE).iter();
        let pairs = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='));
        let mut named = pairs.filter(|(sent, _)| *sent == name);
        // Which of two is meant nobody knows.
        named
            .next()
            .map(|(_, value)| value)
            .filter(|value| !value.is_empty() && named.next().is_none())
    }

    /// What sets a cookie for so long; for no time, it is removed.
    pub(super) fn set(&self, cookie: Cookie, value: &str, lasting: Duration) -> String {
        let secure = if self.is_encrypted() { "; Secure" } else { "" };
        format!(
            "{}={value}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax{secure}",
            self.name(cookie),
            lasting.as_secs()
        )
    }

    /// Whether a page of our own sent this. Browsers send a cookie along with what other pages ask for, too; of what
    /// changes something they say where it comes from.
    pub(super) fn is_own(&self, headers: &HeaderMap) -> bool {
        let sent = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let (origin, site) = (sent("origin"), sent("sec-fetch-site"));
        let says_so = origin.is_some() || site.is_some();
        says_so
            && origin.is_none_or(|origin| origin == self.provider.public_origin())
            && site.is_none_or(|site| site == "same-origin")
    }
}

/// What a browser keeps for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cookie {
    /// That somebody signed in.
    Session,
    /// That they are on their way.
    Attempt,
}

/// Lets so many through in a second, strangers among them: whatever they do, it is written down.
#[derive(Debug)]
pub(super) struct Turnstile(Mutex<(f64, Instant)>);

const AT_ONCE: f64 = 100.0;
const PER_SECOND: f64 = 10.0;

impl Turnstile {
    fn new(now: Instant) -> Self {
        Self(Mutex::new((AT_ONCE, now)))
    }

    /// Whether one more may pass.
    pub fn pass(&self, now: Instant) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, since) = *state;
        let left = (left + now.saturating_duration_since(since).as_secs_f64() * PER_SECOND).min(AT_ONCE);
        let is_open = left >= 1.0;
        *state = (if is_open { left - 1.0 } else { left }, now);
        is_open
    }
}

/// A path of ours that somebody may be sent to, and nothing that a browser could take for another host.
pub(super) fn local_path(text: &str) -> Option<&str> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let is_local = text.starts_with('/') && !text.starts_with("//");
    (is_plain && is_local && text.len() <= LONGEST_PATH).then_some(text)
}

const LONGEST_PATH: usize = 1024;

#[cfg(test)]
mod tests {
    use tenon_domain::Role;
    use tenon_identity::ProviderSettings;

    use super::*;

    fn sign_in(public_url: &str) -> SignIn {
        let provider = Provider::new(ProviderSettings {
            issuer: "https://id.example".to_owned(),
            client_id: "tenon".to_owned(),
            client_secret: None,
            public_url: public_url.to_owned(),
            callback: "/auth/callback".to_owned(),
            scopes: vec!["openid".to_owned()],
            user_claim: None,
            groups_claim: None,
        });
        let admission = Admission {
            allowed_domains: Vec::new(),
            roles: Vec::new(),
            default_role: Role::Viewer,
            create_users: true,
        };
        SignIn::new(provider.unwrap(), admission, Duration::from_secs(60))
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_paths_of_ours_are_returned_to() {
        for path in ["/", "/docs", "/a?b=c#d", "/a//b"] {
            assert_eq!(local_path(path), Some(path));
        }
        for path in [
            "",
            "docs",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil",
            "https://evil.example",
            "/a b",
            "/\tx",
            "/\u{e9}",
            "javascript:alert(1)",
        ] {
            assert_eq!(local_path(path), None, "{path:?}");
        }
        assert_eq!(local_path(&format!("/{}", "a".repeat(LONGEST_PATH))), None);
    }

    #[test]
    fn a_cookie_is_kept_from_scripts_and_other_hosts() {
        let (open, encrypted) = (
            sign_in("http://tenon.example:80"),
            sign_in("https://tenon.example"),
        );
        let minute = Duration::from_secs(60);
        assert_eq!(
            open.set(Cookie::Session, "a", minute),
            "tenon_session=a; Path=/; Max-Age=60; HttpOnly; SameSite=Lax"
        );
        assert_eq!(
            encrypted.set(Cookie::Attempt, "", Duration::ZERO),
            "__Host-tenon_login=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure"
        );
        let sent = headers(&[
            ("cookie", "x=1; tenon_session=a"),
            ("cookie", "__Host-tenon_session=b"),
        ]);
        assert_eq!(open.sent(Cookie::Session, &sent), Some("a"));
        assert_eq!(encrypted.sent(Cookie::Session, &sent), Some("b"));
        assert_eq!(open.sent(Cookie::Attempt, &sent), None);
        let twice = headers(&[("cookie", "tenon_session=a; tenon_session=b")]);
        assert_eq!(open.sent(Cookie::Session, &twice), None);
    }

    #[test]
    fn what_other_pages_ask_for_is_told_apart() {
        // Browsers leave the usual port out.
        let sign_in = sign_in("http://tenon.example:80");
        for own in [
            &[("origin", "http://tenon.example")][..],
            &[("sec-fetch-site", "same-origin")],
            &[
                ("origin", "http://tenon.example"),
                ("sec-fetch-site", "same-origin"),
            ],
        ] {
            assert!(sign_in.is_own(&headers(own)), "{own:?}");
        }
        for other in [
            &[][..],
            &[("origin", "https://tenon.example")],
            &[("origin", "http://tenon.example.evil.example")],
            &[("origin", "null")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "none")],
            &[
                ("origin", "http://evil.example"),
                ("sec-fetch-site", "same-origin"),
            ],
            &[
                ("origin", "http://tenon.example"),
                ("sec-fetch-site", "cross-site"),
            ],
        ] {
            assert!(!sign_in.is_own(&headers(other)), "{other:?}");
        }
    }

    #[test]
    fn a_crowd_waits() {
        let now = Instant::now();
        let turnstile = Turnstile::new(now);
        assert_eq!((0..200).filter(|_| turnstile.pass(now)).count(), 100);
        let later = now + Duration::from_secs(1);
        assert_eq!((0..200).filter(|_| turnstile.pass(later)).count(), 10);
    }
}
