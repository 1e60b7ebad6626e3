//! Writes tests for existing code, and keeps only those that prove something.
//!
//! The file's beginning is ours; a model writes single tests into it. A test that makes several assertions is split.
//! Tests that fail on the code as it is are cut out one by one (a small model is often wrong about what a function
//! returns, and nothing here may decide that the code is wrong). What is left of all answers must pass five times and
//! notice small changes to the code; while it notices too few, more tests are sampled.

mod cases;
mod form;

use std::time::Instant;

use tenon_change::{add_missing_imports, choose_block, extract_blocks, mutants, whole_file};
use tenon_check::{CheckPlan, ProjectChecks, TestEdits};
use tenon_context::Index;
use tenon_domain::{
    Attempt, AttemptOutcome, ChangeSet, CheckKind, CheckReport, Evidence, FileChange, Level, Outcome,
    Quality, RepoPath,
};
use tenon_runtime::{Model, PromptInput, Sampling};
use tenon_syntax::{Language, SourceFile, Span};
use tracing::Instrument as _;

use crate::assignment::{Assignment, quoted_name};
use crate::briefing::Briefing;
use crate::candidates::{Candidate, rejection};
use crate::engine::{Engine, RunOutcome};
use crate::error::EngineError;
use crate::explain::named_target;
use crate::observer::Event;
use crate::run::{Run, no_model};
use crate::sampling::{Question, RunningRound, Waited, add_usage, record, tell_outcome};
use crate::target::Target;
use crate::write_tests::cases::{Case, assemble, body, cases};
use crate::write_tests::form::{Form, form};

/// Runs that kept tests must pass.
const REPEATS: usize = 5;
/// Variations of the code that tests are tried on.
const MOST_MUTANTS: usize = 24;
/// The same where each one is compiled.
const MOST_COMPILED_MUTANTS: usize = 12;
/// Tests that notice this share of the variations are good enough to stop.
const ENOUGH_NOTICED: f64 = 0.75;
const ANSWER_TOKENS: u32 = 600;

pub(crate) async fn write_tests(
    engine: &Engine,
    run: &mut Run<'_>,
    index: &Index,
) -> Result<RunOutcome, EngineError> {
    if let Err(reason) = &engine.sandbox {
        return Err(EngineError::Missing {
            what: format!("tests must run to be worth anything: {reason}"),
        });
    }
    let target = named_target(&run.intent.text, &run.intent.files, index)?;
    let path = target.path().clone();
    let language = Language::of_path(&path).ok_or_else(|| EngineError::Uneditable {
        path: path.clone(),
        reason: "it is in no language that Tenon writes tests for".to_owned(),
    })?;
    let source = index
        .file_text(&path)
        .and_then(|text| SourceFile::parse(language, text).ok());
    let Some(source) = source else {
        return Err(EngineError::Uneditable {
            path,
            reason: "it cannot be read as UTF-8 text".to_owned(),
        });
    };
    let symbol = match &target {
        Target::Edit { symbol, .. } | Target::Complete { symbol, .. } => source.find(symbol).cloned(),
        _ => None,
    };
    let form = form(&path, &source, symbol.as_ref(), index)?;
    run.patience.observer.observe(Event::Located {
        plan: format!("write {}", form.path),
        examples: 0,
    });
    let assignment = Assignment {
        intent: run.intent,
        target: target.clone(),
        index,
        templates: &engine.templates,
        examples: Vec::new(),
        checks: CheckPlan::default(),
        failure: None,
        failing_places: Vec::new(),
        base: ChangeSet::default(),
        invented: tokio::sync::OnceCell::new(),
    };
    let span = symbol
        .as_ref()
        .map_or(Span::new(0, source.text().len()), |symbol| symbol.span);
    let summary = format!("write tests in {}", form.path);
    let mut job = Job {
        source: &source,
        path: &path,
        span,
        header: form.header.clone(),
        form,
        language,
        kept: Vec::new(),
        dropped: 0,
    };
    let last = run.models.len().saturating_sub(1);
    let more = if run.intent.quality == Quality::Fast { 1 } else { 3 };
    for (temperature, samples) in [(0.0_f32, 1_u32), (0.8, more), (0.9, more)] {
        let used = u32::try_from(run.candidates.attempts.len()).unwrap_or(u32::MAX);
        let samples = samples.min(run.intent.budget.max_attempts.saturating_sub(used));
        if samples == 0 || run.patience.left().is_zero() {
            break;
        }
        match round(run, &assignment, &mut job, last, temperature, samples).await {
            Ok(true) => break,
            Ok(false) => {}
            // Tests that were kept are worth having, even when the model is gone.
            Err(EngineError::Model(_)) if !run.candidates.passed.is_empty() => break,
            Err(error) => return Err(error),
        }
    }
    Ok(RunOutcome::changed(summary))
}

