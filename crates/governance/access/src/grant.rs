use serde::{Deserialize, Serialize};
use tenon_domain::Principal;

use crate::Scopes;

/// What is known about a key: for whom it speaks, how far and how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyGrant {
    /// Whom it speaks for.
    pub principal: Principal,
    /// What it is limited to; never more than what the principal may.
    pub scopes: Scopes,
    /// Seconds since 1970-01-01 UTC from which on it is no longer accepted.
    pub expires_at: Option<u64>,
    /// Seconds since 1970-01-01 UTC at which it was revoked.
    pub revoked_at: Option<u64>,
}

impl KeyGrant {
    /// Why the key is not accepted `now`, in seconds since 1970-01-01 UTC; `None` when it is.
    pub fn refusal(&self, now: u64) -> Option<KeyRefusal> {
        // Whenever that was: clocks of several machines differ, and a revoked key does not become good by that.
        if self.revoked_at.is_some() {
            return Some(KeyRefusal::Revoked);
        }
        self.expires_at
            .is_some_and(|expiry| expiry <= now)
            .then_some(KeyRefusal::Expired)
    }
}

/// Why a known key is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// Its time is over.
    #[error("the key has expired: make another with `tenon key create`")]
    Expired,
    /// Somebody took it back.
    #[error("the key was revoked: make another with `tenon key create`")]
    Revoked,
}
