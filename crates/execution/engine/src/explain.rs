//! Explains code. Changes nothing, and says which names in the answer do not exist.

use tenon_context::Index;
use tenon_domain::{
    Attempt, AttemptOutcome, CheckKind, CheckReport, Evidence, Finding, Level, Outcome, RepoPath, Severity,
};
use tenon_runtime::{PromptInput, Sampling};
use tenon_syntax::{Language, SourceFile};

use crate::assignment::Assignment;
use crate::briefing::Briefing;
use crate::candidates::Candidate;
use crate::engine::{Engine, RunOutcome};
use crate::error::EngineError;
use crate::run::{Run, no_model};
use crate::sampling::{Question, RunningRound, Waited, add_usage, record, was_cut};
use crate::target::Target;

const ANSWER_TOKENS: u32 = 400;

/// The place that a person names: a file, or a symbol.
pub(crate) fn named_target(text: &str, files: &[RepoPath], index: &Index) -> Result<Target, EngineError> {
    let text = text.trim().trim_matches('`');
    if let Ok(path) = RepoPath::parse(text)
        && index.contains(&path)
    {
        return Ok(Target::EditFile { path, subject: None });
    }
    let name = text.trim_end_matches("()");
    let mut definitions = index.definitions_of(name);
    if !files.is_empty() {
        definitions.retain(|definition| files.contains(&definition.path));
    }
    match definitions.as_slice() {
        [only] => Ok(Target::Edit {
            path: only.path.clone(),
            symbol: only.qualified_name.clone(),
        }),
        [] => Err(EngineError::NotFound {
            what: format!("`{text}`"),
            hint: nearest_symbol(text, index),
        }),
        several => {
            let places: Vec<String> = several
                .iter()
                .take(5)
                .map(|found| format!("{} in {}", found.qualified_name, found.path))
                .collect();
            Err(EngineError::NotFound {
                what: format!("one `{text}`: there are several ({})", places.join(", ")),
                hint: Some("name the file with --file, or the class".to_owned()),
            })
        }
    }
}

/// The symbol whose name is spelled most alike, else the one whose words fit best.
pub(crate) fn nearest_symbol(name: &str, index: &Index) -> Option<String> {
    const ALIKE: f64 = 0.8;
    let alike = index
        .paths()
        .flat_map(|path| index.symbols_in(path))
        .map(|symbol| {
            let last = symbol
                .qualified_name
                .rsplit(['.', ':'])
                .next()
                .unwrap_or_default();
            (strsim::jaro_winkler(name, last), symbol)
        })
        .filter(|(likeness, _)| *likeness > ALIKE)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, symbol)| (symbol.qualified_name, symbol.path));
    let by_words = || {
        let ranked = index.rank_symbols(name, 1).into_iter().next()?;
        Some((ranked.qualified_name, ranked.path))
    };
    let (symbol, path) = alike.or_else(by_words)?;
    Some(format!("did you mean `{symbol}` in {path}?"))
}

