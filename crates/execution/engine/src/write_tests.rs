//! Writes tests for existing code, and keeps only those that prove something.
//!
//! A model proposes a test file. Tests that fail on the code as it is are cut out one by one (a small model is often
//! wrong about what a function returns, and nothing here may decide that the code is wrong); what is left must pass
//! five times and notice at least one small change to the code.

use tenon_change::{choose_block, extract_blocks, mutants, whole_file};
use tenon_check::{CheckPlan, ProjectChecks, TestEdits};
use tenon_context::Index;
use tenon_domain::{
    AcceptanceCommand, Attempt, AttemptOutcome, ChangeSet, CheckKind, CheckReport, Evidence, FileChange,
    Level, Outcome, RepoPath,
};
use tenon_runtime::{PromptInput, Sampling};
use tenon_syntax::{Language, SourceFile, Span, Symbol};

use crate::assignment::Assignment;
use crate::candidates::{Candidate, rejection};
use crate::engine::{Engine, RunOutcome};
use crate::error::EngineError;
use crate::explain::named_target;
use crate::locate::is_test_path;
use crate::observer::Event;
use crate::run::Run;
use crate::sampling::{Question, RunningRound, Waited, add_usage, record, reference};
use crate::target::Target;

/// Runs that kept tests must pass.
const REPEATS: usize = 5;
/// Variations of the code that tests are tried on.
const MOST_MUTANTS: usize = 24;
const ANSWER_TOKENS: u32 = 900;

/// How tests are written and run in a language.
struct Form {
    /// The new test file.
    path: RepoPath,
    /// Runs that file alone.
    command: AcceptanceCommand,
    framework: String,
    import_line: String,
}

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
        Target::Edit { symbol, .. } => source.find(symbol).cloned(),
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
    };
    let span = symbol
        .as_ref()
        .map_or(Span::new(0, source.text().len()), |symbol| symbol.span);
    let job = Job {
        source: &source,
        path: &path,
        span,
        form: &form,
        language,
    };
    let last = run.models.len().saturating_sub(1);
    let rounds = [(last, 0.0_f32, 1_u32), (last, 0.8, 3), (last, 0.9, 3)];
    for (model, temperature, samples) in rounds {
        let used = u32::try_from(run.candidates.attempts.len()).unwrap_or(u32::MAX);
        let samples = samples.min(run.intent.budget.max_attempts.saturating_sub(used));
        if samples == 0 || run.patience.left().is_zero() {
            break;
        }
        if round(run, &assignment, &job, model, temperature, samples).await? {
            break;
        }
    }
    Ok(RunOutcome::changed(format!("write tests in {}", form.path)))
}

struct Job<'run> {
    source: &'run SourceFile,
    path: &'run RepoPath,
    span: Span,
    form: &'run Form,
    language: Language,
}

/// One round of samples; `true` when tests worth keeping were found.
async fn round(
    run: &mut Run<'_>,
    assignment: &Assignment<'_>,
    job: &Job<'_>,
    model: usize,
    temperature: f32,
    samples: u32,
) -> Result<bool, EngineError> {
    let models = run.models;
    let Some(asked) = models.get(model) else {
        return Ok(false);
    };
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
        add_usage(
            &mut run.usage,
            &sample,
            running.prompt_tokens.filter(|_| index == 0),
        );
        let number = run.candidates.attempts.len();
        let outcome = examine(run, job, &sample.text, number, model).await?;
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
        let passed = matches!(outcome, AttemptOutcome::Passed { .. });
        run.candidates.attempts.push(Attempt {
            template: question.template.clone(),
            model: reference(asked.as_ref()),
            sampling: record(sampling, &question, index, samples),
            prompt_digest: question.digest(),
            prompt: question.prompt_text(),
            text: sample.text,
            prompt_tokens: running.prompt_tokens,
            completion_tokens: sample.completion_tokens,
            outcome,
            duration_ms: 0,
        });
        if passed {
            run.usage.completion_tokens += running.abandoned_tokens();
            return Ok(true);
        }
    }
}

