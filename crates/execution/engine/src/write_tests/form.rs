//! How tests are written and run in a language: the file, the command, and how the file begins.

use tenon_context::Index;
use tenon_domain::{AcceptanceCommand, RepoPath};
use tenon_syntax::{Language, SourceFile, Symbol};

use crate::error::EngineError;
use crate::locate::is_test_path;

/// How tests are written and run in a language.
pub(super) struct Form {
    /// The new test file.
    pub path: RepoPath,
    /// Runs that file alone.
    pub command: AcceptanceCommand,
    /// The framework, in words for a prompt.
    pub framework: String,
    /// How the file begins, up to where the first test stands.
    pub header: String,
    /// How a test begins: what the model writes after it is the first test's name.
    pub first_words: &'static str,
}

pub(super) fn form(
    path: &RepoPath,
    source: &SourceFile,
    symbol: Option<&Symbol>,
    index: &Index,
) -> Result<Form, EngineError> {
    let file = path.file_name();
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let outer = symbol.map(|symbol| {
        symbol
            .qualified_name
            .split('.')
            .next()
            .unwrap_or(&symbol.name)
            .to_owned()
    });
    let top: Vec<String> = source
        .symbols()
        .iter()
        .filter(|symbol| symbol.parent.is_none() && symbol.exported && !symbol.name.is_empty())
        .filter(|symbol| symbol.kind.is_callable() || symbol.kind.is_container())
        .map(|symbol| symbol.name.clone())
        .collect();
    let names = outer.clone().map_or(top, |outer| vec![outer]);
    let unsupported = |reason: &str| EngineError::Uneditable {
        path: path.clone(),
        reason: reason.to_owned(),
    };
    if names.is_empty() {
        return Err(unsupported("it defines nothing that a test could import"));
    }
    let label = outer.unwrap_or_else(|| stem.to_owned());
    let free = |candidates: Vec<String>| {
        candidates
            .into_iter()
            .filter_map(|text| RepoPath::parse(&text).ok())
            .find(|path| !index.contains(path))
    };
    let test_folder = |names: &[&str]| {
        index
            .paths()
            .find(|path| {
                is_test_path(path)
                    && names
                        .iter()
                        .any(|name| path.folder().split('/').next_back() == Some(name))
            })
            .map(|path| path.folder().to_owned())
    };
    let no_name = || unsupported("no free name for a test file beside the existing tests");
    match source.language() {
        Language::Python => {
            let folder = test_folder(&["tests", "test"]).map_or(String::new(), |folder| format!("{folder}/"));
            let lower = snake(&label);
            let place = free(vec![
                format!("{folder}test_{stem}.py"),
                format!("{folder}test_{lower}.py"),
                format!("{folder}test_{stem}_{lower}.py"),
            ])
            .ok_or_else(no_name)?;
            let module = path
                .as_str()
                .trim_end_matches(".py")
                .trim_end_matches("/__init__")
                .replace('/', ".");
            let module = module.strip_prefix("src.").unwrap_or(&module).to_owned();
            let start = if path.as_str().starts_with("src/") {
                "PYTHONPATH=src:. "
            } else {
                ""
            };
            Ok(Form {
                command: AcceptanceCommand(format!("{start}python3 -m unittest {place}")),
                path: place,
                framework: "Python's unittest".to_owned(),
                header: format!(
                    "import unittest\n\nfrom {module} import {}\n\n\nclass {}Test(unittest.TestCase):\n",
                    names.join(", "),
                    camel(&label)
                ),
                first_words: "    def test_",
            })
        }
        Language::JavaScript => {
            let folder =
                test_folder(&["test", "tests", "__tests__"]).unwrap_or_else(|| path.folder().to_owned());
            let prefix = if folder.is_empty() {
                String::new()
            } else {
                format!("{folder}/")
            };
            let extension = path.extension().unwrap_or("js");
            let place = free(vec![
                format!("{prefix}{stem}.test.{extension}"),
                format!("{prefix}{stem}-{}.test.{extension}", snake(&label)),
            ])
            .ok_or_else(no_name)?;
            let relative = relative_import(&folder, path);
            let is_module = extension == "mjs" || source.text().contains("export ");
            let names = names.join(", ");
            let header = if is_module {
                format!(
                    "import assert from 'node:assert/strict';\nimport {{ test }} from 'node:test';\n\nimport {{ {names} }} from '{relative}';\n\n"
                )
            } else {
                format!(
                    "const assert = require('node:assert/strict');\nconst {{ test }} = require('node:test');\n\nconst {{ {names} }} = require('{relative}');\n\n"
                )
            };
            Ok(Form {
                command: AcceptanceCommand(format!("node --test {place}")),
                path: place,
                framework: "node:test and node:assert/strict".to_owned(),
                header,
                first_words: "test('",
            })
        }
        Language::Rust => {
            let manifest = RepoPath::parse("Cargo.toml")
                .ok()
                .and_then(|path| index.file_text(&path));
            let package = manifest
                .as_deref()
                .and_then(package_name)
                .ok_or_else(|| unsupported("there is no Cargo.toml with a package at the root"))?;
            let package = package.replace('-', "_");
            let module = path
                .as_str()
                .trim_start_matches("src/")
                .trim_end_matches(".rs")
                .trim_end_matches("/mod")
                .replace('/', "::");
            let exported = symbol.is_none_or(|symbol| symbol.exported);
            if !exported || module == "main" {
                return Err(unsupported(
                    "only public items of a library can be tested from a file of their own",
                ));
            }
            let lower = snake(&label);
            let place = free(vec![
                format!("tests/{lower}.rs"),
                format!("tests/{lower}_tests.rs"),
            ])
            .ok_or_else(no_name)?;
            let test = place.file_name().trim_end_matches(".rs").to_owned();
            let inner = if module == "lib" {
                String::new()
            } else {
                format!("{module}::")
            };
            Ok(Form {
                command: AcceptanceCommand(format!("cargo test --offline --test {test}")),
                path: place,
                framework: "Rust's #[test] functions".to_owned(),
                header: format!(
                    "use {package}::{inner}{};\n\n",
                    if names.len() == 1 {
                        names.join("")
                    } else {
                        format!("{{{}}}", names.join(", "))
                    }
                ),
                first_words: "#[test]\nfn ",
            })
        }
        _ => Err(unsupported(
            "tests are written for Python, JavaScript and Rust so far",
        )),
    }
}

