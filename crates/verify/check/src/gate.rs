//! Runs a change through all checks, cheapest first, and says what is known about it.

mod acceptance;
mod baseline;
mod example_check;
mod ledger;
mod probe;
mod rust_examples;
mod tool;
mod tree;

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use tenon_domain::{
    AcceptanceCommand, ChangeSet, CheckKind, CheckReport, Digest, Evidence, Outcome, Severity,
};
use tenon_sandbox::{Sandbox, WorkCopy};
use tenon_syntax::Language;
use tokio::sync::Mutex;
use tracing::field::Empty;
use tracing::{Instrument as _, Span, info_span};

use self::tree::Tree;
use crate::dependencies;
use crate::judge::ToolRun;
use crate::plan::{AfterFailure, CheckPlan, ProjectChecks};
use crate::project::{Project, Runner};
use crate::report::{finding, judged, skipped};
use crate::statics::{self, dependencies_report};

pub use baseline::{Baseline, BaselineRun};

/// The gate between a change and anybody who would trust it.
///
/// It owns the work copy of one repository: changes are applied there, checked, and taken back, one at a time.
#[derive(Debug)]
pub struct Gate {
    sandbox: Result<Arc<Sandbox>, String>,
    project: Project,
    /// Only one change can be in the work copy at a time; whoever holds this may touch it.
    workshop: Mutex<Workshop>,
}

/// The work copy, and what is known about it unchanged.
#[derive(Debug)]
struct Workshop {
    tree: Tree,
    /// Where compilers keep what they build for this repository.
    build_cache: PathBuf,
    /// What each command did on the unchanged tree.
    baseline: HashMap<Vec<String>, ToolRun>,
    /// Python modules that were looked for, and whether they are installed.
    installed: HashMap<String, bool>,
    /// Runners whose tool was looked for, and whether it is there.
    tools: HashMap<String, bool>,
}

/// What one run of the gate works with.
struct Round<'gate> {
    gate: &'gate Gate,
    sandbox: &'gate Sandbox,
    change: &'gate ChangeSet,
    plan: &'gate CheckPlan,
    /// The symbols the change is about.
    focus: Vec<String>,
}

impl Gate {
    /// A gate for the repository that `project` describes and `copy` is a copy of.
    ///
    /// Without a sandbox nothing is executed: executing checks are reported as skipped with the given reason.
    pub fn new(sandbox: Result<Arc<Sandbox>, String>, project: Project, copy: WorkCopy) -> Self {
        let key = Digest::of(project.root().to_string_lossy().as_bytes()).hex();
        let key: String = key.chars().take(24).collect();
        let build_cache = sandbox
            .as_ref()
            .map(|sandbox| sandbox.build_cache(&key))
            .unwrap_or_default();
        let tree = Tree::new(copy, project.root().to_owned());
        Self {
            sandbox,
            project,
            workshop: Mutex::new(Workshop {
                tree,
                build_cache,
                baseline: HashMap::new(),
                installed: HashMap::new(),
                tools: HashMap::new(),
            }),
        }
    }

    /// The project it checks.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// The sandbox it runs code in, if there is one.
    pub fn sandbox(&self) -> Option<&Arc<Sandbox>> {
        self.sandbox.as_ref().ok()
    }

    /// Runs the project's checks and `acceptance` on the unchanged tree, unless that was done already, and
    /// remembers what failed. Worth calling while a model is busy: [`check`](Self::check) otherwise does it for
    /// a command the first time it fails.
    pub async fn baseline(&self, acceptance: &[AcceptanceCommand]) -> Baseline {
        let Ok(sandbox) = &self.sandbox else {
            return Baseline::default();
        };
        let mut workshop = self.workshop.lock().await;
        baseline::take(sandbox, &self.project, &mut workshop, acceptance).await
    }

    /// Whether the unchanged tree satisfies every one of the commands; `false` where nothing can run.
    pub async fn accepts_unchanged(&self, acceptance: &[AcceptanceCommand]) -> bool {
        let Ok(sandbox) = &self.sandbox else {
            return false;
        };
        let mut workshop = self.workshop.lock().await;
        baseline::accepts(sandbox, &mut workshop, acceptance).await
    }

