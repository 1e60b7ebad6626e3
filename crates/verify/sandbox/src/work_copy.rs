//! A copy of the person's tree, in the state it is in, for checks to work on.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use ignore::WalkBuilder;

/// Files beyond this size are shown read-only instead of copied.
const LARGEST_COPIED: u64 = 64 * 1024 * 1024;

/// Ignored folders that hold a project's dependencies: shown read-only where they are expected.
const DEPENDENCY_FOLDERS: [&str; 4] = ["node_modules", ".venv", "venv", "vendor"];

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// A copy of a tree; removed when dropped.
#[derive(Debug)]
pub struct WorkCopy {
    path: PathBuf,
    mounts: Vec<(PathBuf, PathBuf)>,
}

/// Why a tree cannot be copied.
#[derive(Debug, thiserror::Error)]
#[error("cannot copy {} to {}: {source}", from.display(), to.display())]
pub struct WorkCopyError {
    /// The file or folder.
    pub from: PathBuf,
    /// Where it was to go.
    pub to: PathBuf,
    /// Why.
    pub source: std::io::Error,
}

impl WorkCopy {
    /// Copies the files of `root` that Git would not ignore, changed and untracked ones included, to a new folder below
    /// `parent`. Copies left behind by processes that are gone are removed first.
    ///
    /// # Errors
    /// When a file cannot be copied; what was copied is removed again.
    pub fn create(root: &Path, parent: &Path) -> Result<Self, WorkCopyError> {
        remove_abandoned(parent);
        let name = format!(
            "work-{}-{}",
            std::process::id(),
            COUNTER.fetch_add(1, Ordering::Relaxed)
        );
        let path = parent.join(name);
        let error = |from: &Path, to: &Path, source| WorkCopyError {
            from: from.to_owned(),
            to: to.to_owned(),
            source,
        };
        std::fs::create_dir_all(&path).map_err(|source| error(root, &path, source))?;
        let mut copy = Self {
            path,
            mounts: Vec::new(),
        };
        for entry in walk(root).flatten() {
            let from = entry.path();
            let Ok(relative) = from.strip_prefix(root) else {
                continue;
            };
            if relative.as_os_str().is_empty() {
                continue;
            }
            let to = copy.path.join(relative);
            let Some(kind) = entry.file_type() else { continue };
            let done = if kind.is_dir() {
                std::fs::create_dir_all(&to)
            } else if kind.is_symlink() {
                copy_link(from, &to, root)
            } else if kind.is_file() {
                copy.take_file(from, relative)
            } else {
                Ok(())
            };
            done.map_err(|source| error(from, &to, source))?;
        }
        copy.show_dependencies(root);
        Ok(copy)
    }

    /// An empty copy, for code without a repository.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn empty(parent: &Path) -> Result<Self, WorkCopyError> {
        let path = parent.join(format!(
            "work-{}-{}",
            std::process::id(),
            COUNTER.fetch_add(1, Ordering::Relaxed)
        ));
        std::fs::create_dir_all(&path).map_err(|source| WorkCopyError {
            from: PathBuf::new(),
            to: path.clone(),
            source,
        })?;
        Ok(Self {
            path,
            mounts: Vec::new(),
        })
    }

    /// Where the copy is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is shown read-only in it: where it is, and its place relative to the copy.
    pub fn mounts(&self) -> &[(PathBuf, PathBuf)] {
        &self.mounts
    }

    fn take_file(&mut self, from: &Path, relative: &Path) -> std::io::Result<()> {
        let size = std::fs::symlink_metadata(from)?.len();
        let to = self.path.join(relative);
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder)?;
        }
        if size > LARGEST_COPIED {
            std::fs::File::create(&to)?;
            self.mounts.push((from.to_owned(), relative.to_owned()));
            return Ok(());
        }
        // On Linux this shares the blocks where the file system can.
        std::fs::copy(from, &to).map(drop)
    }

    fn show_dependencies(&mut self, root: &Path) {
        for name in DEPENDENCY_FOLDERS {
            let folder = root.join(name);
            let to = self.path.join(name);
            if folder.is_dir() && !folder.is_symlink() && !to.exists() && std::fs::create_dir(&to).is_ok() {
                self.mounts.push((folder, PathBuf::from(name)));
            }
        }
    }
}

impl Drop for WorkCopy {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

fn walk(root: &Path) -> ignore::Walk {
    WalkBuilder::new(root)
        .hidden(false)
        .git_global(false)
        .git_exclude(true)
        .require_git(false)
        .parents(false)
        .follow_links(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .build()
}

/// A link is kept if it stays inside the tree.
fn copy_link(from: &Path, to: &Path, root: &Path) -> std::io::Result<()> {
    let target = std::fs::read_link(from)?;
    let resolved = std::fs::canonicalize(from);
    let root = std::fs::canonicalize(root)?;
    if target.is_relative() && resolved.is_ok_and(|resolved| resolved.starts_with(&root)) {
        std::os::unix::fs::symlink(target, to)
    } else {
        Ok(())
    }
}

fn remove_abandoned(parent: &Path) {
    let Ok(entries) = std::fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix("work-")?.split('-').next()?.parse::<u32>().ok());
        if owner.is_some_and(|owner| !Path::new(&format!("/proc/{owner}")).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
