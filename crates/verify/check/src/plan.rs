use std::time::Duration;

use tenon_domain::AcceptanceCommand;

use crate::Example;

/// What one run of the [`Gate`](crate::Gate) should do.
#[derive(Debug, Clone, Default)]
pub struct CheckPlan {
    /// Examples that the changed code must satisfy, from the request; those in the docstrings of changed
    /// symbols are added by the gate.
    pub examples: Vec<Example>,
    /// Commands that must succeed on the changed tree. Each starts from that tree without what another has left in
    /// it, so a command that needs something built builds it.
    pub acceptance: Vec<AcceptanceCommand>,
    /// Which of the project's own checks run.
    pub project_checks: ProjectChecks,
    /// Whether checks after the first failure run.
    pub after_failure: AfterFailure,
    /// The symbols that the change is about, bare or qualified; empty: read off the change.
    pub focus: Vec<String>,
    /// Whether the change may remove or disable tests.
    pub test_edits: TestEdits,
    /// The most time that one executed check may take; the families' own limits if `None`.
    pub time_limit: Option<Duration>,
}

/// Which of the project's own checks run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProjectChecks {
    /// Linter, type-checker, build and tests.
    #[default]
    All,
    /// Only what Tenon knows by itself, the examples and the acceptance commands.
    None,
}

/// Whether checks after the first failure run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AfterFailure {
    /// They are reported as skipped.
    #[default]
    Stop,
    /// They run.
    GoOn,
}

/// Whether a change may remove or disable tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TestEdits {
    /// Fewer tests than before are an error.
    #[default]
    Forbidden,
    /// The request is about tests.
    Allowed,
}
