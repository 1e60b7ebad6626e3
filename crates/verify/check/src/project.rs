//! What a repository is made of: its ecosystems, declared dependencies, files, and the tools that check it.
//!
//! Everything here is read, nothing is run. What a repository declares decides which commands are started
//! in the sandbox, never what the sandbox permits.

mod declared;
mod files;
mod manifest;
mod runner;
mod runners;

use std::path::{Path, PathBuf};

use tenon_domain::ChangeSet;

pub use declared::Declared;
pub use files::FileList;
pub(crate) use files::read_text;
pub(crate) use manifest::normalised;
pub use runner::{OutputFormat, Runner, ToolNeed};
pub(crate) use runners::{is_node_test, is_python_test};

/// A package world that a repository belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ecosystem {
    /// `*.py`, pyproject, requirements.
    Python,
    /// `Cargo.toml`.
    Rust,
    /// `package.json`, JavaScript and TypeScript.
    Node,
    /// `go.mod`.
    Go,
    /// `pom.xml`, or bare Java files.
    Java,
}

/// What is known about a repository without running anything in it.
#[derive(Debug, Clone)]
pub struct Project {
    root: PathBuf,
    /// The ecosystems found, in a fixed order.
    pub ecosystems: Vec<Ecosystem>,
    /// The commands that check it, cheapest family first.
    pub runners: Vec<Runner>,
    /// What its manifests declare.
    pub declared: Declared,
    /// Its files, as far as they are listed.
    pub files: FileList,
}

impl Project {
    /// Reads the repository at `root`. What cannot be read is treated as absent: a broken manifest costs the
    /// checks that need it, never the run.
    pub fn discover(root: &Path) -> Self {
        let files = FileList::read(root);
        let declared = Declared::read(root, &files, &ChangeSet::default());
        let ecosystems = ecosystems(&files);
        let runners = runners::plan(root, &files, &ecosystems);
        Self {
            root: root.to_owned(),
            ecosystems,
            runners,
            declared,
            files,
        }
    }

    /// The folder that was read.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What is declared once `change` is applied.
    pub(crate) fn declared_after(&self, change: &ChangeSet) -> Declared {
        let touches_manifest = change.files.iter().any(|file| manifest::is_manifest(&file.path));
        if touches_manifest {
            Declared::read(&self.root, &self.files, change)
        } else {
            self.declared.clone()
        }
    }
}

fn ecosystems(files: &FileList) -> Vec<Ecosystem> {
    let mut found = Vec::new();
    let has = |extensions: &[&str]| {
        files
            .paths()
            .any(|path| extensions.iter().any(|extension| path.ends_with(extension)))
    };
    if has(&[".py"]) || files.contains("pyproject.toml") {
        found.push(Ecosystem::Python);
    }
    if files.named("Cargo.toml").next().is_some() {
        found.push(Ecosystem::Rust);
    }
    if has(&[".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".tsx"]) || files.contains("package.json") {
        found.push(Ecosystem::Node);
    }
    if files.named("go.mod").next().is_some() {
        found.push(Ecosystem::Go);
    }
    if files.named("pom.xml").next().is_some() || has(&[".java"]) {
        found.push(Ecosystem::Java);
    }
    found
}
