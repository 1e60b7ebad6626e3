//! Measures the pipeline on suites of tasks.
//!
//! A task is split into what it shows and what it hides ([`suite`]); the engine sees the one, the [`judge`] alone the
//! other. Results go to a file line by line, so that a run that was interrupted continues where it stopped.

mod gap;
pub mod judge;
pub mod keys;
pub mod report;
pub mod run;
pub mod statistics;
pub mod suite;

pub use report::Report;
pub use run::{EvalError, EvalObserver, EvalOptions, Mode, TaskResult, run_suite};
pub use statistics::Rate;
pub use suite::{EvalTask, Format, SuiteError, choose, read_suite};
