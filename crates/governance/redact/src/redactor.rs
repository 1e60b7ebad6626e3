use tenon_secrets::{Settings, Span, prepare, scan};

use crate::session::Session;

/// Finds what may not leave. It holds nothing but its settings: the tables are compiled once, for all.
#[derive(Debug, Clone)]
pub struct Redactor {
    settings: Settings,
}

impl Redactor {
    /// A redactor with these settings. The first one takes some milliseconds.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        prepare();
        Self { settings }
    }

    /// Begins a conversation, in which the same value has the same placeholder.
    #[must_use]
    pub fn session(&self) -> Session {
        Session::new(self.clone())
    }

    pub(crate) fn scan(&self, text: &str) -> Vec<Span> {
        scan(text, self.settings)
    }
}
