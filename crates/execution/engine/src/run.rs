//! The gate loop: sample, read a change from the text, check it, keep what holds, sample again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tenon_check::{CheckPlan, Gate};
use tenon_domain::{
    Attempt, AttemptOutcome, ChangeSet, CheckKind, CheckReport, Digest, Evidence, Intent, Outcome, Quality,
    Usage,
};
use tenon_runtime::{Model, ModelError, Sample, Sampling};
use tokio::time::timeout_at;
use tracing::Instrument as _;

use crate::assignment::{Assignment, Feedback};
use crate::candidates::{Candidate, Candidates, rejection};
use crate::error::EngineError;
use crate::observer::Event;
use crate::sampling::{
    Patience, Question, RunningRound, Waited, add_usage, record, reference, tell_outcome, was_cut,
};
use crate::schedule::{Round, Voice, second_opinion};

/// How long checks may still be at their end when the time is up.
const GRACE: Duration = Duration::from_secs(5);

/// The state of one run.
pub(crate) struct Run<'run> {
    /// The models, weakest first.
    pub models: &'run [Arc<dyn Model>],
    /// What was asked.
    pub intent: &'run Intent,
    /// Checks changes.
    pub gate: &'run Gate,
    /// How long it may take, and who listens.
    pub patience: Patience<'run>,
    /// What was tried.
    pub candidates: Candidates,
    /// What it cost.
    pub usage: Usage,
    /// Digests of everything put before a model.
    pub prompts: Vec<Digest>,
}

/// Why a run stopped sampling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Enough candidates passed.
    Enough,
    /// Everything planned was tried.
    Exhausted,
    /// The time was up.
    OutOfTime,
}

