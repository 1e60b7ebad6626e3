//! The words every room shares: an [`Intent`] goes in, a [`Proposal`] comes out.
//!
//! Plain data with the invariants that hold everywhere. No IO, no async, no knowledge of a model,
//! a file system or a transport.

mod change;
mod digest;
mod evidence;
mod intent;
mod path;
mod proposal;
mod secret;

pub use change::{ChangeKind, ChangeSet, FileChange};
pub use digest::{Digest, DigestParseError};
pub use evidence::{
    CheckKind, CheckReport, Evidence, Finding, Level, Outcome, Replacement, SandboxLevel, Severity,
};
pub use intent::{AcceptanceCommand, Budget, Intent, IntentError, Quality, Task};
pub use path::{RepoPath, RepoPathError};
pub use proposal::{
    Attempt, AttemptOutcome, ModelReference, Proposal, ProposalId, Provenance, SamplingRecord,
    TemplateReference, Usage,
};
pub use secret::Secret;
