//! Reads a configuration file: TOML whose every key is asked for by name, so that a key nobody asked for is an error.

mod table;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use tenon_domain::Secret;
use toml::de::DeTable;

use self::table::Table;
use crate::options::{Options, Stated};
use crate::route::{RouteOptions, RouteTargetOptions};
use crate::sign_in::{GroupRoleOptions, SignInOptions};
use crate::upstream::UpstreamOptions;
use crate::{ConfigError, Origin, value};

const MAX_FILE_BYTES: u64 = 256 * 1024;
const MAX_UPSTREAMS: usize = 32;
const MAX_ROUTES: usize = 32;
const MAX_TARGETS: usize = 32;
const MAX_GROUP_ROLES: usize = 256;

/// Reads `path`; `None` when there is no such file.
pub(crate) fn read(path: &Path, home: Option<&PathBuf>) -> Result<Option<Options>, ConfigError> {
    let text = read_bounded(path, MAX_FILE_BYTES).map_err(|error| ConfigError::Read {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    text.map(|text| parse(&text, path, home)).transpose()
}

/// The text of a regular file of at most `limit` bytes; `None` when there is no such file.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> io::Result<Option<String>> {
    // Asked before opening: opening a pipe would wait for somebody to write into it.
    match path.metadata() {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Err(io::Error::other("it is not a regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut text = String::new();
    File::open(path)?.take(limit + 1).read_to_string(&mut text)?;
    if text.len() as u64 > limit {
        return Err(io::Error::other(format!("it is larger than {limit} bytes")));
    }
    Ok(Some(text))
}

fn parse(text: &str, path: &Path, home: Option<&PathBuf>) -> Result<Options, ConfigError> {
    let document = DeTable::parse(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        ConfigError::Syntax {
            origin: table::origin_of(path, text, start),
            reason: error.message().to_owned(),
        }
    })?;
    let mut top = Table::new(path, text, String::new(), document.get_ref());
    let mut options = Options {
        models: read_value(top.strings("models")?, "models", value::models)?,
        sandbox: read_value(top.string("sandbox")?, "sandbox", |text| value::sandbox(&text))?,
        threads: number(&mut top, "threads", value::THREADS)?,
        context_length: number(&mut top, "context_length", value::CONTEXT_LENGTH)?,
        parallel: number(&mut top, "parallel", value::PARALLEL)?,
        hugging_face_url: read_value(top.string("hugging_face_url")?, "hugging_face_url", |text| {
            value::address(&text)
        })?,
        server: read_value(top.string("server")?, "server", |text| value::address(&text))?,
        database: read_value(top.string("database")?, "database", |text| Ok(Secret::new(&text)))?,
        event_sink: read_value(top.string("event_sink")?, "event_sink", |text| {
            value::address(&text)
        })?,
        trace_endpoint: read_value(top.string("trace_endpoint")?, "trace_endpoint", |text| {
            value::address(&text)
        })?,
        trace_headers: read_value(top.string("trace_headers")?, "trace_headers", |text| {
            value::headers(&text)
        })?,
        ..Options::default()
    };
    if let Some(mut limits) = top.table("limits")? {
        let max_time = limits.string("max_time")?;
        options.max_time = read_value(max_time, "limits.max_time", |text| value::max_time_text(&text))?;
        options.max_attempts = number(&mut limits, "max_attempts", value::MAX_ATTEMPTS)?;
        limits.finish()?;
    }
    if let Some(mut folders) = top.table("folders")? {
        let mut folder = |name: &'static str| {
            let text = folders.string(name)?;
            read_value(text, &format!("folders.{name}"), |text| {
                value::folder(&text, home)
            })
        };
        options.data_folder = folder("data")?;
        options.cache_folder = folder("cache")?;
        options.models_folder = folder("models")?;
        options.prompts_folder = folder("prompts")?;
        folders.finish()?;
    }
    if let Some(mut redaction) = top.table("redaction")? {
        options.redact_secrets = redaction.boolean("secrets")?;
        options.redact_personal = redaction.boolean("personal")?;
        redaction.finish()?;
    }
    options.sign_in = sign_in(&mut top, home)?;
    options.upstreams = upstreams(&mut top, home)?;
    options.routes = routes(&mut top)?;
    top.finish()?;
    Ok(options)
}

fn sign_in(
    top: &mut Table<'_>,
    home: Option<&PathBuf>,
) -> Result<Option<Stated<SignInOptions>>, ConfigError> {
    let Some((origin, mut table)) = top.placed_table("oidc")? else {
        return Ok(None);
    };
    let role = |(origin, mut table): (Origin, Table<'_>)| {
        let role = GroupRoleOptions {
            group: table.string("group")?,
            role: table.string("role")?,
        };
        table.finish()?;
        Ok(Stated::new(role, origin))
    };
    let roles = tables(&mut table, "role", MAX_GROUP_ROLES)?;
    let options = SignInOptions {
        issuer: table.string("issuer")?,
        client_id: table.string("client_id")?,
        client_secret_env: table.string("client_secret_env")?,
        client_secret_file: read_value(
            table.string("client_secret_file")?,
            "oidc.client_secret_file",
            |text| value::folder(&text, home),
        )?,
        public_url: table.string("public_url")?,
        scopes: table.strings("scopes")?,
        user_claim: table.string("user_claim")?,
        groups_claim: table.string("groups_claim")?,
        roles: roles.into_iter().map(role).collect::<Result<_, _>>()?,
        allowed_domains: table.strings("allowed_domains")?,
        create_users: table.boolean("create_users")?,
        default_role: table.string("default_role")?,
        session: read_value(table.string("session")?, "oidc.session", |text| {
            value::session_text(&text)
        })?,
    };
    table.finish()?;
    Ok(Some(Stated::new(options, origin)))
}

fn upstreams(
    top: &mut Table<'_>,
    home: Option<&PathBuf>,
) -> Result<Vec<Stated<UpstreamOptions>>, ConfigError> {
    let tables = tables(top, "upstream", MAX_UPSTREAMS)?;
    let read = |(origin, mut table): (Origin, Table<'_>)| {
        let upstream = UpstreamOptions {
            name: table.string("name")?,
            kind: table.string("kind")?,
            base_url: table.string("base_url")?,
            model: table.string("model")?,
            context_length: number(&mut table, "context_length", value::CONTEXT_LENGTH)?,
            fill: table.string("fill")?,
            input_price: read_value(table.decimal("input_price")?, "upstream.input_price", |text| {
                value::micros(&text)
            })?,
            output_price: read_value(table.decimal("output_price")?, "upstream.output_price", |text| {
                value::micros(&text)
            })?,
            api_key_env: table.string("api_key_env")?,
            api_key_file: read_value(table.string("api_key_file")?, "upstream.api_key_file", |text| {
                value::folder(&text, home)
            })?,
        };
        table.finish()?;
        Ok(Stated::new(upstream, origin))
    };
    tables.into_iter().map(read).collect()
}

fn routes(top: &mut Table<'_>) -> Result<Vec<Stated<RouteOptions>>, ConfigError> {
    let read = |(origin, mut table): (Origin, Table<'_>)| {
        let targets = tables(&mut table, "target", MAX_TARGETS)?;
        let route = RouteOptions {
            name: table.string("name")?,
            first_text: read_value(table.string("first_text")?, "route.first_text", |text| {
                value::max_time_text(&text)
            })?,
            attempts: number(&mut table, "attempts", value::ROUTE_ATTEMPTS)?,
            targets: targets.into_iter().map(target).collect::<Result<_, _>>()?,
        };
        table.finish()?;
        Ok(Stated::new(route, origin))
    };
    tables(top, "route", MAX_ROUTES)?.into_iter().map(read).collect()
}

fn target((origin, mut table): (Origin, Table<'_>)) -> Result<Stated<RouteTargetOptions>, ConfigError> {
    let target = RouteTargetOptions {
        model: table.string("model")?,
        weight: number(&mut table, "weight", value::WEIGHT)?,
        tier: number(&mut table, "tier", value::TIER)?,
    };
    table.finish()?;
    Ok(Stated::new(target, origin))
}

fn tables<'a>(
    within: &mut Table<'a>,
    name: &'static str,
    most: usize,
) -> Result<Vec<(Origin, Table<'a>)>, ConfigError> {
    let key = within.key(name);
    let tables = within.tables(name)?;
    match tables.get(most) {
        None => Ok(tables),
        Some((origin, _)) => Err(ConfigError::Value {
            origin: origin.clone(),
            key,
            reason: format!("is stated more than {most} times"),
        }),
    }
}

fn number(
    table: &mut Table<'_>,
    name: &'static str,
    range: std::ops::RangeInclusive<u64>,
) -> Result<Option<Stated<u32>>, ConfigError> {
    let key = table.key(name);
    let stated = table.number(name)?;
    read_value(stated, &key, |count| value::number(count, range))
}

fn read_value<T, U>(
    stated: Option<Stated<T>>,
    key: &str,
    read: impl FnOnce(T) -> Result<U, String>,
) -> Result<Option<Stated<U>>, ConfigError> {
    stated.map(|stated| stated.read(key, read)).transpose()
}
