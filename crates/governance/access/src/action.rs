use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! actions {
    ($($(#[$documentation:meta])* $name:ident = $text:literal,)*) => {
        /// What somebody may want to do. The words are those of the policies and of the scopes of keys.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Action {
            $($(#[$documentation])* #[serde(rename = $text)] $name,)*
        }

        impl Action {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The word in policies, in scopes and on the wire.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

actions! {
    /// Start a job in a repository.
    JobsCreate = "jobs:create",
    /// See a job, those of a repository, or the list of all.
    JobsRead = "jobs:read",
    /// End a job early.
    JobsCancel = "jobs:cancel",
    /// Have a job run again.
    JobsRetry = "jobs:retry",
    /// See a proposal, those of a repository, or the list of all.
    ProposalsRead = "proposals:read",
    /// Say what became of a proposal.
    ProposalsFeedback = "proposals:feedback",
    /// Let a proposal pass where somebody has to.
    ProposalsApprove = "proposals:approve",
    /// See a repository, or the list of all.
    RepositoriesRead = "repositories:read",
    /// Add, change or remove a repository.
    RepositoriesManage = "repositories:manage",
    /// See prompt templates.
    PromptsRead = "prompts:read",
    /// See which models there are.
    ModelsRead = "models:read",
    /// Ask a model directly, through the routes under `/v1`.
    ModelsUse = "models:use",
    /// See keys, never their secrets.
    KeysRead = "keys:read",
    /// Make and revoke keys.
    KeysManage = "keys:manage",
    /// See people and service accounts.
    UsersRead = "users:read",
    /// Add, change or remove people and service accounts.
    UsersManage = "users:manage",
    /// Read the audit trail.
    AuditRead = "audit:read",
    /// Read signals: what became of proposals and completions.
    SignalsRead = "signals:read",
    /// Add, change or remove webhooks.
    WebhooksManage = "webhooks:manage",
    /// Set limits and budgets.
    LimitsManage = "limits:manage",
    /// Start many jobs at once; each of them still needs `jobs:create`.
    BatchesCreate = "batches:create",
    /// See a batch, those of a repository, or the list of all.
    BatchesRead = "batches:read",
    /// End what is left of a batch early.
    BatchesCancel = "batches:cancel",
    /// Have the jobs of a batch run again that came to nothing.
    BatchesResume = "batches:resume",
    /// See the description of the interface, and who one is.
    ServiceRead = "service:read",
}

impl Action {
    /// Whether it can concern what lies in a repository, so that a key limited to repositories must say which.
    pub(crate) fn is_in_repositories(self) -> bool {
        match self {
            Self::JobsCreate
            | Self::JobsRead
            | Self::JobsCancel
            | Self::JobsRetry
            | Self::ProposalsRead
            | Self::ProposalsFeedback
            | Self::ProposalsApprove
            | Self::RepositoriesRead
            | Self::RepositoriesManage
            | Self::AuditRead
            | Self::SignalsRead
            | Self::WebhooksManage
            | Self::BatchesCreate
            | Self::BatchesRead
            | Self::BatchesCancel
            | Self::BatchesResume => true,
            Self::PromptsRead
            | Self::ModelsRead
            | Self::ModelsUse
            | Self::KeysRead
            | Self::KeysManage
            | Self::UsersRead
            | Self::UsersManage
            | Self::LimitsManage
            | Self::ServiceRead => false,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// Text that is not an action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an action: expected one of {}", listed())]
pub struct UnknownAction {
    /// What was given.
    pub text: String,
}

impl FromStr for Action {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.iter().find(|action| action.as_str() == text);
        known.copied().ok_or_else(|| UnknownAction {
            text: text.to_owned(),
        })
    }
}

/// Every action, for a message.
pub(crate) fn listed() -> String {
    let names: Vec<_> = Action::ALL.iter().map(|action| action.as_str()).collect();
    names.join(", ")
}
