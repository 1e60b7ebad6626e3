//! Decides with the hidden tests whether a change is right. Nothing here is ever shown to the pipeline.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use tenon_change::{choose_block, extract_blocks};
use tenon_domain::{ChangeSet, RepoPath};
use tenon_sandbox::{Execution, ExecutionCommand, Limits, Sandbox, SandboxError, WorkCopy};
use tenon_syntax::Language;

use crate::run::EvalError;
use crate::suite::Hidden;

/// Judges results in the sandbox.
pub(crate) struct Judge<'run> {
    pub sandbox: &'run Sandbox,
    /// Where the judge's own work copies go.
    pub scratch: &'run Path,
}

/// The verdict on one result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub passed: bool,
    /// The last line that the hidden tests printed, for people.
    pub said: String,
}

impl Judge<'_> {
    /// Runs the hidden tests on a repository's files as a change leaves them.
    pub async fn judge_change(
        &self,
        files: &BTreeMap<RepoPath, String>,
        change: &ChangeSet,
        hidden: &Hidden,
    ) -> Result<Verdict, EvalError> {
        let mut files = files.clone();
        for file in &change.files {
            if let Some(from) = &file.renamed_from {
                files.remove(from);
            }
            match &file.after {
                Some(after) => files.insert(file.path.clone(), after.clone()),
                None => files.remove(&file.path),
            };
        }
        match hidden {
            Hidden::PythonTests { file, program } => {
                let code = files.get(file).map(String::as_str).unwrap_or_default();
                self.judge_program(&format!("{code}\n\n{program}")).await
            }
            Hidden::GapTests { program, .. } => {
                let code: Vec<&str> = files.values().map(String::as_str).collect();
                self.judge_program(&format!("{}\n\n{program}", code.join("\n")))
                    .await
            }
            Hidden::Repository {
                files: tests,
                commands,
            } => {
                files.extend(tests.clone());
                self.judge_repository(&files, commands).await
            }
        }
    }

    /// Runs the hidden tests on what a model wrote, taken for itself: was the right answer among the candidates?
    pub async fn judge_text(&self, shown: &str, text: &str, hidden: &Hidden) -> Result<bool, EvalError> {
        let Hidden::PythonTests { program, .. } = hidden else {
            return Ok(false);
        };
        let fenced = format!("```python\n{text}\n```\n");
        let Some(chosen) = choose_block(&extract_blocks(&fenced), Language::Python, &[]) else {
            return Ok(false);
        };
        let verdict = self
            .judge_program(&format!(
                "{shown}\n    pass\n\n{}\n\n{program}",
                chosen.file.text()
            ))
            .await?;
        Ok(verdict.passed)
    }

    /// Runs a Python program that raises when it is not satisfied.
    pub async fn judge_program(&self, program: &str) -> Result<Verdict, EvalError> {
        let copy = WorkCopy::empty(self.scratch).map_err(|error| EvalError::Judge {
            reason: error.to_string(),
        })?;
        // Reaching the last line counts, not the exit code: a candidate may call `exit(0)`.
        let marker = format!(
            "judged-{}",
            copy.path()
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default()
        );
        let program = format!("{program}\nprint({marker:?})\n");
        let place = copy.path().join("judged.py");
        std::fs::write(&place, program).map_err(|error| EvalError::Judge {
            reason: error.to_string(),
        })?;
        let arguments = ["python3", "-I", "judged.py"].map(Into::into).to_vec();
        let limits = Limits {
            time: Duration::from_secs(10),
            ..Limits::quick()
        };
        let execution = Execution {
            limits,
            ..Execution::new(ExecutionCommand::Arguments(arguments), copy.path())
        };
        let result = self
            .sandbox
            .run(execution)
            .await
            .map_err(|error| judge_error(&error))?;
        let printed = String::from_utf8_lossy(&result.stdout);
        let passed = result.status.succeeded() && printed.lines().last() == Some(marker.as_str());
        let said = String::from_utf8_lossy(&result.stderr)
            .lines()
            .last()
            .map(str::to_owned);
        Ok(Verdict {
            passed,
            said: said.unwrap_or_else(|| result.status.to_string()),
        })
    }

    async fn judge_repository(
        &self,
        files: &BTreeMap<RepoPath, String>,
        commands: &[String],
    ) -> Result<Verdict, EvalError> {
        let copy = WorkCopy::empty(self.scratch).map_err(|error| EvalError::Judge {
            reason: error.to_string(),
        })?;
        write_files(copy.path(), files)?;
        for command in commands {
            let execution = Execution {
                limits: Limits::build(),
                writable_cache: Some(self.sandbox.build_cache("eval-judge")),
                ..Execution::new(ExecutionCommand::Shell(command.clone()), copy.path())
            };
            let result = self
                .sandbox
                .run(execution)
                .await
                .map_err(|error| judge_error(&error))?;
            if !result.status.succeeded() {
                let output = [result.stdout, result.stderr].concat();
                let output = String::from_utf8_lossy(&output);
                let said = output
                    .lines()
                    .rev()
                    .find(|line| !line.trim().is_empty())
                    .unwrap_or_default();
                return Ok(Verdict {
                    passed: false,
                    said: format!("{command}: {said}"),
                });
            }
        }
        Ok(Verdict {
            passed: true,
            said: String::new(),
        })
    }
}

/// Writes the files of a task below `root`.
pub(crate) fn write_files(root: &Path, files: &BTreeMap<RepoPath, String>) -> Result<(), EvalError> {
    for (path, text) in files {
        let place = path.under(root);
        let written = place
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&place, text));
        written.map_err(|error| EvalError::Judge {
            reason: format!("cannot write {}: {error}", place.display()),
        })?;
    }
    Ok(())
}

fn judge_error(error: &SandboxError) -> EvalError {
    EvalError::Judge {
        reason: error.to_string(),
    }
}
