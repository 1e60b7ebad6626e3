//! What a change may touch: paths, links, sizes, protected files, and the tests that judge it.

use std::path::Path;

use tenon_domain::{ChangeSet, FileChange, Finding, RepoPath, Severity};
use tenon_syntax::{Language, SourceFile};

use crate::plan::TestEdits;
use crate::project::{is_node_test, is_python_test};
use crate::report::finding;

/// Files beyond this make a change that nobody can review.
const MOST_FILES: usize = 200;
const MANY_FILES: usize = 40;
const LARGEST_FILE: usize = 4 * 1024 * 1024;
const LARGE_FILE: usize = 512 * 1024;

const LOCK_FILES: [&str; 10] = [
    "Cargo.lock",
    "package-lock.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "poetry.lock",
    "uv.lock",
    "Pipfile.lock",
    "go.sum",
    "composer.lock",
    "Gemfile.lock",
];

pub(crate) fn findings(root: &Path, change: &ChangeSet, test_edits: TestEdits) -> Vec<Finding> {
    let mut found = Vec::new();
    let files = change.files.len();
    if files > MANY_FILES {
        let severity = if files > MOST_FILES {
            Severity::Error
        } else {
            Severity::Warning
        };
        let mut many = finding(
            "policy/too-many-files",
            severity,
            format!("the change touches {files} files"),
        );
        many.help = Some("ask for a smaller change".to_owned());
        found.push(many);
    }
    for file in &change.files {
        found.extend(links(root, &file.path));
        found.extend(file.renamed_from.as_ref().and_then(|path| links(root, path)));
        found.extend(protected(file));
        found.extend(size(file));
        if test_edits == TestEdits::Forbidden {
            found.extend(fewer_tests(file));
        }
    }
    found
}

fn at(path: &RepoPath, rule: &str, severity: Severity, message: String) -> Finding {
    Finding {
        path: Some(path.clone()),
        ..finding(rule, severity, message)
    }
}

/// A symbolic link on the way may lead anywhere.
fn links(root: &Path, path: &RepoPath) -> Option<Finding> {
    let mut place = root.to_owned();
    for part in path.as_str().split('/') {
        place.push(part);
        let is_link = std::fs::symlink_metadata(&place).is_ok_and(|metadata| metadata.is_symlink());
        if is_link {
            let inside = match (place.canonicalize(), root.canonicalize()) {
                (Ok(target), Ok(root)) => target.starts_with(root),
                _ => false,
            };
            let message = if inside {
                format!("`{path}` leads through a symbolic link")
            } else {
                format!("`{path}` leads out of the repository through a symbolic link")
            };
            let mut link = at(path, "policy/symbolic-link", Severity::Error, message);
            link.help = Some("name the file that the link points to".to_owned());
            return Some(link);
        }
    }
    None
}

fn protected(file: &FileChange) -> Option<Finding> {
    let path = &file.path;
    let name = path.file_name();
    if LOCK_FILES.contains(&name) {
        let message = format!("`{path}` is written by a package manager, not by hand");
        return Some(at(path, "policy/lock-file", Severity::Warning, message));
    }
    let text = path.as_str();
    let pipeline = text.starts_with(".github/workflows/")
        || text.starts_with(".circleci/")
        || text.starts_with(".ci/")
        || matches!(
            text,
            ".gitlab-ci.yml"
                | "azure-pipelines.yml"
                | "Jenkinsfile"
                | ".travis.yml"
                | "bitbucket-pipelines.yml"
        );
    pipeline.then(|| {
        let message = format!("`{path}` decides what runs in continuous integration");
        at(path, "policy/pipeline", Severity::Warning, message)
    })
}

fn size(file: &FileChange) -> Option<Finding> {
    let text = file.after.as_deref()?;
    let path = &file.path;
    if text.contains('\0') {
        return Some(at(
            path,
            "policy/binary",
            Severity::Error,
            format!("`{path}` holds NUL bytes and is no text"),
        ));
    }
    if text.len() > LARGE_FILE
        && file
            .before
            .as_deref()
            .is_none_or(|before| before.len() < LARGE_FILE)
    {
        let severity = if text.len() > LARGEST_FILE {
            Severity::Error
        } else {
            Severity::Warning
        };
        return Some(at(
            path,
            "policy/large-file",
            severity,
            format!("`{path}` is {} KiB large", text.len() / 1024),
        ));
    }
    None
}

