//! Examples from the request and from the docstrings of what changed, run as tests.

use std::collections::BTreeMap;
use std::time::Instant;

use tenon_domain::{CheckKind, CheckReport, FileChange, Finding, Level, Outcome, RepoPath, Severity};
use tenon_syntax::{Language, SourceFile};

use super::{Round, Workshop, rust_examples};
use crate::examples::{Example, ExampleKind, examples_in_text};
use crate::limits::ExampleLimits;
use crate::reach::mentions_word;
use crate::report::{judged, skipped};
use crate::running::{Candidate, ExampleResult, ExampleRun, run_examples};
use crate::sandboxed;

/// Where an example comes from decides what its failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Request,
    /// It stood there before the change and still does.
    Docstring,
}

type Wanted = Vec<(Source, Example)>;

pub(super) async fn check(round: &Round<'_>, workshop: &mut Workshop) -> Vec<CheckReport> {
    let wanted = wanted(round);
    if wanted.is_empty() {
        if round.plan.examples.is_empty() {
            return Vec::new();
        }
        return vec![skipped(
            "examples",
            CheckKind::Examples,
            "no changed file defines what the examples call",
        )];
    }
    let started = Instant::now();
    let mut findings = Vec::new();
    let mut held = 0;
    for (path, examples) in &wanted {
        let Some(language) = Language::of_path(path) else {
            continue;
        };
        let (program, mend) = match language {
            Language::Python => ("python3", "install python3"),
            Language::Rust => ("cargo", "install Rust from https://rustup.rs"),
            _ => ("node", "install Node.js 20 or newer"),
        };
        if !sandboxed::has_program(round.sandbox, program) {
            return vec![skipped(
                "examples",
                CheckKind::Examples,
                format!("`{program}` is not installed: {mend}"),
            )];
        }
        let run = match run(round, workshop, path, language, examples).await {
            Ok(run) => run,
            Err(reason) => return vec![skipped("examples", CheckKind::Examples, reason)],
        };
        if let Some(reason) = run.unsupported {
            return vec![skipped(
                "examples",
                CheckKind::Examples,
                format!("{reason}: install Node.js 24 or newer"),
            )];
        }
        held += run.passed_count();
        let failed: Vec<(Source, &Example, &ExampleResult)> = examples
            .iter()
            .zip(&run.results)
            .filter(|(_, result)| !result.passed)
            .map(|((source, example), result)| (*source, example, result))
            .collect();
        let known = failed_before(round, workshop, path, language, &failed).await;
        findings.extend(failed.iter().map(|(source, example, result)| {
            let old = *source == Source::Docstring && known.contains(example);
            described(path, example, result, old)
        }));
    }
    let mut report = judged(
        "examples",
        CheckKind::Examples,
        Some(Level::Tested),
        started,
        findings,
    );
    if report.outcome == Outcome::Passed {
        if held == 0 {
            report.outcome = Outcome::Skipped;
            report.proves = None;
            report.reason = Some("all examples failed before the change too".to_owned());
        } else {
            report.reason = Some(match held {
                1 => "1 example holds".to_owned(),
                held => format!("{held} examples hold"),
            });
        }
    }
    vec![report]
}

async fn run(
    round: &Round<'_>,
    workshop: &mut Workshop,
    path: &RepoPath,
    language: Language,
    examples: &Wanted,
) -> Result<ExampleRun, String> {
    let examples: Vec<Example> = examples.iter().map(|(_, example)| example.clone()).collect();
    if language == Language::Rust {
        return rust_examples::run(round, workshop, path, &examples).await;
    }
    let candidate = Candidate::File {
        copy: workshop.tree.lend().map_err(|error| error.to_string())?,
        path: path.as_str(),
    };
    let limits = ExampleLimits::default();
    run_examples(round.sandbox, language, &candidate, &examples, limits)
        .await
        .map_err(|error| error.to_string())
}

/// The docstring examples among `failed` that do not hold on the unchanged tree either.
async fn failed_before(
    round: &Round<'_>,
    workshop: &mut Workshop,
    path: &RepoPath,
    language: Language,
    failed: &[(Source, &Example, &ExampleResult)],
) -> Vec<Example> {
    let doubtful: Wanted = failed
        .iter()
        .filter(|(source, _, _)| *source == Source::Docstring)
        .map(|(source, example, _)| (*source, (*example).clone()))
        .collect();
    if doubtful.is_empty() {
        return Vec::new();
    }
    let Ok(change) = workshop.tree.set_aside() else {
        return Vec::new();
    };
    let before = run(round, workshop, path, language, &doubtful).await;
    workshop.tree.resume(&change);
    let Ok(before) = before else {
        return Vec::new();
    };
    let pairs = doubtful.into_iter().zip(before.results);
    pairs
        .filter(|(_, result)| !result.passed)
        .map(|((_, example), _)| example)
        .collect()
}

