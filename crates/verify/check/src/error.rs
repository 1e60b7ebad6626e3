use tenon_syntax::Language;

/// Why a check could not be carried out. What a check finds wrong with a change is no error.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The sandbox could not start the process.
    #[error("cannot run `{program}` in the sandbox: {source}")]
    Sandbox {
        /// The program.
        program: String,
        /// What the sandbox said.
        source: tenon_sandbox::SandboxError,
    },
    /// The folder to run in could not be made.
    #[error(transparent)]
    WorkCopy(#[from] tenon_sandbox::WorkCopyError),
    /// Examples can be run in Python and JavaScript only.
    #[error("examples in {language} are left to the project's own tests")]
    NoExampleRunner {
        /// The language.
        language: Language,
    },
}