async fn question(
    assignment: &Assignment<'_>,
    job: &Job<'_>,
    model: &dyn tenon_runtime::Model,
    run: &Run<'_>,
) -> Result<Question, EngineError> {
    let briefing = crate::briefing::Briefing {
        assignment,
        model,
        observer: run.patience.observer,
    };
    let extra = [
        ("framework".to_owned(), job.form.framework.clone()),
        ("import_line".to_owned(), job.form.import_line.clone()),
        (
            "name".to_owned(),
            assignment
                .target
                .wanted_names()
                .first()
                .cloned()
                .unwrap_or_else(|| job.path.to_string()),
        ),
    ];
    let rendered = briefing.render_with("test/unit", ANSWER_TOKENS, extra).await?;
    Ok(Question {
        template: rendered.reference,
        prompt: PromptInput::Chat {
            messages: rendered.messages,
            prefill: rendered.prefill,
        },
        opening: String::new(),
        stop: rendered.stop,
        max_tokens: ANSWER_TOKENS,
        constraint: None,
    })
}

/// Reads tests from an answer, cuts out those that fail, and measures what the rest notices.
async fn examine(
    run: &mut Run<'_>,
    job: &Job<'_>,
    text: &str,
    number: usize,
    model: usize,
) -> Result<AttemptOutcome, EngineError> {
    let fenced = format!("```{}\n{text}\n```\n", job.language.name());
    let Some(chosen) = choose_block(&extract_blocks(&fenced), job.language, &[]) else {
        return Ok(AttemptOutcome::NotExtracted {
            reason: "the answer holds no test code".to_owned(),
        });
    };
    let code = with_import(chosen.file.text(), job);
    let Some((code, dropped)) = keep_passing(run, job, code, number).await? else {
        return Ok(AttemptOutcome::NotExtracted {
            reason: "no test of the answer passes on the code as it is".to_owned(),
        });
    };
    let change = test_change(job, &code);
    let mut evidence = Evidence {
        checks: Vec::new(),
        sandbox: None,
    };
    for repeat in 0..REPEATS {
        let plan = plan(
            job,
            if repeat == 0 {
                ProjectChecks::All
            } else {
                ProjectChecks::None
            },
        );
        let again = run.check(&change, &plan, number).await?;
        let failed = !again.holds();
        if repeat == 0 || failed {
            evidence = again;
        }
        if failed {
            let outcome = rejection(&evidence);
            run.candidates.file(Candidate {
                attempt: number,
                change,
                evidence,
                model,
                mean_logprob: None,
                behaviour: None,
            });
            return Ok(outcome);
        }
    }
    let report = mutation_report(run, job, &code, dropped, number).await?;
    let holds = report.outcome == Outcome::Passed;
    evidence.checks.push(report);
    let outcome = if holds {
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
    });
    Ok(outcome)
}

fn plan(job: &Job<'_>, project_checks: ProjectChecks) -> CheckPlan {
    CheckPlan {
        acceptance: vec![job.form.command.clone()],
        project_checks,
        test_edits: TestEdits::Allowed,
        ..CheckPlan::default()
    }
}

fn test_change(job: &Job<'_>, code: &str) -> ChangeSet {
    ChangeSet {
        files: vec![whole_file(job.form.path.clone(), None, code)],
    }
}

/// Runs the tests, and while some fail removes them; `None` when none is left. Also says how many were removed.
async fn keep_passing(
    run: &mut Run<'_>,
    job: &Job<'_>,
    code: String,
    number: usize,
) -> Result<Option<(String, usize)>, EngineError> {
    let mut code = code;
    let mut dropped = 0;
    for _ in 0..12 {
        let evidence = run
            .check(&test_change(job, &code), &plan(job, ProjectChecks::None), number)
            .await?;
        if evidence.holds() {
            return Ok((count_tests(&code, job.language) > 0).then_some((code, dropped)));
        }
        let log: String = evidence
            .checks
            .iter()
            .filter_map(|report| report.log.as_deref())
            .collect::<Vec<_>>()
            .join("\n");
        let Some(smaller) = without_failing(&code, &log, job) else {
            return Ok(None);
        };
        dropped += count_tests(&code, job.language).saturating_sub(count_tests(&smaller, job.language));
        code = smaller;
    }
    Ok(None)
}

