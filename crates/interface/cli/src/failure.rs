//! How a command ends when it does not succeed: a message, the mend, and an exit code from the contract.

use tenon_domain::IntentError;
use tenon_engine::EngineError;

/// The exit codes that scripts rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// A verified change, or whatever else the command promises.
    Success = 0,
    /// A bug in Tenon.
    Bug = 1,
    /// Bad usage.
    Usage = 2,
    /// No change passed; the best attempt was shown.
    NotVerified = 3,
    /// Refused by policy.
    Refused = 4,
    /// Something needed is missing.
    Missing = 5,
    /// Interrupted.
    Interrupted = 130,
}

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What went wrong: lower case, no final period.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
}

impl Failure {
    /// A failure with its message.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            help: None,
        }
    }

    /// Adds the mend.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let exit = match &error {
            EngineError::Intent(IntentError::Empty | IntentError::TooLong { .. })
            | EngineError::NotFound { .. }
            | EngineError::NothingToFix { .. } => Exit::Usage,
            EngineError::Refused { .. } => Exit::Refused,
            EngineError::Repository { .. }
            | EngineError::Uneditable { .. }
            | EngineError::Missing { .. }
            | EngineError::Model(_)
            | EngineError::Template { .. }
            | EngineError::Sandbox { .. } => Exit::Missing,
            EngineError::Interrupted => Exit::Interrupted,
        };
        Self::new(exit, error.to_string())
    }
}
