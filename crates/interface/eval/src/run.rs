//! Runs the tasks of a suite, a few at a time, and writes a line for each.

use std::collections::{BTreeMap, HashSet};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use tenon_domain::{
    AcceptanceCommand, AttemptOutcome, Budget, ChangeSet, Intent, Level, Proposal, Quality, RepoPath,
};
use tenon_engine::{Engine, EngineError, Repository, Silent, Verification};
use tokio_util::sync::CancellationToken;

use crate::gap::{Gap, fill_gap};
use crate::judge::{Judge, write_files};
use crate::suite::{EvalTask, Hidden, Shown};

/// How much of the pipeline a run uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// One greedy sample, unchecked.
    Raw,
    /// The whole pipeline, on what the task shows.
    Verified,
}

/// What a run does.
#[derive(Debug, Clone)]
pub struct EvalOptions {
    /// How much of the pipeline is used.
    pub mode: Mode,
    /// How much work selection may spend.
    pub quality: Quality,
    /// The seed of every task.
    pub seed: u64,
    /// What one task may spend.
    pub budget: Budget,
    /// Tasks worked on at the same time; at least one. An embedded model writes for several in one batch.
    pub jobs: usize,
    /// The file of results, one line per task.
    pub out: PathBuf,
}

/// The result of one task: a line of the results file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskResult {
    /// The task.
    pub id: String,
    /// Whether the hidden tests passed.
    pub passed: bool,
    /// How far the pipeline says that it checked the change.
    pub level: Level,
    /// Whether a candidate that was not chosen would have passed; `None` when nobody looked.
    pub lost_by_selection: Option<bool>,
    /// For gaps: whether the line is the very line that was taken out.
    pub exact_match: Option<bool>,
    /// For gaps: whether anything was suggested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggested: Option<bool>,
    /// Candidates sampled.
    pub attempts: u32,
    /// The model whose candidate was chosen.
    pub model: Option<String>,
    /// Tokens read, cache hits included.
    pub prompt_tokens: u64,
    /// Tokens written.
    pub completion_tokens: u64,
    /// Wall-clock seconds of the pipeline, without the judge.
    pub seconds: f64,
    /// How many candidates each check rejected.
    pub rejected: BTreeMap<String, u32>,
    /// What models that failed said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub model_failures: Vec<String>,
    /// What the hidden tests, or the pipeline's error, said last.
    pub said: String,
    /// For single samples: the exact prompt as JSON, so that another runtime can be asked the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The text of every attempt, for a look at what went wrong.
    pub texts: Vec<String>,
}

/// The first line of a results file: what the run was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Header {
    mode: Mode,
    quality: Quality,
    seed: u64,
    models: Vec<String>,
    budget: Budget,
}

/// Receives results as they come.
pub trait EvalObserver: Send + Sync {
    /// A task begins.
    fn begins(&self, task: &EvalTask);
    /// A task ended, or was found in the results of an earlier run.
    fn ended(&self, result: &TaskResult);
}

/// Why a run cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// The judge itself failed.
    #[error("the judge cannot work: {reason}")]
    Judge {
        /// Why.
        reason: String,
    },
    /// The results file cannot be used.
    #[error("{}: {reason}", path.display())]
    Results {
        /// The file.
        path: PathBuf,
        /// Why, with the mend.
        reason: String,
    },
    /// There is no sandbox, so nothing can be judged.
    #[error("nothing can be judged: {reason}")]
    NoSandbox {
        /// Why.
        reason: String,
    },
    /// The run was interrupted; the results so far are in the file.
    #[error("interrupted; run the same command again to continue")]
    Interrupted,
}

