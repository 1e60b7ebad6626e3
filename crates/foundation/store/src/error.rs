use std::io;
use std::path::PathBuf;

use tenon_domain::ProposalId;

/// Why a proposal cannot be kept or found.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder cannot be made or read.
    #[error("cannot use the folder of proposals `{}`: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A proposal cannot be written.
    #[error("cannot write the proposal `{}`: {source}", path.display())]
    Write {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A proposal's file cannot be read.
    #[error("cannot read the proposal `{}`: {source}", path.display())]
    Read {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A proposal's file holds something else.
    #[error("`{}` is not a whole proposal ({reason}): delete the file, or bring it back from a backup", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Text that cannot begin an id.
    #[error(
        "`{text}` is not a proposal's id or the beginning of one: hexadecimal digits and hyphens are expected"
    )]
    NotAnId {
        /// What was given, escaped.
        text: String,
    },
    /// No proposal has this id.
    #[error("there is no proposal `{text}`: `tenon show` lists the stored ones")]
    Unknown {
        /// What was given.
        text: String,
    },
    /// Several proposals begin like this.
    #[error("`{text}` is the beginning of {count} proposals, such as {}: give more of the id", list(.examples))]
    Ambiguous {
        /// What was given.
        text: String,
        /// How many.
        count: usize,
        /// Some of them, newest first.
        examples: Vec<ProposalId>,
    },
}

fn list(ids: &[ProposalId]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
    ids.join(" and ")
}
