//! Which token comes next, over the plain logits: no C++ sampler, so that nothing can throw across the border.

use llguidance::toktrie::SimpleVob;
use rand::distr::Open01;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tenon_runtime::Sampling;

use super::softmax;

/// Draws the tokens of one sample.
#[derive(Debug)]
pub(super) struct TokenSampler {
    sampling: Sampling,
    random: ChaCha8Rng,
    /// Draws so far.
    step: u64,
    /// Reused from token to token: as long as the vocabulary.
    weights: Vec<f32>,
}

/// A chosen token, with its natural log-probability under the unmodified distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Chosen {
    pub token: u32,
    pub logprob: f32,
    /// Another token was drawn, by no more than [`ROUNDING`]; the expected one was kept.
    pub near_tie: bool,
}

/// How far apart two logits of the same token may lie that were computed in different batches: a batch adds up in
/// another order than a single row, and the quantised products of the layers make more of the difference. Processors that
/// multiply tiles (AMX) differ twice as much as others, since a batch takes another path there.
const ROUNDING: f32 = 0.3;

impl TokenSampler {
    /// Sample `index` of a request draws from `seed + index`, whatever runs beside it.
    pub(super) fn new(sampling: Sampling, index: u32) -> Self {
        let seed = sampling.seed.wrapping_add(u64::from(index));
        Self {
            sampling,
            random: ChaCha8Rng::seed_from_u64(seed),
            step: 0,
            weights: Vec::new(),
        }
    }

    /// Chooses among the tokens that `allowed` admits; `None` when it admits none that the model can write. Where
    /// rounding alone speaks against `expected`, that is the choice.
    pub(super) fn choose(
        &mut self,
        logits: &[f32],
        allowed: Option<&SimpleVob>,
        expected: Option<u32>,
    ) -> Option<Chosen> {
        let highest = softmax::maximum(logits);
        let total = softmax::exponential_sum(logits, highest);
        let expected = expected.map(|token| token as usize);
        let greedy = self.sampling.temperature <= 0.0;
        let drawn = match allowed {
            None if greedy => softmax::position_of(logits, highest)?,
            None => {
                self.weights.clear();
                self.weights.extend_from_slice(logits);
                self.draw(highest)?
            }
            Some(mask) => self.choose_among(logits, mask)?,
        };
        let kept = expected.filter(|expected| {
            *expected != drawn
                && match greedy {
                    true => is_nearly_as_likely(logits, *expected, drawn),
                    false => self.is_nearly_drawn(*expected),
                }
        });
        let token = kept.unwrap_or(drawn);
        let logit = *logits.get(token)?;
        Some(Chosen {
            token: u32::try_from(token).ok()?,
            logprob: logit - highest - total.ln(),
            near_tie: kept.is_some(),
        })
    }

    fn choose_among(&mut self, logits: &[f32], mask: &SimpleVob) -> Option<usize> {
        self.weights.clear();
        self.weights.resize(logits.len(), f32::NEG_INFINITY);
        for token in mask.iter() {
            let token = token as usize;
            if let (Some(weight), Some(logit)) = (self.weights.get_mut(token), logits.get(token)) {
                *weight = *logit;
            }
        }
        let highest = softmax::maximum(&self.weights);
        if highest == f32::NEG_INFINITY {
            return None;
        }
        match self.sampling.temperature {
            ..=0.0 => softmax::position_of(&self.weights, highest),
            _ => self.draw(highest),
        }
    }

    /// Temperature, top-k, top-p, min-p, draw, over the logits in `weights`: in the order that the port promises.
    ///
    /// Within limits the draw adds to every logarithm of a weight a Gumbel number of its own and takes the highest,
    /// which follows the distribution exactly. Unlike a mark on the running sum it barely depends on how the others
    /// are rounded, so that a sample is nearly always the same in a batch as alone.
    fn draw(&mut self, highest: f32) -> Option<usize> {
        self.step += 1;
        let total = softmax::exponentiate(&mut self.weights, highest, self.sampling.temperature);
        if !self.is_limited() {
            let mark = self.mark() * total;
            return softmax::position_of_mass(&self.weights, mark);
        }
        let kept = self.kept(&self.sampling, total);
        kept.iter()
            .map(|candidate| (candidate.0, self.score(*candidate)))
            .max_by(|left, right| left.1.total_cmp(&right.1))
            .map(|(token, _)| token)
    }