/// Runs `tasks` and returns all results, those of an earlier interrupted run included.
///
/// # Errors
/// When the results file belongs to another run, the judge fails, or the run is interrupted. A task on which the
/// pipeline fails is a result.
pub async fn run_suite(
    engine: &Engine,
    tasks: &[EvalTask],
    options: &EvalOptions,
    observer: &dyn EvalObserver,
    stop: &CancellationToken,
) -> Result<Vec<TaskResult>, EvalError> {
    let sandbox = engine
        .sandbox
        .clone()
        .map_err(|reason| EvalError::NoSandbox { reason })?;
    let header = Header {
        mode: options.mode,
        quality: options.quality,
        seed: options.seed,
        models: engine
            .models
            .iter()
            .map(|model| model.descriptor().reference.name.clone())
            .collect(),
        budget: options.budget,
    };
    let mut results = resume(options, &header)?;
    let scratch = engine.cache_folder.join("eval");
    std::fs::create_dir_all(&scratch).map_err(|error| EvalError::Judge {
        reason: error.to_string(),
    })?;
    let judge = Judge {
        sandbox: &sandbox,
        scratch: &scratch,
    };
    let chosen: HashSet<&str> = tasks.iter().map(|task| task.id.as_str()).collect();
    results.retain(|result| chosen.contains(result.id.as_str()));
    for result in &results {
        observer.ended(result);
    }
    let known: HashSet<String> = results.iter().map(|result| result.id.clone()).collect();
    let left: Vec<_> = tasks
        .iter()
        .filter(|task| !known.contains(&task.id))
        .map(|task| run_observed(engine, task, options, &judge, observer, stop))
        .collect();
    let mut running = futures::stream::iter(left).buffer_unordered(options.jobs.max(1));
    while let Some(result) = running.next().await {
        let result = result?;
        append(options, &serde_json::to_string(&result).unwrap_or_default())?;
        observer.ended(&result);
        results.push(result);
    }
    Ok(results)
}

fn resume(options: &EvalOptions, header: &Header) -> Result<Vec<TaskResult>, EvalError> {
    let error = |reason: String| EvalError::Results {
        path: options.out.clone(),
        reason,
    };
    let text = match std::fs::read_to_string(&options.out) {
        Ok(text) => text,
        Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(other) => return Err(error(other.to_string())),
    };
    let mut lines = text.lines();
    let Some(first) = lines.next() else {
        if let Some(folder) = options.out.parent() {
            std::fs::create_dir_all(folder).map_err(|source| error(source.to_string()))?;
        }
        append(options, &serde_json::to_string(header).unwrap_or_default())?;
        return Ok(Vec::new());
    };
    match serde_json::from_str::<Header>(first) {
        Ok(earlier) if &earlier == header => {}
        Ok(_) => {
            return Err(error(
                "holds the results of a run with other settings: name another file, or remove it".to_owned(),
            ));
        }
        Err(_) => return Err(error("is no results file: name another one".to_owned())),
    }
    // The last line of a run that was killed may be torn; that task runs again.
    Ok(lines.filter_map(|line| serde_json::from_str(line).ok()).collect())
}

fn append(options: &EvalOptions, line: &str) -> Result<(), EvalError> {
    let file = OpenOptions::new().create(true).append(true).open(&options.out);
    file.and_then(|mut file| writeln!(file, "{line}"))
        .map_err(|error| EvalError::Results {
            path: options.out.clone(),
            reason: error.to_string(),
        })
}

async fn run_observed(
    engine: &Engine,
    task: &EvalTask,
    options: &EvalOptions,
    judge: &Judge<'_>,
    observer: &dyn EvalObserver,
    stop: &CancellationToken,
) -> Result<TaskResult, EvalError> {
    observer.begins(task);
    run_task(engine, task, options, judge, stop).await
}

async fn run_task(
    engine: &Engine,
    task: &EvalTask,
    options: &EvalOptions,
    judge: &Judge<'_>,
    stop: &CancellationToken,
) -> Result<TaskResult, EvalError> {
    match &task.shown {
        Shown::Gap { prefix, suffix } => {
            let gap = Gap { prefix, suffix };
            fill_gap(engine, task, gap, options.mode, judge, stop).await
        }
        Shown::Repository {
            files,
            work,
            intent,
            named_files,
            acceptance,
        } => {
            let intent = Intent {
                task: *work,
                text: intent.clone(),
                files: named_files.clone(),
                acceptance: acceptance.iter().cloned().map(AcceptanceCommand).collect(),
                quality: options.quality,
                seed: options.seed,
                budget: options.budget,
            };
            propose(engine, task, files, &intent, options.mode, judge, stop).await
        }
    }
}

