use async_trait::async_trait;
use tenon_domain::{FailureCategory, Proposal};
use tenon_store::Job;
use tokio_util::sync::CancellationToken;

use crate::Progress;

/// Does the work of a job. What it does counts only once the worker has settled the job: it changes nothing that others
/// see.
#[async_trait]
pub trait Runner: Send + Sync {
    /// Runs a job whose request is this text, until it is done or `stop` says so.
    ///
    /// # Errors
    /// When nothing came of it; the category decides whether it is tried again.
    async fn run(
        &self,
        job: &Job,
        request: &str,
        progress: &Progress,
        stop: &CancellationToken,
    ) -> Result<Proposal, RunError>;

    /// Hears of every job that was settled, with what came of it. A failure here does not undo anything.
    async fn settled(&self, _job: &Job, _proposal: Option<&Proposal>) {}
}

/// Why nothing came of a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RunError {
    /// What kind of failure it was.
    pub category: FailureCategory,
    /// What went wrong, for people.
    pub message: String,
}

impl RunError {
    /// A failure with its message.
    pub fn new(category: FailureCategory, message: impl Into<String>) -> Self {
        Self {
            category,
            message: message.into(),
        }
    }

    /// Whether the same may succeed later.
    pub fn is_temporary(&self) -> bool {
        use FailureCategory as Category;
        match self.category {
            Category::TimeoutConnect
            | Category::TimeoutTtft
            | Category::RateLimited
            | Category::Upstream5xx
            | Category::Network
            | Category::StreamTruncated
            | Category::BreakerOpen
            | Category::Shed
            | Category::Internal => true,
            Category::TimeoutTotal
            | Category::QuotaExceeded
            | Category::Auth
            | Category::NotFound
            | Category::BadRequest
            | Category::ContextWindow
            | Category::ContentPolicy
            | Category::InvalidOutput
            | Category::Cancelled => false,
        }
    }
}