struct Job<'run> {
    source: &'run SourceFile,
    path: &'run RepoPath,
    span: Span,
    form: Form,
    /// How the file begins, with the imports that tests turned out to need.
    header: String,
    language: Language,
    /// The tests that pass on the code as it is.
    kept: Vec<Case>,
    /// How many did not.
    dropped: usize,
}

/// One round of samples; `true` when the tests are good enough.
async fn round(
    run: &mut Run<'_>,
    assignment: &Assignment<'_>,
    job: &mut Job<'_>,
    model: usize,
    temperature: f32,
    samples: u32,
) -> Result<bool, EngineError> {
    let models = run.models;
    let asked = models.get(model).ok_or_else(no_model)?;
    let question = question(assignment, job, asked.as_ref(), run).await?;
    run.prompts.push(question.digest());
    let first = run.candidates.attempts.len();
    let sampling = Sampling {
        temperature,
        top_p: if temperature > 0.0 { 0.95 } else { 1.0 },
        seed: run.intent.seed.wrapping_add(first as u64),
        ..Sampling::GREEDY
    };
    let mut running =
        RunningRound::begin(asked.as_ref(), &question, sampling, samples, run.patience, first).await?;
    loop {
        let (index, sample) = match running.next().await {
            Waited::Sample { index, sample } => (index, sample),
            Waited::Done | Waited::OutOfTime => return Ok(false),
            Waited::Failed(error) => return Err(error.into()),
            Waited::Interrupted => return Err(EngineError::Interrupted),
        };
        add_usage(&mut run.usage, &sample, running.unpaid_prompt());
        let number = run.candidates.attempts.len();
        let examining = examine(run, job, &question.opening, &sample.text, number, model);
        let (outcome, noticed) = examining.instrument(running.span.clone()).await?;
        tell_outcome(&running.span, &outcome);
        match &outcome {
            AttemptOutcome::Passed { level } => {
                run.patience.observer.observe(Event::Passed {
                    attempt: number + 1,
                    level: *level,
                });
            }
            AttemptOutcome::NotExtracted { reason } | AttemptOutcome::Rejected { reason, .. } => {
                run.patience.observer.observe(Event::Rejected {
                    attempt: number + 1,
                    reason: reason.clone(),
                });
            }
            AttemptOutcome::Duplicate { .. } | AttemptOutcome::ModelFailed { .. } => {}
        }
        run.candidates.attempts.push(Attempt {
            template: question.template.clone(),
            model: running.answering(asked.as_ref()),
            sampling: record(sampling, &question, index, samples),
            prompt_digest: question.digest(),
            prompt: question.prompt_text(),
            text: format!("{}{}", question.opening, sample.text),
            tokens: sample.tokens.clone(),
            prompt_tokens: running.prompt_tokens,
            completion_tokens: sample.completion_tokens,
            outcome,
            duration_ms: 0,
        });
        if noticed >= ENOUGH_NOTICED {
            run.usage.completion_tokens += running.abandoned_tokens();
            return Ok(true);
        }
    }
}

async fn question(
    assignment: &Assignment<'_>,
    job: &Job<'_>,
    model: &dyn Model,
    run: &Run<'_>,
) -> Result<Question, EngineError> {
    let briefing = Briefing {
        assignment,
        model,
        observer: run.patience.observer,
    };
    let name = assignment
        .target
        .wanted_names()
        .first()
        .cloned()
        .unwrap_or_else(|| job.path.to_string());
    let extra = [
        ("framework".to_owned(), job.form.framework.clone()),
        ("name".to_owned(), name),
    ];
    let rendered = briefing.render_with("test/unit", ANSWER_TOKENS, extra).await?;
    let opening = format!("{}{}", job.form.header, job.form.first_words);
    Ok(Question {
        template: rendered.reference,
        prompt: PromptInput::Chat {
            messages: rendered.messages,
            prefill: format!("{}{opening}", rendered.prefill),
        },
        opening,
        stop: rendered.stop,
        max_tokens: ANSWER_TOKENS,
        constraint: None,
    })
}

