//! How many requests may be sent again: retries that multiply are how an upstream in trouble stays there.

use std::sync::{Mutex, PoisonError};

/// A share of the requests, and a few besides.
#[derive(Debug)]
pub(super) struct RetryBudget {
    left: Mutex<f64>,
}

/// What each request adds.
const SHARE: f64 = 0.1;
/// What can be saved up.
const MOST: f64 = 10.0;

impl Default for RetryBudget {
    fn default() -> Self {
        Self {
            left: Mutex::new(MOST),
        }
    }
}

impl RetryBudget {
    /// A request came in.
    pub fn earn(&self) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        *left = (*left + SHARE).min(MOST);
    }

    /// Whether one may be sent again.
    pub fn spend(&self) -> bool {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let is_enough = *left >= 1.0;
        if is_enough {
            *left -= 1.0;
        }
        is_enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_the_requests_may_be_sent_again() {
        let budget = RetryBudget::default();
        while budget.spend() {}
        let retried = (0..1000).filter(|_| {
            budget.earn();
            budget.spend()
        });
        let retried = retried.count();
        assert!((95..=100).contains(&retried), "{retried}");
    }
}
