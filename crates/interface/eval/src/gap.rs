//! Gaps in a file: one line that was taken out, to be suggested.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tenon_domain::RepoPath;
use tenon_engine::{Completer, CompletionRequest, Engine, Extent};
use tenon_runtime::{CacheScope, GenerateRequest, Model, PromptInput, Sampling};
use tokio_util::sync::CancellationToken;

use crate::judge::Judge;
use crate::run::{EvalError, Mode, TaskResult, until_stopped};
use crate::suite::{EvalTask, Hidden};

/// The text around the gap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gap<'task> {
    pub prefix: &'task str,
    pub suffix: &'task str,
}

/// Longer than any completion takes: what is measured is what is suggested, not when.
const PATIENCE: Duration = Duration::from_secs(600);

/// Fills the gap with the last model: `raw` is its likeliest line as it is, `verified` what a person at that place would be
/// shown.
pub(crate) async fn fill_gap(
    engine: &Engine,
    task: &EvalTask,
    gap: Gap<'_>,
    mode: Mode,
    judge: &Judge<'_>,
    stop: &CancellationToken,
) -> Result<TaskResult, EvalError> {
    let (Some(model), Hidden::GapTests { solution, program }) = (engine.models.last(), &task.hidden) else {
        return Ok(TaskResult::nothing(&task.id));
    };
    let begun = Instant::now();
    let filled = match mode {
        Mode::Raw => until_stopped(likeliest(model, gap), stop).await?,
        Mode::Verified => until_stopped(suggested(model, gap, judge), stop).await?,
    };
    let seconds = begun.elapsed().as_secs_f64();
    let result = TaskResult {
        attempts: 1,
        model: Some(model.descriptor().reference.name.clone()),
        seconds,
        ..TaskResult::nothing(&task.id)
    };
    let result = match filled {
        Ok(filled) => TaskResult {
            prompt_tokens: u64::from(filled.prompt_tokens.unwrap_or(0)),
            completion_tokens: u64::from(filled.completion_tokens.unwrap_or(0)),
            texts: vec![filled.text],
            suggested: Some(true),
            ..result
        },
        Err(reason) => {
            return Ok(TaskResult {
                exact_match: Some(false),
                suggested: Some(false),
                rejected: BTreeMap::from([(reason.clone(), 1)]),
                said: reason,
                ..result
            });
        }
    };
    let text = result.texts.first().map(String::as_str).unwrap_or_default();
    let Gap { prefix, suffix } = gap;
    let line_end = line_end(gap);
    let verdict = judge
        .judge_program(&format!("{prefix}{text}{line_end}{suffix}\n\n{program}"))
        .await?;
    Ok(TaskResult {
        passed: verdict.passed,
        exact_match: Some(text.trim() == solution.trim()),
        said: verdict.said,
        ..result
    })
}

/// A line for the gap.
struct Filled {
    text: String,
    prompt_tokens: Option<u32>,
    completion_tokens: Option<u32>,
}

async fn likeliest(model: &Arc<dyn Model>, gap: Gap<'_>) -> Result<Filled, String> {
    let request = GenerateRequest {
        prompt: PromptInput::Fill {
            prefix: gap.prefix.to_owned(),
            suffix: gap.suffix.to_owned(),
        },
        sampling: Sampling::GREEDY,
        samples: 1,
        max_tokens: 96,
        stop: vec!["\n".to_owned()],
        constraint: None,
        expected: None,
        cache_scope: CacheScope::local(),
    };
    let asked = async { model.generate(request).await?.collect(1).await };
    let (samples, usage) = asked.await.map_err(|error| error.to_string())?;
    let sample = samples.into_iter().next().ok_or("no sample")?;
    Ok(Filled {
        text: sample.text,
        prompt_tokens: usage.prompt_tokens,
        completion_tokens: sample.completion_tokens,
    })
}

/// What is shown at an empty line in the place of the gap, or the reason why nothing is.
async fn suggested(model: &Arc<dyn Model>, gap: Gap<'_>, judge: &Judge<'_>) -> Result<Filled, String> {
    let folder = tempfile::tempdir_in(judge.scratch).map_err(|error| error.to_string())?;
    let path = RepoPath::parse("solution.py").map_err(|error| error.to_string())?;
    let completer = Arc::new(Completer::new(Arc::clone(model), folder.path()));
    let completion = completer
        .complete(&CompletionRequest {
            path,
            text: format!("{}{}{}", gap.prefix, line_end(gap), gap.suffix),
            cursor: gap.prefix.len(),
            is_excerpt: false,
            extent: Extent::Line,
            alternatives: 1,
            deadline: PATIENCE,
            open_buffers: Vec::new(),
            recent_edits: Vec::new(),
            scope: CacheScope::local(),
        })
        .await;
    match (completion.suggestions.into_iter().next(), completion.silence) {
        (Some(text), _) => Ok(Filled {
            text,
            prompt_tokens: completion.trace.prompt_tokens,
            completion_tokens: completion.trace.completion_tokens,
        }),
        (None, silence) => Err(silence.map_or("nothing", |silence| silence.as_str()).to_owned()),
    }
}

/// What divides the line from what follows, where that does not begin with it.
fn line_end(gap: Gap<'_>) -> &'static str {
    match gap.suffix.starts_with('\n') {
        true => "",
        false => "\n",
    }
}
