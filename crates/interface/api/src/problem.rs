use serde::{Deserialize, Serialize};
use tenon_domain::FailureCategory;
use utoipa::ToSchema;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// What went wrong, as RFC 9457 has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// What kind of problem it is: an address that stays the same.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong this time, and how to mend it.
    pub detail: String,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The kind of failure, as metrics and events name it.
    #[schema(value_type = String)]
    pub failure_category: FailureCategory,
    /// The request, for whoever looks into it.
    pub request_id: String,
    /// The limits that were reached.
    #[serde(rename = "violated-policies", default, skip_serializing_if = "Vec::is_empty")]
    pub violated_policies: Vec<String>,
}
