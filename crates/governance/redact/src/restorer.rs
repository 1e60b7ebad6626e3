use std::fmt;
use std::sync::Arc;

use crate::placeholder::Known;

/// Restores an answer that arrives in pieces. It may outlive its session, and knows what the session knew when it was made.
pub struct Restorer {
    known: Arc<Known>,
    held: String,
}

impl Restorer {
    pub(crate) fn new(known: Arc<Known>) -> Self {
        Self {
            known,
            held: String::new(),
        }
    }

    /// What of the text so far is certain and was not returned before. Held back is only what a placeholder of the
    /// session begins with.
    pub fn push(&mut self, piece: &str) -> String {
        self.held.push_str(piece);
        let mut restored = String::with_capacity(self.held.len());
        let read = self.known.restore(&self.held, true, &mut restored);
        self.held.drain(..read);
        restored
    }

    /// The rest, when the text has ended.
    pub fn finish(&mut self) -> String {
        let mut restored = String::new();
        self.known.restore(&self.held, false, &mut restored);
        self.held.clear();
        restored
    }
}

impl fmt::Debug for Restorer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Restorer").finish_non_exhaustive()
    }
}
