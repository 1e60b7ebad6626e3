//! A change laid over the tree of a commit, through an index of its own.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::path::Path;

use tenon_domain::{ChangeSet, FileChange, RepoPath};

use crate::{ForgeError, GitRepository};

const PLAIN_FILE: &str = "100644";
const EXECUTABLE: &str = "100755";
const FOLDER: &str = "040000";

/// An index that nobody else uses, filled from a commit; it vanishes with the value.
pub(crate) struct TemporaryIndex<'a> {
    repository: &'a GitRepository,
    base: &'a str,
    folder: tempfile::TempDir,
}

/// What a commit holds at a path.
struct Entry {
    mode: String,
    object: String,
}

impl<'a> TemporaryIndex<'a> {
    pub(crate) fn at(repository: &'a GitRepository, base: &'a str) -> Result<Self, ForgeError> {
        let folder = tempfile::tempdir().map_err(|source: io::Error| ForgeError::Start {
            command: "read-tree".to_owned(),
            source,
        })?;
        let index = Self {
            repository,
            base,
            folder,
        };
        index.git(&["read-tree", base], &[])?;
        Ok(index)
    }

    /// Lays the change over the tree, if the commit holds what the change was made from.
    pub(crate) fn apply(&self, change: &ChangeSet) -> Result<(), ForgeError> {
        let (mut removals, mut additions) = (String::new(), String::new());
        let freed: BTreeSet<&RepoPath> = change.files.iter().filter_map(frees).collect();
        for file in &change.files {
            let source = file.renamed_from.as_ref().unwrap_or(&file.path);
            let (mode, line_ends) = match &file.before {
                Some(before) => self.origin(source, before)?,
                None => (PLAIN_FILE.to_owned(), LineEnds::Kept),
            };
            if file.before.is_none() || file.renamed_from.is_some() {
                self.require_free(&file.path, &freed)?;
            }
            if let Some(after) = &file.after {
                let object = self.hash(&line_ends.stored(after), &["-w"])?;
                additions.push_str(&format!("{mode} {object}\t{}\0", file.path));
            }
        }
        let nothing = "0".repeat(self.base.len());
        for path in freed {
            removals.push_str(&format!("0 {nothing}\t{path}\0"));
        }
        // Removals first: a file may go to make room for a folder of its name.
        let lines = removals + &additions;
        self.git(&["update-index", "-z", "--index-info"], lines.as_bytes())?;
        Ok(())
    }

    /// Writes the tree and returns its name.
    pub(crate) fn write(self) -> Result<String, ForgeError> {
        Ok(text(self.git(&["write-tree"], &[])?))
    }

    /// The mode of the file that holds `before`, and how the commit stores its line ends.
    fn origin(&self, path: &RepoPath, before: &str) -> Result<(String, LineEnds), ForgeError> {
        let entry = self
            .entry(path)?
            .ok_or_else(|| ForgeError::Untracked { path: path.clone() })?;
        if ![PLAIN_FILE, EXECUTABLE].contains(&entry.mode.as_str()) {
            return Err(ForgeError::NotAFile { path: path.clone() });
        }
        // Git may be set to write CRLF to the working tree for a file that it stores with LF.
        for line_ends in [LineEnds::Kept, LineEnds::Converted] {
            if self.hash(&line_ends.stored(before), &[])? == entry.object {
                return Ok((entry.mode, line_ends));
            }
        }
        Err(ForgeError::Uncommitted { path: path.clone() })
    }

    /// Git would put a new file in the place of a file or folder without a word.
    fn require_free(&self, path: &RepoPath, freed: &BTreeSet<&RepoPath>) -> Result<(), ForgeError> {
        let mut prefix = String::new();
        for part in path.as_str().split('/') {
            prefix.push_str(part);
            let place = RepoPath::parse(&prefix).unwrap_or_else(|_| path.clone());
            let entry = self.entry(&place)?;
            let passable = entry.is_none_or(|entry| entry.mode == FOLDER && &place != path);
            if !passable && !freed.contains(&place) {
                return Err(ForgeError::AlreadyThere { path: place });
            }
            prefix.push('/');
        }
        Ok(())
    }

    fn entry(&self, path: &RepoPath) -> Result<Option<Entry>, ForgeError> {
        let listed = self.git(
            &["ls-tree", "-z", "--full-tree", self.base, "--", path.as_str()],
            &[],
        )?;
        let listed = text(listed);
        let Some((head, _)) = listed.split_once('\t') else {
            return Ok(None);
        };
        let mut words = head.split(' ');
        let entry = words.next().zip(words.nth(1)).map(|(mode, object)| Entry {
            mode: mode.to_owned(),
            object: object.to_owned(),
        });
        Ok(entry)
    }

    /// The name of an object with this content, byte for byte: no filter of the repository's touches it.
    fn hash(&self, content: &str, options: &[&str]) -> Result<String, ForgeError> {
        let arguments = [&["hash-object", "--stdin", "--no-filters"], options].concat();
        Ok(text(self.git(&arguments, content.as_bytes())?))
    }

    fn git(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, ForgeError> {
        let index = self.index_file();
        self.repository
            .output(arguments, input, &[("GIT_INDEX_FILE", index.as_ref() as &OsStr)])
    }

    fn index_file(&self) -> impl AsRef<OsStr> + use<> {
        Path::join(self.folder.path(), "index")
    }
}

/// The path that is no longer there after the change.
fn frees(file: &FileChange) -> Option<&RepoPath> {
    match (&file.renamed_from, &file.after) {
        (Some(source), _) => Some(source),
        (None, None) => Some(&file.path),
        (None, Some(_)) => None,
    }
}

#[derive(Debug, Clone, Copy)]
enum LineEnds {
    /// The commit holds the bytes of the working tree.
    Kept,
    /// The commit holds LF where the working tree has CRLF.
    Converted,
}

impl LineEnds {
    fn stored(self, content: &str) -> String {
        match self {
            Self::Kept => content.to_owned(),
            Self::Converted => content.replace("\r\n", "\n"),
        }
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes)
        .trim_end_matches(['\n', '\0'])
        .to_owned()
}
