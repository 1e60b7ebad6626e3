//! Figures of a run: rates with their uncertainty.

/// A share of a number of tasks with its 95% interval, in percent.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Rate {
    /// How many succeeded.
    pub passed: usize,
    /// Out of how many.
    pub total: usize,
    /// `passed / total` in percent.
    pub percent: f64,
    /// Lower end of the 95% interval, in percent.
    pub low: f64,
    /// Upper end of the 95% interval, in percent.
    pub high: f64,
}

impl Rate {
    /// The rate with its Wilson score interval (E. B. Wilson, 1927), which holds for small numbers and near 0 and 1.
    #[expect(
        clippy::cast_precision_loss,
        reason = "suites hold thousands of tasks, not 2^52"
    )]
    pub fn of(passed: usize, total: usize) -> Self {
        const Z: f64 = 1.959_964;
        if total == 0 {
            return Self {
                passed,
                total,
                percent: 0.0,
                low: 0.0,
                high: 100.0,
            };
        }
        let (successes, n) = (passed as f64, total as f64);
        let share = successes / n;
        let centre = (share + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
        let half = Z / (1.0 + Z * Z / n) * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        let percent = |share: f64| (share * 1000.0).round() / 10.0;
        Self {
            passed,
            total,
            percent: percent(share),
            low: percent((centre - half).max(0.0)),
            high: percent((centre + half).min(1.0)),
        }
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{:.1}% ({}/{}, 95% interval {:.1}–{:.1})",
            self.percent, self.passed, self.total, self.low, self.high
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_wilsons() {
        // Reference values: statsmodels proportion_confint(119, 164, method="wilson").
        let rate = Rate::of(119, 164);
        assert_eq!((rate.percent, rate.low, rate.high), (72.6, 65.3, 78.8));
        assert_eq!((Rate::of(0, 10).low, Rate::of(10, 10).high), (0.0, 100.0));
        assert_eq!(Rate::of(0, 0).high, 100.0);
    }
}
