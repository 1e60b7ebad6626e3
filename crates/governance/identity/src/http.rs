use std::error::Error;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde::de::DeserializeOwned;

use crate::IdentityError;

/// Everything that is asked of a provider goes through here: bounded in time and size, and redirected nowhere.
#[derive(Debug)]
pub(crate) struct Http {
    pub client: Client,
}

const CONNECT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(10);
const MOST: usize = 512 * 1024;
const LONGEST_REASON: usize = 200;

impl Http {
    pub fn new(is_on_this_machine: bool) -> Result<Self, IdentityError> {
        let builder = Client::builder()
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            // Codes and secrets are for the provider alone.
            .redirect(Policy::none())
            .referer(false)
            .user_agent(concat!("tenon/", env!("CARGO_PKG_VERSION")));
        let builder = match is_on_this_machine {
            true => builder.no_proxy(),
            false => builder,
        };
        let client = builder.build().map_err(|error| IdentityError::Settings {
            reason: error.to_string(),
        })?;
        Ok(Self { client })
    }

    pub async fn get<T: DeserializeOwned>(&self, what: &'static str, url: Url) -> Result<T, IdentityError> {
        let (status, body) = self.send(what, self.client.get(url)).await?;
        expect_success(what, status)?;
        parse(what, &body)
    }

    /// The status and the body of the answer.
    pub async fn send(
        &self,
        what: &'static str,
        request: RequestBuilder,
    ) -> Result<(StatusCode, Vec<u8>), IdentityError> {
        let lost = |error: reqwest::Error| IdentityError::Unreachable {
            what,
            reason: innermost(&error),
        };
        let request = request.header("accept", "application/json");
        let response = request.send().await.map_err(lost)?;
        let status = response.status();
        match read(response).await.map_err(lost)? {
            Some(body) => Ok((status, body)),
            None => Err(IdentityError::Answer {
                what,
                reason: format!("it is larger than {MOST} bytes"),
            }),
        }
    }
}

pub(crate) fn parse<T: DeserializeOwned>(what: &'static str, body: &[u8]) -> Result<T, IdentityError> {
    // What does not fit is not quoted: it may be a token.
    serde_json::from_slice(body).map_err(|error| IdentityError::Answer {
        what,
        reason: format!(
            "line {}, column {} is not as expected",
            error.line(),
            error.column()
        ),
    })
}

pub(crate) fn expect_success(what: &'static str, status: StatusCode) -> Result<(), IdentityError> {
    let reason = format!("status {}", status.as_u16());
    match status {
        status if status.is_success() => Ok(()),
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            Err(IdentityError::Unreachable { what, reason })
        }
        _ => Err(IdentityError::Answer { what, reason }),
    }
}

/// The body; `None` when it is too large.
async fn read(mut response: Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MOST {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// The innermost cause says most, and quotes no address, which may hold a code.
fn innermost(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", WHOLE.as_secs());
    }
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string().chars().take(LONGEST_REASON).collect()
}
