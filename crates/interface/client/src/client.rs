use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tenon_api::{Batch, BatchRequest, Door, Job, JobRequest, KeyCreated, Problem, RedeemRequest};
use tenon_domain::{Proposal, Secret};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::{ClientError, Download, Watched};

const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(60);
const UPLOAD: Duration = Duration::from_secs(300);
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(300);
const LARGEST_ANSWER: usize = 256 * 1024 * 1024;
const LARGEST_PROBLEM: usize = 1024 * 1024;

/// What became of a suggestion.
#[derive(Debug, Clone, Serialize)]
pub struct SuggestionEvent {
    /// `select`, `typed` or `dismiss`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Names the completion.
    pub completion_id: String,
    /// Which of its suggestions.
    pub choice_index: usize,
    /// Milliseconds since it was shown.
    pub elapsed: u64,
    /// Whether a part of it was taken.
    #[serde(skip)]
    pub is_part: bool,
}

/// A client of one server, in the name of one key.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    address: String,
    key: Secret,
    largest: usize,
}

impl Client {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(address: &str, key: Secret) -> Result<Self, ClientError> {
        let wrong = || ClientError::Address(address.to_owned());
        let is_web = address.starts_with("http://") || address.starts_with("https://");
        if !is_web || address.contains('@') {
            return Err(wrong());
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|_| wrong())?;
        Ok(Self {
            http,
            address: address.trim_end_matches('/').to_owned(),
            key,
            largest: LARGEST_ANSWER,
        })
    }

    /// Refuses answers of more bytes than this, but for [`Self::download`].
    #[must_use]
    pub fn with_largest_answer(mut self, bytes: usize) -> Self {
        self.largest = bytes;
        self
    }

    /// Asks whether a browser that comes to a door with this query would be let in, or sent on to sign in.
    ///
    /// # Errors
    /// When nobody answers, or with the problem that the browser would be shown.
    pub async fn knock(address: &str, door: Door, query: &str) -> Result<(), ClientError> {
        let client = Self::new(address, Secret::new(""))?;
        let url = format!("{}{}{query}", client.address, door.path());
        let response = client.http.get(url).timeout(ANSWER).send().await;
        let response = response.map_err(|error| client.unreachable(&error))?;
        match response.status().is_redirection() {
            true => Ok(()),
            false => client.checked(response).await.map(drop),
        }
    }

    /// Exchanges what a browser brought for a key; nobody's key is shown for it.
    ///
    /// # Errors
    /// When nobody answers, or with a problem.
    pub async fn redeem(address: &str, request: &RedeemRequest) -> Result<KeyCreated, ClientError> {
        let client = Self::new(address, Secret::new(""))?;
        let url = format!("{}{}", client.address, Door::Redeem.path());
        let answer = client.send(client.http.post(url).json(request)).await?;
        client.parse(&answer)
    }

