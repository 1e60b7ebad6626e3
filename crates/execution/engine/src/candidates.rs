//! What was tried in a run, and which of it is best.

use std::cmp::{Ordering, Reverse};
use std::collections::HashMap;

use tenon_check::{Behaviour, Observation};
use tenon_domain::{
    Attempt, AttemptOutcome, ChangeSet, CheckKind, CheckReport, Digest, Evidence, Finding, Outcome, Severity,
};

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
            .is_none_or(|best| distance(&candidate) > distance(best))
        {
            self.furthest = Some(candidate);
        }
    }

    /// The change to propose: the one that behaves most as the others do, then of two that behave alike the one that
    /// fails on fewer inputs, then the stronger model, then the likelier text, then the earlier one.
    pub fn choose(&self) -> Option<&Candidate> {
        self.passed.iter().reduce(|best, next| {
            let support = |candidate: &Candidate| (candidate.evidence.level(), self.support(candidate));
            let behaviours = best.behaviour.as_ref().zip(next.behaviour.as_ref());
            let steadier = match behaviours.and_then(|(best, next)| best.likeness_of_answers(next)) {
                Some(share) if share >= ALIKE => steadiness(next).total_cmp(&steadiness(best)),
                _ => Ordering::Equal,
            };
            let likelier = next
                .mean_logprob
                .zip(best.mean_logprob)
                .is_some_and(|(next, best)| next > best);
            let order = support(next)
                .partial_cmp(&support(best))
                .unwrap_or(Ordering::Equal)
                .then(steadier)
                .then(next.model.cmp(&best.model));
            match order {
                Ordering::Greater => next,
                Ordering::Equal if likelier && next.behaviour.is_some() => next,
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
        let shares =
            others.map(|other| count(other.voices) * self.agreement(candidate, other).unwrap_or(0.0));
        count(candidate.voices.saturating_sub(1)) + shares.sum::<f64>()
    }

    /// The share of inputs on which two candidates did the same. Where another has an answer, two that break down do not
    /// agree: neither has an opinion.
    fn agreement(&self, left: &Candidate, right: &Candidate) -> Option<f64> {
        let (left, right) = (left.behaviour.as_ref()?, right.behaviour.as_ref()?);
        let likeness = left.likeness(right)?;
        let pairs = left.observations.iter().zip(&right.observations).enumerate();
        let idle = pairs.filter(|(index, (left, right))| {
            left.digest == right.digest && !left.is_answer() && self.is_answered(*index)
        });
        Some(likeness - count(idle.count()) / count(left.observations.len()))
    }

    /// Whether any candidate that passed has an answer for this input.
    fn is_answered(&self, input: usize) -> bool {
        let behaviours = self
            .passed
            .iter()
            .filter_map(|candidate| candidate.behaviour.as_ref());
        let mut observations = behaviours.filter_map(|behaviour| behaviour.observations.get(input));
        observations.any(Observation::is_answer)
    }

    /// Whether two samples that passed made the same change or behave alike, one of them by a model of this rank or a
    /// stronger one.
    pub fn two_agree(&self, model: usize) -> bool {
        self.passed.iter().any(|candidate| {
            let alike = |other: &Candidate| {
                other.attempt != candidate.attempt
                    && self
                        .agreement(candidate, other)
                        .is_some_and(|share| share >= ALIKE)
            };
            candidate.model >= model && (candidate.voices > 1 || self.passed.iter().any(alike))
        })
    }
}

/// Two right answers may differ on inputs that the wish says nothing about.
const ALIKE: f64 = 0.9;

/// The share of inputs that a candidate has an answer for.
fn steadiness(candidate: &Candidate) -> f64 {
    candidate
        .behaviour
        .as_ref()
        .map_or(0.0, Behaviour::answered_share)
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// How far a candidate came: the family of the check that stopped it, how many checks it passed, how little the
/// failed one found, and how strong the model is.
fn distance(candidate: &Candidate) -> (CheckKind, usize, Reverse<usize>, usize) {
    let evidence = &candidate.evidence;
    let failed = evidence
        .checks
        .iter()
        .find(|report| report.outcome == Outcome::Failed);
    let kind = failed.map_or(CheckKind::Policy, |report| report.kind);
    let passed = |report: &&CheckReport| report.outcome == Outcome::Passed;
    let is_error = |finding: &&Finding| finding.severity == Severity::Error;
    let errors = failed.map_or(0, |report| report.findings.iter().filter(is_error).count());
    (
        kind,
        evidence.checks.iter().filter(passed).count(),
        Reverse(errors),
        candidate.model,
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
                .find(|finding| finding.severity == Severity::Error);
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
    fn of_two_that_behave_alike_the_one_that_raises_less_is_chosen() {
        let with_failure = |outcomes: &str, failure: bool| {
            let mut behaviour = behaving(outcomes);
            for observation in &mut behaviour.observations {
                observation.outcome = "= 1".into();
            }
            let last = behaviour.observations.last_mut().unwrap();
            if failure {
                last.outcome = "? ValueError".into();
            }
            behaviour
        };
        let mut steady = candidate(0, 0, None);
        steady.behaviour = Some(with_failure("aaaaaaaaaaaaaaaaaaaa", false));
        let mut raising = candidate(1, 1, None);
        raising.behaviour = Some(with_failure("aaaaaaaaaaaaaaaaaaab", true));
        assert_eq!(chosen(vec![steady.clone(), raising]), 0);
        let mut other = candidate(1, 1, None);
        other.behaviour = Some(with_failure("bbbbbbbbbbbbbbbbbbbb", true));
        assert_eq!(
            chosen(vec![steady, other]),
            1,
            "what behaves otherwise is another matter"
        );
    }

    #[test]
    fn two_that_break_down_where_another_answers_do_not_agree() {
        let breaking = |outcomes: &str| {
            let mut behaviour = behaving(outcomes);
            for observation in &mut behaviour.observations {
                if observation.digest == "x" {
                    observation.outcome = "? IndexError".into();
                }
            }
            Some(behaviour)
        };
        let answering = candidate(0, 0, Some("aabb"));
        let mut broken = [candidate(1, 1, None), candidate(2, 1, None)];
        for broken in &mut broken {
            broken.behaviour = breaking("aaxx");
        }
        let [first, second] = broken;
        let alone = Candidates {
            passed: vec![first.clone(), second.clone()],
            ..Candidates::default()
        };
        assert!(alone.two_agree(1), "nobody knows better");
        let candidates = Candidates {
            passed: vec![answering, first, second],
            ..Candidates::default()
        };
        assert!(!candidates.two_agree(1));
        assert_eq!(candidates.choose().unwrap().attempt, 0);
    }

    #[test]
    fn samples_that_make_the_same_change_speak_with_one_voice_each() {
        let mut twice = candidate(0, 0, Some("a"));
        twice.voices = 2;
        assert_eq!(chosen(vec![twice, candidate(1, 1, Some("b"))]), 0);
    }

    #[test]
    fn the_one_that_fails_fewest_examples_came_furthest() {
        let failing = |attempt: usize, findings: usize| {
            let mut candidate = candidate(attempt, 0, None);
            let report = candidate.evidence.checks.first_mut().unwrap();
            report.outcome = Outcome::Failed;
            let finding = Finding {
                rule: "examples/failed".into(),
                severity: Severity::Error,
                path: None,
                line: None,
                column: None,
                message: String::new(),
                help: None,
                replacements: vec![],
            };
            report.findings = vec![finding; findings];
            candidate
        };
        let mut candidates = Candidates::default();
        for (attempt, findings) in [(0, 3), (1, 1), (2, 2), (3, 1)] {
            candidates.file(failing(attempt, findings));
        }
        assert_eq!(candidates.furthest.unwrap().attempt, 1);
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
