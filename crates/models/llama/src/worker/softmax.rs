//! The sums over the vocabulary, written so that the compiler uses the widest registers there are: 150,000
//! logits for every token, between two steps of the model.

const LANES: usize = 16;

/// The largest value; negative infinity for none.
pub(super) fn maximum(values: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane = if *value > *lane { *value } else { *lane };
        }
    }
    lanes
        .iter()
        .chain(rest)
        .copied()
        .fold(f32::NEG_INFINITY, f32::max)
}

/// The sum of `e^(value - highest)`.
pub(super) fn exponential_sum(values: &[f32], highest: f32) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += exponential(value - highest);
        }
    }
    let rest: f32 = rest.iter().map(|value| exponential(value - highest)).sum();
    lanes.iter().sum::<f32>() + rest
}

/// Where `value` stands first.
pub(super) fn position_of(values: &[f32], value: f32) -> Option<usize> {
    let (chunks, rest) = values.as_chunks::<LANES>();
    for (index, chunk) in chunks.iter().enumerate() {
        let found = chunk.iter().fold(false, |found, other| found | (*other == value));
        if found {
            let within = chunk.iter().position(|other| *other == value)?;
            return Some(index * LANES + within);
        }
    }
    let within = rest.iter().position(|other| *other == value)?;
    Some(chunks.len() * LANES + within)
}

/// `e^x` for `x <= 0`, within 3 parts in ten million; 0 below -87.
///
/// Cephes' `expf`: two steps of range reduction by ln 2, then a polynomial of degree six. Without a branch, so
/// that sixteen of them run side by side.
pub(super) fn exponential(x: f32) -> f32 {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let clamped = if x > -87.0 { x } else { -87.0 };
    let power = (clamped * std::f32::consts::LOG2_E).round_ties_even();
    let rest = clamped - power * LN2_HIGH - power * LN2_LOW;
    let mut sum = 1.987_569_1e-4_f32;
    for coefficient in [
        1.398_199_9e-3_f32,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        5.000_000_1e-1,
    ] {
        sum = sum * rest + coefficient;
    }
    let value = sum * rest * rest + rest + 1.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the exponent lies between 1 and 127"
    )]
    let scale = f32::from_bits(((power as i32 + 127) as u32) << 23);
    if x > -87.0 { value * scale } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn exponential_is_close(x in -86.9_f32..=0.0) {
            let exact = f64::from(x).exp();
            prop_assert!((f64::from(exponential(x)) / exact - 1.0).abs() < 3e-7);
        }

        #[test]
        fn sums_agree_with_the_plain_ones(values in proptest::collection::vec(-30.0_f32..30.0, 1..100)) {
            let highest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            prop_assert_eq!(maximum(&values), highest);
            prop_assert_eq!(position_of(&values, highest), values.iter().position(|value| *value == highest));
            let exact: f64 = values.iter().map(|value| f64::from(value - highest).exp()).sum();
            prop_assert!((f64::from(exponential_sum(&values, highest)) / exact - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn far_tails_and_masked_tokens_weigh_nothing() {
        assert_eq!(exponential(f32::NEG_INFINITY), 0.0);
        assert_eq!(exponential(-200.0), 0.0);
        assert_eq!(exponential(0.0), 1.0);
    }
}
