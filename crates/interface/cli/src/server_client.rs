//! The client of a server: which one, and as whom.

use std::path::Path;

use tenon_client::{Client, ClientError};
use tenon_config::{Overrides, Settings};
use tenon_domain::Secret;

use crate::arguments::ServerArguments;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::{composition, service_composition};

const THIS_MACHINE: &str = "http://127.0.0.1:8642";

/// A client, and where its answers are printed.
pub struct Asking {
    pub client: Client,
    pub output: Output,
    pub json: bool,
}

/// The client for what was typed.
///
/// # Errors
/// When there is no key, or the address is none.
pub fn asking(arguments: &ServerArguments) -> Result<Asking, Failure> {
    let settings = composition::settings(None, &Overrides::default())?;
    Ok(Asking {
        client: client(
            &settings,
            arguments.server.as_deref(),
            arguments.key_file.as_deref(),
        )?,
        output: Output::new(false, settings.no_color),
        json: arguments.json,
    })
}

/// The client for a server and a key file, where they are named.
///
/// # Errors
/// When there is no key, or the address is none.
pub fn client(settings: &Settings, server: Option<&str>, key_file: Option<&Path>) -> Result<Client, Failure> {
    let address = address(settings, server);
    let key = key(settings, address, key_file)?;
    Client::new(address, key).map_err(Failure::from)
}

/// The server that is asked.
pub fn address<'own>(settings: &'own Settings, server: Option<&'own str>) -> &'own str {
    server.or(settings.server.as_deref()).unwrap_or(THIS_MACHINE)
}

fn key(settings: &Settings, server: &str, key_file: Option<&Path>) -> Result<Secret, Failure> {
    let read = |path: &Path| std::fs::read_to_string(path).map(|text| Secret::new(&text));
    if let Some(path) = key_file {
        let wrong = |error| {
            Failure::new(
                Exit::Missing,
                format!("cannot read the key in {}: {error}", path.display()),
            )
        };
        return read(path).map_err(wrong);
    }
    if let Some(key) = &settings.api_key {
        return Ok(key.clone());
    }
    let of_login = service_composition::login_key(settings, server);
    let kept = service_composition::kept_key(settings);
    read(&of_login).or_else(|_| read(&kept)).map_err(|_| {
        Failure::new(Exit::Missing, "there is no key for the server").with_help(
            "sign in with `tenon login`, set TENON_API_KEY or give --key-file; whoever runs the server makes one with `tenon key create`",
        )
    })
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let message = error.to_string();
        match error {
            ClientError::Address(_) => Self::new(Exit::Usage, message),
            ClientError::Unreachable { .. } => Self::new(Exit::Missing, message)
                .with_help("start it with `tenon serve`, or name another with --server"),
            ClientError::Foreign { .. } => Self::new(Exit::Missing, message),
            ClientError::Refused(problem) => {
                let exit = match problem.status {
                    400 | 404 | 409 | 413 | 415 | 422 => Exit::Usage,
                    401 | 403 => Exit::Refused,
                    500 => Exit::Bug,
                    _ => Exit::Missing,
                };
                let failure = Self::new(exit, message);
                match problem.status {
                    500 => failure.with_help(format!("request {}", problem.request_id)),
                    _ => failure,
                }
            }
        }
    }
}
