//! What the unchanged tree does, so that old failures are not held against a change.

use tenon_domain::{AcceptanceCommand, ChangeSet, CheckKind};
use tenon_sandbox::Sandbox;

use super::Workshop;
use super::tool::{Resolved, command, execute, resolve};
use crate::judge::ToolRun;
use crate::project::{OutputFormat, Project};

/// What the unchanged tree does under the project's checks and the acceptance commands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    /// One entry per command that ran.
    pub runs: Vec<BaselineRun>,
}

/// What one command did on the unchanged tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaselineRun {
    /// The name of the check, or the acceptance command.
    pub check: String,
    /// The family it belongs to.
    pub kind: CheckKind,
    /// Whether it succeeded.
    pub succeeded: bool,
    /// The tests that failed, where the runner names them.
    pub failed_tests: Vec<String>,
    /// The end of what it printed.
    pub log: String,
}

impl Baseline {
    /// What an acceptance command did.
    pub fn acceptance(&self, command: &AcceptanceCommand) -> Option<&BaselineRun> {
        self.runs
            .iter()
            .find(|run| run.kind == CheckKind::Acceptance && run.check == command.0)
    }
}

pub(super) async fn take(
    sandbox: &Sandbox,
    project: &Project,
    workshop: &mut Workshop,
    acceptance: &[AcceptanceCommand],
) -> Baseline {
    let mut runs = Vec::new();
    if workshop.tree.clear().is_err() {
        return Baseline { runs };
    }
    for runner in &project.runners {
        // Checks of changed files have nothing to look at yet.
        let Some(command) = command(runner, &ChangeSet::default()) else {
            continue;
        };
        let Resolved::Ready(runner, command) = resolve(sandbox, workshop, runner, command).await else {
            continue;
        };
        remember(sandbox, workshop, &command, runner.kind, runner.output).await;
        runs.extend(
            workshop
                .baseline
                .get(&command)
                .map(|run| described(&runner.name, runner.kind, run)),
        );
    }
    for wanted in acceptance {
        let command = acceptance_command(wanted);
        remember(
            sandbox,
            workshop,
            &command,
            CheckKind::Acceptance,
            OutputFormat::Plain,
        )
        .await;
        runs.extend(
            workshop
                .baseline
                .get(&command)
                .map(|run| described(&wanted.0, CheckKind::Acceptance, run)),
        );
    }
    Baseline { runs }
}

/// Whether every one of the commands succeeds on the unchanged tree.
pub(super) async fn accepts(
    sandbox: &Sandbox,
    workshop: &mut Workshop,
    acceptance: &[AcceptanceCommand],
) -> bool {
    if workshop.tree.clear().is_err() {
        return false;
    }
    for wanted in acceptance {
        let command = acceptance_command(wanted);
        let kind = CheckKind::Acceptance;
        remember(sandbox, workshop, &command, kind, OutputFormat::Plain).await;
        if !workshop.baseline.get(&command).is_some_and(ToolRun::succeeded) {
            return false;
        }
    }
    true
}

pub(super) fn acceptance_command(command: &AcceptanceCommand) -> Vec<String> {
    vec!["sh".to_owned(), "-c".to_owned(), command.0.clone()]
}

/// Runs a command on the unchanged tree in the middle of a check, unless it ran there already.
pub(super) async fn ensure(
    sandbox: &Sandbox,
    workshop: &mut Workshop,
    kind: CheckKind,
    format: OutputFormat,
    command: &[String],
) {
    if workshop.baseline.contains_key(command) {
        return;
    }
    if let Ok(change) = workshop.tree.set_aside() {
        remember(sandbox, workshop, command, kind, format).await;
        workshop.tree.resume(&change);
    }
}

async fn remember(
    sandbox: &Sandbox,
    workshop: &mut Workshop,
    command: &[String],
    kind: CheckKind,
    format: OutputFormat,
) {
    if !workshop.baseline.contains_key(command)
        && let Ok(run) = execute(sandbox, workshop, command, kind, format, None).await
    {
        workshop.baseline.insert(command.to_vec(), run);
    }
}

fn described(name: &str, kind: CheckKind, run: &ToolRun) -> BaselineRun {
    BaselineRun {
        check: name.to_owned(),
        kind,
        succeeded: run.succeeded(),
        failed_tests: run.reading.failed().map(|(id, _)| id.to_owned()).collect(),
        log: crate::report::tail(&run.run.log(), crate::judge::LONGEST_LOG),
    }
}
