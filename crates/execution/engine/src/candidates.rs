//! What was tried in a run, and which of it is best.

use std::cmp::Ordering;
use std::collections::HashMap;

use tenon_check::Behaviour;
use tenon_domain::{Attempt, AttemptOutcome, ChangeSet, CheckKind, Digest, Evidence, Outcome};

/// A change that was read from a sample and checked.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    /// Index of the attempt it came from.
    pub attempt: usize,
    /// The change.
    pub change: ChangeSet,
    /// What was checked.
    pub evidence: Evidence,
    /// The rank of the strongest model that made it, weakest first.
    pub model: usize,
    /// Mean log-probability of the sample, if the model said.
    pub mean_logprob: Option<f32>,
    /// How it behaves on varied inputs; watched once there is another one to compare with.
    pub behaviour: Option<Behaviour>,
    /// How many samples made this change.
    pub voices: usize,
}

/// Everything that was tried.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    /// Every attempt, for provenance.
    pub attempts: Vec<Attempt>,
    /// Those that passed everything visible.
    pub passed: Vec<Candidate>,
    /// The one that came furthest among those that did not.
    pub furthest: Option<Candidate>,
    seen: HashMap<Digest, usize>,
}

impl Candidates {
    /// Remembers a change that `model` made; `Some` names the earlier attempt that made the same one.
    pub fn already_seen(&mut self, digest: Digest, attempt: usize, model: usize) -> Option<usize> {
        let first = *self.seen.entry(digest).or_insert(attempt);
        if first == attempt {
            return None;
        }
        if let Some(same) = self
            .passed
            .iter_mut()
            .find(|candidate| candidate.attempt == first)
        {
            same.voices += 1;
            same.model = same.model.max(model);
        }
        Some(first)
    }

    /// Files a checked candidate.
    pub fn file(&mut self, candidate: Candidate) {
        if candidate.evidence.holds() {
            self.passed.push(candidate);
        } else if self
            .furthest
            .as_ref()
            .is_none_or(|best| distance(&candidate.evidence) > distance(&best.evidence))
        {
            self.furthest = Some(candidate);
        }
    }

    /// The change to propose: the one that behaves most as the others do, then the stronger model, then the likelier
    /// text, then the earlier one.
    pub fn choose(&self) -> Option<&Candidate> {
        let rank = |candidate: &Candidate| {
            (
                candidate.evidence.level(),
                self.support(candidate),
                candidate.model,
            )
        };
        self.passed.iter().reduce(|best, next| {
            let likelier = next
                .mean_logprob
                .zip(best.mean_logprob)
                .is_some_and(|(next, best)| next > best);
            match rank(next).partial_cmp(&rank(best)) {
                Some(Ordering::Greater) => next,
                Some(Ordering::Equal) if likelier && next.behaviour.is_some() => next,
                _ => best,
            }
        })
    }

    /// How much the voices agree with a candidate: 1 for each further sample that made the same change, and for every
    /// other candidate the share of inputs on which both did the same.
    fn support(&self, candidate: &Candidate) -> f64 {
        let others = self
            .passed
            .iter()
            .filter(|other| other.attempt != candidate.attempt);
        let shares = others.map(|other| count(other.voices) * likeness(candidate, other).unwrap_or(0.0));
        count(candidate.voices.saturating_sub(1)) + shares.sum::<f64>()
    }

    /// Whether two samples that passed made the same change or behave alike, one of them by a model of this rank or a
    /// stronger one.
    pub fn two_agree(&self, model: usize) -> bool {
        /// Two right answers may differ on inputs that the wish says nothing about.
        const ALIKE: f64 = 0.9;
        self.passed.iter().any(|candidate| {
            let alike = |other: &Candidate| {
                other.attempt != candidate.attempt
                    && likeness(candidate, other).is_some_and(|share| share >= ALIKE)
            };
            candidate.model >= model && (candidate.voices > 1 || self.passed.iter().any(alike))
        })
    }
}

