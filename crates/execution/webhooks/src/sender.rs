use std::collections::HashMap;
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use tenon_store::{ClaimedDelivery, WebhookKind};
use tokio::time::{Instant, timeout_at};

use crate::message::Message;
use crate::{Destination, Guard, Resolver, WebhookError};

/// Sends messages to where they may go.
pub(crate) struct Sender {
    guard: Guard,
    resolver: Arc<dyn Resolver>,
    timeout: Duration,
    clients: Mutex<HashMap<Pinned, Client>>,
}

/// A host and the addresses that were checked: a client for them connects to no other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Pinned {
    host: String,
    addresses: Vec<IpAddr>,
}

const MOST_CLIENTS: usize = 64;
const MOST_OF_ANSWER: usize = 64 * 1024;
const IDLE: Duration = Duration::from_secs(30);
const LONGEST_REASON: usize = 200;

impl Sender {
    pub fn new(guard: Guard, resolver: Arc<dyn Resolver>, timeout: Duration) -> Self {
        Self {
            guard,
            resolver,
            timeout,
            clients: Mutex::default(),
        }
    }

    /// The status of the answer. What it says is read, within bounds, and dropped.
    pub async fn send(&self, claimed: &ClaimedDelivery, now_ms: i64) -> Result<u16, WebhookError> {
        let message = Message::new(claimed, now_ms)?;
        let deadline = Instant::now() + self.timeout;
        let late = |_| WebhookError::Timeout {
            seconds: self.timeout.as_secs(),
        };
        let response = timeout_at(deadline, self.post(claimed, message))
            .await
            .map_err(late)??;
        let status = response.status().as_u16();
        // The status says it all, whether the rest comes or not.
        let _ = timeout_at(deadline, drop_body(response)).await;
        Ok(status)
    }

    async fn post(&self, claimed: &ClaimedDelivery, message: Message) -> Result<Response, WebhookError> {
        let destination = match claimed.kind {
            WebhookKind::Webhook => self.guard.admit(&claimed.url)?,
            WebhookKind::Sink => Destination::parse(&claimed.url)?,
        };
        let addresses = self.addresses(&destination).await?;
        if claimed.kind == WebhookKind::Webhook {
            self.guard.check(&destination, &addresses)?;
        }
        let client = self.client(&destination, addresses)?;
        let request = client
            .post(destination.url().clone())
            .headers(message.headers)
            .body(message.body);
        request.send().await.map_err(|error| unreachable(&error))
    }

    async fn addresses(&self, destination: &Destination) -> Result<Vec<IpAddr>, WebhookError> {
        if let Some(address) = destination.address() {
            return Ok(vec![address]);
        }
        let failed = |reason: String| WebhookError::Resolve {
            host: destination.host().to_owned(),
            reason,
        };
        let found = self.resolver.resolve(destination.host()).await;
        let mut found = found.map_err(|error| failed(error.to_string()))?;
        found.sort_unstable();
        found.dedup();
        match found.is_empty() {
            true => Err(failed("it has no address".to_owned())),
            false => Ok(found),
        }
    }

    /// A client that connects to these addresses and to no others, whatever the host leads to by then.
    fn client(&self, destination: &Destination, addresses: Vec<IpAddr>) -> Result<Client, WebhookError> {
        let pinned = Pinned {
            host: destination.host().to_owned(),
            addresses,
        };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&pinned) {
            return Ok(client.clone());
        }
        if clients.len() >= MOST_CLIENTS {
            clients.clear();
        }
        let client = pinned.client()?;
        clients.insert(pinned, client.clone());
        Ok(client)
    }
}

impl Pinned {
    fn client(&self) -> Result<Client, WebhookError> {
        // The port is that of the address of the web, whatever stands here.
        let sockets: Vec<_> = self
            .addresses
            .iter()
            .map(|address| SocketAddr::new(*address, 0))
            .collect();
        let builder = Client::builder()
            .resolve_to_addrs(&self.host, &sockets)
            // A proxy would look the host up again.
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .user_agent(concat!("tenon/", env!("CARGO_PKG_VERSION")))
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(IDLE);
        builder.build().map_err(|error| unreachable(&error))
    }
}

async fn drop_body(mut response: Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        if read > MOST_OF_ANSWER {
            return;
        }
    }
}

fn unreachable(error: &reqwest::Error) -> WebhookError {
    // The innermost cause says most, and does not quote the address again.
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    WebhookError::Unreachable {
        reason: cause.to_string().chars().take(LONGEST_REASON).collect(),
    }
}
