use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};

/// A path inside a repository: relative, `/`-separated, never `..`, never into `.git`.
///
/// Model output, requests and archives name files; only what passes here can name one of ours.
/// Symbolic links are a matter of the disk and are refused where files are written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct RepoPath(String);

/// Why a text cannot name a file in a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RepoPathError {
    /// Nothing was given.
    #[error("a file path is empty")]
    Empty,
    /// The path leaves the repository.
    #[error("`{path}` is outside the repository: give a path relative to its root, without `..`")]
    Outside {
        /// What was given.
        path: String,
    },
    /// The path reaches into Git's own folder.
    #[error("`{path}` is inside `.git`, which belongs to Git")]
    GitFolder {
        /// What was given.
        path: String,
    },
    /// The path holds a character that no file name should.
    #[error("`{path}` holds a control character or a backslash")]
    Character {
        /// What was given, escaped.
        path: String,
    },
}

impl RepoPath {
    /// Checks and normalises `text`: `./src//a.py` becomes `src/a.py`.
    ///
    /// # Errors
    /// When the path is empty, absolute, climbs with `..`, reaches into `.git`, or holds control characters.
    pub fn parse(text: &str) -> Result<Self, RepoPathError> {
        if text
            .chars()
            .any(|character| character.is_control() || character == '\\')
        {
            return Err(RepoPathError::Character {
                path: text.escape_debug().to_string(),
            });
        }
        let drive = text.as_bytes().get(1) == Some(&b':');
        if text.starts_with('/') || text.starts_with('~') || drive {
            return Err(RepoPathError::Outside {
                path: text.to_owned(),
            });
        }
        let mut parts = Vec::new();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    return Err(RepoPathError::Outside {
                        path: text.to_owned(),
                    });
                }
                part if part.eq_ignore_ascii_case(".git") => {
                    return Err(RepoPathError::GitFolder {
                        path: text.to_owned(),
                    });
                }
                part => parts.push(part),
            }
        }
        if parts.is_empty() {
            return Err(RepoPathError::Empty);
        }
        Ok(Self(parts.join("/")))
    }

    /// The normalised text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last part of the path.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// What follows the last dot of the file name, if there is one.
    pub fn extension(&self) -> Option<&str> {
        self.file_name().rsplit_once('.').map(|(_, extension)| extension)
    }

    /// The folder, `""` at the root.
    pub fn folder(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// The place of this file below `root`.
    pub fn under(&self, root: &Path) -> PathBuf {
        root.join(&self.0)
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}

impl<'de> Deserialize<'de> for RepoPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised() {
        assert_eq!(RepoPath::parse("./src//a.py").unwrap().as_str(), "src/a.py");
        assert_eq!(RepoPath::parse("a.tar.gz").unwrap().extension(), Some("gz"));
        assert_eq!(RepoPath::parse("src/deep/a.py").unwrap().folder(), "src/deep");
    }

    #[test]
    fn paths_that_leave_the_repository_are_refused() {
        for text in [
            "",
            ".",
            "..",
            "../a",
            "a/../../b",
            "/etc/passwd",
            "~/x",
            "C:/x",
            ".git/config",
            "a/.GIT/x",
            "a\0b",
            "a\\b",
        ] {
            assert!(RepoPath::parse(text).is_err(), "{text:?} must be refused");
        }
    }
}
