//! Suites: what a task shows to the pipeline, and what only the judge sees.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde::Deserialize;
use tenon_domain::{RepoPath, Task as Work};

/// The shape of a suite's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `task_id`, `prompt`, `entry_point`, `test`: complete a function.
    HumanEval,
    /// `task_id`, `text`, `test_list`: write a function; the first assertion is shown.
    Mbpp,
    /// `prompt`, `suffix`, `canonical_solution`, `test`: fill one line.
    HumanEvalInfilling,
    /// Tasks on small repositories; see `eval/suites/README.md`.
    Repo,
}

impl Format {
    /// All formats, by the name used on the command line.
    pub const ALL: [(&'static str, Self); 4] = [
        ("humaneval", Self::HumanEval),
        ("mbpp", Self::Mbpp),
        ("humaneval-infilling", Self::HumanEvalInfilling),
        ("repo", Self::Repo),
    ];
}

/// One task, split into what is shown and what is hidden.
#[derive(Debug, Clone)]
pub struct EvalTask {
    /// Unique in its suite.
    pub id: String,
    /// What the pipeline may use.
    pub shown: Shown,
    /// What only the judge sees.
    pub hidden: Hidden,
}

/// What the pipeline may use.
#[derive(Debug, Clone)]
pub enum Shown {
    /// A repository and a wish.
    Repository {
        /// The files of the repository.
        files: BTreeMap<RepoPath, String>,
        /// What is asked.
        work: Work,
        /// In which words.
        intent: String,
        /// Files named with the wish.
        named_files: Vec<RepoPath>,
        /// Commands given with the wish.
        acceptance: Vec<String>,
    },
    /// A gap in a file.
    Gap {
        /// The text before it.
        prefix: String,
        /// The text after it.
        suffix: String,
    },
}

/// What only the judge sees.
#[derive(Debug, Clone)]
pub enum Hidden {
    /// A Python program to run behind the file the pipeline wrote.
    PythonTests {
        /// The file that is judged.
        file: RepoPath,
        /// The program.
        program: String,
    },
    /// A line that is known to be right, and a program to run behind the whole file.
    GapTests {
        /// The line that was taken out.
        solution: String,
        /// The program.
        program: String,
    },
    /// Files laid over the changed repository, and commands that must succeed in it.
    Repository {
        /// The files.
        files: BTreeMap<RepoPath, String>,
        /// The commands.
        commands: Vec<String>,
    },
}

/// Why a suite cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    /// The file cannot be opened or read.
    #[error("cannot read the suite {}: {source}", path.display())]
    Read {
        /// The suite.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line is not a task of the format.
    #[error("{}:{line}: not a task of this format: {reason}; choose another --format, or mend the line", path.display())]
    Line {
        /// The suite.
        path: PathBuf,
        /// 1-based.
        line: usize,
        /// Why.
        reason: String,
    },
    /// `--ids` names tasks that the suite does not hold.
    #[error("the suite holds no task `{id}`")]
    UnknownId {
        /// What was given.
        id: String,
    },
}

#[derive(Deserialize)]
struct HumanEvalLine {
    task_id: String,
    prompt: String,
    entry_point: String,
    test: String,
}

#[derive(Deserialize)]
struct MbppLine {
    task_id: u64,
    #[serde(alias = "prompt")]
    text: String,
    test_list: Vec<String>,
    #[serde(default)]
    test_setup_code: String,
    #[serde(default)]
    test_imports: Vec<String>,
    #[serde(default)]
    challenge_test_list: Vec<String>,
}

#[derive(Deserialize)]
struct GapLine {
    task_id: String,
    prompt: String,
    suffix: String,
    canonical_solution: String,
    test: String,
    entry_point: String,
}

#[derive(Deserialize)]
struct RepoLine {
    id: String,
    task: Work,
    intent: String,
    files: BTreeMap<RepoPath, String>,
    #[serde(default)]
    named_files: Vec<RepoPath>,
    #[serde(default)]
    test_commands: Vec<String>,
    hidden: RepoHidden,
}

#[derive(Deserialize)]
struct RepoHidden {
    #[serde(default)]
    files: BTreeMap<RepoPath, String>,
    commands: Vec<String>,
}

/// Reads a suite, `.jsonl` or `.jsonl.gz`.
///
/// # Errors
/// When the file cannot be read, or a line is not of the format.
pub fn read_suite(path: &Path, format: Format) -> Result<Vec<EvalTask>, SuiteError> {
    let read_error = |source| SuiteError::Read {
        path: path.to_owned(),
        source,
    };
    let file = std::fs::File::open(path).map_err(read_error)?;
    let reader: Box<dyn Read> = if path.extension().is_some_and(|extension| extension == "gz") {
        Box::new(GzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let mut tasks = Vec::new();
    for (index, line) in BufReader::new(reader).lines().enumerate() {
        let line = line.map_err(read_error)?;
        if line.trim().is_empty() {
            continue;
        }
        let task = parse_line(&line, format).map_err(|reason| SuiteError::Line {
            path: path.to_owned(),
            line: index + 1,
            reason,
        })?;
        tasks.push(task);
    }
    Ok(tasks)
}

/// Keeps the tasks named by `ids` (`3`, `HumanEval/3`, `11-110`), then the first `limit`.
///
/// # Errors
/// When an id matches no task.
pub fn choose(
    tasks: Vec<EvalTask>,
    ids: &[String],
    limit: Option<usize>,
) -> Result<Vec<EvalTask>, SuiteError> {
    let number = |id: &str| id.rsplit('/').next().and_then(|last| last.parse::<u64>().ok());
    let matches = |task: &EvalTask, wanted: &str| match wanted.split_once('-') {
        Some((first, last)) if first.parse::<u64>().is_ok() && last.parse::<u64>().is_ok() => {
            let bounds = (
                first.parse::<u64>().unwrap_or(0),
                last.parse::<u64>().unwrap_or(0),
            );
            number(&task.id).is_some_and(|number| number >= bounds.0 && number <= bounds.1)
        }
        _ => task.id == wanted || task.id.rsplit('/').next() == Some(wanted),
    };
    if let Some(id) = ids.iter().find(|id| !tasks.iter().any(|task| matches(task, id))) {
        return Err(SuiteError::UnknownId { id: id.clone() });
    }
    let chosen = tasks
        .into_iter()
        .filter(|task| ids.is_empty() || ids.iter().any(|id| matches(task, id)));
    Ok(chosen.take(limit.unwrap_or(usize::MAX)).collect())
}

fn parse_line(line: &str, format: Format) -> Result<EvalTask, String> {
    let solution = RepoPath::parse("solution.py").map_err(|error| error.to_string())?;
    let error = |error: serde_json::Error| error.to_string();
    Ok(match format {
        Format::HumanEval => {
            let line: HumanEvalLine = serde_json::from_str(line).map_err(error)?;
            EvalTask {
                id: line.task_id,
                shown: Shown::Repository {
                    files: BTreeMap::from([(solution.clone(), line.prompt)]),
                    work: Work::Generate,
                    intent: format!("Complete the function `{}`.", line.entry_point),
                    named_files: vec![solution.clone()],
                    acceptance: Vec::new(),
                },
                hidden: Hidden::PythonTests {
                    file: solution,
                    program: format!("{}\n\ncheck({})\n", line.test, line.entry_point),
                },
            }
        }
        Format::Mbpp => {
            let line: MbppLine = serde_json::from_str(line).map_err(error)?;
            let first = line.test_list.first().ok_or("`test_list` is empty")?;
            let setup = [line.test_imports.join("\n"), line.test_setup_code].join("\n");
            let tests = [line.test_list.as_slice(), line.challenge_test_list.as_slice()]
                .concat()
                .join("\n");
            EvalTask {
                id: format!("Mbpp/{}", line.task_id),
                shown: Shown::Repository {
                    files: BTreeMap::new(),
                    work: Work::Generate,
                    intent: format!("{}\n\n{first}", line.text.trim()),
                    named_files: vec![solution.clone()],
                    acceptance: Vec::new(),
                },
                hidden: Hidden::PythonTests {
                    file: solution,
                    program: format!("{setup}\n{tests}\n"),
                },
            }
        }
        Format::HumanEvalInfilling => {
            let line: GapLine = serde_json::from_str(line).map_err(error)?;
            EvalTask {
                id: line.task_id,
                shown: Shown::Gap {
                    prefix: line.prompt,
                    suffix: line.suffix,
                },
                hidden: Hidden::GapTests {
                    solution: line.canonical_solution,
                    program: format!("{}\n\ncheck({})\n", line.test, line.entry_point),
                },
            }
        }
        Format::Repo => {
            let line: RepoLine = serde_json::from_str(line).map_err(error)?;
            EvalTask {
                id: line.id,
                shown: Shown::Repository {
                    files: line.files,
                    work: line.task,
                    intent: line.intent,
                    named_files: line.named_files,
                    acceptance: line.test_commands,
                },
                hidden: Hidden::Repository {
                    files: line.hidden.files,
                    commands: line.hidden.commands,
                },
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mbpp(id: u64) -> EvalTask {
        let line = serde_json::json!({
            "task_id": id, "text": "Write a function to double.",
            "test_list": ["assert double(2) == 4", "assert double(7) == 14"], "test_setup_code": "",
            "challenge_test_list": ["assert double(0) == 0"],
        });
        parse_line(&line.to_string(), Format::Mbpp).unwrap()
    }

    #[test]
    fn only_the_first_assertion_is_shown() {
        let task = mbpp(11);
        let Shown::Repository {
            intent,
            files,
            acceptance,
            ..
        } = &task.shown
        else {
            panic!("a repository")
        };
        assert!(intent.contains("double(2) == 4"));
        assert!(!intent.contains("14") && !intent.contains("double(0)"));
        assert!(files.is_empty() && acceptance.is_empty());
        let Hidden::PythonTests { program, .. } = &task.hidden else {
            panic!("a program")
        };
        assert!(program.contains("14") && program.contains("double(0)"));
    }

    #[test]
    fn the_hidden_test_of_a_function_is_not_shown() {
        let line = serde_json::json!({
            "task_id": "HumanEval/0", "prompt": "def f(x):\n    \"\"\"Doubles.\"\"\"\n", "entry_point": "f",
            "test": "def check(candidate):\n    assert candidate(21) == 42\n", "canonical_solution": "    return 2 * x\n",
        });
        let task = parse_line(&line.to_string(), Format::HumanEval).unwrap();
        assert!(!format!("{:?}", task.shown).contains("42"));
        assert!(!format!("{:?}", task.shown).contains("return 2"));
    }

    #[test]
    fn ids_are_numbers_names_or_ranges() {
        let tasks = || (9..15).map(mbpp).collect::<Vec<_>>();
        let ids = |ids: &[&str], limit| {
            let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
            choose(tasks(), &ids, limit)
                .map(|tasks| tasks.into_iter().map(|task| task.id).collect::<Vec<_>>())
        };
        assert_eq!(ids(&["11-12"], None).unwrap(), ["Mbpp/11", "Mbpp/12"]);
        assert_eq!(ids(&["Mbpp/9", "14"], None).unwrap(), ["Mbpp/9", "Mbpp/14"]);
        assert_eq!(ids(&[], Some(2)).unwrap().len(), 2);
        assert!(ids(&["99"], None).is_err());
    }
}
