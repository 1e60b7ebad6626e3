//! What goes over the wire beside the protocol's own types.

use serde::{Deserialize, Serialize};

/// The notification that tells of every completion, for those who show why there is silence.
pub const REPORT_METHOD: &str = "tenon/completion";

/// The notification that tells what became of a suggestion.
pub const OUTCOME_METHOD: &str = "tenon/suggestion";

/// The command that an item runs when it is taken: its arguments are the completion's id and the item's index.
pub const TAKEN_COMMAND: &str = "tenon.taken";

/// The command that a code action runs: its argument is the errand.
pub const RUN_COMMAND: &str = "tenon.run";

/// How one completion ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CompletionReport {
    /// Names the completion.
    pub id: String,
    /// How many suggestions were sent.
    pub shown: usize,
    /// Why there were none, as one word.
    pub reason: Option<String>,
    /// The same for people.
    pub message: Option<String>,
    /// Milliseconds from the request to the answer.
    pub milliseconds: f64,
}

/// What became of a suggestion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was taken.
    Taken,
    /// A word or a line of it was taken.
    TakenPartly,
    /// Somebody wrote by hand what it said.
    Typed,
    /// Something else was written.
    Dismissed,
}

/// What became of a suggestion. No code is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SuggestionReport {
    /// Names the completion.
    pub id: String,
    /// Which of its suggestions; 0 when none was followed.
    pub index: usize,
    /// What became of it.
    pub outcome: Outcome,
    /// How many characters of it stand in the buffer.
    pub characters: usize,
    /// Milliseconds since it was shown.
    pub milliseconds: u64,
}

/// `initializationOptions`: what a person may set in the editor.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Options {
    /// Milliseconds for a completion that nobody asked for.
    pub automatic_deadline: u64,
    /// Milliseconds for one that somebody asked for.
    pub invoked_deadline: u64,
    /// Suggestions when somebody asked.
    pub alternatives: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            automatic_deadline: 2_000,
            invoked_deadline: 5_000,
            alternatives: 3,
        }
    }
}

impl Options {
    /// The same within bounds that keep every wait short.
    pub fn bounded(self) -> Self {
        Self {
            automatic_deadline: self.automatic_deadline.clamp(20, 60_000),
            invoked_deadline: self.invoked_deadline.clamp(20, 60_000),
            alternatives: self.alternatives.clamp(1, 5),
        }
    }
}
