use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tenon_store::{ClaimedDelivery, WebhookKind};

use crate::WebhookError;
use crate::secret::signatures;

/// What goes over the wire.
#[derive(Debug)]
pub(crate) struct Message {
    pub headers: HeaderMap,
    pub body: String,
}

const BROKEN: WebhookError = WebhookError::Unusable { what: "event" };

impl Message {
    /// The message of a delivery, as its receiver wants it.
    pub fn new(claimed: &ClaimedDelivery, now_ms: i64) -> Result<Self, WebhookError> {
        match claimed.kind {
            WebhookKind::Webhook => signed(claimed, now_ms),
            WebhookKind::Sink => cloud_event(claimed),
        }
    }
}

/// Standard Webhooks: the body as it is, and a signature over it.
fn signed(claimed: &ClaimedDelivery, now_ms: i64) -> Result<Message, WebhookError> {
    let timestamp = now_ms / 1000;
    let signature = signatures(&claimed.secrets, &claimed.id, timestamp, &claimed.body)?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("webhook-id", value(&claimed.id)?);
    headers.insert("webhook-timestamp", HeaderValue::from(timestamp));
    headers.insert("webhook-signature", value(&signature)?);
    Ok(Message {
        headers,
        body: claimed.body.clone(),
    })
}

/// CloudEvents in the binary mode of HTTP: attributes are headers, and the body is the data alone.
fn cloud_event(claimed: &ClaimedDelivery) -> Result<Message, WebhookError> {
    let message: Value = serde_json::from_str(&claimed.body).map_err(|_| BROKEN)?;
    let event = message.get("data").and_then(Value::as_object).ok_or(BROKEN)?;
    let mut headers = HeaderMap::new();
    for (name, attribute) in event.iter().filter(|(name, _)| *name != "data") {
        let name = match name.as_str() {
            "datacontenttype" => CONTENT_TYPE,
            name => HeaderName::try_from(format!("ce-{name}")).map_err(|_| BROKEN)?,
        };
        headers.insert(name, value(attribute.as_str().ok_or(BROKEN)?)?);
    }
    Ok(Message {
        headers,
        body: event.get("data").ok_or(BROKEN)?.to_string(),
    })
}

fn value(text: &str) -> Result<HeaderValue, WebhookError> {
    HeaderValue::from_str(text).map_err(|_| BROKEN)
}
