//! What went wrong, and how each dialect says it.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tenon_domain::FailureCategory;
use tenon_runtime::ModelError;

use crate::dialect::Dialect;
use crate::tally;

/// Something went wrong before the first text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub category: Category,
    pub message: String,
    /// The field that was wrong.
    pub parameter: Option<&'static str>,
    /// Seconds.
    pub retry_after: Option<u64>,
}

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Category {
    BadRequest,
    ContextWindow,
    Unauthenticated,
    Forbidden,
    UnknownModel,
    UnknownRoute,
    WrongMethod,
    TooLarge,
    RateLimited,
    /// The server has as much to do as it takes.
    Shed,
    Unavailable,
    UpstreamBroke,
    Timeout,
    /// What is asked for is not configured here.
    NotServed,
}

/// How Anthropic says that there is too much to do.
const OVERLOADED: u16 = 529;

impl Category {
    pub fn status(self) -> StatusCode {
        match self {
            Self::BadRequest | Self::ContextWindow => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::UnknownModel | Self::UnknownRoute => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Shed | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::UpstreamBroke => StatusCode::BAD_GATEWAY,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Self::NotServed => StatusCode::NOT_IMPLEMENTED,
        }
    }

    /// The category in metrics and traces.
    pub fn of_failures(self) -> FailureCategory {
        match self {
            Self::BadRequest | Self::WrongMethod | Self::TooLarge => FailureCategory::BadRequest,
            Self::ContextWindow => FailureCategory::ContextWindow,
            Self::Unauthenticated => FailureCategory::Auth,
            Self::Forbidden => FailureCategory::ContentPolicy,
            Self::UnknownModel | Self::UnknownRoute | Self::NotServed => FailureCategory::NotFound,
            Self::RateLimited => FailureCategory::RateLimited,
            Self::Shed => FailureCategory::Shed,
            Self::Unavailable => FailureCategory::Network,
            Self::UpstreamBroke => FailureCategory::Upstream5xx,
            Self::Timeout => FailureCategory::TimeoutTotal,
        }
    }

    fn open_ai(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::BadRequest | Self::TooLarge | Self::NotServed | Self::UnknownRoute | Self::WrongMethod => {
                ("invalid_request_error", None)
            }
            Self::ContextWindow => ("invalid_request_error", Some("context_length_exceeded")),
            Self::Unauthenticated => ("authentication_error", Some("invalid_api_key")),
            Self::Forbidden => ("permission_error", None),
            Self::UnknownModel => ("invalid_request_error", Some("model_not_found")),
            Self::RateLimited => ("rate_limit_error", Some("rate_limit_exceeded")),
            Self::Shed => ("server_error", Some("overloaded")),
            Self::Unavailable | Self::UpstreamBroke | Self::Timeout => ("server_error", None),
        }
    }

    fn anthropic(self) -> &'static str {
        match self {
            Self::BadRequest | Self::ContextWindow | Self::NotServed | Self::WrongMethod => {
                "invalid_request_error"
            }
            Self::Unauthenticated => "authentication_error",
            Self::Forbidden => "permission_error",
            Self::UnknownModel | Self::UnknownRoute => "not_found_error",
            Self::TooLarge => "request_too_large",
            Self::RateLimited => "rate_limit_error",
            Self::Shed => "overloaded_error",
            Self::Unavailable | Self::UpstreamBroke | Self::Timeout => "api_error",
        }
    }
}

impl Failure {
    pub fn new(category: Category, message: impl Into<String>) -> Self {
        Self {
            category,
            message: message.into(),
            parameter: None,
            retry_after: None,
        }
    }

    pub fn bad(parameter: &'static str, message: impl Into<String>) -> Self {
        Self {
            parameter: Some(parameter),
            ..Self::new(Category::BadRequest, message)
        }
    }

    /// The failure as `dialect` says it.
    pub fn response(&self, dialect: Dialect) -> Response {
        tally::current().failed(self.category.of_failures());
        let status = match (dialect, self.category) {
            (Dialect::Anthropic, Category::Shed) => StatusCode::from_u16(OVERLOADED),
            _ => Ok(self.category.status()),
        };
        let status = status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        let mut response = match dialect {
            Dialect::Tabby => (status, self.message.clone()).into_response(),
            _ => (status, Json(self.body(dialect))).into_response(),
        };
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    /// The body alone, as it stands in an error event.
    pub fn body(&self, dialect: Dialect) -> Value {
        match dialect {
            Dialect::OpenAi | Dialect::Tabby => {
                let (kind, code) = self.category.open_ai();
                let error = json!({
                    "message": self.message, "type": kind, "param": self.parameter, "code": code,
                });
                json!({ "error": error })
            }
            Dialect::Anthropic => json!({
                "type": "error",
                "error": { "type": self.category.anthropic(), "message": self.message },
                "request_id": tally::current_id().map(|id| id.to_string()),
            }),
            Dialect::LlamaCpp => {
                let (kind, _) = self.category.open_ai();
                let code = self.category.status().as_u16();
                json!({ "error": { "code": code, "message": self.message, "type": kind } })
            }
            Dialect::Ollama => json!({ "error": self.message }),
        }
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        let category = match &error {
            ModelError::Refused { .. } => Category::BadRequest,
            ModelError::TooLong { .. } | ModelError::Overlong { .. } => Category::ContextWindow,
            ModelError::Unavailable { .. } => Category::Unavailable,
            // The caller's key is not the one that the upstream refused.
            ModelError::Broken { .. } | ModelError::Unauthorised { .. } => Category::UpstreamBroke,
            ModelError::Timeout { .. } => Category::Timeout,
            ModelError::RateLimited { .. } => Category::RateLimited,
        };
        let retry_after = match (&error, category) {
            (ModelError::RateLimited { retry_after_seconds }, _) => Some(retry_after_seconds.unwrap_or(1)),
            (_, Category::Unavailable) => Some(5),
            _ => None,
        };
        Self {
            retry_after,
            ..Self::new(category, error.to_string())
        }
    }
}