impl Run<'_> {
    /// Works through `rounds` until enough candidates passed, and asks again where those rest on little.
    pub async fn work(
        &mut self,
        assignment: &Assignment<'_>,
        rounds: &[Round],
    ) -> Result<Ended, EngineError> {
        let strongest = self.models.len().saturating_sub(1);
        let ended = self.try_rounds(assignment, rounds).await?;
        // Where the strongest went first there is nothing to ask it about a weaker one's change.
        let was_first = rounds.first().is_some_and(|round| round.model == strongest);
        let is_its_own = self
            .candidates
            .choose()
            .is_some_and(|best| best.model == strongest);
        if ended == Ended::Enough && (!was_first || is_its_own) {
            self.ask_again(assignment).await?;
        }
        Ok(ended)
    }

    async fn try_rounds(
        &mut self,
        assignment: &Assignment<'_>,
        rounds: &[Round],
    ) -> Result<Ended, EngineError> {
        if self.models.is_empty() {
            return Err(no_model());
        }
        let mut repaired = vec![false; self.models.len()];
        let mut given_up = vec![false; self.models.len()];
        let mut last_error = None;
        for round in rounds {
            let samples = round.samples.min(self.attempts_left());
            if samples == 0 {
                break;
            }
            if given_up.get(round.model) == Some(&true) {
                continue;
            }
            let round = Round { samples, ..*round };
            let before = self.candidates.attempts.len();
            match self.round(assignment, round, None).await {
                Ok(Ended::Exhausted) => {}
                Ok(ended) => return Ok(ended),
                Err(error) => {
                    if let Some(given_up) = given_up.get_mut(round.model) {
                        *given_up = !may_pass(&error);
                    }
                    last_error = Some(passed_over(error)?);
                    continue;
                }
            }
            let attempts = self.candidates.attempts.get(before..).unwrap_or_default();
            let mechanical = attempts.iter().find_map(mechanical_feedback);
            if let Some(feedback) = mechanical
                && let Some(repaired) = repaired.get_mut(round.model)
                && !*repaired
                && self.intent.quality != Quality::Fast
                && self.attempts_left() > 0
            {
                *repaired = true;
                let retry = Round {
                    temperature: 0.0,
                    samples: 1,
                    ..round
                };
                match self.round(assignment, retry, Some(feedback)).await {
                    Ok(Ended::Exhausted) => {}
                    Ok(ended) => return Ok(ended),
                    Err(error) => last_error = Some(passed_over(error)?),
                }
            }
        }
        let nothing_written = |attempt: &Attempt| attempt.text.is_empty();
        match last_error {
            Some(error) if self.candidates.attempts.iter().all(nothing_written) => Err(error),
            _ => Ok(Ended::Exhausted),
        }
    }

    /// Asks for another opinion, where a change rests on few examples and was made by a weaker model or drawn with heat:
    /// what it was shown it satisfies, but so does many a wrong answer. Where voices differ, more of them decide.
    async fn ask_again(&mut self, assignment: &Assignment<'_>) -> Result<(), EngineError> {
        let strongest = self.models.len().saturating_sub(1);
        let Some(best) = self.candidates.choose() else {
            return Ok(());
        };
        if self.intent.quality != Quality::Standard || !assignment.rests_on_few_examples() {
            return Ok(());
        }
        let attempt = self.candidates.attempts.get(best.attempt);
        let voice = Voice {
            model: best.model,
            drawn_with_heat: attempt.is_some_and(|attempt| attempt.sampling.temperature > 0.0),
        };
        for round in second_opinion(voice, strongest, self.can_compare(assignment)) {
            let samples = round.samples.min(self.attempts_left());
            if samples == 0 || self.candidates.two_agree(strongest) {
                break;
            }
            self.patience.observer.observe(Event::Working {
                what: "asking for another opinion, since the examples are few".to_owned(),
            });
            match self.round(assignment, Round { samples, ..round }, None).await {
                Ok(Ended::Exhausted | Ended::Enough) => {}
                Ok(Ended::OutOfTime) => break,
                // The change that is there already stands without it.
                Err(error) => {
                    passed_over(error)?;
                    break;
                }
            }
        }
        Ok(())
    }

    /// Whether candidates can be run and compared by what they do.
    fn can_compare(&self, assignment: &Assignment<'_>) -> bool {
        self.gate.sandbox().is_some() && assignment.is_comparable()
    }

    /// Samples that may still be drawn.
    fn attempts_left(&self) -> u32 {
        let used = u32::try_from(self.candidates.attempts.len()).unwrap_or(u32::MAX);
        self.intent.budget.max_attempts.saturating_sub(used)
    }

    async fn round(
        &mut self,
        assignment: &Assignment<'_>,
        round: Round,
        feedback: Option<Feedback>,
    ) -> Result<Ended, EngineError> {
        if self.patience.stop.is_cancelled() {
            return Err(EngineError::Interrupted);
        }
        if self.patience.left().is_zero() {
            return Ok(Ended::OutOfTime);
        }
        let models = self.models;
        let Some(model) = models.get(round.model) else {
            return Ok(Ended::Exhausted);
        };
        let question = assignment
            .question(model.as_ref(), round.wording, feedback, self.patience.observer)
            .await?;
        self.prompts.push(question.digest());
        let first_attempt = self.candidates.attempts.len();
        let sampling = Sampling {
            temperature: round.temperature,
            top_p: if round.temperature > 0.0 { 0.95 } else { 1.0 },
            seed: self.intent.seed.wrapping_add(first_attempt as u64),
            ..Sampling::GREEDY
        };
        let begun = Instant::now();
        let begin = RunningRound::begin(
            model.as_ref(),
            &question,
            sampling,
            round.samples,
            self.patience,
            first_attempt,
        );
        let mut running = match begin.await {
            Ok(running) => running,
            Err(error) => return Err(self.note_model_failure(model.as_ref(), &question, sampling, error)),
        };
        loop {
            match running.next().await {
                Waited::Sample { index, sample } => {
                    add_usage(&mut self.usage, &sample, running.unpaid_prompt());
                    let attempt = Attempt {
                        template: question.template.clone(),
                        model: running.answering(model.as_ref()),
                        sampling: record(sampling, &question, index, round.samples),
                        prompt_digest: question.digest(),
                        prompt: question.prompt_text(),
                        text: format!("{}{}", question.opening, sample.text),
                        tokens: sample.tokens.clone(),
                        prompt_tokens: running.prompt_tokens,
                        completion_tokens: sample.completion_tokens,
                        outcome: AttemptOutcome::NotExtracted {
                            reason: "not examined".to_owned(),
                        },
                        duration_ms: 0,
                    };
                    self.candidates.attempts.push(attempt);
                    let number = self.candidates.attempts.len() - 1;
                    let outcome = self
                        .examine(assignment, &question, &sample, number, round.model)
                        .instrument(running.span.clone())
                        .await?;
                    tell_outcome(&running.span, &outcome);
                    match &outcome {
                        AttemptOutcome::Passed { level } => {
                            self.patience.observer.observe(Event::Passed {
                                attempt: number + 1,
                                level: *level,
                            });
                        }
                        other => self.patience.observer.observe(Event::Rejected {
                            attempt: number + 1,
                            reason: reason_of(other),
                        }),
                    }
                    if let Some(attempt) = self.candidates.attempts.get_mut(number) {
                        attempt.outcome = outcome;
                        attempt.duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
                    }
                    if self.is_enough(assignment, round) {
                        self.usage.completion_tokens += running.abandoned_tokens();
                        return Ok(Ended::Enough);
                    }
                }
                Waited::Done if self.is_enough_for_now() => return Ok(Ended::Enough),
                Waited::Done => return Ok(Ended::Exhausted),
                Waited::Failed(error) => {
                    return Err(self.note_model_failure(model.as_ref(), &question, sampling, error));
                }
                Waited::OutOfTime => {
                    self.usage.completion_tokens += running.abandoned_tokens();
                    return Ok(Ended::OutOfTime);
                }
                Waited::Interrupted => return Err(EngineError::Interrupted),
            }
        }
    }

    /// One greedy sample, read as a change and not checked.
    pub async fn sample_unchecked(
        &mut self,
        assignment: &Assignment<'_>,
        model: usize,
    ) -> Result<(), EngineError> {
        let models = self.models;
        let Some(asked) = models.get(model) else {
            return Ok(());
        };
        let question = assignment
            .question(asked.as_ref(), 0, None, self.patience.observer)
            .await?;
        self.prompts.push(question.digest());
        let sampling = Sampling {
            seed: self.intent.seed,
            ..Sampling::GREEDY
        };
        let mut running =
            RunningRound::begin(asked.as_ref(), &question, sampling, 1, self.patience, 0).await?;
        loop {
            match running.next().await {
                Waited::Sample { sample, .. } => {
                    add_usage(&mut self.usage, &sample, running.prompt_tokens);
                    let text = format!("{}{}", question.opening, sample.text);
                    let outcome = match assignment.draft(&text) {
                        Ok(change) => {
                            let evidence = Evidence {
                                checks: Vec::new(),
                                sandbox: None,
                            };
                            let candidate = Candidate {
                                attempt: 0,
                                change,
                                evidence,
                                model,
                                mean_logprob: sample.mean_logprob,
                                behaviour: None,
                                voices: 1,
                            };
                            self.candidates.furthest = Some(candidate);
                            AttemptOutcome::Passed {
                                level: tenon_domain::Level::Unverified,
                            }
                        }
                        Err(reason) => AttemptOutcome::NotExtracted { reason },
                    };
                    self.candidates.attempts.push(Attempt {
                        template: question.template.clone(),
                        model: running.answering(asked.as_ref()),
                        sampling: record(sampling, &question, 0, 1),
                        prompt_digest: question.digest(),
                        prompt: question.prompt_text(),
                        text,
                        tokens: sample.tokens.clone(),
                        prompt_tokens: running.prompt_tokens,
                        completion_tokens: sample.completion_tokens,
                        outcome,
                        duration_ms: 0,
                    });
                }
                Waited::Done | Waited::OutOfTime => return Ok(()),
                Waited::Failed(error) => return Err(error.into()),
                Waited::Interrupted => return Err(EngineError::Interrupted),
            }
        }
    }

    fn note_model_failure(
        &mut self,
        model: &dyn Model,
        question: &Question,
        sampling: Sampling,
        error: ModelError,
    ) -> EngineError {
        self.candidates.attempts.push(Attempt {
            template: question.template.clone(),
            model: reference(model),
            sampling: record(sampling, question, 0, 1),
            prompt_digest: question.digest(),
            prompt: question.prompt_text(),
            text: String::new(),
            tokens: Vec::new(),
            prompt_tokens: None,
            completion_tokens: None,
            outcome: AttemptOutcome::ModelFailed {
                reason: error.to_string(),
            },
            duration_ms: 0,
        });
        error.into()
    }

    /// Reads a change from a sample and checks it.
    async fn examine(
        &mut self,
        assignment: &Assignment<'_>,
        question: &Question,
        sample: &Sample,
        number: usize,
        model: usize,
    ) -> Result<AttemptOutcome, EngineError> {
        let text = format!("{}{}", question.opening, sample.text);
        let change = match assignment.draft(&text) {
            Ok(change) => change,
            Err(reason) if was_cut(sample) => {
                let reason = format!("{reason} (the answer was cut at {} tokens)", question.max_tokens);
                return Ok(AttemptOutcome::NotExtracted { reason });
            }
            Err(reason) => return Ok(AttemptOutcome::NotExtracted { reason }),
        };
        if let Some(of) = self
            .candidates
            .already_seen(assignment.fingerprint(&change), number, model)
        {
            return Ok(AttemptOutcome::Duplicate { of });
        }
        let (change, evidence) = self.check_and_mend(assignment, change, number).await?;
        let outcome = if evidence.holds() {
            AttemptOutcome::Passed {
                level: evidence.level(),
            }
        } else {
            rejection(&evidence)
        };
        self.candidates.file(Candidate {
            attempt: number,
            change,
            evidence,
            model,
            mean_logprob: sample.mean_logprob,
            behaviour: None,
            voices: 1,
        });
        self.compare(assignment).await;
        Ok(outcome)
    }

    /// Watches how the candidates behave, once there are two and as long as there is time.
    async fn compare(&mut self, assignment: &Assignment<'_>) {
        if self.candidates.passed.len() < 2 {
            return;
        }
        for candidate in &mut self.candidates.passed {
            if candidate.behaviour.is_none() {
                let watched = assignment.behaviour(self.gate, &candidate.change);
                let watched = timeout_at(self.patience.deadline.into(), watched).await;
                candidate.behaviour = watched.ok().flatten();
            }
        }
    }

    /// Checks a change; where only imports are missing, or the compiler says what it would write instead, mends it
    /// and checks again.
    async fn check_and_mend(
        &self,
        assignment: &Assignment<'_>,
        change: ChangeSet,
        number: usize,
    ) -> Result<(ChangeSet, Evidence), EngineError> {
        /// One suggestion often uncovers the next.
        const MOST_MENDS: usize = 4;
        let evidence = self.check(&change, &assignment.checks, number).await?;
        let (mut mended, mut found) = (change.clone(), evidence.clone());
        for _ in 0..MOST_MENDS {
            if !stopped_by_names_or_types(&found) {
                break;
            }
            let next = assignment
                .add_missing_imports(&mended, &found)
                .or_else(|| assignment.take_suggestions(&mended, &found));
            let Some(next) = next else { break };
            found = self.check(&next, &assignment.checks, number).await?;
            mended = next;
        }
        // What was mended half-way is not what the model wrote, and no better.
        if found.holds() {
            return Ok((mended, found));
        }
        Ok((change, evidence))
    }

    /// Checks a change within the run's time, stopping at once when interrupted.
    pub async fn check(
        &self,
        change: &ChangeSet,
        plan: &CheckPlan,
        number: usize,
    ) -> Result<Evidence, EngineError> {
        let plan = CheckPlan {
            time_limit: Some(self.patience.left()),
            ..plan.clone()
        };
        let checked = tokio::select! {
            biased;
            () = self.patience.stop.cancelled() => return Err(EngineError::Interrupted),
            checked = timeout_at((self.patience.deadline + GRACE).into(), self.gate.check(change, &plan)) => checked,
        };
        let evidence = checked.unwrap_or_else(|_| out_of_time());
        for report in &evidence.checks {
            self.patience.observer.observe(Event::Checked {
                attempt: number + 1,
                report: report.clone(),
            });
        }
        Ok(evidence)
    }

    /// Whether the rest of a round need not be waited for.
    fn is_enough(&self, assignment: &Assignment<'_>, round: Round) -> bool {
        let passed = self.candidates.passed.len();
        match self.intent.quality {
            Quality::Fast => passed > 0,
            // What was drawn with heat and rests on few examples is compared with its siblings.
            Quality::Standard if assignment.rests_on_few_examples() && self.can_compare(assignment) => {
                self.candidates.two_agree(round.model) || (round.samples == 1 && passed > 0)
            }
            Quality::Standard => passed > 0,
            Quality::High => {
                let most = if self.can_compare(assignment) { 4 } else { 1 };
                self.candidates.two_agree(round.model) || passed >= most
            }
        }
    }

    /// Whether what was found by the end of a round suffices.
    fn is_enough_for_now(&self) -> bool {
        self.intent.quality != Quality::High && !self.candidates.passed.is_empty()
    }
}

