//! What a run tells while it works.

use tenon_domain::{CheckReport, Level};

/// One thing that happened. Doors turn it into progress lines, log records or server-sent events.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The repository was read.
    RepositoryRead {
        /// Files that are read.
        files: usize,
        /// Symbols known.
        symbols: usize,
    },
    /// The place of the change was decided.
    Located {
        /// In words: `edit slugify in text.py`.
        plan: String,
        /// Examples found in the ask.
        examples: usize,
    },
    /// A step that takes a while began.
    Working {
        /// In words, with no final period.
        what: String,
    },
    /// A prompt goes to a model.
    Sampling {
        /// The model's name.
        model: String,
        /// The template's name.
        template: String,
        /// How many samples.
        samples: u32,
        /// The first sample's number among all attempts, from 1.
        attempt: usize,
    },
    /// More text of a sample arrived.
    Text {
        /// The attempt it belongs to, from 1.
        attempt: usize,
        /// The text to append.
        text: String,
    },
    /// Part of the repository did not fit into the prompt.
    LeftOut {
        /// What, with its size.
        what: String,
    },
    /// A check of an attempt ended.
    Checked {
        /// The attempt, from 1.
        attempt: usize,
        /// What it concluded.
        report: CheckReport,
    },
    /// An attempt ended without a change that holds.
    Rejected {
        /// The attempt, from 1.
        attempt: usize,
        /// Why, in one line.
        reason: String,
    },
    /// An attempt passed everything visible.
    Passed {
        /// The attempt, from 1.
        attempt: usize,
        /// The level it reached.
        level: Level,
    },
}

/// Receives events. Called from several threads; must not block.
pub trait Observer: Send + Sync {
    /// Takes one event.
    fn observe(&self, event: Event);
}

/// Listens to nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Observer for Silent {
    fn observe(&self, _event: Event) {}
}