async fn propose(
    engine: &Engine,
    task: &EvalTask,
    files: &BTreeMap<RepoPath, String>,
    intent: &Intent,
    mode: Mode,
    judge: &Judge<'_>,
    stop: &CancellationToken,
) -> Result<TaskResult, EvalError> {
    let folder = tempfile::tempdir_in(judge.scratch).map_err(|error| EvalError::Judge {
        reason: error.to_string(),
    })?;
    write_files(folder.path(), files)?;
    let repository = Repository {
        root: folder.path().to_owned(),
        base_commit: None,
    };
    let verification = match mode {
        Mode::Raw => Verification::Off,
        Mode::Verified => Verification::Full,
    };
    let begun = std::time::Instant::now();
    let proposal = match engine
        .propose(&repository, intent, verification, &Silent, stop)
        .await
    {
        Ok(proposal) => proposal,
        Err(EngineError::Interrupted) => return Err(EvalError::Interrupted),
        Err(error) => {
            let verdict = judge
                .judge_change(files, &ChangeSet::default(), &task.hidden)
                .await?;
            return Ok(TaskResult {
                passed: verdict.passed,
                said: error.to_string(),
                seconds: begun.elapsed().as_secs_f64(),
                ..TaskResult::nothing(&task.id)
            });
        }
    };
    let verdict = judge.judge_change(files, &proposal.change, &task.hidden).await?;
    let lost = if verdict.passed {
        Some(false)
    } else {
        lost_by_selection(judge, files, &proposal, &task.hidden).await?
    };
    Ok(result(
        &task.id,
        &proposal,
        mode,
        verdict.passed,
        lost,
        verdict.said,
    ))
}

/// Whether a candidate that was not chosen passes the hidden tests; only stand-alone functions can be judged so.
async fn lost_by_selection(
    judge: &Judge<'_>,
    files: &BTreeMap<RepoPath, String>,
    proposal: &Proposal,
    hidden: &Hidden,
) -> Result<Option<bool>, EvalError> {
    if !matches!(hidden, Hidden::PythonTests { .. }) || proposal.provenance.attempts.len() < 2 {
        return Ok(None);
    }
    let shown = files.values().next().map(String::as_str).unwrap_or_default();
    for attempt in &proposal.provenance.attempts {
        if judge.judge_text(shown, &attempt.text, hidden).await? {
            return Ok(Some(true));
        }
    }
    Ok(Some(false))
}

fn result(
    id: &str,
    proposal: &Proposal,
    mode: Mode,
    passed: bool,
    lost: Option<bool>,
    said: String,
) -> TaskResult {
    let mut rejected = BTreeMap::new();
    for attempt in &proposal.provenance.attempts {
        let gate = match &attempt.outcome {
            AttemptOutcome::Rejected { check, .. } => check.clone(),
            AttemptOutcome::NotExtracted { .. } => "extraction".to_owned(),
            AttemptOutcome::Duplicate { .. } => "duplicate".to_owned(),
            AttemptOutcome::ModelFailed { .. } => "model".to_owned(),
            AttemptOutcome::Passed { .. } => continue,
        };
        *rejected.entry(gate).or_insert(0) += 1;
    }
    let chosen = proposal
        .provenance
        .chosen
        .and_then(|index| proposal.provenance.attempts.get(index));
    TaskResult {
        id: id.to_owned(),
        passed,
        level: proposal.level(),
        lost_by_selection: lost,
        exact_match: None,
        suggested: None,
        attempts: proposal.usage.attempts,
        model: chosen.map(|attempt| attempt.model.name.clone()),
        prompt_tokens: proposal.usage.prompt_tokens,
        completion_tokens: proposal.usage.completion_tokens,
        seconds: proposal.usage.seconds,
        rejected,
        model_failures: proposal
            .provenance
            .attempts
            .iter()
            .filter_map(|attempt| match &attempt.outcome {
                AttemptOutcome::ModelFailed { reason } => Some(reason.clone()),
                _ => None,
            })
            .collect(),
        said,
        prompt: match proposal.provenance.attempts.as_slice() {
            [only] if mode == Mode::Raw => Some(only.prompt.clone()),
            _ => None,
        },
        texts: proposal
            .provenance
            .attempts
            .iter()
            .map(|attempt| attempt.text.clone())
            .collect(),
    }
}

impl TaskResult {
    pub(crate) fn nothing(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            passed: false,
            level: Level::Unverified,
            lost_by_selection: None,
            exact_match: None,
            suggested: None,
            attempts: 0,
            model: None,
            prompt_tokens: 0,
            completion_tokens: 0,
            seconds: 0.0,
            rejected: BTreeMap::new(),
            model_failures: Vec::new(),
            said: String::new(),
            prompt: None,
            texts: Vec::new(),
        }
    }
}

pub(crate) async fn until_stopped<T>(
    work: impl Future<Output = T>,
    stop: &CancellationToken,
) -> Result<T, EvalError> {
    stop.run_until_cancelled(work).await.ok_or(EvalError::Interrupted)
}
