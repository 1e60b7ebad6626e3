//! What checking costs beside models and sandboxed commands: all checks that execute nothing, on a change of 500
//! lines in a repository of 300 files, and the gate's own time around the commands it runs.
//!
//! `cargo bench -p tenon-check` prints one JSON object; times are milliseconds. The target is 150 ms for each of
//! the `static` medians.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tenon_check::{CheckPlan, Gate, Project, ProjectChecks, TestEdits, static_reports};
use tenon_domain::{AcceptanceCommand, ChangeSet, CheckKind, Evidence, FileChange, Outcome, RepoPath};
use tenon_sandbox::{Isolation, Sandbox, SandboxRequest, WorkCopy};

const RUNS: usize = 30;

type Failure = Box<dyn std::error::Error>;

/// A language, a path in it, and a block of ten lines.
type Sample = (&'static str, &'static str, fn(usize) -> String);

const SAMPLES: [Sample; 3] = [
    ("python", "app/service.py", python),
    ("typescript", "web/service.ts", typescript),
    ("rust", "src/service.rs", rust),
];

fn main() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let root = folder.path().join("repository");
    write_repository(&root)?;
    let begun = Instant::now();
    let project = Project::discover(&root);
    let discover = begun.elapsed();
    let mut statics = Map::new();
    for (name, path, block) in SAMPLES {
        let change = change(path, block)?;
        let mut times = Vec::new();
        for _ in 0..RUNS {
            let begun = Instant::now();
            let reports = static_reports(&project, &change, TestEdits::Forbidden);
            times.push(begun.elapsed());
            if let Some(failed) = reports.iter().find(|report| report.outcome == Outcome::Failed) {
                return Err(format!("{name}: {failed:?}").into());
            }
        }
        statics.insert(name.to_owned(), figures(times));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let overhead = runtime.block_on(overhead(&root, folder.path(), project))?;
    let figures = json!({
        "files": 300, "changed_lines": 500, "discover_ms": milliseconds(discover), "target_ms": 150,
        "static": statics, "gate_overhead": overhead,
    });
    writeln!(std::io::stdout().lock(), "{figures}")?;
    Ok(())
}

/// The time of a whole check of one Python change with three commands, less what its executed checks took; `null`
/// where nothing can be executed.
async fn overhead(root: &Path, folder: &Path, project: Project) -> Result<Value, Failure> {
    let search_path = std::env::var_os("PATH").unwrap_or_default();
    let request = SandboxRequest {
        mode: Isolation::Bubblewrap,
        home: None,
        search_path: std::env::split_paths(&search_path).collect(),
        cache_directory: folder.join("cache"),
        extra_read_only: Vec::new(),
    };
    let Ok(sandbox) = Sandbox::detect(request).await else {
        return Ok(Value::Null);
    };
    let begun = Instant::now();
    let copy = WorkCopy::create(root, &folder.join("copies"))?;
    let copied = begun.elapsed();
    let gate = Gate::new(Ok(Arc::new(sandbox)), project, copy);
    let plan = CheckPlan {
        acceptance: ["true", "touch left", "test ! -e left"]
            .map(|command| AcceptanceCommand(command.to_owned()))
            .into(),
        project_checks: ProjectChecks::None,
        ..CheckPlan::default()
    };
    let change = change("app/service.py", python)?;
    let mut own = Vec::new();
    for _ in 0..RUNS {
        let begun = Instant::now();
        let evidence = gate.check(&change, &plan).await;
        let whole = begun.elapsed();
        if let Some(failed) = evidence
            .checks
            .iter()
            .find(|report| report.outcome == Outcome::Failed)
        {
            return Err(format!("{failed:?}").into());
        }
        own.push(whole.saturating_sub(executed(&evidence)));
    }
    Ok(json!({ "copy_ms": milliseconds(copied), "commands": 4, "check_ms": figures(own) }))
}

/// What the acceptance commands and the Python compiler took.
fn executed(evidence: &Evidence) -> Duration {
    let executed = evidence
        .checks
        .iter()
        .filter(|report| report.kind == CheckKind::Acceptance || report.check == "python");
    Duration::from_millis(executed.map(|report| report.duration_ms).sum())
}

fn figures(mut times: Vec<Duration>) -> Value {
    times.sort();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let worst = times.last().copied().unwrap_or_default();
    json!({ "median": milliseconds(median), "worst": milliseconds(worst) })
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}

fn write_repository(root: &Path) -> Result<(), Failure> {
    for folder in ["app", "web", "src"] {
        std::fs::create_dir_all(root.join(folder))?;
    }
    std::fs::write(root.join("requirements.txt"), "requests\nattrs\n")?;
    std::fs::write(
        root.join("package.json"),
        "{\"dependencies\": {\"lodash\": \"4\"}}",
    )?;
    std::fs::write(
        root.join("Cargo.toml"),
        "[package]\nname = \"sample\"\n[dependencies]\nserde = \"1\"\n",
    )?;
    std::fs::write(root.join("app/__init__.py"), "")?;
    for number in 0..100 {
        std::fs::write(root.join(format!("app/module_{number}.py")), python(number))?;
        std::fs::write(root.join(format!("web/module_{number}.ts")), typescript(number))?;
        std::fs::write(root.join(format!("src/module_{number}.rs")), rust(number))?;
    }
    for (_, path, block) in SAMPLES {
        std::fs::write(root.join(path), before(block))?;
    }
    Ok(())
}

/// A file of 1,000 lines of which every other block of ten is new.
fn change(path: &str, block: fn(usize) -> String) -> Result<ChangeSet, Failure> {
    let file = FileChange {
        path: RepoPath::parse(path)?,
        renamed_from: None,
        before: Some(before(block)),
        after: Some((0..100).map(block).collect()),
    };
    Ok(ChangeSet { files: vec![file] })
}

fn before(block: fn(usize) -> String) -> String {
    (0..100).step_by(2).map(block).collect()
}

fn python(number: usize) -> String {
    format!(
        "import os, requests\nfrom app.module_1 import function_1\ndef function_{number}(values, limit={number}):\n    \
         \"\"\"Sums what is below the limit.\"\"\"\n    total = 0\n    for value in values:\n        if value < limit:\n            \
         total += value * {number}\n    return [total, os.sep, requests, [x for x in values if x]]\n\n"
    )
}

fn typescript(number: usize) -> String {
    format!(
        "import {{ merge as merge{number} }} from 'lodash';\nimport {{ function1 as other{number} }} from './module_1';\nexport function \
         function{number}(values: number[], limit = {number}): number {{\n  let total = 0;\n  for (const value of values) {{\n    if (value < \
         limit) total += value * {number};\n  }}\n  return merge{number}(total, other{number});\n}}\n\n"
    )
}

fn rust(number: usize) -> String {
    format!(
        "/// Sums what is below the limit.\npub fn function_{number}(values: &[u64]) -> u64 {{\n    use serde::Serialize as _;\n    let mut total = \
         0;\n    for value in values {{\n        if *value < {number} {{\n            total += value * {number};\n        }}\n    }}\n    total\n}}\n"
    )
}
