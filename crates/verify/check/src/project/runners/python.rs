//! Python: ruff, mypy, and pytest or Tenon's own driver.

use tenon_domain::{CheckKind, Level};

use super::{Reader, runner};
use crate::driver;
use crate::project::files::read_text;
use crate::project::{OutputFormat, Runner, ToolNeed};

impl Reader<'_> {
    pub(super) fn python(&self) -> Vec<Runner> {
        let mut runners = Vec::new();
        let pyproject = self.text("pyproject.toml");
        let setup_cfg = self.text("setup.cfg");
        let ruff_configured = self.files.contains("ruff.toml")
            || self.files.contains(".ruff.toml")
            || pyproject.contains("[tool.ruff");
        runners.push(Runner {
            extensions: vec!["py", "pyi"],
            optional: !ruff_configured,
            ..runner(
                "ruff",
                CheckKind::Lint,
                &[
                    "ruff",
                    "check",
                    "--output-format=json",
                    "--no-cache",
                    "--force-exclude",
                    "--",
                    Runner::CHANGED_FILES,
                ],
                None,
                ToolNeed::Program("ruff".to_owned()),
                "pip install ruff",
                OutputFormat::RuffJson,
            )
        });
        let mypy_configured = ["mypy.ini", ".mypy.ini"]
            .iter()
            .any(|name| self.files.contains(name))
            || pyproject.contains("[tool.mypy")
            || setup_cfg.contains("[mypy");
        if mypy_configured {
            runners.push(Runner {
                extensions: vec!["py", "pyi"],
                ..runner(
                    "mypy",
                    CheckKind::Types,
                    &[
                        "python3",
                        "-m",
                        "mypy",
                        "--no-error-summary",
                        "--no-pretty",
                        "--show-column-numbers",
                        "--cache-dir=/dev/null",
                        "--",
                        Runner::CHANGED_FILES,
                    ],
                    Some(Level::Built),
                    ToolNeed::PythonModule("mypy".to_owned()),
                    "pip install mypy",
                    OutputFormat::Compiler,
                )
            });
        }
        runners.extend(self.python_tests(&pyproject, &setup_cfg));
        runners
    }

    fn python_tests(&self, pyproject: &str, setup_cfg: &str) -> Option<Runner> {
        let style = self.python_test_style();
        let configured = self.files.contains("pytest.ini")
            || self.files.named("conftest.py").next().is_some()
            || pyproject.contains("[tool.pytest")
            || setup_cfg.contains("[tool:pytest]")
            || self.text("tox.ini").contains("[pytest]");
        if !style.found && !configured {
            return None;
        }
        let own = runner(
            "unittest",
            CheckKind::Tests,
            &["python3", "-c", driver::PYTHON_TESTS],
            Some(Level::Tested),
            ToolNeed::Program("python3".to_owned()),
            "install python3",
            OutputFormat::PythonTests,
        );
        if !configured && !style.imports_pytest && !style.plain_functions {
            return Some(own);
        }
        // Fixtures, marks and parameters are pytest's alone; classes and plain functions run without it.
        let fallback = (!style.imports_pytest && style.found).then(|| Box::new(own));
        Some(Runner {
            fallback,
            ..runner(
                "pytest",
                CheckKind::Tests,
                &[
                    "python3",
                    "-m",
                    "pytest",
                    "-q",
                    "-rA",
                    "--tb=short",
                    "-p",
                    "no:cacheprovider",
                    "--color=no",
                ],
                Some(Level::Tested),
                ToolNeed::PythonModule("pytest".to_owned()),
                "pip install pytest",
                OutputFormat::Pytest,
            )
        })
    }

    fn python_test_style(&self) -> PythonTests {
        const MOST_READ: usize = 400;
        let mut style = PythonTests::default();
        for path in self
            .files
            .paths()
            .filter(|path| is_python_test(path))
            .take(MOST_READ)
        {
            let text = read_text(self.root, path).unwrap_or_default();
            let imports_pytest = text
                .lines()
                .map(str::trim_start)
                .any(|line| line.starts_with("import pytest") || line.starts_with("from pytest"));
            let plain = text
                .lines()
                .any(|line| line.starts_with("def test") || line.starts_with("async def test"));
            style.imports_pytest |= imports_pytest;
            style.plain_functions |= plain;
            style.found |= plain || text.contains("TestCase") || text.contains("def test_");
        }
        style
    }
}

/// How the Python tests of a repository are written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct PythonTests {
    found: bool,
    imports_pytest: bool,
    plain_functions: bool,
}

/// Whether a Python file holds tests, by the runners' own conventions.
pub(crate) fn is_python_test(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let Some(stem) = name.strip_suffix(".py") else {
        return false;
    };
    let in_tests = folder.split('/').any(|part| matches!(part, "test" | "tests"));
    stem.starts_with("test_")
        || stem.ends_with("_test")
        || (in_tests && stem.starts_with("test"))
        || stem == "tests"
}
