use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{PolicyError, PolicyFile};

const EXTENSION: &str = "cedar";

/// Every policy file in `folder`, in the order of their names.
pub(super) fn read(folder: &Path) -> Result<Vec<PolicyFile>, PolicyError> {
    let paths = list(folder).map_err(|source| unreadable(folder, source))?;
    if paths.is_empty() {
        return Err(PolicyError::Empty {
            folder: folder.to_owned(),
        });
    }
    paths.into_iter().map(|path| read_file(&path)).collect()
}

fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let paths: Vec<_> = entries.collect::<io::Result<_>>()?;
    let is_policy = |path: &PathBuf| path.extension().is_some_and(|extension| extension == EXTENSION);
    let mut policies: Vec<_> = paths.into_iter().filter(is_policy).collect();
    policies.sort();
    Ok(policies)
}

fn read_file(path: &Path) -> Result<PolicyFile, PolicyError> {
    let text = fs::read_to_string(path).map_err(|source| unreadable(path, source))?;
    let name = path.file_name().unwrap_or(path.as_os_str());
    Ok(PolicyFile::new(&name.to_string_lossy(), &text))
}

fn unreadable(path: &Path, source: io::Error) -> PolicyError {
    PolicyError::Unreadable {
        path: path.to_owned(),
        source,
    }
}
