//! The caller's own commands: they must succeed on the changed tree, whatever they did before.

use tenon_domain::{AcceptanceCommand, CheckKind, CheckReport, Level, Outcome};

use super::tool::{execute, patience};
use super::{Round, Workshop, baseline};
use crate::judge::{ToolRun, judge};
use crate::project::OutputFormat;
use crate::report::skipped;

pub(super) async fn check(
    round: &Round<'_>,
    workshop: &mut Workshop,
    wanted: &AcceptanceCommand,
) -> CheckReport {
    let command = baseline::acceptance_command(wanted);
    let patience = patience(round, workshop, &command);
    let kind = CheckKind::Acceptance;
    let mut after = match execute(
        round.sandbox,
        workshop,
        &command,
        kind,
        OutputFormat::Plain,
        patience,
    )
    .await
    {
        Ok(after) => after,
        Err(reason) => return skipped(&wanted.0, kind, reason),
    };
    if !after.succeeded() && after.run.limit.is_none() {
        baseline::ensure(round.sandbox, workshop, kind, OutputFormat::Plain, &command).await;
    }
    let before = workshop.baseline.get(&command);
    after.forgive(before);
    let mut report = judge(
        &wanted.0,
        kind,
        Some(Level::Tested),
        None,
        &after,
        round.plan.test_edits,
    );
    let passed_before = before.is_some_and(ToolRun::succeeded);
    if report.outcome == Outcome::Passed && passed_before {
        report.reason = Some("it succeeded before the change too".to_owned());
    }
    if report.outcome == Outcome::Failed && before.is_some_and(|before| !before.succeeded()) {
        let said = report.reason.unwrap_or_default();
        report.reason = Some(format!("{said}, as before the change"));
    }
    report
}
