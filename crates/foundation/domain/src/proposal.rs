use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{ChangeSet, CheckReport, Digest, Evidence, Intent, Level, Price};

/// Identifies a proposal; sorts by time of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProposalId(Uuid);

impl ProposalId {
    /// A new id, from the clock and the system's randomness.
    #[expect(
        clippy::new_without_default,
        reason = "a default id would be a new one each time"
    )]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for ProposalId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl FromStr for ProposalId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

/// A change plus the evidence for it, and where it came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// Its identity in the store.
    pub id: ProposalId,
    /// Seconds since 1970-01-01 UTC.
    pub created_at: u64,
    /// What was asked.
    pub intent: Intent,
    /// One sentence for people.
    pub summary: String,
    /// The change; empty for [`Task::Explain`](crate::Task::Explain).
    pub change: ChangeSet,
    /// Prose for people, when the task is to explain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// What was checked.
    pub evidence: Evidence,
    /// Where it came from.
    pub provenance: Provenance,
    /// What it cost.
    pub usage: Usage,
}

impl Proposal {
    /// How far the change was checked.
    pub fn level(&self) -> Level {
        self.evidence.level()
    }
}

/// Enough to make the same sample again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The version of Tenon.
    pub tenon_version: String,
    /// The commit the tree was at, if it is a Git repository with one.
    pub base_commit: Option<String>,
    /// Digest of everything that was put before the model.
    pub context_digest: Digest,
    /// Every candidate, in order; the chosen one is named by `chosen`.
    pub attempts: Vec<Attempt>,
    /// Index into `attempts` of the candidate that became the change.
    pub chosen: Option<usize>,
}

/// One candidate: how it was sampled and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The template that rendered the prompt.
    pub template: TemplateReference,
    /// The model that answered.
    pub model: ModelReference,
    /// How it was sampled.
    pub sampling: SamplingRecord,
    /// The exact prompt: the messages as JSON, digested.
    pub prompt_digest: Digest,
    /// The exact prompt, so that it can be replayed.
    pub prompt: String,
    /// What the model wrote.
    pub text: String,
    /// The tokens it wrote by their numbers in the model's vocabulary, so that it can be replayed; empty when not
    /// reported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<u32>,
    /// Tokens in the prompt; `None` when not reported.
    pub prompt_tokens: Option<u32>,
    /// Tokens written; `None` when not reported.
    pub completion_tokens: Option<u32>,
    /// What became of it.
    pub outcome: AttemptOutcome,
    /// Wall-clock time in milliseconds, sampling and checks.
    pub duration_ms: u64,
}

impl Attempt {
    /// Whether a model answered: not where it failed, and not for a small variation of the code, which no model wrote.
    pub fn has_answer(&self) -> bool {
        let is_drawn = self.sampling.together > 0;
        is_drawn && !matches!(self.outcome, AttemptOutcome::ModelFailed { .. })
    }
}

/// What became of a candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// No change could be read from the text.
    NotExtracted {
        /// Why.
        reason: String,
    },
    /// The same change as an earlier attempt.
    Duplicate {
        /// Index of the earlier attempt.
        of: usize,
    },
    /// A check failed.
    Rejected {
        /// The name of the first check that failed.
        check: String,
        /// Why, in one line.
        reason: String,
        /// All reports of this candidate.
        checks: Vec<CheckReport>,
    },
    /// Everything visible passed.
    Passed {
        /// The level it reached.
        level: Level,
    },
    /// The model failed.
    ModelFailed {
        /// Why.
        reason: String,
    },
}

/// A version of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateReference {
    /// `task/name`.
    pub name: String,
    /// The version its author wrote.
    pub version: String,
    /// The digest of its content: the version that counts.
    pub digest: Digest,
}

/// A model, as precisely as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelReference {
    /// The name it is configured under.
    pub name: String,
    /// The digest of its file; `None` for an upstream.
    pub digest: Option<Digest>,
    /// What its tokens cost; `None` when that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
}

impl ModelReference {
    /// What its tokens cost: nothing where it is a file on this machine.
    pub fn price(&self) -> Option<Price> {
        self.price.or(self.digest.map(|_| Price::FREE))
    }
}

/// How a candidate was sampled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SamplingRecord {
    /// 0 is greedy.
    pub temperature: f32,
    /// Nucleus mass.
    pub top_p: f32,
    /// The seed of this sample.
    pub seed: u64,
    /// The most tokens it may write.
    pub max_tokens: u32,
    /// Which of the samples that were drawn together, from 0.
    #[serde(default)]
    pub index: u32,
    /// How many samples were drawn together.
    #[serde(default = "one")]
    pub together: u32,
    /// Where it ended.
    #[serde(default)]
    pub stop: Vec<String>,
}

fn one() -> u32 {
    1
}

/// What a run cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read by models, prefix-cache hits included.
    pub prompt_tokens: u64,
    /// Tokens written by models.
    pub completion_tokens: u64,
    /// Candidates sampled.
    pub attempts: u32,
    /// Wall-clock seconds.
    pub seconds: f64,
}
