//! Questions to the Python of the sandbox: what is installed, what compiles, what the standard modules offer.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tenon_domain::{CheckKind, CheckReport, Finding, Level, RepoPath, Severity};
use tenon_sandbox::{Limits, Sandbox};
use tenon_syntax::{Language, SourceFile};

use super::{Modules, Round, Workshop};
use crate::driver;
use crate::names::{nearest_name, standard_members};
use crate::report::judged;
use crate::running::{Candidate, execute};
use crate::sandboxed::{self, Job};
use crate::{ExampleLimits, judge};

/// Which of `modules` the environment has; `None` when it could not be asked.
pub(super) async fn installed(
    sandbox: &Sandbox,
    workshop: &mut Workshop,
    modules: Modules,
) -> Option<BTreeSet<String>> {
    let unknown: Vec<&String> = modules
        .iter()
        .filter(|module| !workshop.installed.contains_key(*module))
        .collect();
    if !unknown.is_empty() {
        let program = "import importlib.util, sys\n\
                       for name in sys.argv[1:]:\n\
                       \ttry:\n\t\tfound = importlib.util.find_spec(name) is not None\n\
                       \texcept Exception:\n\t\tfound = False\n\
                       \tprint(name, int(found))\n";
        let mut command = vec!["python3".to_owned(), "-c".to_owned(), program.to_owned()];
        command.extend(unknown.into_iter().cloned());
        let limits = Limits {
            time: Duration::from_secs(20),
            ..Limits::quick()
        };
        let job = Job {
            command,
            stdin: Vec::new(),
            limits,
            build_cache: None,
        };
        let run = sandboxed::run(sandbox, workshop.tree.lend().ok()?, job)
            .await
            .ok()?;
        if !run.succeeded() {
            return None;
        }
        for line in run.stdout.lines() {
            if let Some((name, found)) = line.rsplit_once(' ') {
                workshop.installed.insert(name.to_owned(), found == "1");
            }
        }
    }
    let is_there = |module: &String| workshop.installed.get(module).copied().unwrap_or(false);
    Some(modules.into_iter().filter(is_there).collect())
}

/// Compiles the changed Python files with the real compiler, which refuses what a grammar tolerates.
pub(super) async fn compile(round: &Round<'_>, workshop: &mut Workshop) -> Option<CheckReport> {
    if !round.has_language(Language::Python) || !sandboxed::has_program(round.sandbox, "python3") {
        return None;
    }
    let started = Instant::now();
    let changed = round
        .change
        .files
        .iter()
        .filter(|file| Language::of_path(&file.path) == Some(Language::Python));
    let files: Vec<(&RepoPath, &str)> = changed
        .filter_map(|file| Some((&file.path, file.after.as_deref()?)))
        .collect();
    if files.is_empty() {
        return None;
    }
    let mut members = Vec::new();
    for (path, text) in &files {
        if let Ok(file) = SourceFile::parse(Language::Python, *text) {
            let used = standard_members(&file).into_iter().take(MOST_MEMBERS);
            members.extend(used.map(|(module, name, line)| json!([module, name, line, path])));
        }
    }
    let names: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
    let task = json!({ "files": names, "members": members });
    let candidate = Candidate::File {
        copy: workshop.tree.lend().ok()?,
        path: "",
    };
    let program = ["python3", "-I", "-c", driver::PYTHON_COMPILE];
    let limits = ExampleLimits {
        total: Duration::from_secs(20),
        ..ExampleLimits::default()
    };
    let (run, answers) = execute(round.sandbox, &program, &candidate, task, limits)
        .await
        .ok()?;
    let done = answers.iter().any(|answer| answer.get("done").is_some());
    if !done {
        let reason = format!("python3 could not be asked: {}", judge::last_line(&run.log()));
        return Some(crate::report::skipped("python", CheckKind::Syntax, reason));
    }
    let findings = answers.iter().filter_map(read).collect();
    Some(judged(
        "python",
        CheckKind::Syntax,
        Some(Level::Parsed),
        started,
        findings,
    ))
}

const MOST_MEMBERS: usize = 500;

fn read(answer: &Value) -> Option<Finding> {
    let text = |key: &str| answer.get(key).and_then(Value::as_str);
    let line = answer
        .get("line")
        .and_then(Value::as_u64)
        .and_then(|line| u32::try_from(line).ok());
    let path = text("path").and_then(|path| RepoPath::parse(path).ok());
    if let (Some(module), Some(member)) = (text("module"), text("member")) {
        let names = answer.get("names").and_then(Value::as_array);
        let names = names.into_iter().flatten().filter_map(Value::as_str);
        return Some(Finding {
            rule: "names/missing-member".to_owned(),
            severity: if differs_by_platform(module) {
                Severity::Warning
            } else {
                Severity::Error
            },
            path,
            line,
            column: None,
            message: format!("the standard module `{module}` has no `{member}`"),
            help: nearest_name(member, names).map(|nearest| format!("the nearest name there is `{nearest}`")),
            replacements: Vec::new(),
        });
    }
    Some(Finding {
        rule: "syntax/error".to_owned(),
        severity: Severity::Error,
        path,
        line,
        column: None,
        message: text("message")?.to_owned(),
        help: None,
        replacements: Vec::new(),
    })
}

/// Modules that offer different names on different systems.
fn differs_by_platform(module: &str) -> bool {
    let top = module.split('.').next().unwrap_or(module);
    [
        "os",
        "sys",
        "signal",
        "socket",
        "select",
        "time",
        "asyncio",
        "multiprocessing",
        "ctypes",
        "subprocess",
        "mmap",
        "locale",
        "ssl",
        "threading",
        "tty",
        "errno",
    ]
    .contains(&top)
}
