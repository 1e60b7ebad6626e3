//! Imports exist: in the standard library, in the repository, among the declared or the installed packages.
//!
//! Small models invent packages and members with confidence. What cannot be found is an error; what exists but
//! is not declared is a warning. Imports that were there before are not judged.

mod compiled;
mod near;
mod node;
mod python;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tenon_domain::{ChangeSet, FileChange, Finding, RepoPath, Severity};
use tenon_syntax::{Import, Language, SourceFile};

use crate::project::{Declared, Project, read_text};

pub(crate) use near::new_dependencies;

/// A changed file with its syntax trees.
#[derive(Debug)]
pub(crate) struct Touched<'change> {
    pub(crate) change: &'change FileChange,
    pub(crate) language: Language,
    pub(crate) before: Option<SourceFile>,
    pub(crate) after: SourceFile,
}

/// A Python package that is neither local nor declared: only the environment knows whether it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Undeclared {
    pub(crate) module: String,
    path: RepoPath,
    line: u32,
    /// Inside `try … except ImportError`.
    optional: bool,
}

/// What the static part of the check found.
#[derive(Debug, Default)]
pub(crate) struct Imports {
    pub(crate) findings: Vec<Finding>,
    pub(crate) undeclared: Vec<Undeclared>,
}

/// The repository as it is after the change.
struct Tree<'project> {
    project: &'project Project,
    change: &'project ChangeSet,
    declared: Declared,
    parsed: HashMap<String, Option<Arc<SourceFile>>>,
}

pub(crate) fn check(project: &Project, change: &ChangeSet, touched: &[Touched<'_>]) -> Imports {
    let mut tree = Tree {
        project,
        change,
        declared: project.declared_after(change),
        parsed: HashMap::new(),
    };
    let mut found = Imports::default();
    for file in touched {
        let known: Vec<Import> = file.before.as_ref().map(SourceFile::imports).unwrap_or_default();
        for import in file.after.imports() {
            let Some(import) = only_new(import, &known) else {
                continue;
            };
            match file.language {
                Language::Python => python::judge(&mut tree, file, &import, &mut found),
                Language::JavaScript | Language::TypeScript | Language::Tsx => {
                    node::judge(&mut tree, file, &import, &mut found);
                }
                Language::Rust => compiled::judge_rust(&tree, file, &import, &mut found),
                Language::Go => compiled::judge_go(&tree, file, &import, &mut found),
                Language::Java => compiled::judge_java(&tree, file, &import, &mut found),
            }
        }
    }
    found
        .findings
        .extend(new_dependencies(&project.declared, &tree.declared));
    found
}

/// The findings about packages that only the environment knows. `installed` is `None` when nobody could look.
pub(crate) fn settle(
    project: &Project,
    undeclared: &[Undeclared],
    installed: Option<&BTreeSet<String>>,
) -> Vec<Finding> {
    let mut reported: BTreeSet<&str> = BTreeSet::new();
    undeclared
        .iter()
        .filter(|import| reported.insert(&import.module))
        .filter_map(|import| python::settled(project, import, installed))
        .collect()
}

/// The part of an import that the file did not have before.
fn only_new(mut import: Import, known: &[Import]) -> Option<Import> {
    let same =
        |other: &&Import| other.module == import.module && other.relative_level == import.relative_level;
    let matching: Vec<&Import> = known.iter().filter(same).collect();
    if matching.is_empty() {
        return Some(import);
    }
    import.names.retain(|name| {
        !matching
            .iter()
            .any(|other| other.names.iter().any(|known| known.name == name.name))
    });
    (!import.names.is_empty()).then_some(import)
}

impl Tree<'_> {
    /// Whether a file exists after the change.
    fn exists(&self, path: &str) -> bool {
        match self.change.files.iter().find(|file| file.path.as_str() == path) {
            Some(file) => file.after.is_some(),
            None => {
                let renamed = self.change.files.iter().any(|file| {
                    file.renamed_from
                        .as_ref()
                        .is_some_and(|from| from.as_str() == path)
                });
                // Ignored files are not listed but may be generated modules.
                !renamed && (self.project.files.contains(path) || self.project.root().join(path).is_file())
            }
        }
    }

    fn has_folder(&self, folder: &str) -> bool {
        let prefix = format!("{folder}/");
        self.project.files.has_folder(folder)
            || self
                .change
                .files
                .iter()
                .any(|file| file.after.is_some() && file.path.as_str().starts_with(&prefix))
    }

    /// The files and folders directly in `folder`, without their extension.
    fn siblings(&self, folder: &str) -> BTreeSet<String> {
        let prefix = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        let changed = self
            .change
            .files
            .iter()
            .filter(|file| file.after.is_some())
            .map(|file| file.path.as_str());
        self.project
            .files
            .paths()
            .chain(changed)
            .filter_map(|path| path.strip_prefix(prefix.as_str()))
            .map(|rest| rest.split('/').next().unwrap_or(rest))
            .map(|name| name.split('.').next().unwrap_or(name).to_owned())
            .collect()
    }

    /// The syntax tree of a file after the change; `None` when it cannot be had.
    fn parse(&mut self, path: &str) -> Option<Arc<SourceFile>> {
        if let Some(known) = self.parsed.get(path) {
            return known.clone();
        }
        let changed = self.change.files.iter().find(|file| file.path.as_str() == path);
        let text = match changed {
            Some(file) => file.after.clone(),
            None => read_text(self.project.root(), path),
        };
        let language = RepoPath::parse(path).ok().as_ref().and_then(Language::of_path);
        let file = match (language, text) {
            (Some(language), Some(text)) => SourceFile::parse(language, text).ok().map(Arc::new),
            _ => None,
        };
        self.parsed.insert(path.to_owned(), file.clone());
        file
    }
}

fn at(
    file: &Touched<'_>,
    import: &Import,
    rule: &str,
    severity: Severity,
    message: String,
    help: Option<String>,
) -> Finding {
    Finding {
        rule: format!("dependencies/{rule}"),
        severity,
        path: Some(file.change.path.clone()),
        line: Some(import.line),
        column: None,
        message,
        help,
        replacements: Vec::new(),
    }
}
