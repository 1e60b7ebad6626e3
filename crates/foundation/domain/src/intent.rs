use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::RepoPath;

/// What somebody wants, as every door states it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// The kind of work.
    pub task: Task,
    /// The wish in the person's own words; for [`Task::Test`] and [`Task::Explain`] the symbol or file.
    pub text: String,
    /// Files the person named. Empty: the engine locates them.
    pub files: Vec<RepoPath>,
    /// Commands that must succeed on the changed tree.
    pub acceptance: Vec<AcceptanceCommand>,
    /// How much work selection may spend.
    pub quality: Quality,
    /// The seed every sample derives its own from.
    pub seed: u64,
    /// What may be spent.
    pub budget: Budget,
}

/// The kind of work an intent asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Edit or add code.
    Generate,
    /// Make a failing command pass.
    Fix,
    /// Write tests for a symbol or file.
    Test,
    /// Explain code; changes nothing.
    Explain,
}

impl Task {
    /// Every kind of work.
    pub const ALL: [Self; 4] = [Self::Generate, Self::Fix, Self::Test, Self::Explain];

    /// The name used in template paths and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::Fix => "fix",
            Self::Test => "test",
            Self::Explain => "explain",
        }
    }
}

/// A word that is no kind of work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no task: generate, fix, test and explain are")]
pub struct UnknownTask(String);

impl FromStr for Task {
    type Err = UnknownTask;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|task| task.as_str() == text)
            .ok_or_else(|| UnknownTask(text.to_owned()))
    }
}

/// A shell command that the changed tree must satisfy. It runs in the sandbox, in the repository's root.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AcceptanceCommand(pub String);

/// How much work selection may spend.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// One sample and its checks; one retry.
    Fast,
    /// The first candidate that passes everything visible.
    #[default]
    Standard,
    /// Several survivors, compared by behaviour.
    High,
}

/// What one run may spend. Every loop of the engine is bounded by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Wall-clock time for the whole run.
    pub max_time: Duration,
    /// Candidates that may be sampled, over all models.
    pub max_attempts: u32,
    /// Completion tokens of one sample.
    pub max_sample_tokens: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            max_time: Duration::from_secs(300),
            max_attempts: 20,
            max_sample_tokens: 1024,
        }
    }
}

/// Why an intent cannot be worked on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntentError {
    /// Nothing was asked.
    #[error("the intent is empty: say in a sentence what should change")]
    Empty,
    /// More text than any model reads.
    #[error(
        "the intent is longer than the {limit} bytes that are read: describe the change and name files with --file"
    )]
    TooLong {
        /// What is accepted, in bytes.
        limit: usize,
    },
}

impl Intent {
    /// The longest intent that is read, in bytes.
    pub const MAX_TEXT_BYTES: usize = 16 * 1024;

    /// Checks what holds for every door.
    ///
    /// # Errors
    /// When the text is empty (unless acceptance commands say what is wanted) or too long.
    pub fn validate(&self) -> Result<(), IntentError> {
        if self.text.trim().is_empty() && self.task != Task::Fix {
            return Err(IntentError::Empty);
        }
        if self.text.len() > Self::MAX_TEXT_BYTES {
            return Err(IntentError::TooLong {
                limit: Self::MAX_TEXT_BYTES,
            });
        }
        Ok(())
    }
}