/// Byte ranges of the tests in a file.
fn tests_in(code: &str, language: Language) -> Vec<(String, std::ops::Range<usize>)> {
    let Ok(file) = SourceFile::parse(language, code) else {
        return Vec::new();
    };
    match language {
        Language::Python => file
            .symbols()
            .iter()
            .filter(|symbol| symbol.kind.is_callable() && symbol.name.starts_with("test"))
            .map(|symbol| (symbol.name.clone(), symbol.span.range()))
            .collect(),
        Language::Rust => file
            .symbols()
            .iter()
            .filter(|symbol| symbol.kind.is_callable() && file.slice(symbol.span).contains("#[test]"))
            .map(|symbol| (symbol.name.clone(), symbol.span.range()))
            .collect(),
        _ => script_tests(&file),
    }
}

/// Calls of `test` or `it` with a name.
fn script_tests(file: &SourceFile) -> Vec<(String, std::ops::Range<usize>)> {
    let mut found = Vec::new();
    tenon_syntax::walk(file.tree().root_node(), |node| {
        if node.kind() == "expression_statement"
            && let Some(call) = node
                .named_child(0)
                .filter(|child| child.kind() == "call_expression")
            && let Some(function) = call.child_by_field_name("function")
            && matches!(file.text().get(function.byte_range()), Some("test" | "it"))
            && let Some(name) = call
                .child_by_field_name("arguments")
                .and_then(|arguments| arguments.named_child(0))
        {
            let name = file.text().get(name.byte_range()).unwrap_or_default();
            found.push((name.trim_matches(['\'', '"', '`']).to_owned(), node.byte_range()));
        }
        tenon_syntax::Descend::Into
    });
    found
}

fn count_tests(code: &str, language: Language) -> usize {
    tests_in(code, language).len()
}

/// The file without the tests that the output names as failing; without the test that holds the broken line; `None`
/// when nothing can be cut.
fn without_failing(code: &str, log: &str, job: &Job<'_>) -> Option<String> {
    let tests = tests_in(code, job.language);
    let output = crate::failure_output::FailureOutput::read(log, &[tenon_sandbox::WORKSPACE]);
    let line_of = |byte: usize| {
        code.get(..byte)
            .map_or(0, |head| head.matches('\n').count() as u32 + 1)
    };
    let failing: Vec<&(String, std::ops::Range<usize>)> = tests
        .iter()
        .filter(|(name, range)| {
            let named = output
                .tests
                .iter()
                .any(|test| test == name || test.ends_with(&format!("::{name}")));
            let (first, last) = (line_of(range.start), line_of(range.end));
            let placed = output
                .places
                .iter()
                .any(|place| place.path == job.form.path && first <= place.line && place.line <= last);
            named || placed
        })
        .collect();
    if failing.is_empty() || failing.len() == tests.len() {
        return None;
    }
    let mut text = code.to_owned();
    for (_, range) in failing.iter().rev() {
        let end = range.end
            + code
                .get(range.end..)
                .map_or(0, |rest| rest.len() - rest.trim_start_matches('\n').len());
        let start = code
            .get(..range.start)
            .map_or(range.start, |head| head.trim_end_matches([' ', '\t']).len());
        text.replace_range(start..end, "");
    }
    Some(text)
}

/// Tries the tests on small variations of the code.
async fn mutation_report(
    run: &mut Run<'_>,
    job: &Job<'_>,
    code: &str,
    dropped: usize,
    number: usize,
) -> Result<CheckReport, EngineError> {
    let begun = std::time::Instant::now();
    let variations = mutants(job.source, job.span.range(), MOST_MUTANTS);
    run.patience.observer.observe(Event::Working {
        what: format!("trying the tests on {} variations of the code", variations.len()),
    });
    let original = job.source.text();
    let (mut killed, mut tried) = (0_usize, 0_usize);
    for variation in &variations {
        if run.patience.left().is_zero() {
            break;
        }
        let mut change = test_change(job, code);
        change.files.push(FileChange {
            path: job.path.clone(),
            renamed_from: None,
            before: Some(original.to_owned()),
            after: Some(variation.apply(original)),
        });
        tried += 1;
        let evidence = run
            .check(&change, &plan(job, ProjectChecks::None), number)
            .await?;
        if !evidence.holds() {
            killed += 1;
        }
    }
    let noticed = killed > 0;
    let tests = count_tests(code, job.language);
    let reason = format!(
        "{tests} tests kept, {dropped} dropped for failing on the code as it is; they notice {killed} of {tried} small changes to it"
    );
    Ok(CheckReport {
        check: "mutation".to_owned(),
        kind: CheckKind::Tests,
        outcome: if noticed { Outcome::Passed } else { Outcome::Failed },
        proves: noticed.then_some(Level::Tested),
        duration_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        findings: Vec::new(),
        reason: Some(reason),
        log: None,
    })
}

