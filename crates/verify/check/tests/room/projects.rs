//! What is read off a repository, and what the static checks say about changes to it.

use tenon_check::{Ecosystem, TestEdits, ToolNeed, static_reports};
use tenon_domain::{CheckKind, CheckReport, Outcome, Severity};

use crate::workshop::Workshop;

fn names(workshop: &Workshop) -> Vec<String> {
    workshop
        .project()
        .runners
        .into_iter()
        .map(|runner| runner.name)
        .collect()
}

#[test]
fn the_tools_of_every_ecosystem_are_found() {
    let workshop = Workshop::new(&[
        (
            "pyproject.toml",
            "[tool.ruff]\n[tool.mypy]\n[tool.pytest.ini_options]\n",
        ),
        ("tests/test_a.py", "def test_a(): pass\n"),
        ("Cargo.toml", "[package]\nname='a'\n[lints.clippy]\nall='warn'\n"),
        ("package.json", r#"{"scripts": {"test": "jest --ci"}}"#),
        ("tsconfig.json", "{}"),
        ("eslint.config.js", ""),
        ("go.mod", "module a\n"),
        ("pom.xml", "<project/>"),
    ]);
    let project = workshop.project();
    assert_eq!(
        project.ecosystems,
        [
            Ecosystem::Python,
            Ecosystem::Rust,
            Ecosystem::Node,
            Ecosystem::Go,
            Ecosystem::Java
        ]
    );
    assert_eq!(
        names(&workshop),
        [
            "ruff",
            "cargo clippy",
            "eslint",
            "go vet",
            "mypy",
            "tsc",
            "cargo check",
            "go build",
            "mvn compile",
            "pytest",
            "cargo test",
            "npm test",
            "go test",
            "mvn test",
        ]
    );
    assert!(project.runners.is_sorted_by_key(|runner| runner.kind));
}

#[test]
fn tests_choose_their_runner_by_how_they_are_written() {
    let runner = |text: &str| {
        let project = Workshop::new(&[("test_a.py", text)]).project();
        let runner = project
            .runners
            .into_iter()
            .find(|runner| runner.kind == CheckKind::Tests);
        runner.map(|runner| (runner.name, runner.fallback.map(|fallback| fallback.name)))
    };
    let class = "import unittest\nclass A(unittest.TestCase):\n    def test_a(self): pass\n";
    assert_eq!(runner(class), Some(("unittest".into(), None)));
    assert_eq!(
        runner("def test_a(): pass\n"),
        Some(("pytest".into(), Some("unittest".into())))
    );
    assert_eq!(
        runner("import pytest\ndef test_a(tmp_path): pass\n"),
        Some(("pytest".into(), None))
    );
    assert_eq!(runner("x = 1\n"), None);
}

#[test]
fn scripts_that_test_nothing_are_no_tests() {
    let empty = r#"{"scripts": {"test": "echo \"Error: no test specified\" && exit 1"}}"#;
    assert_eq!(
        names(&Workshop::new(&[("package.json", empty)])),
        Vec::<String>::new()
    );
    let workshop = Workshop::new(&[("package.json", empty), ("a.test.js", "")]);
    assert_eq!(names(&workshop), ["node --test"]);
    assert_eq!(
        workshop.project().runners[0].tool,
        ToolNeed::Program("node".into())
    );
}

#[test]
fn a_repository_that_is_hardly_one_is_survived() {
    for files in [
        &[][..],
        &[("a.bin", "\0\u{1}")],
        &[
            ("Cargo.toml", "[[["),
            ("package.json", "{"),
            ("pyproject.toml", "="),
        ],
    ] {
        let project = Workshop::new(files).project();
        assert!(project.files.is_complete());
    }
}

fn report(workshop: &Workshop, files: &[(&str, Option<&str>)], kind: CheckKind) -> CheckReport {
    let reports = static_reports(&workshop.project(), &workshop.change(files), TestEdits::Forbidden);
    reports.into_iter().find(|report| report.kind == kind).unwrap()
}

#[test]
fn protected_and_odd_files_are_noticed() {
    let workshop = Workshop::new(&[("a.py", "x = 1\n")]);
    std::os::unix::fs::symlink("/etc", workshop.root.join("outside")).unwrap();
    for (path, rule, severity) in [
        ("outside/passwd", "policy/symbolic-link", Severity::Error),
        ("Cargo.lock", "policy/lock-file", Severity::Warning),
        ("web/package-lock.json", "policy/lock-file", Severity::Warning),
        (".github/workflows/ci.yml", "policy/pipeline", Severity::Warning),
    ] {
        let policy = report(&workshop, &[(path, Some("x"))], CheckKind::Policy);
        assert_eq!(
            (policy.findings[0].rule.as_str(), policy.findings[0].severity),
            (rule, severity)
        );
        let expected = if severity == Severity::Error {
            Outcome::Failed
        } else {
            Outcome::Passed
        };
        assert_eq!(policy.outcome, expected);
    }
    let binary = report(&workshop, &[("a.txt", Some("a\0b"))], CheckKind::Policy);
    assert_eq!(binary.findings[0].rule, "policy/binary");
    let large = "x\n".repeat(3 * 1024 * 1024);
    let large = report(&workshop, &[("a.txt", Some(&large))], CheckKind::Policy);
    assert_eq!(
        (large.outcome, large.findings[0].rule.as_str()),
        (Outcome::Failed, "policy/large-file")
    );
}

#[test]
fn syntax_must_not_get_worse() {
    let workshop = Workshop::new(&[("bad.py", "def f(:\n    pass\n"), ("good.py", "x = 1\n")]);
    let worse = report(&workshop, &[("good.py", Some("x = (1\n"))], CheckKind::Syntax);
    assert_eq!(worse.outcome, Outcome::Failed);
    assert!(
        worse.reason.as_ref().unwrap().starts_with("good.py:1"),
        "{worse:#?}"
    );
    let same = report(
        &workshop,
        &[("bad.py", Some("def f(:\n    return 1\n"))],
        CheckKind::Syntax,
    );
    assert_eq!(
        (same.outcome, same.findings[0].severity),
        (Outcome::Passed, Severity::Note)
    );
    let text = report(&workshop, &[("notes.txt", Some("hello"))], CheckKind::Syntax);
    assert_eq!(text.outcome, Outcome::Skipped);
    let invented = report(
        &workshop,
        &[("print.py", Some("print 'old'\n"))],
        CheckKind::Syntax,
    );
    assert_eq!(invented.outcome, Outcome::Failed);
}

#[test]
fn imports_are_judged_by_the_rules_of_their_language() {
    let workshop = Workshop::new(&[
        (
            "package.json",
            r#"{"name": "own", "dependencies": {"lodash": "4", "@scope/pkg": "1"}}"#,
        ),
        (
            "tsconfig.json",
            r#"{"compilerOptions": {"paths": {"lib/*": ["src/lib/*"]}}}"#,
        ),
        (
            "src/util.ts",
            "export const one = 1;\nexport default function two() {}\nexport type Three = number;\n",
        ),
        ("src/all.ts", "export * from './util';\n"),
        ("src/folder/index.js", "module.exports = { x: 1 };\n"),
        (
            "Cargo.toml",
            "[package]\nname = \"my-app\"\n[dependencies]\nserde_json = \"1\"\n",
        ),
        ("src/main.rs", "mod store;\nfn main() {}\n"),
        ("src/store.rs", "pub fn get() {}\n"),
        (
            "go.mod",
            "module example.org/app\nrequire github.com/pkg/errors v1\n",
        ),
    ]);
    let good_script = "import _ from 'lodash';\nimport x from '@scope/pkg/deep';\nimport fs from 'node:fs/promises';\nimport path from 'path';\n\
                       import two, { one, type Three } from './util';\nimport { anything } from './all.js';\nimport y from './folder';\n\
                       import z from 'lib/z';\nimport own from 'own';\nimport css from './a.css';\nimport w from '@/alias';\n";
    let good_rust = "use serde_json::Value;\nuse std::fmt;\nuse crate::store;\nuse store::get;\nuse my_app::x;\nmod inner { pub fn f() {} }\nuse inner::f;\n";
    let good_go = "package a\nimport (\n\t\"fmt\"\n\t\"net/http\"\n\t\"example.org/app/sub\"\n\t\"github.com/pkg/errors\"\n)\n";
    for (path, text) in [
        ("src/good.ts", good_script),
        ("src/good.rs", good_rust),
        ("good.go", good_go),
    ] {
        let found = report(&workshop, &[(path, Some(text))], CheckKind::Dependencies);
        assert!(found.findings.is_empty(), "{path} {:#?}", found.findings);
    }
    for (path, text, message) in [
        (
            "src/a.ts",
            "import { onee } from './util';\n",
            "`src/util.ts` does not export `onee`",
        ),
        (
            "src/a.ts",
            "import x from './utils';\n",
            "there is no file for `./utils`",
        ),
        (
            "src/a.ts",
            "import x from 'node:pathh';\n",
            "Node.js has no module `node:pathh`",
        ),
        (
            "src/a.ts",
            "import x from 'left-padding-deluxe';\n",
            "`left-padding-deluxe` is neither declared nor installed",
        ),
        (
            "src/a.ts",
            "import x from 'expresss';\n",
            "`expresss` is not declared and looks like `express`: it may be an imitation of it",
        ),
        (
            "src/a.rs",
            "use serde_jason::Value;\n",
            "the crate `serde_jason` is not declared in Cargo.toml",
        ),
        (
            "a.go",
            "package a\nimport \"github.com/other/thing\"\n",
            "`github.com/other/thing` is not required in go.mod",
        ),
        (
            "a.go",
            "package a\nimport \"strngs\"\n",
            "`strngs` is not part of Go's standard library",
        ),
    ] {
        let found = report(&workshop, &[(path, Some(text))], CheckKind::Dependencies);
        let messages: Vec<&str> = found
            .findings
            .iter()
            .map(|finding| finding.message.as_str())
            .collect();
        assert_eq!(messages, [message], "{text}");
        assert_eq!(found.outcome, Outcome::Failed);
    }
}

#[test]
fn a_change_of_a_manifest_counts_and_look_alikes_in_it_do_not_pass() {
    let workshop = Workshop::new(&[("requirements.txt", "attrs\n")]);
    let code = "import httpx\nimport yaml\nprint(httpx, yaml)\n";
    let found = report(
        &workshop,
        &[
            ("a.py", Some(code)),
            ("requirements.txt", Some("attrs\nhttpx\nPyYAML\n")),
        ],
        CheckKind::Dependencies,
    );
    assert_eq!(found.outcome, Outcome::Passed, "{found:#?}");
    let found = report(
        &workshop,
        &[("requirements.txt", Some("attrs\nreqeusts\nsomething-else\n"))],
        CheckKind::Dependencies,
    );
    let rules: Vec<(&str, Severity)> = found
        .findings
        .iter()
        .map(|finding| (finding.rule.as_str(), finding.severity))
        .collect();
    assert_eq!(
        rules,
        [
            ("dependencies/typosquat", Severity::Error),
            ("dependencies/new", Severity::Warning)
        ]
    );
}

#[test]
fn imports_that_were_there_before_are_not_judged() {
    let workshop = Workshop::new(&[("a.py", "import unknown_thing\n")]);
    let after = "import unknown_thing\nx = unknown_thing.y\n";
    let found = report(&workshop, &[("a.py", Some(after))], CheckKind::Dependencies);
    assert_eq!(found.outcome, Outcome::Passed);
}

#[test]
fn secrets_in_added_text_fail() {
    let workshop = Workshop::new(&[("a.py", "x = 1\n")]);
    let text = format!(
        "x = 1\ntoken = 'ghp_{}'\n",
        "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3hJ5"
    );
    let found = report(&workshop, &[("a.py", Some(&text))], CheckKind::Secrets);
    assert_eq!(
        (found.outcome, found.findings[0].line),
        (Outcome::Failed, Some(2))
    );
    assert!(
        !format!("{found:?}").contains("aB3dE5"),
        "the secret must not travel"
    );
}