/// Whether a change failed for something that can be mended without knowing what it is for.
fn stopped_by_names_or_types(evidence: &Evidence) -> bool {
    let failed = evidence
        .checks
        .iter()
        .find(|report| report.outcome == Outcome::Failed);
    failed.is_some_and(|report| {
        matches!(
            report.kind,
            CheckKind::Names | CheckKind::Build | CheckKind::Types
        )
    })
}

/// What a run without a model ends with.
pub(crate) fn no_model() -> EngineError {
    EngineError::Missing {
        what: "no model is configured: name one with --model, or pull one with `tenon model pull`".to_owned(),
    }
}

/// Whether the model that failed may answer the next question.
fn may_pass(error: &EngineError) -> bool {
    matches!(error, EngineError::Model(error) if error.is_transient())
}

/// The error again, if it concerns one model or its context and another may do better.
fn passed_over(error: EngineError) -> Result<EngineError, EngineError> {
    match error {
        EngineError::Model(_) | EngineError::Template { .. } => Ok(error),
        other => Err(other),
    }
}

/// A compiler's word about a candidate: the one kind of failure worth showing to a small model, once.
fn mechanical_feedback(attempt: &Attempt) -> Option<Feedback> {
    let AttemptOutcome::Rejected { checks, .. } = &attempt.outcome else {
        return None;
    };
    let failed = checks.iter().find(|report| report.outcome == Outcome::Failed)?;
    let mechanical = matches!(
        failed.kind,
        CheckKind::Syntax | CheckKind::Names | CheckKind::Dependencies | CheckKind::Types | CheckKind::Build
    );
    if !mechanical {
        return None;
    }
    let mut lines: Vec<String> = failed
        .findings
        .iter()
        .filter(|finding| finding.severity == tenon_domain::Severity::Error)
        .take(5)
        .map(|finding| match &finding.help {
            Some(help) => format!("{} ({help})", finding.message),
            None => finding.message.clone(),
        })
        .collect();
    if lines.is_empty() {
        lines.extend(failed.reason.clone());
    }
    (!lines.is_empty()).then(|| Feedback {
        code: attempt.text.clone(),
        diagnostic: lines.join("\n"),
    })
}

/// The evidence about a change whose checks did not end in time.
fn out_of_time() -> Evidence {
    let report = CheckReport {
        check: "time".to_owned(),
        kind: CheckKind::Acceptance,
        outcome: Outcome::Failed,
        proves: None,
        duration_ms: 0,
        findings: Vec::new(),
        reason: Some("the time was up before the checks ended: grant more with --max-time".to_owned()),
        log: None,
    };
    Evidence {
        checks: vec![report],
        sandbox: None,
    }
}

fn reason_of(outcome: &AttemptOutcome) -> String {
    match outcome {
        AttemptOutcome::NotExtracted { reason } | AttemptOutcome::ModelFailed { reason } => reason.clone(),
        AttemptOutcome::Duplicate { of } => format!("the same as attempt {}", of + 1),
        AttemptOutcome::Rejected { check, reason, .. } => format!("{check}: {reason}"),
        AttemptOutcome::Passed { level } => level.to_string(),
    }
}
