use serde::{Deserialize, Serialize};

use crate::{Digest, RepoPath};

/// A change to a repository: at most one entry per path, in path order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeSet {
    /// The files it touches.
    pub files: Vec<FileChange>,
}

/// What happens to one file. Contents are whole files, byte for byte as they will be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// Where the file is after the change (before it, for a deletion).
    pub path: RepoPath,
    /// The name the file had, if the change renames it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renamed_from: Option<RepoPath>,
    /// The content that was read; `None` when the file is new.
    pub before: Option<String>,
    /// The content to write; `None` when the file goes.
    pub after: Option<String>,
}

/// The kind of a [`FileChange`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// The file did not exist.
    Created,
    /// The content changes.
    Modified,
    /// The file goes.
    Deleted,
    /// The file moves, and its content may change.
    Renamed,
}

impl FileChange {
    /// What kind of change this is.
    pub fn kind(&self) -> ChangeKind {
        match (&self.renamed_from, &self.before, &self.after) {
            (Some(_), _, _) => ChangeKind::Renamed,
            (None, None, _) => ChangeKind::Created,
            (None, Some(_), None) => ChangeKind::Deleted,
            (None, Some(_), Some(_)) => ChangeKind::Modified,
        }
    }
}

impl ChangeSet {
    /// Whether the tree stays as it is.
    pub fn is_empty(&self) -> bool {
        self.files
            .iter()
            .all(|file| file.renamed_from.is_none() && file.before == file.after)
    }

    /// Identifies the change by its content, for de-duplication and provenance.
    pub fn digest(&self) -> Digest {
        let mut text = String::new();
        for file in &self.files {
            for part in [
                Some(file.path.as_str()),
                file.renamed_from.as_ref().map(RepoPath::as_str),
                file.before.as_deref(),
                file.after.as_deref(),
            ] {
                // Length prefixes keep two different changes from running together.
                match part {
                    Some(part) => text.push_str(&format!("{}:{part}", part.len())),
                    None => text.push('-'),
                }
            }
        }
        Digest::of(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modified(before: &str, after: &str) -> ChangeSet {
        let path = RepoPath::parse("a.py").unwrap();
        let file = FileChange {
            path,
            renamed_from: None,
            before: Some(before.into()),
            after: Some(after.into()),
        };
        ChangeSet { files: vec![file] }
    }

    #[test]
    fn equal_content_is_no_change() {
        assert!(modified("a", "a").is_empty());
        assert!(!modified("a", "b").is_empty());
    }

    #[test]
    fn the_digest_tells_where_one_text_ends() {
        assert_ne!(modified("ab", "c").digest(), modified("a", "bc").digest());
    }
}
