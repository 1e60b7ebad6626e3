use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::RepoPath;

/// How far a change was checked. Ordered: later is stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing was shown, or a check failed.
    Unverified,
    /// It parses, and its names and imports exist.
    Parsed,
    /// The project's build or type-checker accepts it.
    Built,
    /// Tests that reach the changed code passed.
    Tested,
}

impl Level {
    /// Every level, weakest first.
    pub const ALL: [Self; 4] = [Self::Unverified, Self::Parsed, Self::Built, Self::Tested];

    /// The word used on the wire and on the screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Parsed => "parsed",
            Self::Built => "built",
            Self::Tested => "tested",
        }
    }
}

/// A word that is no level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no level: unverified, parsed, built and tested are")]
pub struct UnknownLevel(String);

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|level| level.as_str() == text)
            .ok_or_else(|| UnknownLevel(text.to_owned()))
    }
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// What a check concluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It ran and found nothing that counts against the change.
    Passed,
    /// It ran and the change does not hold.
    Failed,
    /// It could not run; the report says why.
    Skipped,
}

/// The families of checks, cheapest first: the order in which the gate runs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// Paths, protected files, links.
    Policy,
    /// Every touched file parses no worse than before.
    Syntax,
    /// No undefined names.
    Names,
    /// Imports exist and are declared.
    Dependencies,
    /// No credentials in added text.
    Secrets,
    /// The project's linter.
    Lint,
    /// The project's type-checker.
    Types,
    /// The project's build.
    Build,
    /// Examples from the intent and from doc comments, run as tests.
    Examples,
    /// The project's tests.
    Tests,
    /// The caller's `--test` commands.
    Acceptance,
}

impl CheckKind {
    /// The name on the wire and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Syntax => "syntax",
            Self::Names => "names",
            Self::Dependencies => "dependencies",
            Self::Secrets => "secrets",
            Self::Lint => "lint",
            Self::Types => "types",
            Self::Build => "build",
            Self::Examples => "examples",
            Self::Tests => "tests",
            Self::Acceptance => "acceptance",
        }
    }
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Worth a look; does not fail a check.
    Warning,
    /// Fails the check.
    Error,
}

/// One thing a check saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// A stable name, `family/what`, such as `names/undefined`.
    pub rule: String,
    /// How much it weighs.
    pub severity: Severity,
    /// Where, if the finding is about a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<RepoPath>,
    /// 1-based line in the changed file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// 1-based column, in characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// What is wrong: lower case, no final period.
    pub message: String,
    /// How to mend it, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// What the tool itself would write to mend it; all of it belongs together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replacements: Vec<Replacement>,
}

/// A piece of a file, and the text that a tool would put there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replacement {
    /// The file.
    pub path: RepoPath,
    /// The first byte that goes.
    pub start: usize,
    /// The byte after the last that goes; equal to `start` where text is only added.
    pub end: usize,
    /// What stands there instead.
    pub text: String,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// What ran, for people: `syntax`, `pytest`, `cargo check`, the acceptance command.
    pub check: String,
    /// The family it belongs to.
    pub kind: CheckKind,
    /// What it concluded.
    pub outcome: Outcome,
    /// The level that a pass of this check proves, if it proves one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proves: Option<Level>,
    /// Wall-clock time in milliseconds.
    pub duration_ms: u64,
    /// What it saw.
    pub findings: Vec<Finding>,
    /// Why it was skipped or failed, in one sentence with the mend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The end of what it printed, bounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

/// What isolates the code that checks execute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxLevel {
    /// `bubblewrap`, or `none` when the user typed `--sandbox=none`.
    pub name: String,
    /// What holds: `network`, `filesystem`, `seccomp`, `memory`, `processes`, `time`, `output`, ….
    pub guarantees: Vec<String>,
    /// What does not hold on this machine, each with the mend.
    pub missing: Vec<String>,
}

/// Everything that is known about a change. Only the check room makes one from reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The reports, in the order in which the checks ran.
    pub checks: Vec<CheckReport>,
    /// Where executing checks ran; `None` when none ran.
    pub sandbox: Option<SandboxLevel>,
}

impl Evidence {
    /// The strongest level that the reports prove: a single failed check means [`Level::Unverified`].
    ///
    /// A level needs the ones below it: tests that passed on a file that does not parse prove nothing.
    pub fn level(&self) -> Level {
        if self.checks.iter().any(|report| report.outcome == Outcome::Failed) {
            return Level::Unverified;
        }
        self.checks
            .iter()
            .filter(|report| report.outcome == Outcome::Passed)
            .filter_map(|report| report.proves)
            .max()
            .unwrap_or(Level::Unverified)
    }

    /// Whether no check failed and at least one passed.
    pub fn holds(&self) -> bool {
        self.level() > Level::Unverified
    }
}
