use serde::Serialize;
use tenon_domain::{Level, Proposal, ProposalId, Task};

use crate::StoreError;

/// The newest proposals.
#[derive(Debug)]
pub struct Listing {
    /// Newest first.
    pub proposals: Vec<Summary>,
    /// Files among them that could not be read, each error naming its file.
    pub unreadable: Vec<StoreError>,
    /// How many proposals are stored altogether.
    pub total: usize,
}

/// One line about a proposal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Its identity.
    pub id: ProposalId,
    /// Seconds since 1970-01-01 UTC.
    pub created_at: u64,
    /// The kind of work.
    pub task: Task,
    /// What was asked, in the person's words.
    pub intent: String,
    /// What was done, in one sentence.
    pub summary: String,
    /// How far it was checked.
    pub level: Level,
    /// How many files it touches.
    pub files: usize,
}

impl From<Proposal> for Summary {
    fn from(proposal: Proposal) -> Self {
        Self {
            id: proposal.id,
            created_at: proposal.created_at,
            task: proposal.intent.task,
            level: proposal.level(),
            files: proposal.change.files.len(),
            intent: proposal.intent.text,
            summary: proposal.summary,
        }
    }
}