    /// Whether rounding may have hidden that `expected` was to be drawn, over the weights of the latest draw.
    fn is_nearly_drawn(&self, expected: usize) -> bool {
        let Some(weight) = self.weights.get(expected).copied().filter(|weight| *weight > 0.0) else {
            return false;
        };
        let reach = ROUNDING / self.sampling.temperature;
        let total: f32 = self.weights.iter().sum();
        if !self.is_limited() {
            let mark = self.mark() * total;
            let before: f32 = self.weights.iter().take(expected).sum();
            // The most that `reach` on some logits moves of the mass.
            let slack = reach / 4.0;
            return before - slack * total <= mark && mark <= before + weight + slack * total;
        }
        // The tail's mass and the least weight are off by the same factor as any weight.
        let limits = |factor: f32| Sampling {
            top_p: (1.0 - (1.0 - self.sampling.top_p) * factor).max(f32::MIN_POSITIVE),
            min_p: self.sampling.min_p * factor,
            ..self.sampling
        };
        let kept = self.kept(&self.sampling, total);
        let lightest = kept.last().map_or(0.0, |(_, weight)| *weight);
        let may_be_kept = weight * reach.exp() >= lightest
            || self
                .kept(&limits((-reach).exp()), total)
                .iter()
                .any(|(token, _)| *token == expected);
        let score = self.score((expected, weight)) + reach;
        may_be_kept
            && self
                .kept(&limits(reach.exp()), total)
                .into_iter()
                .filter(|(_, weight)| *weight >= lightest * reach.exp())
                .all(|candidate| self.score(candidate) <= score)
    }

    /// What top-k, top-p and min-p leave, likeliest first.
    fn kept(&self, sampling: &Sampling, total: f32) -> Vec<(usize, f32)> {
        let mut candidates = candidates(&self.weights, sampling, total);
        let keep = sampling.top_k as usize;
        if keep > 0 {
            candidates.truncate(keep);
        }
        if sampling.top_p < 1.0 {
            let total = match keep {
                0 => total,
                _ => sum(&candidates),
            };
            keep_mass(&mut candidates, total * sampling.top_p);
        }
        if sampling.min_p > 0.0 {
            // The likeliest has weight 1.
            candidates.retain(|(_, weight)| *weight >= sampling.min_p);
        }
        candidates
    }

    fn score(&self, (token, weight): (usize, f32)) -> f32 {
        let uniform: f64 = self.random_at(1 + token as u128).sample(Open01);
        #[expect(clippy::cast_possible_truncation, reason = "compared in single precision")]
        let gumbel = -(-uniform.ln()).ln() as f32;
        weight.ln() + gumbel
    }

    /// Uniform in [0, 1), one for every step.
    fn mark(&self) -> f32 {
        self.random_at(0).random()
    }

    /// The generator at a place of its own for every step and token.
    fn random_at(&self, place: u128) -> ChaCha8Rng {
        /// Words of one block.
        const BLOCK: u128 = 16;
        let mut random = self.random.clone();
        random.set_stream(self.step);
        random.set_word_pos(place * BLOCK);
        random
    }

    fn is_limited(&self) -> bool {
        self.sampling.top_k > 0 || self.sampling.top_p < 1.0 || self.sampling.min_p > 0.0
    }
}

/// Whether `expected` is as likely as `drawn`, but for rounding.
fn is_nearly_as_likely(logits: &[f32], expected: usize, drawn: usize) -> bool {
    match (logits.get(expected), logits.get(drawn)) {
        (Some(expected), Some(drawn)) => expected + ROUNDING >= *drawn,
        _ => false,
    }
}

/// All tokens that top-k, top-p and min-p may keep, likeliest first.
///
/// Sorting 150,000 tokens would take as long as the model's own work on a small machine, and all but a few
/// hundred weigh next to nothing: sort only as deep as the limits reach.
fn candidates(weights: &[f32], sampling: &Sampling, total: f32) -> Vec<(usize, f32)> {
    let mut floors = [1e-3_f32, 1e-5, 1e-7].iter().copied();
    let mut candidates = loop {
        let Some(floor) = floors.next() else {
            break softmax::at_least(weights, f32::MIN_POSITIVE);
        };
        let candidates = softmax::at_least(weights, floor);
        if reaches_limit(sampling, &candidates, floor, total) {
            break candidates;
        }
    };
    candidates.sort_unstable_by(by_weight);
    candidates
}

