use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use tenon_domain::{Role, Secret};

use crate::options::Stated;
use crate::upstream::{required, secret};
use crate::{ConfigError, Environment, Origin, value};

/// How people sign in: the OpenID provider that knows them, and what it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInSettings {
    /// The provider, exactly as it calls itself.
    pub issuer: String,
    /// The name that the provider knows the server by.
    pub client_id: String,
    /// What identifies the server to the provider; none for a public client. Only the server needs it, and where it
    /// cannot be had, only the server must not start.
    pub client_secret: Result<Option<Secret>, ConfigError>,
    /// Where people reach the server, without a slash at the end.
    pub public_url: String,
    /// What the provider is asked for.
    pub scopes: Vec<String>,
    /// The claim that names a person; `None`: a verified e-mail address, else `preferred_username`, else `sub`.
    pub user_claim: Option<String>,
    /// The claim that lists the groups of a person.
    pub groups_claim: Option<String>,
    /// The role that a group gives; the strongest counts.
    pub roles: Vec<(String, Role)>,
    /// What follows the `@` in the addresses of those who may come in; empty: everybody.
    pub allowed_domains: Vec<String>,
    /// Whether somebody who is no user yet becomes one.
    pub create_users: bool,
    /// The role of somebody whose groups give none.
    pub default_role: Role,
    /// How long a session holds.
    pub session: Duration,
    /// The place it is stated at.
    pub origin: Origin,
}

/// The `[oidc]` table as it is written.
#[derive(Debug)]
pub(crate) struct SignInOptions {
    pub(crate) issuer: Option<Stated<String>>,
    pub(crate) client_id: Option<Stated<String>>,
    pub(crate) client_secret_env: Option<Stated<String>>,
    pub(crate) client_secret_file: Option<Stated<PathBuf>>,
    pub(crate) public_url: Option<Stated<String>>,
    pub(crate) scopes: Option<Stated<Vec<String>>>,
    pub(crate) user_claim: Option<Stated<String>>,
    pub(crate) groups_claim: Option<Stated<String>>,
    pub(crate) roles: Vec<Stated<GroupRoleOptions>>,
    pub(crate) allowed_domains: Option<Stated<Vec<String>>>,
    pub(crate) create_users: Option<Stated<bool>>,
    pub(crate) default_role: Option<Stated<String>>,
    pub(crate) session: Option<Stated<Duration>>,
}

/// One `[[oidc.role]]` table as it is written.
#[derive(Debug)]
pub(crate) struct GroupRoleOptions {
    pub(crate) group: Option<Stated<String>>,
    pub(crate) role: Option<Stated<String>>,
}

const SCOPES: [&str; 3] = ["openid", "email", "profile"];
const SESSION: Duration = Duration::from_secs(12 * 60 * 60);
const LONGEST: usize = 200;

pub(crate) fn resolve(
    stated: Stated<SignInOptions>,
    environment: &Environment,
) -> Result<SignInSettings, ConfigError> {
    let Stated {
        value: options,
        origin,
    } = stated;
    let client_secret = secret(
        ["oidc.client_secret_env", "oidc.client_secret_file"],
        options.client_secret_env,
        options.client_secret_file,
        environment,
    );
    let roles = options.roles.into_iter().map(group_role);
    let roles = roles.collect::<Result<Vec<_>, _>>()?;
    if let (Some(_), None) = (roles.first(), &options.groups_claim) {
        return Err(ConfigError::Value {
            origin,
            key: "oidc.groups_claim".to_owned(),
            reason: "is missing: it names the claim that lists the groups of `[[oidc.role]]`".to_owned(),
        });
    }
    Ok(SignInSettings {
        issuer: required(options.issuer, "oidc.issuer", &origin, issuer)?,
        client_id: required(options.client_id, "oidc.client_id", &origin, word)?,
        client_secret,
        public_url: required(options.public_url, "oidc.public_url", &origin, public_url)?,
        scopes: read(options.scopes, "oidc.scopes", scopes)?
            .unwrap_or_else(|| SCOPES.map(str::to_owned).into()),
        user_claim: read(options.user_claim, "oidc.user_claim", |text| word(&text))?,
        groups_claim: read(options.groups_claim, "oidc.groups_claim", |text| word(&text))?,
        roles,
        allowed_domains: read(options.allowed_domains, "oidc.allowed_domains", domains)?.unwrap_or_default(),
        create_users: options.create_users.is_none_or(|stated| stated.value),
        default_role: read(options.default_role, "oidc.default_role", role)?.unwrap_or(Role::Viewer),
        session: options.session.map_or(SESSION, |stated| stated.value),
        origin,
    })
}

fn group_role(stated: Stated<GroupRoleOptions>) -> Result<(String, Role), ConfigError> {
    let Stated {
        value: options,
        origin,
    } = stated;
    Ok((
        required(options.group, "oidc.role.group", &origin, word)?,
        required(options.role, "oidc.role.role", &origin, |text| {
            role(text.to_owned())
        })?,
    ))
}

fn read<T, U>(
    stated: Option<Stated<T>>,
    key: &str,
    read: impl FnOnce(T) -> Result<U, String>,
) -> Result<Option<U>, ConfigError> {
    stated
        .map(|stated| stated.read(key, read).map(|read| read.value))
        .transpose()
}

fn role(text: String) -> Result<Role, String> {
    text.parse().map_err(|_| {
        format!(
            "is `{text}`; accepted are {}",
            Role::ALL.map(|role| format!("`{role}`")).join(", ")
        )
    })
}

/// The provider's keys come from there: who could change them on the way could be anybody.
fn issuer(text: &str) -> Result<String, String> {
    // Compared letter by letter with what the provider says, so that a slash at its end counts.
    let address = value::address(text)?;
    match text.starts_with("https://") || is_loopback(&address) {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "is `{text}`; expected an address that starts with `https://`"
        )),
    }
}

fn public_url(text: &str) -> Result<String, String> {
    let address = value::address(text)?;
    let (_, rest) = address.split_once("://").unwrap_or_default();
    match rest.contains(['/', '?', '#']) {
        true => Err(format!(
            "is `{text}`; expected a scheme, a host and perhaps a port"
        )),
        false => Ok(address),
    }
}

fn is_loopback(address: &str) -> bool {
    let (_, rest) = address.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn word(text: &str) -> Result<String, String> {
    match text.is_empty() || text.len() > LONGEST || text.chars().any(char::is_control) {
        true => Err(format!(
            "is `{}`; expected 1 to {LONGEST} characters",
            text.escape_debug()
        )),
        false => Ok(text.to_owned()),
    }
}

fn scopes(scopes: Vec<String>) -> Result<Vec<String>, String> {
    let is_scope = |text: &String| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !scopes.iter().all(is_scope) {
        return Err("holds what is no scope: letters and digits without spaces are accepted".to_owned());
    }
    match scopes.iter().any(|scope| scope == "openid") {
        true => Ok(scopes),
        false => Err("lacks `openid`, without which nobody is named".to_owned()),
    }
}

fn domains(domains: Vec<String>) -> Result<Vec<String>, String> {
    let mut seen = BTreeSet::new();
    for domain in domains {
        let fits = |character: char| character.is_alphanumeric() || "-.".contains(character);
        if domain.is_empty() || !domain.chars().all(fits) {
            return Err(format!(
                "holds `{}`, which is no domain: such as `example.com`",
                domain.escape_debug()
            ));
        }
        seen.insert(domain.to_lowercase());
    }
    Ok(seen.into_iter().collect())
}
