use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What kind of failure ended a request, an attempt or a job: one vocabulary for records, metrics and callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCategory {
    /// No connection was made in time.
    TimeoutConnect,
    /// No first text came in time.
    TimeoutTtft,
    /// The whole answer took too long.
    TimeoutTotal,
    /// Asked too often; later it may be answered.
    RateLimited,
    /// What may be spent is spent.
    QuotaExceeded,
    /// A key is missing, unknown or not permitted this.
    Auth,
    /// There is no such thing.
    NotFound,
    /// The request itself is wrong.
    BadRequest,
    /// More text than the model reads.
    ContextWindow,
    /// A policy about content forbids it.
    ContentPolicy,
    /// The upstream says that it failed.
    #[serde(rename = "upstream_5xx")]
    Upstream5xx,
    /// The connection broke or could not be made.
    Network,
    /// The answer stopped before its end.
    StreamTruncated,
    /// The answer cannot be used.
    InvalidOutput,
    /// The upstream failed too often of late and was not asked.
    BreakerOpen,
    /// Turned away since there is too much to do.
    Shed,
    /// Somebody did not want it any more.
    Cancelled,
    /// A fault of our own.
    Internal,
}

impl FailureCategory {
    /// Every category.
    pub const ALL: [Self; 18] = [
        Self::TimeoutConnect,
        Self::TimeoutTtft,
        Self::TimeoutTotal,
        Self::RateLimited,
        Self::QuotaExceeded,
        Self::Auth,
        Self::NotFound,
        Self::BadRequest,
        Self::ContextWindow,
        Self::ContentPolicy,
        Self::Upstream5xx,
        Self::Network,
        Self::StreamTruncated,
        Self::InvalidOutput,
        Self::BreakerOpen,
        Self::Shed,
        Self::Cancelled,
        Self::Internal,
    ];

    /// The name in records, metrics and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TimeoutConnect => "timeout_connect",
            Self::TimeoutTtft => "timeout_ttft",
            Self::TimeoutTotal => "timeout_total",
            Self::RateLimited => "rate_limited",
            Self::QuotaExceeded => "quota_exceeded",
            Self::Auth => "auth",
            Self::NotFound => "not_found",
            Self::BadRequest => "bad_request",
            Self::ContextWindow => "context_window",
            Self::ContentPolicy => "content_policy",
            Self::Upstream5xx => "upstream_5xx",
            Self::Network => "network",
            Self::StreamTruncated => "stream_truncated",
            Self::InvalidOutput => "invalid_output",
            Self::BreakerOpen => "breaker_open",
            Self::Shed => "shed",
            Self::Cancelled => "cancelled",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for FailureCategory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// A word that is no category of failure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no category of failure: the categories are {all}", all = FailureCategory::ALL.map(FailureCategory::as_str).join(", "))]
pub struct UnknownFailureCategory(String);

impl FromStr for FailureCategory {
    type Err = UnknownFailureCategory;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|category| category.as_str() == text)
            .ok_or_else(|| UnknownFailureCategory(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_category_has_one_name_everywhere() {
        for category in FailureCategory::ALL {
            let json = serde_json::to_string(&category).unwrap();
            assert_eq!(json, format!("\"{category}\""));
            assert_eq!(serde_json::from_str::<FailureCategory>(&json).unwrap(), category);
            assert_eq!(category.as_str().parse(), Ok(category));
        }
        let names = FailureCategory::ALL.map(FailureCategory::as_str);
        assert_eq!(BTreeSet::from(names).len(), names.len());
    }

    #[test]
    fn an_unknown_category_is_answered_with_the_known_ones() {
        let error = "timeout".parse::<FailureCategory>().unwrap_err().to_string();
        assert!(
            error.starts_with("`timeout` is no category of failure"),
            "{error}"
        );
        assert!(error.contains("timeout_connect, timeout_ttft"), "{error}");
    }
}
