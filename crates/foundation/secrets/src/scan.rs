use crate::kind::Kind;
use crate::span::{Span, merge};
use crate::{numbers, rules};

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Tokens, keys and passwords.
    pub secrets: bool,
    /// What belongs to a person: addresses, numbers of telephones, cards, accounts and identities.
    pub personal: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            secrets: true,
            personal: true,
        }
    }
}

impl Settings {
    pub(crate) fn wants(self, kind: Kind) -> bool {
        if kind.is_secret() {
            self.secrets
        } else {
            self.personal
        }
    }
}

/// What stands in `text`, in order; no two spans overlap.
///
/// Text is expected as people read it: unpack JSON before. The first call takes some milliseconds, see [`prepare`].
#[must_use]
pub fn scan(text: &str, settings: Settings) -> Vec<Span> {
    let mut spans = Vec::new();
    if settings.secrets || settings.personal {
        rules::find(text, settings, &mut spans);
    }
    if settings.personal {
        numbers::find(text, &mut spans);
    }
    merge(spans)
}

/// Compiles the tables now instead of with the first text. They are compiled once, for all.
pub fn prepare() {
    rules::prepare();
}
