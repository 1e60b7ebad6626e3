//! Which commands check a repository.

use std::path::Path;

use tenon_domain::{CheckKind, Level};

use super::files::{FileList, read_text};
use super::manifest::{self, PackageJson};
use super::{Ecosystem, OutputFormat, Runner, ToolNeed};
use crate::driver;

pub(super) fn plan(root: &Path, files: &FileList, ecosystems: &[Ecosystem]) -> Vec<Runner> {
    let reader = Reader { root, files };
    let mut runners: Vec<Runner> = Vec::new();
    for ecosystem in ecosystems {
        match ecosystem {
            Ecosystem::Python => runners.extend(reader.python()),
            Ecosystem::Rust => runners.extend(reader.rust()),
            Ecosystem::Node => runners.extend(reader.node()),
            Ecosystem::Go => runners.extend(reader.go()),
            Ecosystem::Java => runners.extend(reader.java()),
        }
    }
    runners.sort_by_key(|runner| runner.kind);
    runners
}

struct Reader<'project> {
    root: &'project Path,
    files: &'project FileList,
}

/// How the Python tests of a repository are written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct PythonTests {
    found: bool,
    imports_pytest: bool,
    plain_functions: bool,
}

impl Reader<'_> {
    fn text(&self, path: &str) -> String {
        if self.files.contains(path) {
            read_text(self.root, path).unwrap_or_default()
        } else {
            String::new()
        }
    }

    fn python(&self) -> Vec<Runner> {
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

    fn rust(&self) -> Vec<Runner> {
        let manifests: Vec<String> = if self.files.contains("Cargo.toml") {
            vec!["Cargo.toml".to_owned()]
        } else {
            // Several packages side by side without a workspace; beyond a few the run would not end.
            self.files
                .named("Cargo.toml")
                .take(3)
                .map(str::to_owned)
                .collect()
        };
        let mut runners = Vec::new();
        for manifest in manifests {
            let text = self.text(&manifest);
            let place = manifest.rsplit_once('/').map(|(folder, _)| folder);
            let titled = |name: &str| place.map_or(name.to_owned(), |folder| format!("{name} ({folder})"));
            let cargo = |name: &str, kind, command: &[&str], tail: &[&str], proves, output| {
                let mut parts = vec!["cargo"];
                parts.extend(command);
                if place.is_some() {
                    parts.extend(["--manifest-path", &manifest]);
                }
                parts.extend(tail);
                let tool = ToolNeed::Program("cargo".to_owned());
                runner(
                    &titled(name),
                    kind,
                    &parts,
                    proves,
                    tool,
                    "install Rust from https://rustup.rs",
                    output,
                )
            };
            let clippy = self.files.contains("clippy.toml")
                || self.files.contains(".clippy.toml")
                || manifest::cargo(&text).configures_clippy;
            let short = ["--offline", "--quiet", "--message-format=short"];
            if clippy {
                let mut command = vec!["clippy", "--all-targets"];
                command.extend(short);
                let mut clippy = cargo(
                    "cargo clippy",
                    CheckKind::Lint,
                    &command,
                    &[],
                    None,
                    OutputFormat::Compiler,
                );
                clippy.tool = ToolNeed::Program("cargo-clippy".to_owned());
                clippy.mend = "rustup component add clippy".to_owned();
                runners.push(clippy);
            }
            let mut command = vec!["check", "--all-targets", "--workspace"];
            command.extend(short);
            runners.push(cargo(
                "cargo check",
                CheckKind::Build,
                &command,
                &[],
                Some(Level::Built),
                OutputFormat::Compiler,
            ));
            let command = [
                "test",
                "--offline",
                "--workspace",
                "--no-fail-fast",
                "--color=never",
            ];
            runners.push(cargo(
                "cargo test",
                CheckKind::Tests,
                &command,
                &[],
                Some(Level::Tested),
                OutputFormat::CargoTest,
            ));
        }
        runners
    }

    fn node(&self) -> Vec<Runner> {
        let mut runners = Vec::new();
        let package = manifest::package_json(&self.text("package.json"));
        if self.files.contains("tsconfig.json") {
            runners.push(runner(
                "tsc",
                CheckKind::Types,
                &["tsc", "--noEmit", "--pretty", "false", "-p", "."],
                Some(Level::Built),
                ToolNeed::NodeProgram("tsc".to_owned()),
                "npm install --save-dev typescript",
                OutputFormat::Tsc,
            ));
        }
        let eslint = self
            .files
            .paths()
            .any(|path| path.starts_with("eslint.config.") || path.starts_with(".eslintrc"));
        if eslint {
            runners.push(Runner {
                extensions: vec!["js", "mjs", "cjs", "jsx", "ts", "mts", "tsx"],
                ..runner(
                    "eslint",
                    CheckKind::Lint,
                    &["eslint", "--format", "json", Runner::CHANGED_FILES],
                    None,
                    ToolNeed::NodeProgram("eslint".to_owned()),
                    "npm install",
                    OutputFormat::EslintJson,
                )
            });
        }
        runners.extend(self.node_tests(package.as_ref()));
        runners
    }

    fn node_tests(&self, package: Option<&PackageJson>) -> Option<Runner> {
        let script = package
            .and_then(|package| package.scripts.iter().find(|(name, _)| name == "test"))
            .map(|(_, script)| script.as_str());
        let declared = script.filter(|script| !script.contains("no test specified"));
        let (name, command, need) = match declared {
            Some(script) if script.trim() == "node --test" => ("node --test", None, "node"),
            Some(script) => ("npm test", Some(script), "node"),
            None if self.files.paths().any(is_node_test) => ("node --test", None, "node"),
            None => return None,
        };
        let tool = ToolNeed::Program(need.to_owned());
        let mend = "install Node.js 20 or newer";
        // The script runs in a shell of its own: npm itself would cost half a second and a cache in the home folder.
        let through_shell =
            command.map(|script| format!("PATH=\"$PWD/node_modules/.bin:$PATH\"; export PATH; {script}"));
        let parts: Vec<&str> = match &through_shell {
            Some(script) => vec!["sh", "-c", script],
            None => vec!["node", "--test", "--test-reporter=tap"],
        };
        Some(runner(
            name,
            CheckKind::Tests,
            &parts,
            Some(Level::Tested),
            tool,
            mend,
            OutputFormat::Tap,
        ))
    }

    fn go(&self) -> Vec<Runner> {
        if !self.files.contains("go.mod") {
            return Vec::new();
        }
        let tool = || ToolNeed::Program("go".to_owned());
        let mend = "install Go from https://go.dev/dl";
        vec![
            runner(
                "go vet",
                CheckKind::Lint,
                &["go", "vet", "./..."],
                None,
                tool(),
                mend,
                OutputFormat::Compiler,
            ),
            runner(
                "go build",
                CheckKind::Build,
                &["go", "build", "./..."],
                Some(Level::Built),
                tool(),
                mend,
                OutputFormat::Compiler,
            ),
            runner(
                "go test",
                CheckKind::Tests,
                &["go", "test", "-json", "./..."],
                Some(Level::Tested),
                tool(),
                mend,
                OutputFormat::GoTestJson,
            ),
        ]
    }

    fn java(&self) -> Vec<Runner> {
        if self.files.contains("pom.xml") {
            let tool = || ToolNeed::Program("mvn".to_owned());
            let mend = "install Maven and fetch its dependencies once with `mvn dependency:go-offline`";
            let compile = ["mvn", "-o", "-q", "-B", "test-compile"];
            let test = ["mvn", "-o", "-B", "test"];
            return vec![
                runner(
                    "mvn compile",
                    CheckKind::Build,
                    &compile,
                    Some(Level::Built),
                    tool(),
                    mend,
                    OutputFormat::Maven,
                ),
                runner(
                    "mvn test",
                    CheckKind::Tests,
                    &test,
                    Some(Level::Tested),
                    tool(),
                    mend,
                    OutputFormat::Maven,
                ),
            ];
        }
        let gradle = self
            .files
            .paths()
            .any(|path| path.ends_with("build.gradle") || path.ends_with("build.gradle.kts"));
        if gradle {
            return Vec::new();
        }
        // The list of files is made where the command runs, so that new files are part of it.
        let script = "find . -name '*.java' -not -path './.git/*' > \"${TMPDIR:-/tmp}/tenon-java-files\" && \
                      javac -encoding UTF-8 -d \"${TMPDIR:-/tmp}/tenon-java-classes\" @\"${TMPDIR:-/tmp}/tenon-java-files\"";
        let tool = ToolNeed::Program("javac".to_owned());
        let command = ["sh", "-c", script];
        vec![runner(
            "javac",
            CheckKind::Build,
            &command,
            Some(Level::Built),
            tool,
            "install a JDK",
            OutputFormat::Compiler,
        )]
    }
}

fn runner(
    name: &str,
    kind: CheckKind,
    command: &[&str],
    proves: Option<Level>,
    tool: ToolNeed,
    mend: &str,
    output: OutputFormat,
) -> Runner {
    Runner {
        name: name.to_owned(),
        kind,
        command: command.iter().map(|part| (*part).to_owned()).collect(),
        proves,
        tool,
        mend: mend.to_owned(),
        output,
        extensions: Vec::new(),
        fallback: None,
        optional: false,
    }
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

/// Whether a JavaScript file holds tests, by the patterns of `node --test` and its kin.
pub(crate) fn is_node_test(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let Some((stem, extension)) = name.rsplit_once('.') else {
        return false;
    };
    let code = matches!(extension, "js" | "mjs" | "cjs" | "jsx" | "ts" | "mts" | "tsx");
    let in_tests = folder
        .split('/')
        .any(|part| matches!(part, "test" | "tests" | "__tests__"));
    code && (in_tests
        || stem == "test"
        || stem.starts_with("test-")
        || [".test", "-test", "_test", ".spec"]
            .iter()
            .any(|end| stem.ends_with(end)))
}
