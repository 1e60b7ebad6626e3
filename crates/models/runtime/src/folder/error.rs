use std::io;
use std::path::{Path, PathBuf};

use tenon_domain::Digest;

use crate::gguf::GgufError;

/// Why a model cannot be used, added or removed.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Nothing has that name.
    #[error(
        "no model is called `{name}`; known are {}; add your own with `tenon model add PATH`",
        known.join(", ")
    )]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Its file is not here, or only a part of it.
    #[error(
        "model `{name}` is not here{}: run `tenon model pull {name}`, or put the file ({bytes} bytes, {digest}) at `{}`",
        partly(*partial_bytes),
        path.display()
    )]
    Absent {
        /// The model.
        name: String,
        /// Where its file belongs.
        path: PathBuf,
        /// The size of the file.
        bytes: u64,
        /// The digest of the file.
        digest: Digest,
        /// What was brought so far.
        partial_bytes: u64,
    },
    /// Its file is cut off, or another.
    #[error(
        "the file of model `{name}` has {bytes} bytes instead of {expected}: run `tenon model pull {name}` to replace `{}`",
        path.display()
    )]
    WrongSize {
        /// The model.
        name: String,
        /// Its file.
        path: PathBuf,
        /// The size of the file.
        bytes: u64,
        /// The size it should have.
        expected: u64,
    },
    /// Its file is another, or damaged.
    #[error(
        "the file of model `{name}` has digest {found} instead of {expected}: run `tenon model pull {name}` to replace `{}`",
        path.display()
    )]
    WrongDigest {
        /// The model.
        name: String,
        /// Its file.
        path: PathBuf,
        /// The digest of the file.
        found: Digest,
        /// The digest it should have.
        expected: Digest,
    },
    /// The file of an added model vanished.
    #[error(
        "the file of model `{name}`, `{}`, is gone: bring it back, or run `tenon model remove {name}`",
        path.display()
    )]
    AddedGone {
        /// The model.
        name: String,
        /// Where its file was.
        path: PathBuf,
    },
    /// The file of an added model is not the one that was added.
    #[error(
        "the file of model `{name}`, `{}`, changed since it was added: if that was meant, run `tenon model add --name {name}` with it again",
        path.display()
    )]
    AddedChanged {
        /// The model.
        name: String,
        /// Its file.
        path: PathBuf,
    },
    /// The name means another model.
    #[error("the name `{name}` belongs to another model: choose one with --name")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// Not a name.
    #[error(
        "`{name}` cannot name a model: use 1 to 64 letters, digits, `.`, `_` and `-`, beginning with a letter or digit"
    )]
    BadName {
        /// What was given.
        name: String,
    },
    /// The list of added models cannot be understood.
    #[error("the list of added models, `{}`, is damaged ({reason}): mend it or delete it", path.display())]
    Registry {
        /// The list.
        path: PathBuf,
        /// How.
        reason: String,
    },
    /// The file is not a model.
    #[error(transparent)]
    Gguf(#[from] GgufError),
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

impl FolderError {
    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            doing,
            path: path.to_owned(),
            source,
        }
    }
}

fn partly(bytes: u64) -> String {
    match bytes {
        0 => String::new(),
        bytes => format!(" yet ({bytes} bytes of it are)"),
    }
}
