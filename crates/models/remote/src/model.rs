use std::sync::Arc;

use async_trait::async_trait;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, StatusCode, Url};
use serde_json::{Value, json};
use tenon_runtime::{GenerateRequest, Model, ModelDescriptor, ModelError, SampleStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument as _;

use crate::configuration::{ConfigurationError, RemoteConfiguration, is_loopback};
use crate::convert::{Call, Exchange, Route, plan};
use crate::dialect::TokenCounting;
use crate::failure;
use crate::stream::{EventReader, Reporter, relay};
use crate::wire::Tokenized;

const WAITING_EVENTS: usize = 64;
const PARALLEL_COUNTS: usize = 8;

/// A model behind an OpenAI-compatible HTTP interface.
///
/// ```no_run
/// # use tenon_remote::{RemoteConfiguration, RemoteModel, UpstreamKind};
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let configuration = RemoteConfiguration::new(
///     UpstreamKind::LlamaServer,
///     "big",
///     "http://127.0.0.1:8080/v1",
///     "qwen2.5-coder-32b",
///     32_768,
/// );
/// let model = RemoteModel::new(configuration)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct RemoteModel {
    upstream: Arc<Upstream>,
    descriptor: ModelDescriptor,
}

#[derive(Debug)]
struct Upstream {
    client: Client,
    url: Url,
    configuration: RemoteConfiguration,
}

impl RemoteModel {
    /// Checks the configuration. Nothing is sent yet.
    ///
    /// # Errors
    /// When the address or the key cannot be used.
    pub fn new(configuration: RemoteConfiguration) -> Result<Self, ConfigurationError> {
        let url = configuration.parse_base_url()?;
        check_key(&configuration)?;
        // The key must not follow a redirect.
        let builder = Client::builder()
            .connect_timeout(configuration.timeouts.connect)
            .redirect(Policy::none());
        let builder = if is_loopback(&url) {
            builder.no_proxy()
        } else {
            builder
        };
        let client = builder.build().map_err(|error| ConfigurationError::Client {
            name: configuration.name.clone(),
            reason: error.to_string(),
        })?;
        let descriptor = configuration.describe(&url);
        let upstream = Upstream {
            client,
            url,
            configuration,
        };
        Ok(Self {
            upstream: Arc::new(upstream),
            descriptor,
        })
    }
}

#[async_trait]
impl Model for RemoteModel {
    fn descriptor(&self) -> &ModelDescriptor {
        &self.descriptor
    }

    async fn count_tokens(&self, texts: &[String]) -> Result<Vec<u32>, ModelError> {
        if self.upstream.configuration.dialect.counting == TokenCounting::Estimated {
            return Ok(texts.iter().map(|text| estimate(text)).collect());
        }
        let counts: Vec<_> = texts.iter().map(|text| self.upstream.count(text)).collect();
        stream::iter(counts).buffered(PARALLEL_COUNTS).try_collect().await
    }

    async fn generate(&self, request: GenerateRequest) -> Result<SampleStream, ModelError> {
        let exchange = plan(&self.upstream.configuration, &request)?;
        let upstream = Arc::clone(&self.upstream);
        let (sender, receiver) = mpsc::channel(WAITING_EVENTS);
        let (opened, first) = tokio::sync::oneshot::channel();
        // Ends with the last sample, with an error, at a deadline, or when the receiver is dropped.
        let serving = async move {
            let reporter = Reporter::new(sender);
            tokio::select! {
                biased;
                () = reporter.closed() => {}
                () = upstream.serve(&exchange, &reporter, opened) => {}
            }
        };
        tokio::spawn(serving.in_current_span());
        match first.await {
            Ok(Ok(())) => Ok(SampleStream::new(receiver)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(failure::broken(
                &self.upstream.configuration,
                "the request was lost",
            )),
        }
    }
}

type Opened = tokio::sync::oneshot::Sender<Result<(), ModelError>>;

impl Upstream {
    /// Makes all calls of an exchange. The first is answered before the others are made: what refuses one refuses
    /// all, and upstreams that cache prompts have the prompt by then.
    async fn serve(&self, exchange: &Exchange, reporter: &Reporter, opened: Opened) {
        let Some((first, others)) = exchange.calls.split_first() else {
            return;
        };
        let events = match self.open(exchange.route, first).await {
            Ok(events) => events,
            Err(error) => {
                let _ = opened.send(Err(error));
                return;
            }
        };
        if opened.send(Ok(())).is_err() {
            return;
        }
        let first = relay(first, &exchange.reading, events, reporter, &self.configuration);
        let others: Vec<_> = others
            .iter()
            .map(|call| self.call(exchange, call, reporter))
            .collect();
        let others = stream::iter(others)
            .buffer_unordered(self.configuration.max_parallel.saturating_sub(1).max(1))
            .try_collect::<Vec<()>>();
        if let Err(error) = futures::future::try_join(first, others).await {
            reporter.fail(error).await;
        }
    }

    async fn call(&self, exchange: &Exchange, call: &Call, reporter: &Reporter) -> Result<(), ModelError> {
        let events = self.open(exchange.route, call).await?;
        relay(call, &exchange.reading, events, reporter, &self.configuration).await
    }

    /// Sends one request and waits for the beginning of its answer.
    async fn open(&self, route: Route, call: &Call) -> Result<EventReader<'_>, ModelError> {
        let timeouts = self.configuration.timeouts;
        let first_token_by = Instant::now() + timeouts.first_token;
        let request = self.post(self.address(route), &call.body);
        let response = timeout_at(first_token_by, request.send())
            .await
            .map_err(|_| failure::timeout("first token", timeouts.first_token.as_secs()))?
            .map_err(|error| failure::of_transport(&error, &self.configuration))?;
        if !response.status().is_success() {
            let failed = failure::of_response(response, &self.configuration);
            return Err(timeout_at(first_token_by, failed)
                .await
                .unwrap_or_else(|_| failure::timeout("first token", timeouts.first_token.as_secs())));
        }
        EventReader::new(response, &self.configuration, first_token_by)
    }

    /// Tokens of `text`; an upstream without the route gets the estimate.
    async fn count(&self, text: &str) -> Result<u32, ModelError> {
        let timeouts = self.configuration.timeouts;
        let body = match self.configuration.dialect.counting {
            TokenCounting::LlamaServer | TokenCounting::Estimated => {
                json!({ "content": text, "add_special": false })
            }
            TokenCounting::Vllm => {
                json!({ "model": self.configuration.model, "prompt": text, "add_special_tokens": false })
            }
        };
        let request = self.post(self.root("tokenize"), &body);
        let deadline = Instant::now() + timeouts.connect + timeouts.idle;
        let late = |_| failure::timeout("counting tokens", (timeouts.connect + timeouts.idle).as_secs());
        let response = timeout_at(deadline, request.send())
            .await
            .map_err(late)?
            .map_err(|error| failure::of_transport(&error, &self.configuration))?;
        match response.status() {
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
                return Ok(estimate(text));
            }
            status if status.is_success() => {}
            _ => return Err(failure::of_response(response, &self.configuration).await),
        }
        let tokenized: Tokenized = timeout_at(deadline, response.json())
            .await
            .map_err(late)?
            .map_err(|_| failure::broken(&self.configuration, "it did not count tokens as asked"))?;
        let listed = tokenized
            .tokens
            .and_then(|tokens| u32::try_from(tokens.len()).ok());
        tokenized
            .count
            .or(listed)
            .ok_or_else(|| failure::broken(&self.configuration, "it did not count tokens as asked"))
    }

    fn post(&self, url: Url, body: &Value) -> RequestBuilder {
        let request = self.client.post(url).json(body);
        let request = match tenon_traces::current() {
            Some(place) => request.header(tenon_traces::HEADER, place.to_string()),
            None => request,
        };
        match &self.configuration.api_key {
            Some(key) => request.bearer_auth(key.expose()),
            None => request,
        }
    }

    fn address(&self, route: Route) -> Url {
        match route {
            Route::Chat => self.below("chat/completions"),
            Route::Completions => self.below("completions"),
            Route::Infill => self.root("infill"),
        }
    }

    fn below(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}/{path}", self.url.path().trim_end_matches('/')));
        url
    }

    /// Routes of the server itself lie beside `/v1`.
    fn root(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        let folder = self.url.path().trim_end_matches('/');
        url.set_path(&format!(
            "{}/{path}",
            folder.strip_suffix("/v1").unwrap_or(folder)
        ));
        url
    }
}

fn check_key(configuration: &RemoteConfiguration) -> Result<(), ConfigurationError> {
    let sendable = |key: &str| key.bytes().all(|byte| byte.is_ascii_graphic());
    match &configuration.api_key {
        Some(key) if !sendable(key.expose()) => Err(ConfigurationError::ApiKey {
            name: configuration.name.clone(),
        }),
        _ => Ok(()),
    }
}

/// Conservative: no vocabulary in use needs more tokens for code.
fn estimate(text: &str) -> u32 {
    u32::try_from(text.len().div_ceil(3)).unwrap_or(u32::MAX)
}
