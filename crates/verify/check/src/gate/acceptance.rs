//! The caller's own commands: they must succeed on the changed tree, whatever they did before.

use tenon_domain::{AcceptanceCommand, CheckKind, CheckReport, Level, Outcome};

use super::tool::{execute, patience};
use super::{Round, Workshop, baseline};
use crate::judge::judge;
use crate::project::OutputFormat;
use crate::report::skipped;

pub(super) async fn check(
    round: &Round<'_>,
    workshop: &mut Workshop,
    wanted: &AcceptanceCommand,
) -> CheckReport {
    let command = baseline::acceptance_command(wanted);
    let after = match execute(
        round.sandbox,
        workshop,
        &command,
        CheckKind::Acceptance,
        OutputFormat::Plain,
        patience(round, workshop, &command),
    )
    .await
    {
        Ok(after) => after,
        Err(reason) => return skipped(&wanted.0, CheckKind::Acceptance, reason),
    };
    let mut report = judge(
        &wanted.0,
        CheckKind::Acceptance,
        Some(Level::Tested),
        None,
        &after,
        round.plan.test_edits,
    );
    let passed_before = workshop
        .baseline
        .get(&command)
        .is_some_and(|before| before.succeeded());
    if report.outcome == Outcome::Passed && passed_before {
        report.reason = Some("it succeeded before the change too".to_owned());
    }
    report
}