/// The examples, by the file whose code they call.
fn wanted(round: &Round<'_>) -> BTreeMap<RepoPath, Wanted> {
    let mut wanted: BTreeMap<RepoPath, Wanted> = BTreeMap::new();
    for example in &round.plan.examples {
        if let Some(path) = target(round, example) {
            wanted
                .entry(path)
                .or_default()
                .push((Source::Request, example.clone()));
        }
    }
    for file in &round.change.files {
        for example in documented(round, file) {
            let list = wanted.entry(file.path.clone()).or_default();
            if !list
                .iter()
                .any(|(_, known)| known.expression == example.expression)
            {
                list.push((Source::Docstring, example));
            }
        }
    }
    wanted
}

/// The changed file that defines what the example calls.
fn target(round: &Round<'_>, example: &Example) -> Option<RepoPath> {
    let code = match &example.expression {
        ExampleKind::Equation { call, .. } => call,
        ExampleKind::Doctest { source, .. } => source,
        ExampleKind::Assertion { code } => code,
    };
    let same_family = |language: Language| {
        language == example.language || (language.is_ecmascript() && example.language.is_ecmascript())
    };
    let candidates = round
        .change
        .files
        .iter()
        .filter(|file| Language::of_path(&file.path).is_some_and(same_family));
    let defining = |file: &&FileChange| {
        let (Some(language), Some(after)) = (Language::of_path(&file.path), file.after.as_deref()) else {
            return false;
        };
        let Ok(file) = SourceFile::parse(language, after) else {
            return false;
        };
        file.symbols()
            .iter()
            .any(|symbol| symbol.parent.is_none() && mentions_word(code, &symbol.name))
    };
    candidates
        .filter(|file| file.after.is_some())
        .find(defining)
        .map(|file| file.path.clone())
}

/// The docstring examples of the symbols in focus that stand in the file before and after the change. Examples
/// that the change itself brings were written by whoever wrote the code, and show nothing.
fn documented(round: &Round<'_>, file: &FileChange) -> Vec<Example> {
    let Some(language @ (Language::Python | Language::JavaScript)) = Language::of_path(&file.path) else {
        return Vec::new();
    };
    let (Some(before), Some(after)) = (file.before.as_deref(), file.after.as_deref()) else {
        return Vec::new();
    };
    let before: Vec<Example> = in_docstrings(round, language, before);
    let after = in_docstrings(round, language, after);
    before
        .into_iter()
        .filter(|example| after.iter().any(|other| other.expression == example.expression))
        .collect()
}

fn in_docstrings(round: &Round<'_>, language: Language, text: &str) -> Vec<Example> {
    let Ok(file) = SourceFile::parse(language, text) else {
        return Vec::new();
    };
    let symbols = file.symbols();
    let in_focus = |name: &str, qualified: &str| {
        round
            .focus
            .iter()
            .any(|focus| focus == name || focus == qualified)
    };
    let documented = symbols
        .iter()
        .filter(|symbol| in_focus(&symbol.name, &symbol.qualified_name));
    let mut examples = Vec::new();
    for symbol in documented {
        let Some(doc) = &symbol.doc else {
            continue;
        };
        let parent = symbol
            .parent
            .and_then(|parent| symbols.get(parent))
            .map(|parent| parent.name.clone());
        // A method is called on an object that only a doctest can make.
        let entry_points: Vec<String> = parent.into_iter().chain([symbol.name.clone()]).collect();
        let is_method = entry_points.len() > 1;
        let found = examples_in_text(doc, language, &entry_points).into_iter();
        examples.extend(
            found
                .filter(|example| !is_method || matches!(example.expression, ExampleKind::Doctest { .. }))
                .map(|example| Example {
                    origin: format!("docstring of `{}`, {}", symbol.qualified_name, example.origin),
                    ..example
                }),
        );
    }
    examples
}

fn described(path: &RepoPath, example: &Example, result: &ExampleResult, failed_before: bool) -> Finding {
    let call = match &example.expression {
        ExampleKind::Equation { call, .. } => call.clone(),
        ExampleKind::Doctest { .. } | ExampleKind::Assertion { .. } => example.summary(),
    };
    let what = match (&result.got, &result.expected, &result.detail) {
        (_, _, Some(detail)) => detail.clone(),
        (Some(got), Some(expected), None) => format!("gives {got}, expected {expected}"),
        _ => "does not hold".to_owned(),
    };
    let also = if failed_before {
        ", as before the change"
    } else {
        ""
    };
    Finding {
        rule: "examples/failed".to_owned(),
        severity: if failed_before {
            Severity::Note
        } else {
            Severity::Error
        },
        path: Some(path.clone()),
        line: result.line,
        column: None,
        message: format!("`{call}` ({}): {what}{also}", example.origin),
        help: None,
        replacements: Vec::new(),
    }
}
