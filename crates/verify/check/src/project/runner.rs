use tenon_domain::{CheckKind, Level};

/// A command that checks the project, as data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runner {
    /// What people call it: `pytest`, `cargo check`.
    pub name: String,
    /// The family it belongs to.
    pub kind: CheckKind,
    /// Program and arguments; [`Runner::CHANGED_FILES`] stands for the changed files it can check.
    pub command: Vec<String>,
    /// What a pass proves.
    pub proves: Option<Level>,
    /// What must be installed for it.
    pub tool: ToolNeed,
    /// How to get the tool.
    pub mend: String,
    /// How its output is read.
    pub output: OutputFormat,
    /// The extensions of the files it can check; empty: it checks the project as a whole.
    pub extensions: Vec<&'static str>,
    /// What runs instead when the tool is missing.
    pub fallback: Option<Box<Runner>>,
    /// The project does not ask for it by configuration, so that its absence is not worth a word.
    pub optional: bool,
}

impl Runner {
    /// Stands in [`Runner::command`] for the paths of the changed files.
    pub const CHANGED_FILES: &'static str = "{changed files}";

    /// The command as people type it.
    pub fn command_line(&self) -> String {
        let shown = self.command.iter().map(|part| {
            let long = part.len() > 60 || part.contains('\n');
            if long { "…".to_owned() } else { part.clone() }
        });
        shown.collect::<Vec<_>>().join(" ")
    }
}

/// What must be installed for a [`Runner`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolNeed {
    /// A program on the path.
    Program(String),
    /// A program of the project's own `node_modules/.bin`, or else on the path.
    NodeProgram(String),
    /// A module of the Python that the sandbox uses.
    PythonModule(String),
}

/// How the output of a [`Runner`] is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputFormat {
    /// Only the exit status counts.
    Plain,
    /// `pytest -rA`.
    Pytest,
    /// Tenon's own driver for unittest classes and plain test functions.
    PythonTests,
    /// `path:line:column: level: message`, as cargo's short format and many compilers write it.
    Compiler,
    /// `--message-format=json` of cargo's commands that compile.
    CargoJson,
    /// `cargo test`.
    CargoTest,
    /// `ruff --output-format=json`.
    RuffJson,
    /// `eslint --format json`.
    EslintJson,
    /// `path(line,column): error TS…: message`.
    Tsc,
    /// Test Anything Protocol, with the ticks of other JavaScript runners.
    Tap,
    /// `go test -json`.
    GoTestJson,
    /// Maven's `[ERROR] path:[line,column] message`.
    Maven,
}
