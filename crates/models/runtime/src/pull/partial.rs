use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tenon_domain::Digest;
use tokio_util::sync::CancellationToken;

/// The `.part` file: what was brought so far, and its digest. Blocks on the disk.
pub(super) struct PartialFile {
    file: File,
    path: PathBuf,
    hasher: Sha256,
    bytes: u64,
}

/// Why the `.part` file cannot be opened.
pub(super) enum OpenFault {
    Busy,
    Cancelled,
    Io(io::Error),
}

impl From<io::Error> for OpenFault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl PartialFile {
    /// Opens or makes the file, for this process alone, and reads what is there. More than `limit` bytes are
    /// not a part of anything and are dropped.
    pub(super) fn open(path: &Path, limit: u64, cancel: &CancellationToken) -> Result<Self, OpenFault> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenFault::Busy),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        if file.metadata()?.len() > limit {
            file.set_len(0)?;
        }
        let mut hasher = Sha256::new();
        let mut bytes = 0;
        let mut buffer = vec![0; 1 << 20];
        let known = file.metadata()?.len();
        while bytes < known {
            if cancel.is_cancelled() {
                return Err(OpenFault::Cancelled);
            }
            let read = file.read(&mut buffer)?;
            let Some(chunk) = buffer.get(..read).filter(|chunk| !chunk.is_empty()) else {
                break;
            };
            hasher.update(chunk);
            bytes += chunk.len() as u64;
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            hasher,
            bytes,
        })
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Appends all of `chunk`, or nothing.
    pub(super) fn append(&mut self, chunk: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(chunk) {
            // A part of the chunk may be on the disk; the digest does not know it.
            let _ = self.file.set_len(self.bytes);
            let _ = self.file.seek(SeekFrom::Start(self.bytes));
            return Err(error);
        }
        self.hasher.update(chunk);
        self.bytes += chunk.len() as u64;
        Ok(())
    }

    /// Drops everything.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.hasher = Sha256::new();
        self.bytes = 0;
        Ok(())
    }

    pub(super) fn digest(&self) -> Digest {
        Digest::from_bytes(self.hasher.clone().finalize().into())
    }

    /// Gives the file its real name, in one step, once the disk has it.
    pub(super) fn finish(self, path: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        std::fs::rename(&self.path, path)
    }
}