/// Makes sure that the tests import what they test.
fn with_import(code: &str, job: &Job<'_>) -> String {
    let line = &job.form.import_line;
    if line.is_empty() || code.contains(line.as_str()) {
        return code.to_owned();
    }
    match job.language {
        Language::Python => {
            // A wrong import of the same names would fail the whole file.
            let module = line.split_whitespace().nth(1).unwrap_or_default();
            let last = module.rsplit('.').next().unwrap_or(module);
            let kept: Vec<&str> = code
                .lines()
                .filter(|other| {
                    !(other.starts_with("from ")
                        && other.split_whitespace().nth(1).is_some_and(|from| {
                            from.rsplit('.').next() == Some(last) || from == "your_module"
                        }))
                })
                .collect();
            format!("{line}\n{}\n", kept.join("\n"))
        }
        Language::Rust => {
            let kept: Vec<&str> = code
                .lines()
                .filter(|other| {
                    !other.trim_start().starts_with("use super::") && !other.starts_with("use crate::")
                })
                .collect();
            format!("{line}\n{}\n", kept.join("\n"))
        }
        _ => {
            let file = job.path.file_name();
            let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
            let kept: Vec<&str> = code
                .lines()
                .filter(|other| {
                    !((other.starts_with("import ") || other.contains("require(")) && other.contains(stem))
                })
                .collect();
            let strict = [("test", "node:test"), ("assert", "node:assert")];
            let mut head = String::new();
            for (name, module) in strict {
                if !kept.iter().any(|other| other.contains(module)) {
                    let import = if line.starts_with("import") {
                        format!("import {name} from '{module}';\n")
                    } else {
                        format!("const {name} = require('{module}');\n")
                    };
                    head.push_str(&import);
                }
            }
            format!("{head}{line}\n{}\n", kept.join("\n"))
        }
    }
}

