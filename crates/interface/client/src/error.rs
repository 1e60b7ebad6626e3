use tenon_api::Problem;

/// Why the service did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// An address that is none.
    #[error("`{0}` is not the address of a server: expected http://HOST:PORT or https://HOST")]
    Address(String),
    /// Nobody answers.
    #[error("the server at {address} does not answer: {reason}")]
    Unreachable {
        /// Where it was looked for.
        address: String,
        /// Why.
        reason: String,
    },
    /// The service says no.
    #[error("{}", .0.detail)]
    Refused(Box<Problem>),
    /// Somebody answers, who is not the service.
    #[error("what answers at {address} does not speak as a Tenon server does: {reason}")]
    Foreign {
        /// Where.
        address: String,
        /// What is wrong.
        reason: String,
    },
}

impl ClientError {
    /// Whether the same may succeed later: nobody answered, or the service could not do it just then.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused(problem) => problem.status == 503,
            Self::Address(_) | Self::Foreign { .. } => false,
        }
    }
}
