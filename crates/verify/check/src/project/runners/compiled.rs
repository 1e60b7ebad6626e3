//! Rust, Go and Java: one tool that builds and tests.

use tenon_domain::{CheckKind, Level};

use super::{Reader, runner};
use crate::project::manifest;
use crate::project::{OutputFormat, Runner, ToolNeed};

impl Reader<'_> {
    pub(super) fn rust(&self) -> Vec<Runner> {
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
            let format = ["--offline", "--quiet", "--message-format=json"];
            if clippy {
                let mut command = vec!["clippy", "--all-targets"];
                command.extend(format);
                let mut clippy = cargo(
                    "cargo clippy",
                    CheckKind::Lint,
                    &command,
                    &[],
                    None,
                    OutputFormat::CargoJson,
                );
                clippy.tool = ToolNeed::Program("cargo-clippy".to_owned());
                clippy.mend = "rustup component add clippy".to_owned();
                runners.push(clippy);
            }
            let mut command = vec!["check", "--all-targets", "--workspace"];
            command.extend(format);
            runners.push(cargo(
                "cargo check",
                CheckKind::Build,
                &command,
                &[],
                Some(Level::Built),
                OutputFormat::CargoJson,
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

    pub(super) fn go(&self) -> Vec<Runner> {
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

    pub(super) fn java(&self) -> Vec<Runner> {
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
