//! Where a change goes: decided before a model writes a word.

use std::fmt;

use tenon_domain::{ChangeSet, RepoPath};

/// One place that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A stub whose signature and documentation stand; only its body is missing.
    Complete {
        /// The file.
        path: RepoPath,
        /// The qualified name.
        symbol: String,
    },
    /// A symbol that is rewritten as a whole.
    Edit {
        /// The file.
        path: RepoPath,
        /// The qualified name.
        symbol: String,
    },
    /// New symbols in a file that exists.
    Add {
        /// The file.
        path: RepoPath,
        /// The names the wish gives; empty when it leaves them open.
        names: Vec<String>,
        /// The class or type they belong to, if any.
        container: Option<String>,
    },
    /// A file that does not exist.
    NewFile {
        /// The file.
        path: RepoPath,
        /// The names the wish gives.
        names: Vec<String>,
    },
    /// A small file that is rewritten as a whole.
    EditFile {
        /// The file.
        path: RepoPath,
        /// The symbol that the wish is about first of all, if it names one of the file's.
        subject: Option<String>,
    },
}

impl Target {
    /// The file it writes.
    pub fn path(&self) -> &RepoPath {
        match self {
            Self::Complete { path, .. }
            | Self::Edit { path, .. }
            | Self::Add { path, .. }
            | Self::NewFile { path, .. }
            | Self::EditFile { path, .. } => path,
        }
    }

    /// The names that the answer must define.
    pub fn wanted_names(&self) -> Vec<String> {
        let last = |name: &String| name.rsplit(['.', ':']).next().unwrap_or(name).to_owned();
        match self {
            Self::Complete { symbol, .. } | Self::Edit { symbol, .. } => vec![last(symbol)],
            Self::Add { names, .. } | Self::NewFile { names, .. } => names.iter().map(last).collect(),
            Self::EditFile { .. } => Vec::new(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete { path, symbol } => write!(formatter, "complete {symbol} in {path}"),
            Self::Edit { path, symbol } => write!(formatter, "edit {symbol} in {path}"),
            Self::Add { path, names, .. } if names.is_empty() => write!(formatter, "add to {path}"),
            Self::Add { path, names, .. } => write!(formatter, "add {} to {path}", names.join(", ")),
            Self::NewFile { path, .. } => write!(formatter, "create {path}"),
            Self::EditFile { path, .. } => write!(formatter, "rewrite {path}"),
        }
    }
}

/// What a run will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// A model writes these places, one after the other.
    Write(Vec<Target>),
    /// The wish says all there is to say; no model is asked.
    Direct {
        /// The change.
        change: ChangeSet,
        /// In words.
        description: String,
    },
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(targets) => {
                for (index, target) in targets.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", then " };
                    write!(formatter, "{separator}{target}")?;
                }
                Ok(())
            }
            Self::Direct { description, .. } => formatter.write_str(description),
        }
    }
}
