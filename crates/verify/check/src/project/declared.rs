//! The dependencies that manifests declare.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tenon_domain::{ChangeSet, RepoPath};

use super::files::{FileList, read_text};
use super::manifest;

/// What a repository's manifests declare, by ecosystem. Distribution names are normalised.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declared {
    /// Python distributions, as PEP 503 writes them: `pyyaml`, `python-dateutil`.
    pub python: BTreeSet<String>,
    /// The Python manifest a new dependency belongs into.
    pub python_manifest: Option<String>,
    /// npm packages by the folder of their `package.json` (`""` at the root).
    pub node: BTreeMap<String, BTreeSet<String>>,
    /// The names of the packages in the repository itself.
    pub node_own: BTreeSet<String>,
    /// Rust crate names, `_` for `-`, by the folder of their `Cargo.toml`; own crates included.
    pub rust: BTreeMap<String, BTreeSet<String>>,
    /// Go module paths, required ones and the repository's own.
    pub go: BTreeSet<String>,
    /// Maven group ids.
    pub java_groups: BTreeSet<String>,
}

impl Declared {
    pub(crate) fn read(root: &Path, files: &FileList, change: &ChangeSet) -> Self {
        let mut declared = Self::default();
        let mut texts: BTreeMap<String, String> = BTreeMap::new();
        for path in files.paths() {
            let is_manifest = RepoPath::parse(path).is_ok_and(|path| manifest::is_manifest(&path));
            if is_manifest && let Some(text) = read_text(root, path) {
                texts.insert(path.to_owned(), text);
            }
        }
        for file in &change.files {
            if manifest::is_manifest(&file.path) {
                match &file.after {
                    Some(text) => texts.insert(file.path.as_str().to_owned(), text.clone()),
                    None => texts.remove(file.path.as_str()),
                };
            }
        }
        for (path, text) in &texts {
            declared.take(path, text);
        }
        declared.python_manifest = ["requirements.txt", "pyproject.toml", "setup.cfg", "setup.py"]
            .into_iter()
            .find(|name| texts.contains_key(*name))
            .map(str::to_owned);
        declared
    }

    fn take(&mut self, path: &str, text: &str) {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        match name {
            "pyproject.toml" => self.python.extend(manifest::pyproject(text)),
            "setup.cfg" => self.python.extend(manifest::setup_cfg(text)),
            "setup.py" => self.python.extend(manifest::setup_py(text)),
            "Pipfile" => self.python.extend(manifest::pipfile(text)),
            "package.json" => {
                if let Some(package) = manifest::package_json(text) {
                    self.node_own.extend(package.name);
                    self.node.insert(folder.to_owned(), package.dependencies);
                }
            }
            "Cargo.toml" => {
                let cargo = manifest::cargo(text);
                let mut names = cargo.dependencies;
                names.extend(cargo.name);
                names.extend(cargo.library);
                self.rust.insert(folder.to_owned(), names);
            }
            "go.mod" => self.go.extend(manifest::go_mod(text)),
            "pom.xml" => self.java_groups.extend(manifest::pom_groups(text)),
            _ => self.python.extend(manifest::requirements(text)),
        }
    }

    /// The set that governs a file: that of the nearest folder above it that has a manifest.
    pub(crate) fn governing<'map>(
        map: &'map BTreeMap<String, BTreeSet<String>>,
        path: &RepoPath,
    ) -> Option<(&'map str, &'map BTreeSet<String>)> {
        let mut folder = path.folder();
        loop {
            if let Some((key, names)) = map.get_key_value(folder) {
                return Some((key.as_str(), names));
            }
            if folder.is_empty() {
                return None;
            }
            folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
        }
    }
}
