use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use tenon_domain::Digest;

use crate::catalog::CatalogEntry;
use crate::folder::FolderError;

/// Why a model could not be pulled.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// It was stopped from outside.
    #[error(
        "pulling `{name}` was interrupted: run `tenon model pull {name}` again, it continues where it stopped"
    )]
    Cancelled {
        /// The model.
        name: String,
    },
    /// No source has the right file.
    #[error(
        "model `{name}` could not be brought: {}; bring the file `{}` ({bytes} bytes, {digest}) from elsewhere and put it at `{}`{}",
        tried_in_words(tried),
        file_name(place),
        place.display(),
        kept_in_words(*partial_bytes)
    )]
    NoSource {
        /// The model.
        name: String,
        /// Every source, and why it was passed over.
        tried: Vec<TriedSource>,
        /// The size of the file.
        bytes: u64,
        /// The digest of the file.
        digest: Digest,
        /// Where to put the file.
        place: PathBuf,
        /// What was brought and is kept.
        partial_bytes: u64,
    },
    /// The disk is full, or would be.
    #[error(
        "not enough space for `{name}` in `{}`: {needed_bytes} bytes are still needed{}; free some and pull again, what was brought is kept",
        folder.display(),
        free_in_words(*free_bytes)
    )]
    NoSpace {
        /// The model.
        name: String,
        /// The models folder.
        folder: PathBuf,
        /// What is still to be written.
        needed_bytes: u64,
        /// What is free, when it was asked.
        free_bytes: Option<u64>,
    },
    /// Another process is at it.
    #[error("another process is pulling `{name}` right now (it holds `{}`): wait for it", path.display())]
    Busy {
        /// The model.
        name: String,
        /// The file both want.
        path: PathBuf,
    },
    /// The models folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The disk said no.
    #[error("cannot {doing} `{}`: {source}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// A source that was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriedSource {
    /// Its label.
    pub source: String,
    /// Why.
    pub reason: String,
}

/// Why a source did not deliver.
#[derive(Debug)]
pub(super) enum SourceFault {
    /// It does not work, or not for us.
    PassOver(String),
    /// It worked and then stopped; asking again may help.
    BrokeOff(String),
    /// No source can help.
    Stop(PullError),
}

impl From<PullError> for SourceFault {
    fn from(error: PullError) -> Self {
        Self::Stop(error)
    }
}

impl PullError {
    pub(super) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            doing,
            path: path.to_owned(),
            source,
        }
    }

    /// A blocking task of ours that did not come back.
    pub(super) fn bug(entry: &CatalogEntry, error: &tokio::task::JoinError) -> Self {
        let reason = io::Error::other(error.to_string());
        Self::io("work on", Path::new(&entry.file), reason)
    }
}

impl fmt::Display for TriedSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.source, self.reason)
    }
}

fn tried_in_words(tried: &[TriedSource]) -> String {
    if tried.is_empty() {
        return "it has no source".to_owned();
    }
    tried
        .iter()
        .map(TriedSource::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn kept_in_words(bytes: u64) -> String {
    match bytes {
        0 => String::new(),
        bytes => format!(", or pull again: {bytes} bytes are kept"),
    }
}

fn free_in_words(bytes: Option<u64>) -> String {
    bytes.map_or_else(String::new, |bytes| format!(" and {bytes} are free"))
}