/// Reads tests from an answer, adds those that pass to what is kept, and measures what all of them notice: the
/// second value, from 0 to 1.
async fn examine(
    run: &mut Run<'_>,
    job: &mut Job<'_>,
    opening: &str,
    text: &str,
    number: usize,
    model: usize,
) -> Result<(AttemptOutcome, f64), EngineError> {
    let refused = |reason: &str| {
        let reason = reason.to_owned();
        Ok((AttemptOutcome::NotExtracted { reason }, 0.0))
    };
    let mut found = read_cases(opening, text, job.language);
    if found.is_empty() {
        return refused("the answer holds no test code");
    }
    found.retain(|case| !job.kept.iter().any(|kept| body(kept) == body(case)));
    if found.is_empty() {
        return refused("the answer holds no new tests");
    }
    let asked = found.len();
    let passing = keep_passing(run, job, found, number).await?;
    job.dropped += asked - passing.len();
    if passing.is_empty() {
        return refused("no test of the answer passes on the code as it is");
    }
    job.kept.extend(passing);
    let change = test_change(job, &job.kept);
    let mut evidence = Evidence {
        checks: Vec::new(),
        sandbox: None,
    };
    for repeat in 0..REPEATS {
        let project_checks = if repeat == 0 {
            ProjectChecks::All
        } else {
            ProjectChecks::None
        };
        let again = run.check(&change, &plan(job, project_checks), number).await?;
        let failed = !again.holds();
        if repeat == 0 || failed {
            evidence = again;
        }
        if failed {
            break;
        }
    }
    let mut noticed = 0.0;
    if evidence.holds() {
        let (report, share) = mutation_report(run, job, number).await?;
        evidence.checks.push(report);
        noticed = share;
    }
    let outcome = if evidence.holds() {
        // These tests hold the earlier ones.
        run.candidates.passed.clear();
        AttemptOutcome::Passed {
            level: evidence.level(),
        }
    } else {
        rejection(&evidence)
    };
    run.candidates.file(Candidate {
        attempt: number,
        change,
        evidence,
        model,
        mean_logprob: None,
        behaviour: None,
        voices: 1,
    });
    Ok((outcome, noticed))
}

/// The tests of an answer, which goes on from `opening` or, where a model began anew, stands for itself.
fn read_cases(opening: &str, text: &str, language: Language) -> Vec<Case> {
    let continued = cases(&format!("{opening}{text}"), language);
    if !continued.is_empty() && !text.contains("```") {
        return continued;
    }
    let fenced = if text.contains("```") {
        text.to_owned()
    } else {
        format!("```{}\n{text}\n```\n", language.name())
    };
    let alone = choose_block(&extract_blocks(&fenced), language, &[])
        .map(|block| cases(block.file.text(), language))
        .unwrap_or_default();
    if alone.is_empty() { continued } else { alone }
}

fn plan(job: &Job<'_>, project_checks: ProjectChecks) -> CheckPlan {
    CheckPlan {
        acceptance: vec![job.form.command.clone()],
        project_checks,
        test_edits: TestEdits::Allowed,
        ..CheckPlan::default()
    }
}

fn test_change(job: &Job<'_>, cases: &[Case]) -> ChangeSet {
    let code = assemble(&job.header, cases, job.language);
    ChangeSet {
        files: vec![whole_file(job.form.path.clone(), None, &code)],
    }
}

/// Runs the tests, and while some fail removes them.
async fn keep_passing(
    run: &mut Run<'_>,
    job: &mut Job<'_>,
    mut left: Vec<Case>,
    number: usize,
) -> Result<Vec<Case>, EngineError> {
    const MOST_RUNS: usize = 12;
    let mut imported = false;
    for _ in 0..MOST_RUNS {
        if left.is_empty() {
            break;
        }
        let plan = plan(job, ProjectChecks::None);
        let evidence = run.check(&test_change(job, &left), &plan, number).await?;
        if evidence.holds() {
            return Ok(left);
        }
        if !imported && let Some(header) = with_imports(job, &left, &evidence) {
            job.header = header;
            imported = true;
            continue;
        }
        if !drop_failing(&mut left, job, &evidence) {
            break;
        }
    }
    Ok(Vec::new())
}

