use serde::{Deserialize, Serialize};
use tenon_domain::Intent;
use tenon_traces::Traceparent;

/// What a job asks, as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobRequest {
    /// The intent.
    pub intent: Intent,
    /// The revision of a remote repository to start from; its own branch, if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The span of the request that submitted it, where one was collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<Traceparent>,
}
