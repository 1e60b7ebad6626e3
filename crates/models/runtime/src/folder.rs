//! The folder that holds model files: what is there, what may be used, and under which name.
//!
//! ```text
//! <file>.gguf          a model of the catalog, whole and verified before it got this name
//! <file>.gguf.part     what was brought of it so far
//! added.json           models of the user, by path; their files stay where they are
//! .verified/<name>     size, time and digest of a file whose digest was computed: it is not hashed at every start
//! ```
//!
//! Everything here blocks on the disk; asynchronous callers run it on a blocking thread.

mod error;
mod listing;
mod registry;
mod verification;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::catalog::{CatalogEntry, built_in_catalog};
use crate::gguf::read_gguf;

pub use error::FolderError;
pub use listing::{FileState, ModelDetails, ModelListing, Origin, Removed, ResolvedModel};
pub use registry::AddedModel;

/// A folder of models, together with the catalog of those that can be pulled into it.
#[derive(Debug, Clone)]
pub struct ModelFolder {
    root: PathBuf,
    catalog: Vec<CatalogEntry>,
}

impl ModelFolder {
    /// The folder at `root`, which need not exist yet, with the built-in catalog.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self::with_catalog(root, built_in_catalog())
    }

    /// The same with another catalog.
    pub fn with_catalog(root: impl Into<PathBuf>, catalog: Vec<CatalogEntry>) -> Self {
        Self {
            root: root.into(),
            catalog,
        }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What can be pulled.
    pub fn catalog(&self) -> &[CatalogEntry] {
        &self.catalog
    }

    /// The catalog's entry for a name or alias.
    ///
    /// # Errors
    /// When the catalog has none.
    pub fn entry(&self, name: &str) -> Result<&CatalogEntry, FolderError> {
        self.find_entry(name).ok_or_else(|| FolderError::Unknown {
            name: name.to_owned(),
            known: self.catalog.iter().map(|entry| entry.name.clone()).collect(),
        })
    }

    /// Where the file of a catalog entry belongs.
    pub fn path_of(&self, entry: &CatalogEntry) -> PathBuf {
        self.root.join(&entry.file)
    }

    /// Where a file is collected until it is whole.
    pub fn partial_path_of(&self, entry: &CatalogEntry) -> PathBuf {
        self.root.join(format!("{}.part", entry.file))
    }

    /// Every model that is known, those of the catalog first. Reads no file, so a digest is not recomputed.
    ///
    /// # Errors
    /// When the list of added models is damaged.
    pub fn list(&self) -> Result<Vec<ModelListing>, FolderError> {
        let added = registry::read(&self.root)?;
        let from_catalog = self.catalog.iter().map(|entry| self.list_entry(entry));
        Ok(from_catalog
            .chain(added.iter().map(|model| self.list_added(model)))
            .collect())
    }

    /// All that is known about one model.
    ///
    /// # Errors
    /// When no model has the name.
    pub fn show(&self, name: &str) -> Result<ModelDetails, FolderError> {
        let (listing, catalog) = match self.find(name)? {
            Known::Entry(entry) => (self.list_entry(entry), Some(entry.clone())),
            Known::Added(model) => (self.list_added(&model), None),
        };
        let gguf = read_gguf(&listing.path).ok();
        Ok(ModelDetails {
            listing,
            catalog,
            gguf,
        })
    }

    /// The file of a model, verified: its digest was computed now, or earlier and the file did not change since.
    ///
    /// # Errors
    /// When no model has the name, or its file is not there, cut off, or not what it should be. Each says the mend.
    pub fn resolve(&self, name: &str) -> Result<ResolvedModel, FolderError> {
        match self.find(name)? {
            Known::Entry(entry) => self.resolve_entry(entry),
            Known::Added(model) => self.resolve_added(&model),
        }
    }

    /// Makes a GGUF file of the user known under `name`, or under a name made from that of the file. The file is
    /// read once to the end, for its digest, and stays where it is.
    ///
    /// # Errors
    /// When it is not a whole GGUF file or the name is taken.
    pub fn add(&self, path: &Path, name: Option<&str>) -> Result<AddedModel, FolderError> {
        let path = fs::canonicalize(path).map_err(|source| FolderError::io("find", path, source))?;
        let gguf = read_gguf(&path)?;
        let name = match name {
            Some(name) => registry::check_name(name)?,
            None => registry::name_from_file(&path)?,
        };
        if self.find_entry(&name).is_some() {
            return Err(FolderError::NameTaken { name });
        }
        let (digest, bytes) = verification::digest_now(&self.root, &name, &path)?;
        let model = AddedModel {
            name,
            path,
            bytes,
            digest,
            gguf,
        };
        registry::insert(&self.root, &model)?;
        Ok(model)
    }

    /// Deletes the file of a catalog entry and what was brought of it, or forgets an added model.
    ///
    /// # Errors
    /// When no model has the name or a file cannot be deleted.
    pub fn remove(&self, name: &str) -> Result<Removed, FolderError> {
        let (name, paths) = match self.find(name)? {
            Known::Entry(entry) => (
                entry.name.clone(),
                vec![self.path_of(entry), self.partial_path_of(entry)],
            ),
            Known::Added(model) => {
                registry::remove(&self.root, &model.name)?;
                (model.name, Vec::new())
            }
        };
        let mut bytes = 0;
        for path in paths {
            bytes += delete(&path)?;
        }
        verification::forget(&self.root, &name);
        Ok(Removed { name, bytes })
    }

    /// Records that the file of `entry` was just found right, so that it is not hashed again.
    pub(crate) fn record_verified(&self, entry: &CatalogEntry) {
        verification::record(&self.root, &entry.name, &self.path_of(entry), entry.digest);
    }

    fn find_entry(&self, name: &str) -> Option<&CatalogEntry> {
        self.catalog.iter().find(|entry| entry.answers_to(name))
    }

    fn find(&self, name: &str) -> Result<Known<'_>, FolderError> {
        if let Some(entry) = self.find_entry(name) {
            return Ok(Known::Entry(entry));
        }
        let added = registry::read(&self.root)?;
        if let Some(model) = added.iter().find(|model| model.name.eq_ignore_ascii_case(name)) {
            return Ok(Known::Added(Box::new(model.clone())));
        }
        let known = self.catalog.iter().map(|entry| &entry.name);
        Err(FolderError::Unknown {
            name: name.to_owned(),
            known: known
                .chain(added.iter().map(|model| &model.name))
                .cloned()
                .collect(),
        })
    }

    fn resolve_entry(&self, entry: &CatalogEntry) -> Result<ResolvedModel, FolderError> {
        let path = self.path_of(entry);
        let Some(bytes) = size(&path)? else {
            let partial_bytes = size(&self.partial_path_of(entry))?.unwrap_or(0);
            return Err(FolderError::Absent {
                name: entry.name.clone(),
                path,
                bytes: entry.bytes,
                digest: entry.digest,
                partial_bytes,
            });
        };
        if bytes != entry.bytes {
            return Err(FolderError::WrongSize {
                name: entry.name.clone(),
                path,
                bytes,
                expected: entry.bytes,
            });
        }
        let found = verification::digest_of(&self.root, &entry.name, &path)?;
        if found != entry.digest {
            return Err(FolderError::WrongDigest {
                name: entry.name.clone(),
                path,
                found,
                expected: entry.digest,
            });
        }
        Ok(ResolvedModel {
            name: entry.name.clone(),
            path,
            digest: found,
            context_length: Some(entry.context_length),
            fills_in_the_middle: entry.fills_in_the_middle,
        })
    }

    fn resolve_added(&self, model: &AddedModel) -> Result<ResolvedModel, FolderError> {
        if size(&model.path)?.is_none() {
            return Err(FolderError::AddedGone {
                name: model.name.clone(),
                path: model.path.clone(),
            });
        }
        if verification::digest_of(&self.root, &model.name, &model.path)? != model.digest {
            return Err(FolderError::AddedChanged {
                name: model.name.clone(),
                path: model.path.clone(),
            });
        }
        Ok(ResolvedModel {
            name: model.name.clone(),
            path: model.path.clone(),
            digest: model.digest,
            context_length: model.gguf.context_length,
            fills_in_the_middle: model.gguf.fill_markers.is_some(),
        })
    }
}

enum Known<'a> {
    Entry(&'a CatalogEntry),
    Added(Box<AddedModel>),
}

/// The size of a file; `None` when there is none.
fn size(path: &Path) -> Result<Option<u64>, FolderError> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FolderError::io("look at", path, source)),
    }
}

fn delete(path: &Path) -> Result<u64, FolderError> {
    let bytes = size(path)?.unwrap_or(0);
    match fs::remove_file(path) {
        Ok(()) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(source) => Err(FolderError::io("delete", path, source)),
    }
}