/// Whether everything lighter than `floor` is cut off by one of the limits.
fn reaches_limit(sampling: &Sampling, candidates: &[(usize, f32)], floor: f32, total: f32) -> bool {
    (sampling.top_k > 0 && candidates.len() >= sampling.top_k as usize)
        || (sampling.top_p < 1.0 && sampling.top_k == 0 && sum(candidates) >= total * sampling.top_p)
        || (sampling.min_p > floor && sampling.top_k == 0 && sampling.top_p >= 1.0)
}

fn sum(candidates: &[(usize, f32)]) -> f32 {
    candidates.iter().map(|(_, weight)| weight).sum()
}

/// The smallest set of the likeliest tokens whose mass reaches `wanted`.
fn keep_mass(candidates: &mut Vec<(usize, f32)>, wanted: f32) {
    let mut mass = 0.0;
    let last = candidates.iter().position(|(_, weight)| {
        mass += weight;
        mass >= wanted
    });
    candidates.truncate(last.map_or(candidates.len(), |last| last + 1));
}

/// Heaviest first; equals by their number, so that the order is the same on every machine.
fn by_weight(left: &(usize, f32), right: &(usize, f32)) -> std::cmp::Ordering {
    right.1.total_cmp(&left.1).then(left.0.cmp(&right.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampling(temperature: f32) -> Sampling {
        Sampling {
            temperature,
            seed: 5,
            ..Sampling::GREEDY
        }
    }

    fn draws(sampling: Sampling, logits: &[f32], count: usize) -> Vec<u32> {
        let mut sampler = TokenSampler::new(sampling, 0);
        (0..count)
            .map(|_| sampler.choose(logits, None, None).unwrap().token)
            .collect()
    }

    #[test]
    fn greedy_takes_the_first_of_the_likeliest() {
        let mut sampler = TokenSampler::new(Sampling::GREEDY, 0);
        let chosen = sampler.choose(&[0.0, 3.0, 3.0, 1.0], None, None).unwrap();
        assert_eq!(chosen.token, 1);
        let total = 1.0_f32 + 2.0 * 3.0_f32.exp() + 1.0_f32.exp();
        assert!((chosen.logprob - (3.0 - total.ln())).abs() < 1e-5);
    }

    #[test]
    fn a_mask_binds_and_the_logprob_stays_that_of_the_model() {
        let mut mask = SimpleVob::alloc(4);
        mask.allow_token(0);
        mask.allow_token(3);
        for temperature in [0.0, 1.0] {
            let mut sampler = TokenSampler::new(sampling(temperature), 0);
            let chosen = sampler
                .choose(&[-50.0, 3.0, 3.0, 1.0], Some(&mask), None)
                .unwrap();
            assert_eq!(chosen.token, 3);
            let total = 2.0 * 3.0_f32.exp() + 1.0_f32.exp();
            assert!((chosen.logprob - (1.0 - total.ln())).abs() < 1e-5);
        }
    }

    #[test]
    fn an_empty_mask_admits_nothing() {
        let mask = SimpleVob::alloc(2);
        let mut sampler = TokenSampler::new(sampling(1.0), 0);
        assert_eq!(sampler.choose(&[1.0, 2.0], Some(&mask), None), None);
    }

    #[test]
    fn the_seed_decides_the_draws_and_samples_differ() {
        let logits = [0.5, 0.25, 0.75, 0.1, 0.9, 0.3];
        assert_eq!(
            draws(sampling(1.0), &logits, 32),
            draws(sampling(1.0), &logits, 32)
        );
        let mut second = TokenSampler::new(sampling(1.0), 1);
        let second: Vec<u32> = (0..32)
            .map(|_| second.choose(&logits, None, None).unwrap().token)
            .collect();
        assert_ne!(draws(sampling(1.0), &logits, 32), second);
    }

    #[test]
    fn draws_follow_the_distribution() {
        let logits = [0.7_f32.ln(), 0.2_f32.ln(), 0.1_f32.ln()];
        let drawn = draws(sampling(1.0), &logits, 20_000);
        for (token, share) in [(0, 0.7), (1, 0.2), (2, 0.1)] {
            let count = drawn.iter().filter(|drawn| **drawn == token).count();
            assert!(
                (count as f64 / 20_000.0 - share).abs() < 0.02,
                "token {token}: {count}"
            );
        }
    }

    #[test]
    fn draws_within_limits_follow_the_distribution() {
        let logits = [0.7_f32.ln(), 0.2_f32.ln(), 0.06_f32.ln(), 0.04_f32.ln()];
        let limited = Sampling {
            top_p: 0.95,
            ..sampling(1.0)
        };
        let drawn = draws(limited, &logits, 20_000);
        for (token, share) in [(0, 0.7 / 0.96), (1, 0.2 / 0.96), (2, 0.06 / 0.96), (3, 0.0)] {
            let count = drawn.iter().filter(|drawn| **drawn == token).count();
            assert!(
                (count as f64 / 20_000.0 - share).abs() < 0.01,
                "token {token}: {count}"
            );
        }
    }

    /// Logits as another batch might compute them.
    fn rounded_otherwise(logits: &[f32], step: usize) -> Vec<f32> {
        let shift = |token: usize| ((token * 31 + step * 17) % 13) as f32 / 12.0 - 0.5;
        logits
            .iter()
            .enumerate()
            .map(|(token, logit)| logit + 0.12 * shift(token))
            .collect()
    }

    #[test]
    fn what_was_drawn_is_drawn_again_over_logits_that_are_rounded_otherwise() {
        let logits: Vec<f32> = (0..40).map(|token| -0.08 * token as f32).collect();
        let base = sampling(0.8);
        let limits = [
            base,
            Sampling::GREEDY,
            Sampling { top_p: 0.9, ..base },
            Sampling { top_k: 7, ..base },
            Sampling { min_p: 0.3, ..base },
        ];
        for sampling in limits {
            let drawn = draws(sampling, &logits, 400);
            let mut again = TokenSampler::new(sampling, 0);
            let mut ties = 0;
            for (step, token) in drawn.iter().enumerate() {
                let logits = rounded_otherwise(&logits, step);
                let chosen = again.choose(&logits, None, Some(*token)).unwrap();
                assert_eq!(chosen.token, *token, "{sampling:?}, step {step}");
                ties += u32::from(chosen.near_tie);
            }
            assert!(ties < 200, "{sampling:?}: {ties}");
            let mut other = TokenSampler::new(sampling, 1);
            let same = drawn
                .iter()
                .filter(|token| other.choose(&logits, None, Some(**token)).unwrap().token == **token)
                .count();
            assert_eq!(
                same == drawn.len(),
                sampling.temperature == 0.0,
                "{sampling:?}: {same}"
            );
        }
    }

    #[test]
    fn what_was_never_likely_is_not_kept() {
        let logits = [5.0, 4.9, 1.0];
        for sampling in [
            Sampling::GREEDY,
            Sampling {
                top_p: 0.95,
                ..sampling(0.8)
            },
        ] {
            let mut sampler = TokenSampler::new(sampling, 0);
            assert!(!(0..200).any(|_| sampler.choose(&logits, None, Some(2)).unwrap().token == 2));
            assert_ne!(sampler.choose(&logits, None, Some(3)).unwrap().token, 3);
        }
    }

    #[test]
    fn top_k_top_p_and_min_p_cut_the_tail() {
        let logits: Vec<f32> = [0.5_f32, 0.3, 0.15, 0.05].map(f32::ln).to_vec();
        let seen = |sampling: Sampling| {
            let mut seen = draws(sampling, &logits, 2000);
            seen.sort_unstable();
            seen.dedup();
            seen
        };
        let base = sampling(1.0);
        assert_eq!(seen(base), [0, 1, 2, 3]);
        assert_eq!(seen(Sampling { top_k: 2, ..base }), [0, 1]);
        assert_eq!(seen(Sampling { top_p: 0.75, ..base }), [0, 1]);
        assert_eq!(seen(Sampling { top_p: 0.85, ..base }), [0, 1, 2]);
        assert_eq!(seen(Sampling { min_p: 0.25, ..base }), [0, 1, 2]);
    }

    #[test]
    fn a_wide_flat_distribution_keeps_its_nucleus() {
        // Every weight lies far below the first floors relative to the likeliest.
        let mut logits = vec![-14.0_f32; 50_000];
        logits[7] = 0.0;
        let sampling = Sampling {
            top_p: 0.99,
            ..sampling(1.0)
        };
        let mut sampler = TokenSampler::new(sampling, 0);
        let others = (0..500)
            .filter(|_| sampler.choose(&logits, None, None).unwrap().token != 7)
            .count();
        // 50,000 * e^-14 is 0.042 against 1: about 3% of the draws.
        assert!((2..50).contains(&others), "{others}");
    }
}
