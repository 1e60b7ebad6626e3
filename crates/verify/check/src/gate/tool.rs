//! The project's own checks.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tenon_domain::{ChangeSet, CheckKind, CheckReport, Level, Outcome};
use tenon_sandbox::{Limits, Sandbox};

use super::{Round, Workshop, baseline, probe};
use crate::judge::{ToolRun, judge};
use crate::outputs;
use crate::policy::is_test_file;
use crate::project::{OutputFormat, Runner, ToolNeed};
use crate::reach;
use crate::report::skipped;
use crate::sandboxed::{self, Job};

/// The command of a runner with the changed files filled in; `None` when it would look at none of them.
pub(super) fn command(runner: &Runner, change: &ChangeSet) -> Option<Vec<String>> {
    let files: Vec<&str> = change
        .files
        .iter()
        .filter(|file| file.after.is_some())
        .filter(|file| {
            file.path
                .extension()
                .is_some_and(|extension| runner.extensions.contains(&extension))
        })
        .map(|file| file.path.as_str())
        .collect();
    if !runner.extensions.is_empty() && files.is_empty() {
        return None;
    }
    let mut command = Vec::new();
    for part in &runner.command {
        if part == Runner::CHANGED_FILES {
            command.extend(files.iter().map(|file| (*file).to_owned()));
        } else {
            command.push(part.clone());
        }
    }
    Some(command)
}

pub(super) async fn check(
    round: &Round<'_>,
    workshop: &mut Workshop,
    runner: &Runner,
    command: Vec<String>,
) -> Vec<CheckReport> {
    let (runner, command) = match resolve(round.sandbox, workshop, runner, command).await {
        Resolved::Ready(runner, command) => (runner, command),
        Resolved::Silent => return Vec::new(),
        Resolved::Missing(reason) => return vec![skipped(&runner.name, runner.kind, reason)],
    };
    let patience = patience(round, workshop, &command);
    let mut after = match execute(
        round.sandbox,
        workshop,
        &command,
        runner.kind,
        runner.output,
        patience,
    )
    .await
    {
        Ok(after) => after,
        Err(reason) => return vec![skipped(&runner.name, runner.kind, reason)],
    };
    let touches_tests =
        runner.kind == CheckKind::Tests && round.change.files.iter().any(|file| is_test_file(&file.path));
    let suspicious = !after.reading.findings.is_empty() || !after.tampered.is_empty();
    if !after.succeeded() || suspicious || touches_tests {
        baseline::ensure(round.sandbox, workshop, runner.kind, runner.output, &command).await;
    }
    let before = workshop.baseline.get(&command);
    after.forgive(before);
    let mut report = judge(
        &runner.name,
        runner.kind,
        runner.proves,
        before,
        &after,
        round.plan.test_edits,
    );
    if runner.kind == CheckKind::Tests && report.outcome == Outcome::Passed {
        honest_about_reach(round, &mut report, runner.output);
    }
    vec![report]
}

/// Tests that never mention what changed show that the rest still works, and no more.
fn honest_about_reach(round: &Round<'_>, report: &mut CheckReport, output: OutputFormat) {
    if reach::is_reached(&round.gate.project, round.change, &round.focus) {
        return;
    }
    let compiled = matches!(
        output,
        OutputFormat::CargoTest | OutputFormat::GoTestJson | OutputFormat::Maven
    );
    report.proves = Some(if compiled { Level::Built } else { Level::Parsed });
    report.reason = Some("no test reaches the changed symbols".to_owned());
}

pub(super) enum Resolved<'runner> {
    Ready(&'runner Runner, Vec<String>),
    /// Nobody asked for it by configuration, and it is not there.
    Silent,
    Missing(String),
}

/// Finds the tool of a runner, or of its fallback.
pub(super) async fn resolve<'runner>(
    sandbox: &Sandbox,
    workshop: &mut Workshop,
    runner: &'runner Runner,
    command: Vec<String>,
) -> Resolved<'runner> {
    if let ToolNeed::NodeProgram(name) = &runner.tool {
        // The sandbox puts the project's own programs first on the path.
        let own = |(from, to): &(PathBuf, PathBuf)| {
            to == Path::new("node_modules") && from.join(".bin").join(name).exists()
        };
        if workshop.tree.mounts().iter().any(own) {
            return Resolved::Ready(runner, command);
        }
    }
    if is_present(sandbox, workshop, &runner.tool).await {
        return Resolved::Ready(runner, command);
    }
    if let Some(fallback) = &runner.fallback
        && is_present(sandbox, workshop, &fallback.tool).await
    {
        return Resolved::Ready(fallback, fallback.command.clone());
    }
    if runner.optional {
        return Resolved::Silent;
    }
    Resolved::Missing(format!(
        "`{}` is not installed: {}",
        name_of(&runner.tool),
        runner.mend
    ))
}

fn name_of(tool: &ToolNeed) -> &str {
    match tool {
        ToolNeed::Program(name) | ToolNeed::NodeProgram(name) | ToolNeed::PythonModule(name) => name,
    }
}

async fn is_present(sandbox: &Sandbox, workshop: &mut Workshop, tool: &ToolNeed) -> bool {
    let key = format!("{tool:?}");
    if let Some(known) = workshop.tools.get(&key) {
        return *known;
    }
    let present = match tool {
        ToolNeed::Program(name) | ToolNeed::NodeProgram(name) => sandboxed::has_program(sandbox, name),
        ToolNeed::PythonModule(name) => {
            let wanted = [name.clone()].into_iter().collect();
            probe::installed(sandbox, workshop, wanted)
                .await
                .is_some_and(|found| found.contains(name))
        }
    };
    workshop.tools.insert(key, present);
    present
}

/// How long a command may take on the changed tree: what the caller grants, and not much longer than it took on
/// the unchanged one, so that an endless loop does not eat the whole budget.
pub(super) fn patience(round: &Round<'_>, workshop: &Workshop, command: &[String]) -> Option<Duration> {
    const SLACK: Duration = Duration::from_secs(15);
    let usual = workshop
        .baseline
        .get(command)
        .filter(|before| before.run.status.is_some());
    let bearable = usual.map(|before| before.run.duration * 5 + SLACK);
    [round.plan.time_limit, bearable].into_iter().flatten().min()
}

/// Runs a command in the work copy, reads what it prints, and undoes what else it did.
pub(super) async fn execute(
    sandbox: &Sandbox,
    workshop: &mut Workshop,
    command: &[String],
    kind: CheckKind,
    format: OutputFormat,
    patience: Option<Duration>,
) -> Result<ToolRun, String> {
    let mut limits = limits(kind);
    limits.time = patience.map_or(limits.time, |patience| patience.min(limits.time));
    let job = Job {
        command: command.to_vec(),
        stdin: Vec::new(),
        limits,
        build_cache: Some(workshop.build_cache.clone()),
    };
    let copy = workshop.tree.lend().map_err(|error| error.to_string())?;
    let mut run = sandboxed::run(sandbox, copy, job)
        .await
        .map_err(|error| error.to_string())?;
    let tampered = workshop.tree.tidy().map_err(|error| error.to_string())?;
    let reading = outputs::read(format, &run.stdout, &run.stderr);
    run.stdout = outputs::rendered(format, run.stdout);
    Ok(ToolRun {
        run,
        format,
        reading,
        tampered,
    })
}

/// What a family of checks may use. Tests of compiled languages build first.
fn limits(kind: CheckKind) -> Limits {
    match kind {
        CheckKind::Tests | CheckKind::Acceptance => Limits {
            time: Duration::from_secs(180),
            ..Limits::build()
        },
        _ => Limits::build(),
    }
}
