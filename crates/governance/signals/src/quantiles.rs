use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Each power of two is cut in so many parts.
const PARTS: f64 = 64.0;

/// A histogram that gives quantiles at most 1.1 % wrong, whatever the scale, and can be merged with those of other
/// machines and other times.
///
/// Only parts that hold something are kept, a part being the 64th root of two wide: a minute of latencies takes a few
/// hundred bytes. Zero is kept apart. What is negative, infinite or not a number is not recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quantiles {
    #[serde(default)]
    zeros: u64,
    #[serde(default)]
    parts: BTreeMap<i32, u64>,
}

impl Quantiles {
    /// Records one value.
    pub fn record(&mut self, value: f64) {
        if value == 0.0 {
            self.zeros = self.zeros.saturating_add(1);
        } else if value > 0.0 && value.is_finite() {
            let count = self.parts.entry(part_of(value)).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// Adds everything that `other` recorded.
    pub fn merge(&mut self, other: &Self) {
        self.zeros = self.zeros.saturating_add(other.zeros);
        for (part, more) in &other.parts {
            let count = self.parts.entry(*part).or_default();
            *count = count.saturating_add(*more);
        }
    }

    /// How many values were recorded.
    pub fn count(&self) -> u64 {
        self.parts
            .values()
            .fold(self.zeros, |sum, count| sum.saturating_add(*count))
    }

    /// The smallest recorded value that at least a share of `q` does not exceed (nearest rank): 0.5 for the median. `None` when
    /// nothing was recorded or `q` is not between 0 and 1.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let count = self.count();
        if count == 0 || !(0.0..=1.0).contains(&q) {
            return None;
        }
        let rank = ((q * count as f64).ceil() as u64).clamp(1, count);
        let mut passed = self.zeros;
        if rank <= passed {
            return Some(0.0);
        }
        for (part, count) in &self.parts {
            passed = passed.saturating_add(*count);
            if rank <= passed {
                return Some(middle_of(*part));
            }
        }
        None
    }
}

fn part_of(value: f64) -> i32 {
    // Between -68,736 and 65,536 for every finite number.
    (value.log2() * PARTS).floor() as i32
}

/// As far from the lower bound as from the upper one, in proportion.
fn middle_of(part: i32) -> f64 {
    ((f64::from(part) + 0.5) / PARTS).exp2().min(f64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[f64]) -> Quantiles {
        let mut quantiles = Quantiles::default();
        values.iter().for_each(|value| quantiles.record(*value));
        quantiles
    }

    fn exact(values: &[f64], q: f64) -> f64 {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let rank = (q * sorted.len() as f64).ceil() as usize;
        sorted[rank.clamp(1, sorted.len()) - 1]
    }

    /// Any scale from nanoseconds to years.
    fn values() -> impl Strategy<Value = Vec<f64>> {
        vec((-9.0..9.0_f64).prop_map(|power| 10_f64.powf(power)), 1..200)
    }

    #[test]
    fn nothing_recorded_has_no_quantile() {
        assert_eq!(Quantiles::default().quantile(0.5), None);
        assert_eq!(of(&[1.0]).quantile(1.5), None);
        assert_eq!(of(&[1.0]).quantile(f64::NAN), None);
    }

    #[test]
    fn what_is_no_amount_is_not_recorded() {
        let quantiles = of(&[f64::NAN, f64::INFINITY, -1.0, 0.0, -0.0]);
        assert_eq!(quantiles.count(), 2);
        assert_eq!(quantiles.quantile(1.0), Some(0.0));
    }

    #[test]
    fn the_ends_of_the_numbers_are_finite() {
        for value in [f64::MIN_POSITIVE, f64::from_bits(1), f64::MAX] {
            let found = of(&[value]).quantile(0.5).unwrap();
            assert!(found.is_finite() && found > 0.0, "{value} became {found}");
        }
    }

    #[test]
    fn counts_that_cannot_be_break_nothing() {
        let text = format!(
            r#"{{"zeros":{max},"parts":{{"3":{max},"-9":{max}}}}}"#,
            max = u64::MAX
        );
        let mut read: Quantiles = serde_json::from_str(&text).unwrap();
        read.record(0.0);
        read.merge(&read.clone());
        assert_eq!(read.count(), u64::MAX);
        assert!(read.quantile(1.0).is_some());
    }

    proptest! {
        #[test]
        fn a_quantile_is_at_most_1_1_percent_wrong(values in values(), q in 0.0..=1.0_f64) {
            let (found, exact) = (of(&values).quantile(q).unwrap(), exact(&values, q));
            prop_assert!((found / exact - 1.0).abs() <= 0.011, "{found} instead of {exact}");
        }

        #[test]
        fn merged_is_as_if_recorded_together(a in values(), b in values()) {
            let mut merged = of(&a);
            merged.merge(&of(&b));
            prop_assert_eq!(merged, of(&[a, b].concat()));
        }

        #[test]
        fn nothing_is_lost_in_its_text_form(values in values()) {
            let quantiles = of(&values);
            let text = serde_json::to_string(&quantiles).unwrap();
            prop_assert_eq!(serde_json::from_str::<Quantiles>(&text).unwrap(), quantiles);
        }
    }
}
