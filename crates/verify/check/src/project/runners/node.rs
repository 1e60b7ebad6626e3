//! JavaScript and TypeScript: tsc, eslint and the project's test script.

use tenon_domain::{CheckKind, Level};

use super::{Reader, runner};
use crate::project::manifest::{self, PackageJson};
use crate::project::{OutputFormat, Runner, ToolNeed};

impl Reader<'_> {
    pub(super) fn node(&self) -> Vec<Runner> {
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
