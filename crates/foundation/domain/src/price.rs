use serde::{Deserialize, Serialize};

/// What a model's tokens cost, in millionths of a US dollar for a million of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// For a million tokens that it reads.
    pub input: u64,
    /// For a million tokens that it writes.
    pub output: u64,
}

const MILLION: u128 = 1_000_000;

impl Price {
    /// Nothing, as on one's own machine.
    pub const FREE: Self = Self { input: 0, output: 0 };

    /// What so many tokens cost, in millionths of a US dollar, rounded up.
    ///
    /// ```
    /// use tenon_domain::Price;
    /// let price = Price { input: 150_000, output: 600_000 };
    /// assert_eq!(price.of(2_000, 500), 600);
    /// assert_eq!(price.of(1, 0), 1);
    /// ```
    pub fn of(self, read: u64, written: u64) -> u64 {
        let parts = u128::from(self.input) * u128::from(read) + u128::from(self.output) * u128::from(written);
        u64::try_from(parts.div_ceil(MILLION)).unwrap_or(u64::MAX)
    }
}
