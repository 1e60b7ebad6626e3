//! All checks that execute nothing, on a change of 500 lines in a repository of 300 files.
//!
//! Prints the median and the worst of the runs; the target is 150 ms.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use tenon_check::{Project, TestEdits, static_reports};
use tenon_domain::{ChangeSet, FileChange, Outcome, RepoPath};

const RUNS: usize = 30;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    write_repository(folder.path())?;
    let begun = Instant::now();
    let project = Project::discover(folder.path());
    let discovered = begun.elapsed();
    let mut output = std::io::stdout().lock();
    writeln!(output, "discover, 300 files: {discovered:?}")?;
    for (name, path, line) in [
        ("python", "app/service.py", python as fn(usize) -> String),
        ("typescript", "web/service.ts", typescript),
        ("rust", "src/service.rs", rust),
    ] {
        let change = change(path, line)?;
        let mut times: Vec<Duration> = Vec::new();
        for _ in 0..RUNS {
            let begun = Instant::now();
            let reports = static_reports(&project, &change, TestEdits::Forbidden);
            times.push(begun.elapsed());
            if let Some(failed) = reports.iter().find(|report| report.outcome == Outcome::Failed) {
                return Err(format!("{name}: {failed:?}").into());
            }
        }
        times.sort();
        let median = times.get(RUNS / 2).copied().unwrap_or_default();
        let worst = times.last().copied().unwrap_or_default();
        writeln!(
            output,
            "{name}: median {median:?}, worst {worst:?} (target 150 ms)"
        )?;
    }
    Ok(())
}

fn write_repository(root: &Path) -> std::io::Result<()> {
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
    Ok(())
}

/// A file of 1,000 lines of which every other block of ten is new.
fn change(path: &str, block: fn(usize) -> String) -> Result<ChangeSet, Box<dyn std::error::Error>> {
    let before: String = (0..100).step_by(2).map(block).collect();
    let after: String = (0..100).map(block).collect();
    let file = FileChange {
        path: RepoPath::parse(path)?,
        renamed_from: None,
        before: Some(before),
        after: Some(after),
    };
    Ok(ChangeSet { files: vec![file] })
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
