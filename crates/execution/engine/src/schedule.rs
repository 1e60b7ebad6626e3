//! Which model is asked, how often and how: plain data, decided before the first token.
//!
//! Small models are cheap and wrong more often, so they go first only where much that is executable tells a wrong answer
//! from a right one. With a few examples or nothing of the kind, the strongest local model is asked at once: on HumanEval
//! that is right more often than to have it look over what a smaller one wrote, in less than half of the time.
//! Resampling is blind: a new seed and another wording, never the failing code (see "Resample or repair" in the manual).

use tenon_domain::Quality;

/// One request to one model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Round {
    /// Index into the engine's models, weakest first.
    pub model: usize,
    /// Which wording of the prompt, counted from 0; wraps around what the templates offer.
    pub wording: usize,
    /// 0 is greedy.
    pub temperature: f32,
    /// Samples drawn in parallel from one prompt.
    pub samples: u32,
}

/// What can reject a wrong answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oracle {
    /// Many examples, acceptance commands or tests that run.
    Executable,
    /// A few examples: what satisfies them may still be wrong.
    Few,
    /// Only parsers, linters and compilers.
    Static,
}

const RESAMPLING_TEMPERATURE: f32 = 0.8;
const LAST_TEMPERATURE: f32 = 1.0;

/// The rounds for a run over `models` models, at most `max_attempts` samples in all.
pub fn plan_rounds(models: usize, quality: Quality, oracle: Oracle, max_attempts: u32) -> Vec<Round> {
    let greedy = |model| Round {
        model,
        wording: 0,
        temperature: 0.0,
        samples: 1,
    };
    let blind = |model, wording, samples| Round {
        model,
        wording,
        temperature: RESAMPLING_TEMPERATURE,
        samples,
    };
    let last = models.saturating_sub(1);
    let mut rounds = Vec::new();
    match (quality, oracle) {
        (Quality::Fast, Oracle::Static) => rounds.push(greedy(last)),
        (Quality::Fast, Oracle::Executable | Oracle::Few) => {
            rounds.push(greedy(0));
            if last > 0 {
                rounds.push(greedy(last));
            } else {
                rounds.push(blind(0, 1, 1));
            }
        }
        (Quality::Standard, Oracle::Static) => {
            rounds.push(greedy(last));
            rounds.push(blind(last, 1, 2));
            rounds.push(blind(last, 2, 2));
            if last > 0 {
                rounds.push(greedy(last - 1));
            }
            // Only what checks reject comes this far: then there is a judge after all.
            rounds.push(blind(last, 0, 4));
            rounds.push(blind(last, 1, 4));
            rounds.push(blind(last, 2, 4));
        }
        (Quality::Standard, Oracle::Executable) => {
            for model in 0..=last {
                rounds.push(greedy(model));
                if model < last {
                    rounds.push(blind(model, 1, 3));
                } else {
                    rounds.push(blind(model, 1, 4));
                    rounds.push(blind(model, 2, 4));
                    // What is short is drawn again and again; it takes heat to write it otherwise.
                    rounds.push(Round {
                        temperature: LAST_TEMPERATURE,
                        ..blind(model, 0, 7)
                    });
                }
            }
        }
        (Quality::Standard, Oracle::Few) => {
            rounds.push(greedy(last));
            rounds.push(blind(last, 1, 4));
            rounds.push(blind(last, 2, 4));
            // A weaker one fails elsewhere.
            for model in (0..last).rev() {
                rounds.push(greedy(model));
                rounds.push(blind(model, 1, 3));
            }
            rounds.push(Round {
                temperature: LAST_TEMPERATURE,
                ..blind(last, 0, 7)
            });
        }
        (Quality::High, _) => {
            // Two voices first; a tie or a failure brings more of the stronger one.
            rounds.push(greedy(last));
            if last > 0 {
                rounds.push(greedy(last - 1));
            }
            rounds.push(blind(last, 1, 3));
            rounds.push(blind(last, 2, 4));
            rounds.push(blind(last, 0, 4));
        }
    }
    fit(rounds, max_attempts)
}

/// Whose change it is that another opinion is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voice {
    /// Index into the engine's models, weakest first.
    pub model: usize,
    /// Whether it was drawn at a temperature above 0.
    pub drawn_with_heat: bool,
}

/// What the strongest model is asked about a change that satisfies a few examples: after a weaker model once, and where
/// answers can be compared by what they do, a few times more until two agree; after its own first answer nothing.
pub fn second_opinion(of: Voice, strongest: usize, comparable: bool) -> Vec<Round> {
    let greedy = Round {
        model: strongest,
        wording: 0,
        temperature: 0.0,
        samples: 1,
    };
    let blind = |wording, samples| Round {
        wording,
        temperature: RESAMPLING_TEMPERATURE,
        samples,
        ..greedy
    };
    match (of.model < strongest, comparable) {
        (true, true) => vec![greedy, blind(1, 3)],
        (true, false) => vec![greedy],
        (false, true) if of.drawn_with_heat => vec![blind(2, 4)],
        (false, _) => Vec::new(),
    }
}

fn fit(rounds: Vec<Round>, max_attempts: u32) -> Vec<Round> {
    let mut left = max_attempts;
    rounds
        .into_iter()
        .map_while(|round| {
            let samples = round.samples.min(left);
            left -= samples;
            (samples > 0).then_some(Round { samples, ..round })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(rounds: &[Round]) -> u32 {
        rounds.iter().map(|round| round.samples).sum()
    }

    #[test]
    fn the_number_of_attempts_is_a_bound() {
        for quality in [Quality::Fast, Quality::Standard, Quality::High] {
            for oracle in [Oracle::Executable, Oracle::Few, Oracle::Static] {
                for models in 1..4 {
                    for most in 1..20 {
                        let rounds = plan_rounds(models, quality, oracle, most);
                        assert!(!rounds.is_empty());
                        assert!(samples(&rounds) <= most);
                        assert!(rounds.iter().all(|round| round.model < models));
                    }
                }
            }
        }
    }

    #[test]
    fn the_weak_model_goes_first_only_where_much_can_reject_its_answers() {
        assert_eq!(
            plan_rounds(2, Quality::Standard, Oracle::Executable, 12)[0].model,
            0
        );
        assert_eq!(plan_rounds(2, Quality::Standard, Oracle::Static, 12)[0].model, 1);
        assert_eq!(plan_rounds(2, Quality::Standard, Oracle::Few, 12)[0].model, 1);
    }

    #[test]
    fn the_first_round_is_greedy() {
        for quality in [Quality::Fast, Quality::Standard, Quality::High] {
            assert_eq!(
                plan_rounds(2, quality, Oracle::Executable, 12)[0].temperature,
                0.0
            );
        }
    }
}
