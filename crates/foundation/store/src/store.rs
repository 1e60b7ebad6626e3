use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tenon_domain::{Proposal, ProposalId};

use crate::{Listing, StoreError, Summary, files};

const EXTENSION: &str = "json";
const MAX_PROPOSAL_BYTES: u64 = 256 * 1024 * 1024;
const MAX_ID_CHARACTERS: usize = 36;
const AMBIGUITY_EXAMPLES: usize = 2;

/// A folder of proposals.
#[derive(Debug, Clone)]
pub struct ProposalStore {
    folder: PathBuf,
}

impl ProposalStore {
    /// Opens `folder`, which is made if it is missing, and closes it to other users.
    ///
    /// # Errors
    /// When the folder cannot be made or closed.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let folder = folder.into();
        match files::make_private_folder(&folder) {
            Ok(()) => Ok(Self { folder }),
            Err(source) => Err(StoreError::Folder { path: folder, source }),
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps a proposal; one with the same id is replaced.
    ///
    /// # Errors
    /// When the file cannot be written; then nothing of it is left.
    pub fn save(&self, proposal: &Proposal) -> Result<(), StoreError> {
        let name = format!("{}.{EXTENSION}", proposal.id);
        let write = || {
            let content = serde_json::to_vec(proposal)?;
            files::write_whole(&self.folder, &name, &content)
        };
        write().map_err(|source| StoreError::Write {
            path: self.folder.join(&name),
            source,
        })
    }

    /// The newest proposals, at most `limit`.
    ///
    /// # Errors
    /// When the folder cannot be read. A broken file is part of the listing.
    pub fn list(&self, limit: usize) -> Result<Listing, StoreError> {
        let ids = self.ids()?;
        let mut listing = Listing {
            proposals: Vec::new(),
            unreadable: Vec::new(),
            total: ids.len(),
        };
        for id in ids.into_iter().take(limit) {
            match self.read(id) {
                Ok(proposal) => listing.proposals.push(Summary::from(proposal)),
                Err(error) => listing.unreadable.push(error),
            }
        }
        Ok(listing)
    }

    /// The proposal whose id is `text` or begins with it; hyphens may be left out.
    ///
    /// # Errors
    /// When none or several begin like this, or the file is broken.
    pub fn load(&self, text: &str) -> Result<Proposal, StoreError> {
        self.read(self.find(text)?)
    }

    /// Removes a proposal and returns its id; the text is read as in [`Self::load`].
    ///
    /// # Errors
    /// When none or several begin like this, or the file cannot be removed.
    pub fn remove(&self, text: &str) -> Result<ProposalId, StoreError> {
        let id = self.find(text)?;
        let path = self.path_of(id);
        match fs::remove_file(&path) {
            Ok(()) => Ok(id),
            Err(source) => Err(StoreError::Write { path, source }),
        }
    }

    fn find(&self, text: &str) -> Result<ProposalId, StoreError> {
        let prefix = parse_prefix(text)?;
        let matches: Vec<ProposalId> = self
            .ids()?
            .into_iter()
            .filter(|id| without_hyphens(&id.to_string()).starts_with(&prefix))
            .collect();
        match matches.as_slice() {
            [id] => Ok(*id),
            [] => Err(StoreError::Unknown {
                text: text.to_owned(),
            }),
            several => Err(StoreError::Ambiguous {
                text: text.to_owned(),
                count: several.len(),
                examples: several.iter().take(AMBIGUITY_EXAMPLES).copied().collect(),
            }),
        }
    }

    /// All ids, newest first. Files with other names are not ours and are left alone.
    fn ids(&self) -> Result<Vec<ProposalId>, StoreError> {
        let read = || -> io::Result<Vec<ProposalId>> {
            let mut ids = Vec::new();
            for entry in fs::read_dir(&self.folder)? {
                ids.extend(id_of(&entry?.path()));
            }
            Ok(ids)
        };
        let mut ids = read().map_err(|source| StoreError::Folder {
            path: self.folder.clone(),
            source,
        })?;
        ids.sort_unstable_by(|a, b| b.cmp(a));
        Ok(ids)
    }

    fn read(&self, id: ProposalId) -> Result<Proposal, StoreError> {
        let path = self.path_of(id);
        let content = match files::read_bounded(&path, MAX_PROPOSAL_BYTES) {
            Ok(content) => content,
            Err(source) => return Err(StoreError::Read { path, source }),
        };
        let proposal: Proposal = match serde_json::from_slice(&content) {
            Ok(proposal) => proposal,
            Err(error) => {
                let reason = error.to_string();
                return Err(StoreError::Corrupt { path, reason });
            }
        };
        if proposal.id != id {
            // A copied file would otherwise be shown, and removed, under another's name.
            let reason = format!("it holds the proposal `{}`", proposal.id);
            return Err(StoreError::Corrupt { path, reason });
        }
        Ok(proposal)
    }

    fn path_of(&self, id: ProposalId) -> PathBuf {
        self.folder.join(format!("{id}.{EXTENSION}"))
    }
}

fn id_of(path: &Path) -> Option<ProposalId> {
    if path.extension()? != EXTENSION {
        return None;
    }
    let stem = path.file_stem()?.to_str()?;
    // Other ways to write the same id would be other files.
    stem.parse().ok().filter(|id: &ProposalId| id.to_string() == stem)
}

fn parse_prefix(text: &str) -> Result<String, StoreError> {
    let prefix = without_hyphens(text).to_ascii_lowercase();
    let fits = !prefix.is_empty()
        && text.len() <= MAX_ID_CHARACTERS
        && prefix.chars().all(|character| character.is_ascii_hexdigit());
    if fits {
        return Ok(prefix);
    }
    let text: String = text.chars().take(MAX_ID_CHARACTERS).collect();
    Err(StoreError::NotAnId {
        text: text.escape_debug().to_string(),
    })
}

fn without_hyphens(text: &str) -> String {
    text.chars().filter(|&character| character != '-').collect()
}