fn form(
    path: &RepoPath,
    source: &SourceFile,
    symbol: Option<&Symbol>,
    index: &Index,
) -> Result<Form, EngineError> {
    let file = path.file_name();
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let outer = symbol.map(|symbol| {
        symbol
            .qualified_name
            .split('.')
            .next()
            .unwrap_or(&symbol.name)
            .to_owned()
    });
    let top: Vec<String> = source
        .symbols()
        .iter()
        .filter(|symbol| symbol.parent.is_none() && symbol.exported && !symbol.name.is_empty())
        .filter(|symbol| symbol.kind.is_callable() || symbol.kind.is_container())
        .map(|symbol| symbol.name.clone())
        .collect();
    let names = outer.clone().map_or(top, |outer| vec![outer]);
    let unsupported = |reason: &str| EngineError::Uneditable {
        path: path.clone(),
        reason: reason.to_owned(),
    };
    if names.is_empty() {
        return Err(unsupported("it defines nothing that a test could import"));
    }
    let label = outer.unwrap_or_else(|| stem.to_owned());
    let free = |candidates: Vec<String>| {
        candidates
            .into_iter()
            .filter_map(|text| RepoPath::parse(&text).ok())
            .find(|path| !index.contains(path))
    };
    let test_folder = |names: &[&str]| {
        index
            .paths()
            .find(|path| {
                is_test_path(path)
                    && names
                        .iter()
                        .any(|name| path.folder().split('/').next_back() == Some(name))
            })
            .map(|path| path.folder().to_owned())
    };
    let no_name = || unsupported("no free name for a test file beside the existing tests");
    match source.language() {
        Language::Python => {
            let folder = test_folder(&["tests", "test"]).map_or(String::new(), |folder| format!("{folder}/"));
            let lower = snake(&label);
            let place = free(vec![
                format!("{folder}test_{stem}.py"),
                format!("{folder}test_{lower}.py"),
                format!("{folder}test_{stem}_{lower}.py"),
            ])
            .ok_or_else(no_name)?;
            let module = path
                .as_str()
                .trim_end_matches(".py")
                .trim_end_matches("/__init__")
                .replace('/', ".");
            let module = module.strip_prefix("src.").unwrap_or(&module).to_owned();
            let start = if path.as_str().starts_with("src/") {
                "PYTHONPATH=src:. "
            } else {
                ""
            };
            Ok(Form {
                command: AcceptanceCommand(format!("{start}python3 -m unittest {place}")),
                path: place,
                framework: "Python's unittest (one class, one assertion a test)".to_owned(),
                import_line: format!("from {module} import {}", names.join(", ")),
            })
        }
        Language::JavaScript => {
            let folder = test_folder(&["test", "tests", "__tests__"])
                .map_or_else(|| path.folder().to_owned(), |folder| folder);
            let prefix = if folder.is_empty() {
                String::new()
            } else {
                format!("{folder}/")
            };
            let extension = path.extension().unwrap_or("js");
            let place = free(vec![
                format!("{prefix}{stem}.test.{extension}"),
                format!("{prefix}{stem}-{}.test.{extension}", snake(&label)),
            ])
            .ok_or_else(no_name)?;
            let relative = relative_import(&folder, path);
            let is_module = extension == "mjs" || source.text().contains("export ");
            let import_line = if is_module {
                format!("import {{ {} }} from '{relative}';", names.join(", "))
            } else {
                format!("const {{ {} }} = require('{relative}');", names.join(", "))
            };
            Ok(Form {
                command: AcceptanceCommand(format!("node --test {place}")),
                path: place,
                framework: "node:test and node:assert (test('name', () => { assert.strictEqual(…) }))"
                    .to_owned(),
                import_line,
            })
        }
        Language::Rust => {
            let manifest = RepoPath::parse("Cargo.toml")
                .ok()
                .and_then(|path| index.file_text(&path));
            let package = manifest
                .as_deref()
                .and_then(package_name)
                .ok_or_else(|| unsupported("there is no Cargo.toml with a package at the root"))?;
            let package = package.replace('-', "_");
            let module = path
                .as_str()
                .trim_start_matches("src/")
                .trim_end_matches(".rs")
                .trim_end_matches("/mod")
                .replace('/', "::");
            let exported = symbol.is_none_or(|symbol| symbol.exported);
            if !exported || module == "main" {
                return Err(unsupported(
                    "only public items of a library can be tested from a file of their own",
                ));
            }
            let lower = snake(&label);
            let place = free(vec![
                format!("tests/{lower}.rs"),
                format!("tests/{lower}_tests.rs"),
            ])
            .ok_or_else(no_name)?;
            let test = place.file_name().trim_end_matches(".rs").to_owned();
            let inner = if module == "lib" {
                String::new()
            } else {
                format!("{module}::")
            };
            Ok(Form {
                command: AcceptanceCommand(format!("cargo test --offline --test {test}")),
                path: place,
                framework: "Rust's #[test] functions in an integration test file".to_owned(),
                import_line: format!(
                    "use {package}::{inner}{};",
                    if names.len() == 1 {
                        names.join("")
                    } else {
                        format!("{{{}}}", names.join(", "))
                    }
                ),
            })
        }
        _ => Err(unsupported(
            "tests are written for Python, JavaScript and Rust so far",
        )),
    }
}

fn snake(name: &str) -> String {
    let mut text = String::new();
    for character in name.chars() {
        if character.is_uppercase() && !text.is_empty() && !text.ends_with('_') {
            text.push('_');
        }
        text.extend(character.to_lowercase());
    }
    text
}

fn package_name(manifest: &str) -> Option<&str> {
    let section = manifest.split("[package]").nth(1)?;
    let line = section
        .lines()
        .find(|line| line.trim_start().starts_with("name"))?;
    line.split('"').nth(1)
}

/// The path of `file` as an import in `folder` writes it.
fn relative_import(folder: &str, file: &RepoPath) -> String {
    let from: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    let to: Vec<&str> = file.as_str().split('/').collect();
    let shared = from
        .iter()
        .zip(&to)
        .take_while(|(one, other)| one == other)
        .count();
    let up = "../".repeat(from.len() - shared);
    let rest = to.get(shared..).unwrap_or_default().join("/");
    if up.is_empty() {
        format!("./{rest}")
    } else {
        format!("{up}{rest}")
    }
}
