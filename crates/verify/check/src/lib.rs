//! Checks as data: what is known about a change before anybody is asked to trust it.
//!
//! ```text
//! ChangeSet ─▶ policy ─▶ syntax ─▶ names ─▶ dependencies ─▶ secrets       nothing is executed, milliseconds
//!                 └─▶ compile ─▶ lint ─▶ types ─▶ build ─▶ examples ─▶ tests ─▶ acceptance     in the sandbox
//! ```
//!
//! The [`Gate`] runs them in this order and hands back [`Evidence`](tenon_domain::Evidence). A check that
//! cannot run is reported as skipped, with the mend; a test that failed before the change is reported and not
//! held against it. Every program starts on the work copy as the change has it: what an earlier one wrote there is
//! undone first, and one that alters the tests that judge it is not believed. This room asks no model and starts no process outside the sandbox.

mod behaviour;
mod dependencies;
mod driver;
mod error;
mod examples;
mod gate;
mod judge;
mod limits;
mod names;
mod outputs;
mod plan;
mod policy;
mod project;
mod reach;
mod report;
mod running;
mod sandboxed;
mod secrets;
mod statics;
mod syntax_check;
mod tables;

pub use behaviour::{Behaviour, Observation, observe_python};
pub use error::CheckError;
pub use examples::{Example, ExampleKind, examples_in_text};
pub use gate::{Baseline, BaselineRun, Gate};
pub use limits::ExampleLimits;
pub use names::{UndefinedName, suggested_import, undefined_names};
pub use plan::{AfterFailure, CheckPlan, ProjectChecks, TestEdits};
pub use project::{Declared, Ecosystem, FileList, OutputFormat, Project, Runner, ToolNeed};
pub use running::{Candidate, ExampleResult, ExampleRun, LoadError, run_examples, run_python_program};
pub use statics::static_reports;