/// The share of inputs on which two candidates did the same.
fn likeness(left: &Candidate, right: &Candidate) -> Option<f64> {
    left.behaviour.as_ref()?.likeness(right.behaviour.as_ref()?)
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// How far a candidate came: how many checks it passed, and the family of the one that stopped it.
fn distance(evidence: &Evidence) -> (CheckKind, usize) {
    let failed = evidence
        .checks
        .iter()
        .find(|report| report.outcome == Outcome::Failed);
    let kind = failed.map_or(CheckKind::Policy, |report| report.kind);
    (
        kind,
        evidence
            .checks
            .iter()
            .filter(|report| report.outcome == Outcome::Passed)
            .count(),
    )
}

/// The first failed check of an evidence, as an attempt's outcome.
pub(crate) fn rejection(evidence: &Evidence) -> AttemptOutcome {
    let failed = evidence
        .checks
        .iter()
        .find(|report| report.outcome == Outcome::Failed);
    let (check, reason) = match failed {
        Some(report) => {
            let finding = report
                .findings
                .iter()
                .find(|finding| finding.severity == tenon_domain::Severity::Error);
            let reason = finding
                .map(|finding| finding.message.clone())
                .or_else(|| report.reason.clone());
            (
                report.check.clone(),
                reason.unwrap_or_else(|| "failed".to_owned()),
            )
        }
        None => ("evidence".to_owned(), "no check could run".to_owned()),
    };
    AttemptOutcome::Rejected {
        check,
        reason,
        checks: evidence.checks.clone(),
    }
}

#[cfg(test)]
mod tests {
    use tenon_check::Observation;
    use tenon_domain::{CheckReport, Level};

    use super::*;

    fn candidate(attempt: usize, model: usize, behaviour: Option<&str>) -> Candidate {
        let check = CheckReport {
            check: "examples".into(),
            kind: CheckKind::Examples,
            outcome: Outcome::Passed,
            proves: Some(Level::Tested),
            duration_ms: 1,
            findings: vec![],
            reason: None,
            log: None,
        };
        Candidate {
            attempt,
            change: ChangeSet::default(),
            evidence: Evidence {
                checks: vec![check],
                sandbox: None,
            },
            model,
            mean_logprob: None,
            behaviour: behaviour.map(behaving),
            voices: 1,
        }
    }

    /// One letter, one outcome.
    fn behaving(outcomes: &str) -> Behaviour {
        let observation = |outcome: char| Observation {
            input: "f(1)".into(),
            outcome: outcome.into(),
            digest: outcome.into(),
        };
        Behaviour {
            observations: outcomes.chars().map(observation).collect(),
        }
    }

    fn chosen(passed: Vec<Candidate>) -> usize {
        Candidates {
            passed,
            ..Candidates::default()
        }
        .choose()
        .unwrap()
        .attempt
    }

    #[test]
    fn the_first_that_passed_is_chosen() {
        assert_eq!(chosen(vec![candidate(0, 0, None), candidate(1, 0, None)]), 0);
    }

    #[test]
    fn the_majority_outvotes_the_stronger_model() {
        let passed = vec![
            candidate(0, 1, Some("a")),
            candidate(1, 0, Some("b")),
            candidate(2, 0, Some("b")),
        ];
        assert_eq!(chosen(passed), 1);
    }

    #[test]
    fn a_tie_goes_to_the_stronger_model() {
        assert_eq!(
            chosen(vec![candidate(0, 0, Some("a")), candidate(1, 1, Some("b"))]),
            1
        );
    }

    #[test]
    fn the_one_that_differs_least_from_the_others_is_chosen() {
        let passed = vec![
            candidate(0, 0, Some("aaaab")),
            candidate(1, 0, Some("aaacc")),
            candidate(2, 1, Some("xyzcc")),
        ];
        assert_eq!(chosen(passed), 1);
    }

    #[test]
    fn samples_that_make_the_same_change_speak_with_one_voice_each() {
        let mut twice = candidate(0, 0, Some("a"));
        twice.voices = 2;
        assert_eq!(chosen(vec![twice, candidate(1, 1, Some("b"))]), 0);
    }

    #[test]
    fn agreement_counts_for_the_stronger_model_when_it_takes_part() {
        let weak = vec![candidate(0, 0, Some("aaaa")), candidate(1, 0, Some("aaaa"))];
        let mut candidates = Candidates {
            passed: weak,
            ..Candidates::default()
        };
        assert!(candidates.two_agree(0) && !candidates.two_agree(1));
        candidates.already_seen(Digest::of("x"), 0, 0);
        candidates.already_seen(Digest::of("x"), 2, 1);
        assert!(
            candidates.two_agree(1),
            "the stronger model wrote the same change"
        );
    }

    #[test]
    fn a_duplicate_names_the_first() {
        let mut candidates = Candidates::default();
        assert_eq!(candidates.already_seen(Digest::of("x"), 0, 0), None);
        assert_eq!(candidates.already_seen(Digest::of("x"), 3, 1), Some(0));
    }
}
