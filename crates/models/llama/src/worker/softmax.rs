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

/// Replaces every value by `e^((value - highest) / temperature)` and returns their sum.
pub(super) fn exponentiate(values: &mut [f32], highest: f32, temperature: f32) -> f32 {
    let scale = 1.0 / temperature;
    let mut lanes = [0.0_f32; LANES];
    let (chunks, rest) = values.as_chunks_mut::<LANES>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *value = exponential((*value - highest) * scale);
            *lane += *value;
        }
    }
    let mut sum = 0.0;
    for value in rest {
        *value = exponential((*value - highest) * scale);
        sum += *value;
    }
    lanes.iter().sum::<f32>() + sum
}

/// The positions and values that are at least `floor`, in order.
pub(super) fn at_least(values: &[f32], floor: f32) -> Vec<(usize, f32)> {
    let mut found = Vec::new();
    let (chunks, rest) = values.as_chunks::<LANES>();
    for (index, chunk) in chunks.iter().enumerate() {
        // Nearly all chunks hold none.
        if chunk.iter().fold(false, |any, value| any | (*value >= floor)) {
            collect_at_least(&mut found, chunk, index * LANES, floor);
        }
    }
    collect_at_least(&mut found, rest, chunks.len() * LANES, floor);
    found
}

fn collect_at_least(found: &mut Vec<(usize, f32)>, values: &[f32], first: usize, floor: f32) {
    let kept = values.iter().enumerate().filter(|(_, value)| **value >= floor);
    found.extend(kept.map(|(offset, value)| (first + offset, *value)));
}

/// Where the running sum of `weights` first exceeds `mass`; the last that weighs anything, when rounding keeps it
/// from ever doing so.
pub(super) fn position_of_mass(weights: &[f32], mass: f32) -> Option<usize> {
    // Block by block in double precision: a running sum in single precision would lose the small ones.
    const BLOCK: usize = 64 * LANES;
    let mut left = f64::from(mass);
    for (index, block) in weights.chunks(BLOCK).enumerate() {
        let sum = f64::from(sum(block));
        if left >= sum {
            left -= sum;
            continue;
        }
        for (offset, weight) in block.iter().enumerate() {
            left -= f64::from(*weight);
            if left < 0.0 {
                return Some(index * BLOCK + offset);
            }
        }
    }
    weights.iter().rposition(|weight| *weight > 0.0)
}

fn sum(values: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    lanes.iter().chain(rest).sum()
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
    const ROUNDER: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let clamped = if x > -87.0 { x } else { -87.0 };
    // Adding 1.5 * 2^23 rounds to an integer and leaves it in the lowest bits.
    let shifted = clamped * std::f32::consts::LOG2_E + ROUNDER;
    let power = shifted - ROUNDER;
    let rest = clamped - power * LN2_HIGH - power * LN2_LOW;
    let mut sum = 1.987_569_1e-4_f32;
    for coefficient in [
        1.398_199_9e-3_f32,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        0.5,
    ] {
        sum = sum * rest + coefficient;
    }
    let value = sum * rest * rest + rest + 1.0;
    let scale = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
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
            let mut weights = values.clone();
            let sum = exponentiate(&mut weights, highest, 1.0);
            prop_assert!((f64::from(sum) / exact - 1.0).abs() < 1e-5);
            let expected: Vec<(usize, f32)> =
                weights.iter().copied().enumerate().filter(|(_, weight)| *weight >= 0.1).collect();
            for share in [0.0, 0.3, 0.999] {
                let found = position_of_mass(&weights, sum * share).unwrap();
                let before: f64 = weights[..found].iter().map(|weight| f64::from(*weight)).sum();
                let with = before + f64::from(weights[found]);
                prop_assert!(before <= f64::from(sum * share) * 1.0001 + 1e-9 && with * 1.0001 >= f64::from(sum * share));
            }
            prop_assert_eq!(at_least(&weights, 0.1), expected);
        }
    }

    #[test]
    fn far_tails_and_masked_tokens_weigh_nothing() {
        assert_eq!(exponential(f32::NEG_INFINITY), 0.0);
        assert_eq!(exponential(-200.0), 0.0);
        assert_eq!(exponential(0.0), 1.0);
    }
}