    /// Checks `change`. Every program it runs finds the work copy as the change has it, whatever ran there before,
    /// also when the future of an earlier check was dropped half-way.
    pub async fn check(&self, change: &ChangeSet, plan: &CheckPlan) -> Evidence {
        let reading = span("static");
        let statics = reading.in_scope(|| statics::run(&self.project, change, plan.test_edits));
        tell(&reading, &statics.reports);
        drop(reading);
        let mut evidence = Evidence {
            checks: statics.reports,
            sandbox: None,
        };
        let undeclared = statics.imports.undeclared.clone();
        let mut workshop = self.workshop.lock().await;
        // What a cancelled check has left; if it cannot be cleared, the change cannot be applied either.
        let _ = workshop.tree.clear();
        let installed = match &self.sandbox {
            Ok(sandbox) if !undeclared.is_empty() => {
                let modules = undeclared.iter().map(|import| import.module.clone()).collect();
                probe::installed(sandbox, &mut workshop, modules).await
            }
            _ => None,
        };
        let settled = dependencies::settle(&self.project, &undeclared, installed.as_ref());
        let report = dependencies_report(statics.imports, settled, statics.started_dependencies);
        let position = evidence
            .checks
            .iter()
            .position(|report| report.kind > CheckKind::Dependencies)
            .unwrap_or(evidence.checks.len());
        evidence.checks.insert(position, report);
        unproven_without_names(&mut evidence.checks);
        match &self.sandbox {
            Ok(sandbox) => {
                let focus = if plan.focus.is_empty() {
                    crate::reach::changed_symbols(change)
                } else {
                    plan.focus.clone()
                };
                let round = Round {
                    gate: self,
                    sandbox,
                    change,
                    plan,
                    focus,
                };
                round.run(&mut workshop, &mut evidence).await;
            }
            Err(refusal) => evidence.checks.extend(self.refused(change, plan, refusal)),
        }
        evidence
    }

    /// One skipped report for everything that would have been executed.
    fn refused(&self, change: &ChangeSet, plan: &CheckPlan, refusal: &str) -> Vec<CheckReport> {
        let examples = (!plan.examples.is_empty()).then(|| skipped("examples", CheckKind::Examples, refusal));
        let wanted = self.runners(change, plan).filter(|(runner, _)| !runner.optional);
        let runners = wanted.map(|(runner, _)| skipped(&runner.name, runner.kind, refusal));
        let acceptance = plan
            .acceptance
            .iter()
            .map(|command| skipped(&command.0, CheckKind::Acceptance, refusal));
        let mut reports: Vec<CheckReport> = runners.chain(examples).chain(acceptance).collect();
        reports.sort_by_key(|report| report.kind);
        reports
    }

    /// The project's checks that have something to look at, with their commands.
    fn runners<'gate>(
        &'gate self,
        change: &'gate ChangeSet,
        plan: &CheckPlan,
    ) -> impl Iterator<Item = (&'gate Runner, Vec<String>)> {
        let wanted = plan.project_checks == ProjectChecks::All;
        let runners = self.project.runners.iter().filter(move |_| wanted);
        runners.filter_map(|runner| Some((runner, tool::command(runner, change)?)))
    }
}