    /// Reads what is at a path under `/api/v1`.
    ///
    /// # Errors
    /// When nobody answers, or with a problem.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let answer = self.repeated(|| self.request(Method::GET, path)).await?;
        self.parse(&answer)
    }

    /// Reads what is at a path under `/api/v1`, piece by piece.
    ///
    /// # Errors
    /// When nobody answers, or with a problem.
    pub async fn download(&self, path: &str) -> Result<Download, ClientError> {
        let request = self.request(Method::GET, path).send();
        let response = timeout(ANSWER, request).await.map_err(|_| self.silent(ANSWER))?;
        let response = response.map_err(|error| self.unreachable(&error))?;
        Ok(Download::new(self.clone(), self.checked(response).await?))
    }

    /// Sends a body to a path under `/api/v1`.
    ///
    /// # Errors
    /// When nobody answers, or with a problem.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let answer = self.send(self.request(Method::POST, path).json(body)).await?;
        self.parse(&answer)
    }

    /// Puts a body at a path under `/api/v1`.
    ///
    /// # Errors
    /// When nobody answers, or with a problem.
    pub async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let answer = self.send(self.request(Method::PUT, path).json(body)).await?;
        self.parse(&answer)
    }

    /// Puts bytes at a path under `/api/v1`.
    ///
    /// # Errors
    /// When nobody answers, or with a problem.
    pub async fn upload<T: DeserializeOwned>(&self, path: &str, bytes: Vec<u8>) -> Result<T, ClientError> {
        let request = self.request(Method::PUT, path).body(bytes);
        let request = request.header(header::CONTENT_TYPE, "application/octet-stream");
        // The server waits as long for it.
        let answer = self.send_within(UPLOAD, request).await?;
        self.parse(&answer)
    }

    /// Removes what is at a path under `/api/v1`.
    ///
    /// # Errors
    /// When nobody answers, or with a problem.
    pub async fn delete(&self, path: &str) -> Result<(), ClientError> {
        self.send(self.request(Method::DELETE, path)).await.map(drop)
    }

    /// Submits a job: once, however often the connection breaks.
    ///
    /// # Errors
    /// When nobody answers, or with a problem.
    pub async fn submit(&self, request: &JobRequest) -> Result<Job, ClientError> {
        self.once("/jobs", request).await
    }

    /// Submits many jobs: once, however often the connection breaks.
    ///
    /// # Errors
    /// When nobody answers, or with a problem.
    pub async fn submit_batch(&self, request: &BatchRequest) -> Result<Batch, ClientError> {
        self.once("/batches", request).await
    }

    async fn once<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        let key = format!("\"{}\"", Uuid::now_v7());
        let attempt = || {
            let request = self.request(Method::POST, path).json(body);
            request.header("idempotency-key", &key)
        };
        let answer = self.repeated(attempt).await?;
        self.parse(&answer)
    }

    /// A proposal whole, as it was made.
    ///
    /// # Errors
    /// When nobody answers, or with a problem.
    pub async fn proposal(&self, id: &str) -> Result<Proposal, ClientError> {
        self.get(&format!("/proposals/{id}/record")).await
    }

    /// Watches a job from its event after `after` on.
    pub fn watch(&self, job: &str, after: i64) -> Watched {
        Watched::new(self.clone(), job, after)
    }

    /// Tells what became of a suggestion, in the words of Tabby's clients.
    ///
    /// # Errors
    /// When nobody answers, or with a problem.
    pub async fn tell(&self, event: &SuggestionEvent) -> Result<(), ClientError> {
        let part = if event.is_part { "?select_kind=line" } else { "" };
        let url = format!("{}/v1/events{part}", self.address);
        let request = self.http.post(url).bearer_auth(self.key.expose());
        self.send(request.json(event)).await.map(drop)
    }

    /// Where the server is.
    pub fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}/api/v1{path}", self.address))
            .bearer_auth(self.key.expose())
            .header(header::ACCEPT, "application/json")
    }

    /// Sends what may be sent again, until somebody answers whole.
    async fn repeated(&self, request: impl Fn() -> RequestBuilder) -> Result<Vec<u8>, ClientError> {
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match self.send(request()).await {
                Err(error) if error.is_temporary() => sleep(pause).await,
                other => return other,
            }
            pause *= 2;
        }
        self.send(request()).await
    }

    /// The body of a success.
    async fn send(&self, request: RequestBuilder) -> Result<Vec<u8>, ClientError> {
        self.send_within(ANSWER, request).await
    }

    async fn send_within(&self, limit: Duration, request: RequestBuilder) -> Result<Vec<u8>, ClientError> {
        let response = request
            .timeout(limit)
            .send()
            .await
            .map_err(|error| self.unreachable(&error))?;
        let response = self.checked(response).await?;
        self.body(response, self.largest).await
    }

    /// A whole body, of which no more is kept than is allowed.
    async fn body(&self, mut response: Response, most: usize) -> Result<Vec<u8>, ClientError> {
        let mut body = Vec::new();
        // A connection that breaks in the middle of an answer is one that breaks.
        while let Some(piece) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            if body.len() + piece.len() > most {
                return Err(self.foreign(&format!("the answer is larger than {most} bytes")));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    /// The response, if it is a success.
    pub(crate) async fn checked(&self, response: Response) -> Result<Response, ClientError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = self.body(response, LARGEST_PROBLEM).await?;
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => Err(ClientError::Refused(Box::new(problem))),
            Err(_) => Err(self.foreign(&format!("status {status} without a problem"))),
        }
    }

    /// Reads an answer; one without a body is `null`.
    fn parse<T: DeserializeOwned>(&self, answer: &[u8]) -> Result<T, ClientError> {
        let answer = match answer {
            [] => b"null",
            answer => answer,
        };
        serde_json::from_slice(answer).map_err(|error| self.foreign(&error.to_string()))
    }

    pub(crate) fn unreachable(&self, error: &reqwest::Error) -> ClientError {
        // The innermost cause says most, and does not quote the address again.
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        ClientError::Unreachable {
            address: self.address.clone(),
            reason: cause.to_string(),
        }
    }

    pub(crate) fn silent(&self, waited: Duration) -> ClientError {
        ClientError::Unreachable {
            address: self.address.clone(),
            reason: format!("nothing came for {} s", waited.as_secs()),
        }
    }

    pub(crate) fn foreign(&self, reason: &str) -> ClientError {
        ClientError::Foreign {
            address: self.address.clone(),
            reason: reason.to_owned(),
        }
    }
}

/// The query of these pairs, with what is `None` left out; empty when nothing is left.
pub fn query(pairs: &[(&str, Option<&str>)]) -> String {
    let known = pairs.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
    let mut text = String::new();
    for (name, value) in known {
        text.push(if text.is_empty() { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        for byte in value.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                    text.push(char::from(byte))
                }
                other => text.push_str(&format!("%{other:02X}")),
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_query_cannot_end_it() {
        let pairs = [("a", Some("x&b=1 %é")), ("b", None), ("c", Some("2"))];
        assert_eq!(query(&pairs), "?a=x%26b%3D1%20%25%C3%A9&c=2");
        assert_eq!(query(&[("b", None)]), "");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for wrong in ["", "localhost:8642", "ftp://host", "http://me:secret@host"] {
            assert!(Client::new(wrong, Secret::new("k")).is_err(), "{wrong}");
        }
        let client = Client::new("http://localhost:8642/", Secret::new("k")).unwrap();
        assert_eq!(client.address(), "http://localhost:8642");
    }
}
