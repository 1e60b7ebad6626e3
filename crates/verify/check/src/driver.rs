//! The programs that run inside the sandbox, in the languages they examine.
//!
//! Each reads its task from standard input as JSON, keeps what the candidate prints away from its own results,
//! and marks every line of result with a secret that the candidate is not told.

/// Runs examples, or observes behaviour, of one Python candidate.
pub(crate) const PYTHON_EXAMPLES: &str = include_str!("driver/examples.py");

/// Runs unittest classes and plain test functions without pytest.
pub(crate) const PYTHON_TESTS: &str = include_str!("driver/tests.py");

/// Compiles changed Python files and looks up the members of standard modules they use.
pub(crate) const PYTHON_COMPILE: &str = include_str!("driver/compile.py");

/// Runs examples of one JavaScript candidate.
pub(crate) const NODE_EXAMPLES: &str = include_str!("driver/examples.js");
