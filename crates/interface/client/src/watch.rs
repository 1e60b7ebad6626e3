use std::pin::Pin;
use std::time::Duration;

use eventsource_stream::Eventsource as _;
use futures::{Stream, StreamExt as _};
use reqwest::{Method, StatusCode, header};
use tenon_api::Event;
use tokio::time::{sleep, timeout};

use crate::{Client, ClientError};

type Events = Pin<Box<dyn Stream<Item = Result<String, ()>> + Send>>;

/// The server sends a comment every fifteen seconds: whoever hears nothing for so long is alone.
const SILENCE: Duration = Duration::from_secs(45);
const PAUSE: Duration = Duration::from_millis(500);
/// So many connections in a row may bring nothing.
const TRIES: u32 = 20;

/// The events of a job, in order and each once, however often the connection breaks.
pub struct Watched {
    client: Client,
    job: String,
    after: i64,
    events: Option<Events>,
    failures: u32,
}

impl Watched {
    pub(crate) fn new(client: Client, job: &str, after: i64) -> Self {
        Self {
            client,
            job: job.to_owned(),
            after,
            events: None,
            failures: 0,
        }
    }

    /// The next event; none when the job has ended.
    ///
    /// # Errors
    /// When nobody answers for a while, or the service says no.
    pub async fn next(&mut self) -> Result<Option<Event>, ClientError> {
        loop {
            let Some(events) = &mut self.events else {
                match self.connect().await {
                    Ok(Some(events)) => self.events = Some(events),
                    Ok(None) => return Ok(None),
                    Err(error) if !error.is_temporary() || self.failures >= TRIES => return Err(error),
                    Err(_) => {
                        self.failures += 1;
                        sleep(PAUSE).await;
                    }
                }
                continue;
            };
            let Ok(Some(Ok(data))) = timeout(SILENCE, events.next()).await else {
                // It ended, broke or fell silent: the next connection tells which.
                self.events = None;
                continue;
            };
            let event: Event =
                serde_json::from_str(&data).map_err(|error| self.client.foreign(&error.to_string()))?;
            self.failures = 0;
            if event.sequence > self.after {
                self.after = event.sequence;
                return Ok(Some(event));
            }
        }
    }

    async fn connect(&self) -> Result<Option<Events>, ClientError> {
        let request = self
            .client
            .request(Method::GET, &format!("/jobs/{}/events", self.job))
            .header(header::ACCEPT, "text/event-stream")
            .header("last-event-id", self.after);
        let response = request
            .send()
            .await
            .map_err(|error| self.client.unreachable(&error))?;
        let response = self.client.checked(response).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        let events = response.bytes_stream().eventsource();
        Ok(Some(Box::pin(
            events.map(|event| event.map(|event| event.data).map_err(|_| ())),
        )))
    }
}