/// A change that removes or disables the tests that judge it proves nothing.
fn fewer_tests(file: &FileChange) -> Option<Finding> {
    let before = file.before.as_deref()?;
    let origin = file.renamed_from.as_ref().unwrap_or(&file.path);
    let was = count_tests(origin, before)?;
    let is = match &file.after {
        Some(after) => count_tests(&file.path, after).unwrap_or_default(),
        None => TestCount::default(),
    };
    let path = &file.path;
    let message = if is.active() < was.active() {
        let (before, after) = (was.active(), is.active());
        format!("`{path}` had {before} tests and would have {after}")
    } else {
        return None;
    };
    let mut fewer = at(path, "policy/fewer-tests", Severity::Error, message);
    fewer.help = Some("leave existing tests as they are, or ask for a change of the tests".to_owned());
    Some(fewer)
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct TestCount {
    defined: usize,
    disabled: usize,
}

impl TestCount {
    fn active(self) -> usize {
        self.defined.saturating_sub(self.disabled)
    }
}

/// The tests that a file defines; `None` when it is no test file.
fn count_tests(path: &RepoPath, text: &str) -> Option<TestCount> {
    let language = Language::of_path(path)?;
    let count = |marks: &[&str]| marks.iter().map(|mark| text.matches(mark).count()).sum::<usize>();
    match language {
        Language::Python if is_python_test(path.as_str()) => {
            let file = SourceFile::parse(language, text).ok()?;
            let defined = file
                .symbols()
                .iter()
                .filter(|symbol| symbol.kind.is_callable() && symbol.name.starts_with("test"))
                .count();
            let disabled = count(&[
                "@unittest.skip",
                "@pytest.mark.skip",
                "@skip(",
                "@skipIf(",
                "@pytest.mark.xfail",
                "@unittest.expectedFailure",
            ]);
            Some(TestCount { defined, disabled })
        }
        Language::JavaScript | Language::TypeScript | Language::Tsx if is_node_test(path.as_str()) => {
            let calls = text.lines().map(str::trim_start);
            let starts = |line: &str, names: &[&str]| names.iter().any(|name| line.starts_with(name));
            let defined = calls
                .clone()
                .filter(|line| starts(line, &["test(", "it(", "test.only(", "it.only("]))
                .count();
            let disabled = count(&["skip: true", "todo: true"]);
            Some(TestCount { defined, disabled })
        }
        Language::Rust => {
            let defined = count(&["#[test]", "#[tokio::test", "#[rstest]", "#[test_case"]);
            (defined > 0).then(|| TestCount {
                defined,
                disabled: count(&["#[ignore"]),
            })
        }
        Language::Go if path.file_name().ends_with("_test.go") => Some(TestCount {
            defined: count(&["\nfunc Test"]),
            disabled: count(&["t.Skip("]),
        }),
        Language::Java => {
            let defined = count(&["@Test", "@ParameterizedTest"]);
            (defined > 0).then(|| TestCount {
                defined,
                disabled: count(&["@Disabled", "@Ignore"]),
            })
        }
        _ => None,
    }
}

/// Whether `path` is, by its language's conventions, a file of tests.
pub(crate) fn is_test_file(path: &RepoPath) -> bool {
    let text = path.as_str();
    match Language::of_path(path) {
        Some(Language::Python) => is_python_test(text),
        Some(Language::JavaScript | Language::TypeScript | Language::Tsx) => is_node_test(text),
        Some(Language::Go) => text.ends_with("_test.go"),
        Some(Language::Rust) => {
            text.starts_with("tests/") || text.contains("/tests/") || text.ends_with("/tests.rs")
        }
        Some(Language::Java) => {
            text.contains("src/test/") || text.ends_with("Test.java") || text.ends_with("Tests.java")
        }
        None => false,
    }
}
