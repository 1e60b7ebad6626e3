//! When a delivery that failed is tried again: the example schedule of Standard Webhooks, over three days.

use tenon_domain::Digest;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// The pause after each attempt. After the last attempt, which has none, the delivery has failed for good.
const PAUSES: [i64; 9] = [
    5 * SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
];

/// When the attempt after this one begins, if there is one; in milliseconds since 1970.
///
/// Up to a fifth of the pause is added, which depends on the delivery: what failed together does not come back together.
pub(crate) fn next_attempt(delivery: &str, attempt: u32, now_ms: i64) -> Option<i64> {
    let index = usize::try_from(attempt.checked_sub(1)?).ok()?;
    let pause = *PAUSES.get(index)?;
    let spread = Digest::of(format!("{delivery} {attempt}")).hex();
    let spread = i64::from_str_radix(spread.get(..4)?, 16).ok()?;
    Some(now_ms + pause + pause / 5 * spread / 0xffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pauses_are_those_of_the_specification_and_a_fifth_more_at_most() {
        for (pause, attempt) in PAUSES.into_iter().zip(1..) {
            for delivery in ["a", "b", "c"] {
                let next = next_attempt(delivery, attempt, 1_000_000).unwrap() - 1_000_000;
                assert!((pause..=pause + pause / 5).contains(&next), "{attempt}: {next}");
                assert_eq!(next_attempt(delivery, attempt, 0), Some(next));
            }
            assert_ne!(next_attempt("a", attempt, 0), next_attempt("b", attempt, 0));
        }
        assert_eq!(next_attempt("a", 10, 0), None);
    }
}
