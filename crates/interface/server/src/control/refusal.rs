use std::fmt::Display;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tenon_api::{PROBLEM_MEDIA_TYPE, Problem};
use tenon_audit::JournalError;
use tenon_domain::FailureCategory;
use tenon_store::{DatabaseError, Exceeded};

/// Why a request is not answered.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub status: StatusCode,
    pub category: FailureCategory,
    /// The last part of the address of its kind.
    kind: &'static str,
    title: &'static str,
    pub detail: String,
    pub retry_after: Option<i64>,
    policies: Vec<String>,
    /// What went wrong here, for the log: nobody outside is told.
    cause: Option<Box<str>>,
}

const QUOTA: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";
const REDUCED: &str = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity";
/// Kinds of ours are addresses that nobody fetches.
const OURS: &str = "tag:tenon,2026:problem/";

impl Refusal {
    fn new(
        status: StatusCode,
        category: FailureCategory,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status,
            category,
            kind,
            title,
            detail: detail.into(),
            retry_after: None,
            policies: Vec::new(),
            cause: None,
        }
    }

    fn because(self, cause: impl Display) -> Self {
        Self {
            cause: Some(cause.to_string().into()),
            ..self
        }
    }

    /// The request is not understood.
    pub fn bad(detail: impl Into<String>) -> Self {
        let (status, category) = (StatusCode::BAD_REQUEST, FailureCategory::BadRequest);
        Self::new(
            status,
            category,
            "bad-request",
            "The request is not understood",
            detail,
        )
    }

    /// The body does not fit.
    pub fn body(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::new(
            status,
            FailureCategory::BadRequest,
            "bad-body",
            "The body does not fit",
            detail,
        )
    }

    /// Nobody is recognised.
    pub fn unauthenticated(detail: impl Into<String>) -> Self {
        let (status, category) = (StatusCode::UNAUTHORIZED, FailureCategory::Auth);
        Self::new(
            status,
            category,
            "unauthenticated",
            "Nobody is recognised",
            detail,
        )
    }

    /// The caller may not.
    pub fn forbidden(detail: impl Into<String>, policies: Vec<String>) -> Self {
        let (status, category) = (StatusCode::FORBIDDEN, FailureCategory::ContentPolicy);
        let refusal = Self::new(status, category, "forbidden", "This is not permitted", detail);
        Self { policies, ..refusal }
    }

    /// A page of somebody else's asks in the name of whoever looks at it.
    pub fn foreign_page() -> Self {
        let detail =
            "with a session, only pages of this server's own may change something; programs use a key";
        Self::forbidden(detail, Vec::new())
    }

    /// There is nothing of that name.
    pub fn missing(detail: impl Into<String>) -> Self {
        let (status, category) = (StatusCode::NOT_FOUND, FailureCategory::NotFound);
        Self::new(
            status,
            category,
            "not-found",
            "There is nothing of that name",
            detail,
        )
    }

    /// The path is served, and not in this way.
    pub fn method(detail: impl Into<String>) -> Self {
        let (status, category) = (StatusCode::METHOD_NOT_ALLOWED, FailureCategory::BadRequest);
        Self::new(
            status,
            category,
            "method-not-allowed",
            "The method is not served here",
            detail,
        )
    }

    /// It does not fit how things stand.
    pub fn conflict(detail: impl Into<String>) -> Self {
        let (status, category) = (StatusCode::CONFLICT, FailureCategory::BadRequest);
        Self::new(
            status,
            category,
            "conflict",
            "It does not fit how things stand",
            detail,
        )
    }

    /// The key of idempotency was used for another request.
    pub fn key_of_another() -> Self {
        let (status, category) = (StatusCode::UNPROCESSABLE_ENTITY, FailureCategory::BadRequest);
        let detail =
            "this Idempotency-Key was sent with another request before: use a new one for a new request";
        Self::new(
            status,
            category,
            "idempotency-key-reused",
            "The key was used for another request",
            detail,
        )
    }

    /// A limit is reached.
    pub fn exceeded(exceeded: &Exceeded, now_ms: i64) -> Self {
        let limit = &exceeded.limit;
        let detail = match limit.window_seconds {
            0 => format!(
                "{} may have {} open jobs: wait until one has ended",
                limit.scope, limit.quota
            ),
            window => format!(
                "{} may spend {} {} in {window} s, and that is used up",
                limit.scope, limit.quota, limit.unit
            ),
        };
        let (status, category) = (StatusCode::TOO_MANY_REQUESTS, FailureCategory::QuotaExceeded);
        let wait = exceeded.resets_at_ms.saturating_sub(now_ms).max(0);
        Self {
            retry_after: Some(wait / 1000 + 1),
            policies: vec![format!("{} {}", limit.scope, limit.unit)],
            ..Self::new(status, category, QUOTA, "A limit is reached", detail)
        }
    }

    /// The caller does as much at once as the server lets anybody.
    pub fn too_many(detail: impl Into<String>) -> Self {
        let (status, category) = (StatusCode::TOO_MANY_REQUESTS, FailureCategory::RateLimited);
        Self {
            retry_after: Some(10),
            ..Self::new(status, category, "too-many", "Too much at once", detail)
        }
    }

    /// As much waits as the server lets wait.
    pub fn shed(detail: impl Into<String>) -> Self {
        let (status, category) = (StatusCode::SERVICE_UNAVAILABLE, FailureCategory::Shed);
        Self {
            retry_after: Some(10),
            ..Self::new(status, category, REDUCED, "The queue is full", detail)
        }
    }

    /// The server cannot, for now.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        let (status, category) = (StatusCode::SERVICE_UNAVAILABLE, FailureCategory::Internal);
        Self {
            retry_after: Some(5),
            ..Self::new(status, category, REDUCED, "The server cannot do this now", detail)
        }
    }

    /// Whom the server asked answers what cannot be used.
    pub fn upstream(detail: impl Into<String>) -> Self {
        let (status, category) = (StatusCode::BAD_GATEWAY, FailureCategory::InvalidOutput);
        Self::new(
            status,
            category,
            "bad-gateway",
            "What was asked on your behalf was not answered well",
            detail,
        )
    }

    /// A bug of ours, of which nothing is told outside.
    pub fn internal(cause: impl Display) -> Self {
        let (status, category) = (StatusCode::INTERNAL_SERVER_ERROR, FailureCategory::Internal);
        let detail =
            "the server failed, by a bug or a damaged database: its log has the request under its id";
        Self::new(status, category, "internal", "The server failed", detail).because(cause)
    }

    /// Writes down what went wrong here, if anything did.
    pub fn log(&self, path: &str, request_id: &str) {
        if let Some(cause) = &self.cause {
            tracing::error!(status = self.status.as_u16(), path, request_id, "{cause}");
        }
    }

    pub fn response(&self, request_id: &str, instance: &str) -> Response {
        self.log(instance, request_id);
        let is_registered = self.kind.starts_with("https://");
        let problem = Problem {
            kind: match is_registered {
                true => self.kind.to_owned(),
                false => format!("{OURS}{}", self.kind),
            },
            title: self.title.to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            instance: Some(instance.to_owned()),
            failure_category: self.category,
            request_id: request_id.to_owned(),
            violated_policies: self.policies.clone(),
        };
        let mut response = (self.status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_MEDIA_TYPE));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<DatabaseError> for Refusal {
    fn from(error: DatabaseError) -> Self {
        match &error {
            DatabaseError::Step(_) | DatabaseError::Fenced(_) => Self::conflict(error.to_string()),
            DatabaseError::Conflict { .. } => Self::conflict("there is one of that name already"),
            DatabaseError::UnknownJob(_) => Self::missing(error.to_string()),
            // What a database says may hold what nobody outside should read.
            DatabaseError::Unavailable { .. } | DatabaseError::Connect { .. } => {
                Self::unavailable("the database does not answer; nothing was done").because(&error)
            }
            DatabaseError::Url
            | DatabaseError::Migration { .. }
            | DatabaseError::Statement { .. }
            | DatabaseError::Row { .. } => Self::internal(&error),
        }
    }
}

impl From<JournalError> for Refusal {
    fn from(error: JournalError) -> Self {
        let refusal = Self::unavailable("the audit log cannot be written, and nothing is done without it");
        refusal.because(error)
    }
}
