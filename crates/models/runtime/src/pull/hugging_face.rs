use std::error::Error;
use std::time::Duration;

use reqwest::header::{CONTENT_RANGE, RANGE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use tokio::time::timeout;

use super::collector::Collector;
use super::error::SourceFault;
use super::options::PullOptions;

const MAX_REDIRECTS: usize = 10;

/// Brings what is missing of the file with one request.
pub(super) async fn bring(
    repository: &str,
    file: &str,
    options: &PullOptions,
    collector: &mut Collector<'_>,
) -> Result<(), SourceFault> {
    let address = format!(
        "{}/{repository}/resolve/main/{file}",
        options.hugging_face.trim_end_matches('/')
    );
    let url = Url::parse(&address)
        .map_err(|error| SourceFault::PassOver(format!("`{address}` is not an address: {error}")))?;
    let client = client(&url, options.connect_timeout)
        .map_err(|error| SourceFault::PassOver(format!("no client can be made: {}", cause(&error))))?;
    let mut request = client.get(url);
    if collector.bytes() > 0 {
        request = request.header(RANGE, format!("bytes={}-", collector.bytes()));
    }
    let response = match timeout(options.idle_timeout, request.send()).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(refusal(&error, options)),
        Err(_) => return Err(silent(options.idle_timeout)),
    };
    let response = admit(response, collector).await?;
    collect(response, options.idle_timeout, collector).await
}

/// A client for one source. Loopback addresses are never asked through a proxy.
pub(super) fn client(url: &Url, connect_timeout: Duration) -> reqwest::Result<Client> {
    let builder = Client::builder()
        .connect_timeout(connect_timeout)
        .redirect(Policy::custom(|attempt| {
            let from = attempt.previous().last().map(Url::scheme);
            if attempt.previous().len() > MAX_REDIRECTS {
                attempt.error("too many redirects")
            } else if from == Some("https") && attempt.url().scheme() != "https" {
                attempt.error("a redirect away from https")
            } else {
                attempt.follow()
            }
        }));
    let loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if loopback { builder.no_proxy() } else { builder }.build()
}

/// The innermost reason of an error: the outer ones only say that a request failed.
pub(super) fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Checks that the answer is what is missing of the file, and makes room when it is all of it.
async fn admit(response: Response, collector: &mut Collector<'_>) -> Result<Response, SourceFault> {
    match response.status() {
        StatusCode::OK => {
            if let Some(bytes) = response
                .content_length()
                .filter(|&bytes| bytes != collector.total())
            {
                let reason = format!("its file has {bytes} bytes instead of {}", collector.total());
                return Err(SourceFault::PassOver(reason));
            }
            // The range was ignored, and the whole file comes.
            if collector.bytes() > 0 {
                collector.restart().await?;
            }
            Ok(response)
        }
        StatusCode::PARTIAL_CONTENT => {
            let expected = format!(
                "bytes {}-{}/{}",
                collector.bytes(),
                collector.total() - 1,
                collector.total()
            );
            let range = response
                .headers()
                .get(CONTENT_RANGE)
                .and_then(|range| range.to_str().ok());
            if range == Some(expected.as_str()) {
                return Ok(response);
            }
            let range = range.unwrap_or("nothing").to_owned();
            Err(SourceFault::PassOver(format!(
                "it sends `{range}` instead of `{expected}`"
            )))
        }
        // Its file ends where ours goes on.
        StatusCode::RANGE_NOT_SATISFIABLE => Err(SourceFault::PassOver(
            "its file is shorter than what is here".to_owned(),
        )),
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            Err(SourceFault::BrokeOff(format!("it answers {status}")))
        }
        status => Err(SourceFault::PassOver(format!("it answers {status}"))),
    }
}

async fn collect(
    mut response: Response,
    idle_timeout: Duration,
    collector: &mut Collector<'_>,
) -> Result<(), SourceFault> {
    loop {
        match timeout(idle_timeout, response.chunk()).await {
            Ok(Ok(Some(chunk))) => collector.write(&chunk).await?,
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => {
                let reason = format!("the connection was lost: {}", cause(&error));
                return Err(SourceFault::BrokeOff(reason));
            }
            Err(_) => return Err(silent(idle_timeout)),
        }
    }
}

fn refusal(error: &reqwest::Error, options: &PullOptions) -> SourceFault {
    if error.is_connect() && error.is_timeout() {
        let seconds = options.connect_timeout.as_secs_f32();
        return SourceFault::PassOver(format!("it does not connect within {seconds} s"));
    }
    if error.is_connect() {
        return SourceFault::PassOver(format!("it does not connect: {}", cause(error)));
    }
    if error.is_redirect() {
        return SourceFault::PassOver(cause(error));
    }
    SourceFault::BrokeOff(format!("the connection was lost: {}", cause(error)))
}

fn silent(patience: Duration) -> SourceFault {
    SourceFault::BrokeOff(format!("it sent nothing for {} s", patience.as_secs_f32()))
}