fn snake(name: &str) -> String {
    let mut text = String::new();
    for character in name.chars() {
        if character.is_uppercase() && !text.is_empty() && !text.ends_with('_') {
            text.push('_');
        }
        text.extend(character.to_lowercase());
    }
    text
}

fn camel(name: &str) -> String {
    let parts = name.split(|character: char| !character.is_alphanumeric());
    parts
        .map(|part| {
            let mut characters = part.chars();
            let first = characters.next().map(|first| first.to_uppercase().to_string());
            first.unwrap_or_default() + characters.as_str()
        })
        .collect()
}

fn package_name(manifest: &str) -> Option<&str> {
    let section = manifest.split("[package]").nth(1)?;
    let line = section
        .lines()
        .find(|line| line.trim_start().starts_with("name"))?;
    line.split('"').nth(1)
}

/// The path of `file` as an import in `folder` writes it.
fn relative_import(folder: &str, file: &RepoPath) -> String {
    let from: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    let to: Vec<&str> = file.as_str().split('/').collect();
    let shared = from
        .iter()
        .zip(&to)
        .take_while(|(one, other)| one == other)
        .count();
    let up = "../".repeat(from.len() - shared);
    let rest = to.get(shared..).unwrap_or_default().join("/");
    if up.is_empty() {
        format!("./{rest}")
    } else {
        format!("{up}{rest}")
    }
}