impl Round<'_> {
    async fn run(&self, workshop: &mut Workshop, evidence: &mut Evidence) {
        let stopped = |checks: &[CheckReport]| {
            self.plan.after_failure == AfterFailure::Stop
                && checks.iter().any(|report| report.outcome == Outcome::Failed)
        };
        if stopped(&evidence.checks) {
            evidence
                .checks
                .extend(self.gate.refused(self.change, self.plan, EARLIER_FAILURE));
            return;
        }
        if let Err(error) = workshop.tree.enter(self.change) {
            evidence
                .checks
                .push(unusable("apply", "policy/not-applicable", &error));
            evidence
                .checks
                .extend(self.gate.refused(self.change, self.plan, EARLIER_FAILURE));
            return;
        }
        evidence.sandbox = Some(self.sandbox.level().clone());
        let compiled = probe::compile(self, workshop).await;
        evidence.checks.extend(compiled);

        let mut pending: Vec<(CheckKind, Step<'_>)> = self
            .gate
            .runners(self.change, self.plan)
            .map(|(runner, command)| (runner.kind, Step::Tool(runner, command)))
            .collect();
        pending.push((CheckKind::Examples, Step::Examples));
        pending.extend(
            self.plan
                .acceptance
                .iter()
                .map(|command| (CheckKind::Acceptance, Step::Acceptance(command))),
        );
        pending.sort_by_key(|(kind, _)| *kind);
        for (kind, step) in pending {
            let reports = if stopped(&evidence.checks) {
                step.skipped(kind, self.plan)
            } else {
                let span = span(kind.as_str());
                let checking = async {
                    match step {
                        Step::Tool(runner, command) => tool::check(self, workshop, runner, command).await,
                        Step::Examples => example_check::check(self, workshop).await,
                        Step::Acceptance(command) => vec![acceptance::check(self, workshop, command).await],
                    }
                };
                let reports = checking.instrument(span.clone()).await;
                tell(&span, &reports);
                reports
            };
            evidence.checks.extend(reports);
        }
        if let Err(error) = workshop.tree.clear() {
            // Something of this may have been checked on a wrong tree.
            evidence
                .checks
                .push(unusable("revert", "policy/not-reverted", &error));
        }
    }

    fn has_language(&self, language: Language) -> bool {
        self.change
            .files
            .iter()
            .any(|file| Language::of_path(&file.path) == Some(language))
    }
}

enum Step<'gate> {
    Tool(&'gate Runner, Vec<String>),
    Examples,
    Acceptance(&'gate AcceptanceCommand),
}

impl Step<'_> {
    fn skipped(&self, kind: CheckKind, plan: &CheckPlan) -> Vec<CheckReport> {
        let name = match self {
            Self::Tool(runner, _) => &runner.name,
            Self::Examples if plan.examples.is_empty() => return Vec::new(),
            Self::Examples => "examples",
            Self::Acceptance(command) => &command.0,
        };
        vec![skipped(name, kind, EARLIER_FAILURE)]
    }
}

/// A check as a span: of which kind it is, and never what it ran or found, which is code.
fn span(kind: &'static str) -> Span {
    info_span!(
        "check",
        "otel.name" = format!("check {kind}"),
        "tenon.check.kind" = kind,
        "tenon.check.outcome" = Empty,
    )
}

/// Says how a check ended: a candidate that is rejected is no failure of ours.
fn tell(span: &Span, reports: &[CheckReport]) {
    let has = |outcome| reports.iter().any(|report| report.outcome == outcome);
    let word = match (has(Outcome::Failed), has(Outcome::Passed)) {
        (true, _) => "failed",
        (false, true) => "passed",
        (false, false) => "skipped",
    };
    span.record("tenon.check.outcome", word);
}

const EARLIER_FAILURE: &str = "an earlier check failed";

/// A file that parses proves nothing while its names or imports do not hold.
fn unproven_without_names(checks: &mut [CheckReport]) {
    let broken = checks.iter().any(|report| {
        matches!(report.kind, CheckKind::Names | CheckKind::Dependencies) && report.outcome == Outcome::Failed
    });
    for report in checks
        .iter_mut()
        .filter(|report| broken && report.kind == CheckKind::Syntax)
    {
        report.proves = None;
    }
}

/// The report about a work copy that is not what the checks need.
fn unusable(check: &str, rule: &str, error: &tree::TreeError) -> CheckReport {
    let finding = finding(rule, Severity::Error, error.to_string());
    judged(
        check,
        CheckKind::Policy,
        None,
        std::time::Instant::now(),
        vec![finding],
    )
}

/// Modules by name, for [`probe::installed`].
type Modules = BTreeSet<String>;