pub(crate) async fn explain(
    engine: &Engine,
    run: &mut Run<'_>,
    index: &Index,
) -> Result<RunOutcome, EngineError> {
    let target = named_target(&run.intent.text, &run.intent.files, index)?;
    let assignment = Assignment {
        intent: run.intent,
        target,
        index,
        templates: &engine.templates,
        examples: Vec::new(),
        checks: tenon_check::CheckPlan::default(),
        failure: None,
        failing_places: Vec::new(),
        base: tenon_domain::ChangeSet::default(),
        invented: tokio::sync::OnceCell::new(),
    };
    let models = run.models;
    let model_index = models.len().saturating_sub(1);
    let Some(model) = models.get(model_index) else {
        return Err(no_model());
    };
    let briefing = Briefing {
        assignment: &assignment,
        model: model.as_ref(),
        observer: run.patience.observer,
    };
    let file_name = match &assignment.target {
        Target::EditFile { path, .. } => Some(("name".to_owned(), path.to_string())),
        _ => None,
    };
    let rendered = briefing
        .render_with("explain/symbol", ANSWER_TOKENS, file_name)
        .await?;
    let question = Question {
        template: rendered.reference,
        prompt: PromptInput::Chat {
            messages: rendered.messages,
            prefill: rendered.prefill.clone(),
        },
        opening: rendered.prefill,
        stop: rendered.stop,
        max_tokens: ANSWER_TOKENS,
        constraint: None,
    };
    run.prompts.push(question.digest());
    let sampling = Sampling {
        seed: run.intent.seed,
        ..Sampling::GREEDY
    };
    let mut running = RunningRound::begin(model.as_ref(), &question, sampling, 1, run.patience, 0).await?;
    let sample = match running.next().await {
        Waited::Sample { sample, .. } => sample,
        Waited::Failed(error) => return Err(error.into()),
        Waited::Interrupted => return Err(EngineError::Interrupted),
        Waited::Done | Waited::OutOfTime => {
            return Err(EngineError::Missing {
                what: "the time was up before the model answered".to_owned(),
            });
        }
    };
    add_usage(&mut run.usage, &sample, running.prompt_tokens);
    let text = format!("{}{}", question.opening, sample.text);
    let answer = if was_cut(&sample) {
        whole_sentences(&text)
    } else {
        text.trim()
    };
    let report = names_exist(answer, &assignment, index);
    run.candidates.attempts.push(Attempt {
        template: question.template.clone(),
        model: running.answering(model.as_ref()),
        sampling: record(sampling, &question, 0, 1),
        prompt_digest: question.digest(),
        prompt: question.prompt_text(),
        text: text.clone(),
        tokens: sample.tokens.clone(),
        prompt_tokens: running.prompt_tokens,
        completion_tokens: sample.completion_tokens,
        outcome: AttemptOutcome::Passed {
            level: Level::Unverified,
        },
        duration_ms: 0,
    });
    run.candidates.furthest = Some(Candidate {
        attempt: 0,
        change: tenon_domain::ChangeSet::default(),
        evidence: Evidence {
            checks: vec![report],
            sandbox: None,
        },
        model: model_index,
        mean_logprob: sample.mean_logprob,
        behaviour: None,
        voices: 1,
    });
    Ok(RunOutcome {
        summary: format!("explain {}", run.intent.text.trim()),
        explanation: Some(answer.to_owned()),
    })
}

/// An answer that was cut off, up to its last whole sentence.
fn whole_sentences(answer: &str) -> &str {
    let end = answer
        .match_indices(['.', '!', '?'])
        .map(|(at, mark)| at + mark.len())
        .rfind(|end| {
            answer
                .get(*end..)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
        });
    answer.get(..end.unwrap_or(answer.len())).unwrap_or(answer).trim()
}

/// Names in backquotes that appear neither in the code nor in the repository.
fn names_exist(answer: &str, assignment: &Assignment<'_>, index: &Index) -> CheckReport {
    let begun = std::time::Instant::now();
    let original = assignment.original().unwrap_or_default();
    let mut findings = Vec::new();
    for name in answer.split('`').skip(1).step_by(2) {
        let is_name = !name.is_empty()
            && name
                .chars()
                .all(|character| character.is_alphanumeric() || character == '_')
            && !name.starts_with(|character: char| character.is_ascii_digit());
        if is_name
            && !original.contains(name)
            && index.definitions_of(name).is_empty()
            && !is_builtin(name, assignment)
        {
            findings.push(Finding {
                rule: "names/invented".to_owned(),
                severity: Severity::Warning,
                path: None,
                line: None,
                column: None,
                message: format!("the explanation mentions `{name}`, which is not in the code"),
                help: None,
                replacements: Vec::new(),
            });
        }
    }
    CheckReport {
        check: "names in the explanation".to_owned(),
        kind: CheckKind::Names,
        outcome: Outcome::Passed,
        proves: None,
        duration_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        findings,
        reason: None,
        log: None,
    }
}

fn is_builtin(name: &str, assignment: &Assignment<'_>) -> bool {
    let Some(language) = assignment.language() else {
        return false;
    };
    if language != Language::Python {
        return false;
    }
    SourceFile::parse(language, format!("{name}\n"))
        .is_ok_and(|file| tenon_check::undefined_names(&file).is_some_and(|names| names.is_empty()))
}
