use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tenon_domain::RepoPath;
use tenon_syntax::SymbolKind;

use crate::record::{FileRecord, SymbolRecord};
use crate::walk::{LARGEST_READ, Seen, walk};
use crate::{disk, record};

/// What is known about a repository, as it is on disk now.
#[derive(Debug)]
pub struct Index {
    root: PathBuf,
    pub(crate) files: Vec<FileRecord>,
    paths: BTreeMap<RepoPath, usize>,
    definitions: HashMap<String, Vec<(usize, usize)>>,
    texts: Mutex<HashMap<RepoPath, Option<Arc<str>>>>,
    cut: bool,
    reread: usize,
}

/// Where a name is defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The file.
    pub path: RepoPath,
    /// The name with its containers: `Class.method`.
    pub qualified_name: String,
    /// What it is.
    pub kind: SymbolKind,
    /// One line up to the body.
    pub signature: String,
    /// The first line of its documentation.
    pub doc: Option<String>,
    /// 1-based first line.
    pub line: u32,
    /// 1-based last line.
    pub end_line: u32,
}

/// Why a repository cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// The root is not a folder that can be read.
    #[error("cannot read {}: {reason}", path.display())]
    Root {
        /// The root.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl Index {
    /// Reads the repository at `root`; files that did not change since the last time come from the index below
    /// `cache`.
    ///
    /// # Errors
    /// When `root` is not a folder that can be read. Single files that cannot be read are skipped.
    pub fn open(root: &Path, cache: &Path) -> Result<Self, ContextError> {
        let error = |reason: String| ContextError::Root {
            path: root.to_owned(),
            reason,
        };
        let root = std::fs::canonicalize(root).map_err(|source| error(source.to_string()))?;
        if !root.is_dir() {
            return Err(error("it is not a folder".to_owned()));
        }
        let place = disk::place(cache, &root);
        let mut known: HashMap<String, FileRecord> = disk::load(&place)
            .into_iter()
            .map(|record| (record.path.clone(), record))
            .collect();
        let remembered = known.len();
        let (seen, cut) = walk(&root);
        let mut files: Vec<Option<FileRecord>> = Vec::with_capacity(seen.len());
        let mut stale: Vec<(usize, Seen)> = Vec::new();
        for seen in seen {
            match known.remove(seen.path.as_str()) {
                Some(record) if record.size == seen.size && record.modified == seen.modified => {
                    files.push(Some(record))
                }
                _ => {
                    stale.push((files.len(), seen));
                    files.push(None);
                }
            }
        }
        let reread = stale.len();
        for (slot, record) in read_in_parallel(&root, &stale) {
            if let Some(place) = files.get_mut(slot) {
                *place = Some(record);
            }
        }
        let files: Vec<FileRecord> = files.into_iter().flatten().collect();
        if reread > 0 || files.len() != remembered {
            // Reading goes on without it.
            let _ = disk::save(&place, &files);
        }
        Ok(Self::assemble(root, files, cut, reread))
    }

    fn assemble(root: PathBuf, files: Vec<FileRecord>, cut: bool, reread: usize) -> Self {
        let mut paths = BTreeMap::new();
        let mut definitions: HashMap<String, Vec<(usize, usize)>> = HashMap::new();
        for (number, file) in files.iter().enumerate() {
            if let Ok(path) = RepoPath::parse(&file.path) {
                paths.insert(path, number);
            }
            for (index, symbol) in file.symbols.iter().enumerate() {
                definitions
                    .entry(symbol.name.clone())
                    .or_default()
                    .push((number, index));
            }
        }
        Self {
            root,
            files,
            paths,
            definitions,
            texts: Mutex::new(HashMap::new()),
            cut,
            reread,
        }
    }

    /// The repository's root, without links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The files that are known, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &RepoPath> {
        self.paths.keys()
    }

    /// Whether a file is known.
    pub fn contains(&self, path: &RepoPath) -> bool {
        self.paths.contains_key(path)
    }

    /// Files known, and symbols in them.
    pub fn size(&self) -> (usize, usize) {
        (
            self.files.len(),
            self.files.iter().map(|file| file.symbols.len()).sum(),
        )
    }

    /// Files that had to be read anew when the index was opened.
    pub fn reread(&self) -> usize {
        self.reread
    }

    /// Whether the repository holds more files than are read.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// The text of a file that can be read: UTF-8, of moderate size.
    pub fn file_text(&self, path: &RepoPath) -> Option<Arc<str>> {
        let readable = self
            .files
            .get(*self.paths.get(path)?)
            .is_some_and(|file| file.readable);
        if !readable {
            return None;
        }
        let mut texts = self.texts.lock().ok()?;
        texts
            .entry(path.clone())
            .or_insert_with(|| {
                let place = path.under(&self.root);
                let small = std::fs::metadata(&place).is_ok_and(|metadata| metadata.len() <= LARGEST_READ);
                if small {
                    std::fs::read_to_string(place).ok().map(Arc::from)
                } else {
                    None
                }
            })
            .clone()
    }

    /// Where a name is defined: `slugify`, `Cart.total` or `Cart::total`. Implementations do not count as definitions
    /// of their type.
    pub fn definitions_of(&self, name: &str) -> Vec<Definition> {
        let qualified = name.replace("::", ".");
        let last = qualified.rsplit('.').next().unwrap_or(&qualified);
        let Some(places) = self.definitions.get(last) else {
            return Vec::new();
        };
        let matches = |symbol: &SymbolRecord| {
            qualified == last
                || symbol.qualified_name == qualified
                || symbol.qualified_name.ends_with(&format!(".{qualified}"))
        };
        places
            .iter()
            .filter_map(|(file, symbol)| {
                let file = self.files.get(*file)?;
                let symbol = file.symbols.get(*symbol)?;
                (symbol.kind != SymbolKind::Implementation && matches(symbol))
                    .then(|| definition(file, symbol))
                    .flatten()
            })
            .collect()
    }

    /// Files that use a name, with the first line that does.
    pub fn references_to(&self, name: &str) -> Vec<(RepoPath, u32)> {
        self.files
            .iter()
            .filter_map(|file| {
                let at = file
                    .references
                    .binary_search_by(|(known, _, _)| known.as_str().cmp(name))
                    .ok()?;
                let (_, _, line) = file.references.get(at)?;
                Some((RepoPath::parse(&file.path).ok()?, *line))
            })
            .collect()
    }

    /// The symbols of one file, in source order.
    pub fn symbols_in(&self, path: &RepoPath) -> Vec<Definition> {
        let file = self.paths.get(path).and_then(|number| self.files.get(*number));
        file.map(|file| {
            file.symbols
                .iter()
                .filter_map(|symbol| definition(file, symbol))
                .collect()
        })
        .unwrap_or_default()
    }

    pub(crate) fn symbol(&self, file: usize, symbol: usize) -> Option<(&FileRecord, &record::SymbolRecord)> {
        let file = self.files.get(file)?;
        Some((file, file.symbols.get(symbol)?))
    }

    pub(crate) fn places_of(&self, name: &str) -> &[(usize, usize)] {
        self.definitions.get(name).map_or(&[], Vec::as_slice)
    }
}

pub(crate) fn definition(file: &FileRecord, symbol: &SymbolRecord) -> Option<Definition> {
    Some(Definition {
        path: RepoPath::parse(&file.path).ok()?,
        qualified_name: symbol.qualified_name.clone(),
        kind: symbol.kind,
        signature: symbol.signature.clone(),
        doc: symbol.doc.clone(),
        line: symbol.line,
        end_line: symbol.end_line,
    })
}

fn read_in_parallel(root: &Path, stale: &[(usize, Seen)]) -> Vec<(usize, FileRecord)> {
    let read = |(slot, seen): &(usize, Seen)| (*slot, FileRecord::read(root, seen));
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    if stale.len() < 8 || threads == 1 {
        return stale.iter().map(read).collect();
    }
    // Neighbours in a folder are of similar size: dealing them out keeps the threads equally busy.
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|worker| {
                scope.spawn(move || {
                    stale
                        .iter()
                        .skip(worker)
                        .step_by(threads)
                        .map(read)
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap_or_default())
            .collect()
    })
}
