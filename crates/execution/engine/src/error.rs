use std::path::PathBuf;

use tenon_domain::{IntentError, RepoPath};
use tenon_runtime::ModelError;

/// Why a run ended without a proposal.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The intent cannot be worked on as it is.
    #[error(transparent)]
    Intent(#[from] IntentError),
    /// The repository cannot be read.
    #[error("cannot read the repository at {}: {reason}", path.display())]
    Repository {
        /// Its root.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The intent names something that is not there.
    #[error("{what} is not in the repository{}", hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default())]
    NotFound {
        /// What was named.
        what: String,
        /// What may have been meant.
        hint: Option<String>,
    },
    /// The intent asks for a path where nothing may be written.
    #[error("refused: {reason}")]
    Refused {
        /// Why, with the mend.
        reason: String,
    },
    /// A file that must be edited cannot be.
    #[error("cannot edit `{path}`: {reason}")]
    Uneditable {
        /// The file.
        path: RepoPath,
        /// Why, with the mend.
        reason: String,
    },
    /// The command that should be mended does not fail.
    #[error("`{command}` already succeeds: there is nothing to fix")]
    NothingToFix {
        /// The command.
        command: String,
    },
    /// Something that the work needs is missing.
    #[error("{what}")]
    Missing {
        /// What, with the mend.
        what: String,
    },
    /// No model answered.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A template cannot be used.
    #[error("template: {reason}")]
    Template {
        /// Why, with the template's name.
        reason: String,
    },
    /// The sandbox failed, which is not the same as a check that failed.
    #[error("sandbox: {reason}")]
    Sandbox {
        /// Why, with the mend.
        reason: String,
    },
    /// The person or the caller stopped the run.
    #[error("interrupted")]
    Interrupted,
}
