//! The words every room shares: an [`Intent`] goes in, a [`Proposal`] comes out.
//!
//! Plain data with the invariants that hold everywhere. No IO, no async, no knowledge of a model,
//! a file system or a transport.

mod change;
mod criticality;
mod digest;
mod evidence;
mod failure;
mod intent;
mod job;
pub mod moment;
mod path;
mod price;
mod principal;
mod proposal;
mod secret;

pub use change::{ChangeKind, ChangeSet, FileChange};
pub use criticality::{Criticality, UnknownCriticality};
pub use digest::{Digest, DigestParseError};
pub use evidence::{
    CheckKind, CheckReport, Evidence, Finding, Level, Outcome, Replacement, SandboxLevel, Severity,
    UnknownLevel,
};
pub use failure::{FailureCategory, UnknownFailureCategory};
pub use intent::{AcceptanceCommand, Budget, Intent, IntentError, Quality, Task, UnknownTask};
pub use job::{JobEvent, JobId, JobOutcome, JobState, JobStatus, StepError, UnknownJobState};
pub use path::{RepoPath, RepoPathError};
pub use price::Price;
pub use principal::{Classification, Principal, PrincipalId, PrincipalKind, Role, RoleParseError};
pub use proposal::{
    Attempt, AttemptOutcome, ModelReference, Proposal, ProposalId, Provenance, SamplingRecord,
    TemplateReference, Usage,
};
pub use secret::Secret;
