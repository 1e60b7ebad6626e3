use std::path::{Path, PathBuf};

use crate::tidy::Finding;
use crate::tidy::plan::MAX_TRACKED_BYTES;
use crate::tidy::workspace::output_of;

/// The files that Git tracks or would track.
#[derive(Debug)]
pub(crate) struct RepositoryFiles {
    root: PathBuf,
    /// Paths relative to the root, each with its size.
    pub(crate) files: Vec<(String, u64)>,
}

impl RepositoryFiles {
    pub(crate) fn read(root: &Path) -> Result<Self, String> {
        let listing = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let listed = output_of(root, "git", &listing)?;
        let mut files: Vec<(String, u64)> = listed
            .split('\0')
            .filter(|path| !path.is_empty())
            // A file that was deleted but not yet committed is still listed.
            .filter_map(|path| {
                Some((
                    path.to_owned(),
                    std::fs::symlink_metadata(root.join(path)).ok()?.len(),
                ))
            })
            .collect();
        files.sort();
        files.dedup();
        Ok(Self {
            root: root.to_owned(),
            files,
        })
    }

    /// Files that are not on any disk, with their sizes.
    #[cfg(test)]
    pub(crate) fn of<const N: usize>(files: [(&str, u64); N]) -> Self {
        let files = files.map(|(path, bytes)| (path.to_owned(), bytes)).to_vec();
        Self {
            root: PathBuf::new(),
            files,
        }
    }

    pub(crate) fn text(&self, path: &str) -> Result<String, String> {
        std::fs::read_to_string(self.root.join(path))
            .map_err(|error| format!("cannot read `{path}`: {error}"))
    }

    /// Every tracked file that is text and not too large, with its path.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, String)> {
        let small = self.files.iter().filter(|(_, bytes)| *bytes <= MAX_TRACKED_BYTES);
        small.filter_map(|(path, _)| Some((path.as_str(), self.text(path).ok()?)))
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|(path, _)| path.as_str())
    }
}

/// Large files make every clone slow for ever; models and data sets have their own places.
pub(crate) fn check_sizes(files: &RepositoryFiles) -> Vec<Finding> {
    files
        .files
        .iter()
        .filter(|(_, bytes)| *bytes > MAX_TRACKED_BYTES)
        .map(|(path, bytes)| {
            Finding::new(
                path,
                0,
                format!("the file has {bytes} bytes; at most {MAX_TRACKED_BYTES} may be tracked"),
                "fetch it in a set-up step, make it smaller, or list it in .gitignore",
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_file_is_named() {
        let files = [("small", MAX_TRACKED_BYTES), ("large", MAX_TRACKED_BYTES + 1)];
        let findings = check_sizes(&RepositoryFiles::of(files));
        assert_eq!(
            findings
                .iter()
                .map(|finding| finding.path.as_str())
                .collect::<Vec<_>>(),
            ["large"]
        );
    }

    #[test]
    fn ignored_and_deleted_files_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| std::fs::write(folder.path().join(path), text).unwrap();
        output_of(folder.path(), "git", &["init", "--quiet"]).unwrap();
        write(".gitignore", "ignored\n");
        write("ignored", "1");
        write("new", "22");
        write("gone", "333");
        output_of(folder.path(), "git", &["add", "gone"]).unwrap();
        std::fs::remove_file(folder.path().join("gone")).unwrap();
        let files = RepositoryFiles::read(folder.path()).unwrap();
        assert_eq!(files.files, [(".gitignore".to_owned(), 8), ("new".to_owned(), 2)]);
    }
}
