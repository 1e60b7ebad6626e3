//! What is asked at a cursor, and what is answered.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use tenon_domain::RepoPath;
use tenon_runtime::CacheScope;
use tenon_syntax::Language;

use super::place::Place;

/// A cursor in a buffer, and what else is open.
#[derive(Debug, Clone)]
pub struct CompletionRequest {
    /// The buffer's file, relative to the repository; its extension tells the language.
    pub path: RepoPath,
    /// The whole buffer.
    pub text: String,
    /// Where the cursor is, in bytes of `text`.
    pub cursor: usize,
    /// Whether `text` is an excerpt: what it does not declare may still exist, so that names are not checked.
    pub is_excerpt: bool,
    /// How much is wanted.
    pub extent: Extent,
    /// Different suggestions, at most.
    pub alternatives: u32,
    /// When the answer must be there. What is written by then is used, if it holds.
    pub deadline: Duration,
    /// Other buffers that are open, the latest looked at first.
    pub open_buffers: Vec<Buffer>,
    /// What was written elsewhere just now, the latest first.
    pub recent_edits: Vec<Buffer>,
    /// Whose request it is: nothing that is remembered crosses over.
    pub scope: CacheScope,
}

impl CompletionRequest {
    /// What of the buffer the model is shown, before and behind the cursor; `None` when the cursor is no place in it.
    pub fn window(&self) -> Option<(String, String)> {
        let window = Place::new(&self.text, self.cursor, Language::of_path(&self.path))?.window();
        Some((window.prefix, window.suffix))
    }
}

/// A piece of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buffer {
    /// The file, relative to the repository.
    pub path: RepoPath,
    /// The text.
    pub text: String,
}

/// How much is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// A block where one begins, else the rest of the line.
    #[default]
    Natural,
    /// The rest of the line.
    Line,
    /// The rest of the block.
    Block,
}

/// The answer: suggestions, or why there are none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Completion {
    /// Names this answer in logs and feedback.
    pub id: String,
    /// What can be inserted at the cursor, best first.
    pub suggestions: Vec<String>,
    /// Why nothing is shown; `None` when something is.
    pub silence: Option<Silence>,
    /// How the answer came about.
    pub trace: CompletionTrace,
}

/// How an answer came about.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CompletionTrace {
    /// Who answered.
    pub answered_by: AnsweredBy,
    /// How much was asked for.
    pub extent: Extent,
    /// What stood before the code, in order.
    pub fragments: Vec<Fragment>,
    /// What the model wrote that is not shown, and why.
    pub dropped: Vec<Dropped>,
    /// Tokens of the prompt; `None` when not reported.
    pub prompt_tokens: Option<u32>,
    /// How many of them the model had read before; `None` when not reported.
    pub cached_tokens: Option<u32>,
    /// Tokens written; `None` when not reported.
    pub completion_tokens: Option<u32>,
    /// Mean natural log-probability of the first suggestion's tokens; `None` when it was cut short.
    pub mean_logprob: Option<f32>,
    /// Milliseconds until the model was asked.
    pub preparing_ms: f64,
    /// Milliseconds that the model took.
    pub model_ms: f64,
    /// Milliseconds of trimming and checking.
    pub checking_ms: f64,
}

/// Who answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnsweredBy {
    /// Nobody.
    #[default]
    Nobody,
    /// The model.
    Model,
    /// A suggestion that is being typed, or that was prepared ahead.
    Memory,
    /// The model, asked at an earlier key: what was typed since is the beginning of its answer.
    Underway,
}

/// A piece of the surroundings, put before the code as a comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fragment {
    /// Where it comes from, for people.
    pub source: String,
    /// The text.
    pub text: String,
}

/// What the model wrote that is not shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// The text as the model wrote it.
    pub text: String,
    /// Why.
    pub reason: Silence,
}

/// Why nothing is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Silence {
    /// The model has nothing to add.
    Empty,
    /// Nothing whole was written in time.
    Deadline,
    /// With it the file parses worse than without.
    ParseWorse,
    /// It says what stands behind the cursor.
    RepeatsSuffix,
    /// It says what stands above the cursor.
    RepeatsAbove,
    /// The model was guessing.
    LowConfidence,
    /// It uses a name, a module or a member that does not exist.
    UnknownName {
        /// Which.
        said: String,
    },
    /// A rule forbids it: it holds a secret, or the file may not be written.
    Policy {
        /// Which.
        said: String,
    },
    /// The cursor stands inside a word.
    InsideWord,
    /// The cursor is not a place in the buffer.
    BadCursor,
    /// The model cannot be asked.
    NoModel {
        /// Why, with the mend.
        said: String,
    },
}

impl Silence {
    /// The reason as one word, as it stands in logs and on the wire.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Deadline => "deadline",
            Self::ParseWorse => "parse_worse",
            Self::RepeatsSuffix => "repeats_suffix",
            Self::RepeatsAbove => "repeats_above",
            Self::LowConfidence => "low_confidence",
            Self::UnknownName { .. } => "unknown_name",
            Self::Policy { .. } => "policy",
            Self::InsideWord => "inside_word",
            Self::BadCursor => "bad_cursor",
            Self::NoModel { .. } => "no_model",
        }
    }
}

impl Silence {
    /// Whether another draw may hold where this one did not.
    pub(super) fn may_be_mended(&self) -> bool {
        match self {
            Self::ParseWorse | Self::RepeatsSuffix | Self::RepeatsAbove | Self::UnknownName { .. } => true,
            Self::Empty
            | Self::Deadline
            | Self::LowConfidence
            | Self::Policy { .. }
            | Self::InsideWord
            | Self::BadCursor
            | Self::NoModel { .. } => false,
        }
    }
}

impl fmt::Display for Silence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("the model has nothing to add"),
            Self::Deadline => formatter.write_str("nothing whole was written in time"),
            Self::ParseWorse => formatter.write_str("the file would parse worse"),
            Self::RepeatsSuffix => formatter.write_str("it repeats what stands behind the cursor"),
            Self::RepeatsAbove => formatter.write_str("it repeats what stands above the cursor"),
            Self::LowConfidence => formatter.write_str("the model was guessing"),
            Self::InsideWord => formatter.write_str("the cursor stands inside a word"),
            Self::BadCursor => formatter.write_str("the cursor is not a place in the file"),
            Self::UnknownName { said } | Self::Policy { said } | Self::NoModel { said } => {
                formatter.write_str(said)
            }
        }
    }
}
