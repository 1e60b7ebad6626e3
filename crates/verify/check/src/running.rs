//! Runs examples of one candidate in one sandboxed process.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tenon_sandbox::{Limits, Sandbox, WorkCopy};
use tenon_syntax::Language;
use uuid::Uuid;

use crate::driver;
use crate::error::CheckError;
use crate::examples::{Example, ExampleKind};
use crate::limits::ExampleLimits;
use crate::sandboxed::{self, Job, Run};

/// Where the code under examination lies.
#[derive(Debug, Clone, Copy)]
pub enum Candidate<'code> {
    /// A whole program as text.
    Text(&'code str),
    /// A file of a work copy.
    File {
        /// The copy.
        copy: &'code WorkCopy,
        /// The file, relative to the root of the copy.
        path: &'code str,
    },
}

/// What running the examples of one candidate gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExampleRun {
    /// One per example, in the same order.
    pub results: Vec<ExampleResult>,
    /// Why the program did not even load.
    pub load_error: Option<LoadError>,
    /// Why nothing could be run at all, such as a language version that the machine lacks.
    pub unsupported: Option<String>,
    /// Wall-clock time of the whole run.
    pub duration: Duration,
}

/// Why a program did not load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadError {
    /// What it said, such as `NameError: name 'x' is not defined`.
    pub message: String,
    /// 1-based line in the candidate, where known.
    pub line: Option<u32>,
}

/// What one example gave.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExampleResult {
    /// Whether it holds.
    pub passed: bool,
    /// What the candidate gave, as its language shows it.
    #[serde(default)]
    pub got: Option<String>,
    /// What was expected, as its language shows it.
    #[serde(default)]
    pub expected: Option<String>,
    /// Why it failed, when that is not a matter of two values.
    #[serde(default)]
    pub detail: Option<String>,
    /// 1-based line in the candidate at which an exception arose.
    #[serde(default)]
    pub line: Option<u32>,
}

impl ExampleRun {
    /// Whether every example holds; false for none.
    pub fn all_passed(&self) -> bool {
        !self.results.is_empty() && self.results.iter().all(|result| result.passed)
    }

    /// The number of examples that hold.
    pub fn passed_count(&self) -> usize {
        self.results.iter().filter(|result| result.passed).count()
    }
}

/// Runs `examples` against a Python program that stands alone, one process for all of them.
///
/// # Errors
/// When the sandbox cannot start the process.
pub async fn run_python_program(
    sandbox: &Sandbox,
    code: &str,
    examples: &[Example],
    limits: ExampleLimits,
) -> Result<ExampleRun, CheckError> {
    run_examples(
        sandbox,
        Language::Python,
        &Candidate::Text(code),
        examples,
        limits,
    )
    .await
}

/// Runs `examples` against a candidate in Python or JavaScript, one process for all of them.
///
/// # Errors
/// When the sandbox cannot start the process, or the language has no example runner.
pub async fn run_examples(
    sandbox: &Sandbox,
    language: Language,
    candidate: &Candidate<'_>,
    examples: &[Example],
    limits: ExampleLimits,
) -> Result<ExampleRun, CheckError> {
    let program = match language {
        Language::Python => ["python3", "-c", driver::PYTHON_EXAMPLES],
        Language::JavaScript | Language::TypeScript | Language::Tsx => ["node", "-e", driver::NODE_EXAMPLES],
        Language::Rust | Language::Go | Language::Java => {
            return Err(CheckError::NoExampleRunner { language });
        }
    };
    let mut task = task(candidate, limits);
    merge(
        &mut task,
        json!({ "mode": "examples", "examples": examples.iter().map(described).collect::<Vec<_>>() }),
    );
    let (run, answers) = execute(sandbox, &program, candidate, task, limits).await?;
    Ok(collect(examples.len(), run, &answers))
}

fn described(example: &Example) -> Value {
    match &example.expression {
        ExampleKind::Equation { call, expected } => {
            json!({ "kind": "equation", "call": call, "expected": expected })
        }
        ExampleKind::Doctest { source, want } => json!({ "kind": "doctest", "source": source, "want": want }),
        ExampleKind::Assertion { code } => json!({ "kind": "assertion", "code": code }),
    }
}

/// The part of a driver's task that says what to load and how long that may take.
pub(crate) fn task(candidate: &Candidate<'_>, limits: ExampleLimits) -> Value {
    let mut task = json!({
        "example_seconds": limits.per_example.as_secs_f64(),
        "load_seconds": limits.loading.as_secs_f64(),
        "total_seconds": limits.total.as_secs_f64(),
    });
    match candidate {
        Candidate::Text(code) => merge(&mut task, json!({ "code": code })),
        Candidate::File { copy, path } => {
            let root = copy.path();
            let (base, module) = module_of(root, path);
            let code = std::fs::read_to_string(root.join(path)).unwrap_or_default();
            let mut search_path = vec![base];
            search_path.extend([".".to_owned(), "src".to_owned()]);
            merge(
                &mut task,
                json!({ "file": path, "module": module, "search_path": search_path, "code": code }),
            );
        }
    }
    task
}

