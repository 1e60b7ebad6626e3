use std::collections::VecDeque;

use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use tenon_runtime::ModelError;
use tokio::time::{Instant, timeout_at};

use super::event_parser::{EventFault, EventParser, MAX_EVENT_BYTES};
use crate::configuration::RemoteConfiguration;
use crate::failure;
use crate::wire::Chunk;

/// A whole answer that did not come as events.
const MAX_DOCUMENT_BYTES: usize = 8 << 20;
const MAX_QUOTE: usize = 80;

/// Reads the events of one answer, with a limit on every wait.
pub(crate) struct EventReader<'a> {
    configuration: &'a RemoteConfiguration,
    response: Response,
    /// `None` when the answer is one JSON document.
    parser: Option<EventParser>,
    waiting: VecDeque<String>,
    first_token_by: Instant,
    answering: bool,
    ended: bool,
}

impl<'a> EventReader<'a> {
    /// # Errors
    /// When the answer is neither events nor JSON.
    pub(crate) fn new(
        response: Response,
        configuration: &'a RemoteConfiguration,
        first_token_by: Instant,
    ) -> Result<Self, ModelError> {
        let kind = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or("");
        let parser = match kind.split(';').next().unwrap_or("").trim() {
            "text/event-stream" | "" => Some(EventParser::default()),
            "application/json" => None,
            other => {
                let reason = format!(
                    "it answers with `{other}` instead of events; is `{}` the right base_url?",
                    configuration.base_url
                );
                return Err(failure::unavailable(configuration, reason));
            }
        };
        Ok(Self {
            configuration,
            response,
            parser,
            waiting: VecDeque::new(),
            first_token_by,
            answering: false,
            ended: false,
        })
    }

    /// The first text arrived: from now on the wait between tokens counts.
    pub(super) fn note_answering(&mut self) {
        self.answering = true;
    }

    /// The next event; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Chunk>, ModelError> {
        loop {
            if let Some(data) = self.waiting.pop_front() {
                if data.trim() == "[DONE]" {
                    return Ok(None);
                }
                return self.parse(&data).map(Some);
            }
            if self.ended {
                return Ok(None);
            }
            self.read_more().await?;
        }
    }

    async fn read_more(&mut self) -> Result<(), ModelError> {
        let Some(parser) = &mut self.parser else {
            let document = self.read_document().await?;
            self.waiting.push_back(document);
            self.ended = true;
            return Ok(());
        };
        let chunk = bounded_chunk(
            &mut self.response,
            self.configuration,
            self.first_token_by,
            self.answering,
        )
        .await?;
        let events = match chunk {
            Some(chunk) => parser.push(&chunk),
            None => {
                self.ended = true;
                std::mem::take(parser)
                    .finish()
                    .map(|event| event.into_iter().collect())
            }
        };
        self.waiting.extend(events.map_err(|fault| self.fault(fault))?);
        Ok(())
    }

    async fn read_document(&mut self) -> Result<String, ModelError> {
        let mut document = Vec::new();
        while let Some(chunk) =
            bounded_chunk(&mut self.response, self.configuration, self.first_token_by, false).await?
        {
            document.extend_from_slice(&chunk);
            if document.len() > MAX_DOCUMENT_BYTES {
                let reason = format!("its answer has more than {MAX_DOCUMENT_BYTES} bytes");
                return Err(failure::broken(self.configuration, &reason));
            }
        }
        String::from_utf8(document).map_err(|_| self.fault(EventFault::NotUtf8))
    }

    fn parse(&self, data: &str) -> Result<Chunk, ModelError> {
        let chunk: Chunk = serde_json::from_str(data).map_err(|error| {
            let quote: String = data.chars().take(MAX_QUOTE).collect();
            let reason = format!("it sent `{quote}`, which is not an answer ({error})");
            failure::broken(self.configuration, &reason)
        })?;
        match &chunk.error {
            Some(error) if !error.is_null() => Err(failure::of_event(error, self.configuration)),
            _ => Ok(chunk),
        }
    }

    fn fault(&self, fault: EventFault) -> ModelError {
        let reason = match fault {
            EventFault::TooLarge => format!("it sent an event of more than {MAX_EVENT_BYTES} bytes"),
            EventFault::NotUtf8 => "it sent bytes that are not text".to_owned(),
        };
        failure::broken(self.configuration, &reason)
    }
}

/// The next bytes; `None` at the end.
async fn bounded_chunk(
    response: &mut Response,
    configuration: &RemoteConfiguration,
    first_token_by: Instant,
    answering: bool,
) -> Result<Option<Vec<u8>>, ModelError> {
    let timeouts = configuration.timeouts;
    let deadline = if answering {
        Instant::now() + timeouts.idle
    } else {
        first_token_by
    };
    match timeout_at(deadline, response.chunk()).await {
        Ok(Ok(chunk)) => Ok(chunk.map(|chunk| chunk.to_vec())),
        Ok(Err(error)) => Err(failure::of_transport(&error, configuration)),
        Err(_) if answering => Err(failure::timeout("between tokens", timeouts.idle.as_secs())),
        Err(_) => Err(failure::timeout("first token", timeouts.first_token.as_secs())),
    }
}
