//! The file of the signing key: private, and written whole or not at all.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use crate::AuditError;

/// No key is longer.
const MAX_BYTES: u64 = 4096;

/// Whose key stands in the file after writing.
pub(crate) enum Kept {
    /// The one that was to be written.
    Ours,
    /// Another, which was there first.
    Theirs(Vec<u8>),
}

/// What the file holds; `None` when there is none.
pub(crate) fn read_private(path: &Path) -> Result<Option<Vec<u8>>, AuditError> {
    match read(path) {
        Ok((mode, _)) if mode & 0o077 != 0 => Err(AuditError::KeyExposed {
            path: path.to_owned(),
            mode,
        }),
        Ok((_, content)) => {
            refuse_exposed_folder(path)?;
            Ok(Some(content))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(AuditError::KeyRead {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Writes `content` where nothing is yet.
pub(crate) fn keep_new(path: &Path, content: &[u8]) -> Result<Kept, AuditError> {
    let failed = |source| AuditError::KeyWrite {
        path: path.to_owned(),
        source,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder_of(path))
        .map_err(failed)?;
    refuse_exposed_folder(path)?;
    match write_whole(path, content) {
        Ok(()) => Ok(Kept::Ours),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match read_private(path)? {
            Some(theirs) => Ok(Kept::Theirs(theirs)),
            None => Err(failed(error)),
        },
        Err(error) => Err(failed(error)),
    }
}

fn read(path: &Path) -> io::Result<(u32, Vec<u8>)> {
    let file = File::open(path)?;
    // Asked of the open file, so that it cannot be exchanged in between.
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut content = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut content)?;
    Ok((metadata.permissions().mode() & 0o7777, content))
}

fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = folder_of(path);
    // Temporary files are made with mode 0600 and vanish with the value when something fails.
    let mut file = tempfile::Builder::new().prefix(".writing-").tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path)?;
    // The new name must survive a power cut too.
    File::open(folder)?.sync_all()
}

fn refuse_exposed_folder(path: &Path) -> Result<(), AuditError> {
    let folder = folder_of(path);
    let metadata = fs::metadata(folder).map_err(|source| AuditError::KeyRead {
        path: path.to_owned(),
        source,
    })?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o022 == 0 {
        return Ok(());
    }
    Err(AuditError::FolderExposed {
        path: folder.to_owned(),
        mode,
    })
}

/// The folder of `path`; the working folder for a bare name.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