/// The folder to put on the path, and the dotted name under which a Python file is imported from there; no name
/// for files that no import statement could name.
fn module_of(root: &Path, path: &str) -> (String, Option<String>) {
    let stem = path.strip_suffix(".py").unwrap_or(path);
    let mut parts: Vec<&str> = stem.split('/').collect();
    let mut base: Vec<&str> = parts.clone();
    base.pop();
    while !base.is_empty() && root.join(base.join("/")).join("__init__.py").is_file() {
        base.pop();
    }
    parts.drain(..base.len());
    if parts.last() == Some(&"__init__") && parts.len() > 1 {
        parts.pop();
    }
    let is_name = |part: &&str| {
        part.chars()
            .all(|letter| letter.is_alphanumeric() || letter == '_')
            && !part.starts_with(|letter: char| letter.is_ascii_digit())
            && !part.is_empty()
    };
    let module = parts.iter().all(is_name).then(|| parts.join("."));
    let base = if base.is_empty() {
        ".".to_owned()
    } else {
        base.join("/")
    };
    (base, module)
}

pub(crate) fn merge(task: &mut Value, more: Value) {
    if let (Value::Object(task), Value::Object(more)) = (task, more) {
        task.extend(more);
    }
}

/// Runs a driver and hands back the lines that carry its secret.
pub(crate) async fn execute(
    sandbox: &Sandbox,
    program: &[&str],
    candidate: &Candidate<'_>,
    mut task: Value,
    limits: ExampleLimits,
) -> Result<(Run, Vec<Value>), CheckError> {
    // Two of them: a version 7 id holds 74 random bits.
    let secret = format!("{}{}:", Uuid::now_v7().simple(), Uuid::now_v7().simple());
    merge(&mut task, json!({ "secret": secret }));
    let scratch;
    let copy = match candidate {
        Candidate::File { copy, .. } => *copy,
        Candidate::Text(_) => {
            scratch = WorkCopy::empty(&sandbox.build_cache("scratch"))?;
            &scratch
        }
    };
    let job = Job {
        command: program.iter().map(|part| (*part).to_owned()).collect(),
        stdin: task.to_string().into_bytes(),
        limits: Limits {
            // The driver keeps its own time; the sandbox only has the last word.
            time: limits.total + Duration::from_secs(5),
            memory_bytes: limits.memory,
            ..Limits::quick()
        },
        build_cache: None,
    };
    let run = sandboxed::run(sandbox, copy, job).await?;
    let answers = run
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix(secret.as_str()))
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    Ok((run, answers))
}

fn collect(count: usize, run: Run, answers: &[Value]) -> ExampleRun {
    let message = |key: &str| {
        answers
            .iter()
            .find_map(|answer| answer.get(key)?.as_str())
            .map(str::to_owned)
    };
    let load_error = message("load_error").map(|message| LoadError {
        message,
        line: answers
            .iter()
            .find_map(|answer| answer.get("line")?.as_u64())
            .and_then(|line| u32::try_from(line).ok()),
    });
    let loaded = answers.iter().any(|answer| answer.get("loaded").is_some());
    let unsupported = message("unsupported");
    let absent = match (&load_error, loaded, &run.limit) {
        (Some(error), _, _) => error.message.clone(),
        (None, _, Some(limit)) => limit.clone(),
        (None, false, None) if run.status == Some(127) || answers.is_empty() && !run.stderr.is_empty() => {
            format!(
                "the program did not start: {}",
                crate::judge::last_line(&run.stderr)
            )
        }
        (None, false, None) => "the program ended while it was loaded".to_owned(),
        (None, true, None) => "no time was left for it".to_owned(),
    };
    let results = (0..count)
        .map(|index| {
            let answer = answers
                .iter()
                .find(|answer| answer.get("index").and_then(Value::as_u64) == u64::try_from(index).ok());
            let result = answer.and_then(|answer| ExampleResult::deserialize(answer).ok());
            result.unwrap_or_else(|| ExampleResult {
                detail: Some(absent.clone()),
                ..ExampleResult::default()
            })
        })
        .collect();
    let load_error = load_error.or_else(|| {
        (!loaded && unsupported.is_none()).then_some(LoadError {
            message: absent,
            line: None,
        })
    });
    ExampleRun {
        results,
        load_error,
        unsupported,
        duration: run.duration,
    }
}