/// The file's beginning with imports for the names that a check found undefined, if the table knows them.
fn with_imports(job: &Job<'_>, cases: &[Case], evidence: &Evidence) -> Option<String> {
    let failed = evidence
        .checks
        .iter()
        .find(|report| report.outcome == Outcome::Failed)?;
    let names: Vec<String> = failed
        .findings
        .iter()
        .filter_map(|finding| quoted_name(&finding.message))
        .collect();
    let code = assemble(&job.header, cases, job.language);
    let tests = code.get(job.header.len()..)?;
    let parsed = SourceFile::parse(job.language, code.as_str()).ok()?;
    let mended = add_missing_imports(&parsed, &names)?;
    Some(mended.strip_suffix(tests)?.to_owned())
}

/// Removes the tests that a failed check names, by name or by line; `false` when it names none.
fn drop_failing(cases: &mut Vec<Case>, job: &Job<'_>, evidence: &Evidence) -> bool {
    let failed: Vec<&CheckReport> = evidence
        .checks
        .iter()
        .filter(|report| report.outcome == Outcome::Failed)
        .collect();
    let log: Vec<&str> = failed.iter().filter_map(|report| report.log.as_deref()).collect();
    let output = crate::failure_output::FailureOutput::read(&log.join("\n"), &[tenon_sandbox::WORKSPACE]);
    let mut lines: Vec<u32> = output
        .places
        .iter()
        .filter(|place| place.path == job.form.path)
        .map(|place| place.line)
        .collect();
    lines.extend(
        failed
            .iter()
            .flat_map(|report| &report.findings)
            .filter(|finding| finding.path.as_ref() == Some(&job.form.path))
            .filter_map(|finding| finding.line),
    );
    let code = assemble(&job.header, cases, job.language);
    let placed = cases::cases_with_lines(&code, job.language);
    let fails = |index: usize| {
        let Some((name, first, last)) = placed.get(index) else {
            return false;
        };
        let named = output
            .tests
            .iter()
            .any(|test| test == name || test.ends_with(&format!("::{name}")));
        named || lines.iter().any(|line| first <= line && line <= last)
    };
    let before = cases.len();
    let mut index = 0;
    cases.retain(|_| {
        index += 1;
        !fails(index - 1)
    });
    cases.len() < before
}

/// Tries the tests on small variations of the code; the second value is the share they notice.
async fn mutation_report(
    run: &mut Run<'_>,
    job: &Job<'_>,
    number: usize,
) -> Result<(CheckReport, f64), EngineError> {
    let begun = Instant::now();
    let most = match job.language {
        Language::Python | Language::JavaScript => MOST_MUTANTS,
        _ => MOST_COMPILED_MUTANTS,
    };
    let variations = mutants(job.source, job.span.range(), most);
    run.patience.observer.observe(Event::Working {
        what: format!("trying the tests on {} variations of the code", variations.len()),
    });
    let original = job.source.text();
    let (mut killed, mut tried) = (0_u32, 0_u32);
    for variation in &variations {
        if run.patience.left().is_zero() {
            break;
        }
        let mut change = test_change(job, &job.kept);
        change.files.push(FileChange {
            path: job.path.clone(),
            renamed_from: None,
            before: Some(original.to_owned()),
            after: Some(variation.apply(original)),
        });
        tried += 1;
        let plan = plan(job, ProjectChecks::None);
        if !run.check(&change, &plan, number).await?.holds() {
            killed += 1;
        }
    }
    let noticed = killed > 0;
    let reason = format!(
        "{} tests kept, {} dropped for failing on the code as it is; they notice {killed} of {tried} small changes to it",
        job.kept.len(),
        job.dropped
    );
    let report = CheckReport {
        check: "mutation".to_owned(),
        kind: CheckKind::Tests,
        outcome: if noticed { Outcome::Passed } else { Outcome::Failed },
        proves: noticed.then_some(Level::Tested),
        duration_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        findings: Vec::new(),
        reason: Some(reason),
        log: None,
    };
    Ok((report, f64::from(killed) / f64::from(tried.max(1))))
}
