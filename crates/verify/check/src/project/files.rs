//! The list of a repository's files, bounded.

use std::collections::BTreeSet;
use std::path::Path;

use ignore::WalkBuilder;

/// The files of a repository, as `/`-separated paths; ignored files are left out.
#[derive(Debug, Clone, Default)]
pub struct FileList {
    paths: BTreeSet<String>,
    complete: bool,
}

/// A repository beyond this is listed up to here; what needs the whole list then keeps silent.
const MOST_FILES: usize = 100_000;

/// Folders that hold other people's or generated code.
const SKIPPED: [&str; 9] = [
    "node_modules",
    "target",
    ".venv",
    "venv",
    "__pycache__",
    ".git",
    ".tox",
    "site-packages",
    ".mypy_cache",
];

impl FileList {
    pub(crate) fn read(root: &Path) -> Self {
        let walk = WalkBuilder::new(root)
            .hidden(false)
            .require_git(false)
            .parents(false)
            .git_global(false)
            .filter_entry(|entry| {
                let name = entry.file_name().to_string_lossy();
                !SKIPPED.contains(&name.as_ref())
            })
            .build();
        let mut paths = BTreeSet::new();
        for entry in walk.flatten() {
            if paths.len() >= MOST_FILES {
                return Self {
                    paths,
                    complete: false,
                };
            }
            if !entry.file_type().is_some_and(|kind| kind.is_file()) {
                continue;
            }
            if let Some(path) = entry.path().strip_prefix(root).ok().and_then(Path::to_str) {
                paths.insert(path.to_owned());
            }
        }
        Self {
            paths,
            complete: true,
        }
    }

    /// Whether every file is listed.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Whether `path` is listed.
    pub fn contains(&self, path: &str) -> bool {
        self.paths.contains(path)
    }

    /// All paths, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(String::as_str)
    }

    /// The paths whose file name is `name`.
    pub fn named<'list>(&'list self, name: &'list str) -> impl Iterator<Item = &'list str> {
        self.paths()
            .filter(move |path| path.rsplit('/').next() == Some(name))
    }

    /// Whether a listed file lies below `folder`.
    pub fn has_folder(&self, folder: &str) -> bool {
        let prefix = format!("{}/", folder.trim_end_matches('/'));
        self.paths
            .range(prefix.clone()..)
            .next()
            .is_some_and(|path| path.starts_with(&prefix))
    }
}

/// Reads a text file of the repository, if it is not larger than any source file that matters.
pub(crate) fn read_text(root: &Path, path: &str) -> Option<String> {
    const LARGEST: u64 = 2 * 1024 * 1024;
    let full = root.join(path);
    let metadata = std::fs::symlink_metadata(&full).ok()?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return None;
    }
    std::fs::read(full)
        .ok()
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}
