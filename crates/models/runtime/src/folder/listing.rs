use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tenon_domain::Digest;

use super::registry::AddedModel;
use super::{ModelFolder, size, verification};
use crate::catalog::CatalogEntry;
use crate::gguf::GgufSummary;

/// One line of `tenon model list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelListing {
    /// The name it is asked for by.
    pub name: String,
    /// Shorter names.
    pub aliases: Vec<String>,
    /// Whether Tenon knew it or the user added it.
    pub origin: Origin,
    /// Where its file is, or would be.
    pub path: PathBuf,
    /// The size of the whole file.
    pub bytes: u64,
    /// The digest it must have.
    pub digest: Digest,
    /// What is there.
    pub state: FileState,
    /// SPDX expression, where known.
    pub licence: Option<String>,
    /// One sentence on it.
    pub summary: String,
}

/// Where the knowledge of a model comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The catalog.
    Catalog,
    /// `tenon model add`.
    Added,
}

/// What is there of a model's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum FileState {
    /// Nothing.
    Absent,
    /// A part; pulling goes on from there.
    Partial {
        /// What was brought so far.
        bytes: u64,
    },
    /// A file of the right size whose digest was not computed yet.
    Unverified,
    /// The file, and since its digest was found right it did not change.
    Verified,
    /// A file that cannot be used.
    Damaged {
        /// Why.
        reason: String,
    },
}

/// All that is known about one model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelDetails {
    /// As in the list.
    pub listing: ModelListing,
    /// Where it can be brought from, if it is in the catalog.
    pub catalog: Option<CatalogEntry>,
    /// What its file says, if there is one that can be read.
    pub gguf: Option<GgufSummary>,
}

/// A model whose file is there and is what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedModel {
    /// Its full name.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// The digest of the file.
    pub digest: Digest,
    /// Tokens of context it was trained for, where known.
    pub context_length: Option<u32>,
    /// Whether it can fill in the middle.
    pub fills_in_the_middle: bool,
}

/// What [`ModelFolder::remove`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// The full name of the model.
    pub name: String,
    /// Bytes given back to the disk; 0 for an added model, whose file belongs to the user.
    pub bytes: u64,
}

impl ModelFolder {
    pub(super) fn list_entry(&self, entry: &CatalogEntry) -> ModelListing {
        let path = self.path_of(entry);
        let partial = self.partial_path_of(entry);
        let absent = || match size(&partial) {
            Ok(Some(bytes)) if bytes > 0 => FileState::Partial { bytes },
            Ok(_) | Err(_) => FileState::Absent,
        };
        ModelListing {
            name: entry.name.clone(),
            aliases: entry.aliases.clone(),
            origin: Origin::Catalog,
            state: self
                .state(&entry.name, &path, entry.bytes, entry.digest)
                .unwrap_or_else(absent),
            path,
            bytes: entry.bytes,
            digest: entry.digest,
            licence: Some(entry.licence.clone()),
            summary: entry.summary.clone(),
        }
    }

    pub(super) fn list_added(&self, model: &AddedModel) -> ModelListing {
        let state = self.state(&model.name, &model.path, model.bytes, model.digest);
        ModelListing {
            name: model.name.clone(),
            aliases: Vec::new(),
            origin: Origin::Added,
            path: model.path.clone(),
            bytes: model.bytes,
            digest: model.digest,
            state: state.unwrap_or(FileState::Absent),
            licence: model.gguf.licence.clone(),
            summary: format!("{} model, added by path", model.gguf.architecture),
        }
    }

    /// `None` when there is no file.
    fn state(&self, name: &str, path: &Path, expected: u64, digest: Digest) -> Option<FileState> {
        let bytes = match size(path) {
            Ok(bytes) => bytes?,
            Err(error) => {
                let reason = error.to_string();
                return Some(FileState::Damaged { reason });
            }
        };
        if bytes != expected {
            let reason = format!("it has {bytes} bytes instead of {expected}");
            return Some(FileState::Damaged { reason });
        }
        Some(match verification::recorded(&self.root, name, path) {
            None => FileState::Unverified,
            Some(found) if found == digest => FileState::Verified,
            Some(found) => FileState::Damaged {
                reason: format!("its digest is {found}"),
            },
        })
    }
}
