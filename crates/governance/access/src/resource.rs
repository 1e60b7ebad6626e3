use tenon_domain::{BatchId, Classification, JobId, PrincipalId, ProposalId};

/// What an action is done to.
///
/// A list is asked for by its repository or by [`Resource::Service`], and each row is still decided by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// Tenon as a whole: what lies in no repository, and lists over all repositories.
    Service,
    /// A repository, and what is about to be made in it.
    Repository {
        /// Its name.
        name: String,
        /// How carefully it is kept.
        classification: Classification,
    },
    /// A job.
    Job {
        /// Its identity.
        id: JobId,
        /// Who asked for it.
        owner: PrincipalId,
        /// The name of its repository.
        repository: String,
        /// How carefully that repository is kept.
        classification: Classification,
    },
    /// A proposal.
    Proposal {
        /// Its identity.
        id: ProposalId,
        /// Who asked for it.
        owner: PrincipalId,
        /// The name of its repository.
        repository: String,
        /// How carefully that repository is kept.
        classification: Classification,
    },
    /// A batch of jobs.
    Batch {
        /// Its identity.
        id: BatchId,
        /// Who asked for it.
        owner: PrincipalId,
        /// The name of its repository.
        repository: String,
        /// How carefully that repository is kept.
        classification: Classification,
    },
    /// A model that is served.
    Model {
        /// The name it is asked for by.
        name: String,
    },
    /// A key, or the keys of somebody.
    Key {
        /// Whom it speaks for.
        owner: PrincipalId,
    },
    /// A person or a service account.
    Principal {
        /// Which.
        id: PrincipalId,
    },
}

impl Resource {
    /// The name of the repository that it is or lies in, if any.
    pub fn repository(&self) -> Option<&str> {
        match self {
            Self::Repository { name, .. } => Some(name),
            Self::Job { repository, .. }
            | Self::Proposal { repository, .. }
            | Self::Batch { repository, .. } => Some(repository),
            Self::Service | Self::Model { .. } | Self::Key { .. } | Self::Principal { .. } => None,
        }
    }
}
