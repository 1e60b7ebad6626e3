//! The one place where this room meets the sandbox.

use std::path::PathBuf;
use std::time::Duration;

use tenon_sandbox::{Execution, ExecutionCommand, ExecutionStatus, Limits, Sandbox, WorkCopy};

use crate::error::CheckError;

/// A program to run.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) command: Vec<String>,
    pub(crate) stdin: Vec<u8>,
    pub(crate) limits: Limits,
    /// A folder that keeps what compilers build between runs.
    pub(crate) build_cache: Option<PathBuf>,
}

/// What a program did.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// Its exit code, when it ended by itself.
    pub(crate) status: Option<i32>,
    /// The limit that ended it, in words.
    pub(crate) limit: Option<String>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) duration: Duration,
}

impl Run {
    pub(crate) fn succeeded(&self) -> bool {
        self.status == Some(0)
    }

    /// What it printed, both streams.
    pub(crate) fn log(&self) -> String {
        match (self.stdout.trim_end(), self.stderr.trim_end()) {
            (stdout, "") => stdout.to_owned(),
            ("", stderr) => stderr.to_owned(),
            (stdout, stderr) => format!("{stdout}\n{stderr}"),
        }
    }

    pub(crate) fn ending(&self) -> String {
        match self.status {
            Some(code) => format!("exit code {code}"),
            None => self.limit.clone().unwrap_or_else(|| "killed".to_owned()),
        }
    }
}

/// Runs a program in a work copy.
pub(crate) async fn run(sandbox: &Sandbox, copy: &WorkCopy, job: Job) -> Result<Run, CheckError> {
    let program = job.command.first().cloned().unwrap_or_default();
    let arguments = job.command.into_iter().map(Into::into).collect();
    let execution = Execution {
        stdin: (!job.stdin.is_empty()).then_some(job.stdin),
        limits: job.limits,
        writable_cache: job.build_cache,
        read_only: copy.mounts().to_vec(),
        ..Execution::new(ExecutionCommand::Arguments(arguments), copy.path())
    };
    let seconds = job.limits.time.as_secs();
    let result = sandbox
        .run(execution)
        .await
        .map_err(|source| CheckError::Sandbox { program, source })?;
    let (status, limit) = match result.status {
        ExecutionStatus::Exited(code) => (Some(code), None),
        ExecutionStatus::TimedOut => (None, Some(format!("it did not end within {seconds} s"))),
        other => (None, Some(other.to_string())),
    };
    Ok(Run {
        status,
        limit,
        stdout: String::from_utf8_lossy(&result.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&result.stderr).into_owned(),
        duration: result.duration,
    })
}

pub(crate) fn has_program(sandbox: &Sandbox, name: &str) -> bool {
    sandbox.find_tool(name).is_some()
}
