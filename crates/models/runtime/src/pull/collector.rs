use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tenon_domain::Digest;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::error::{PullError, SourceFault};
use super::event::{PullEvent, PullObserver};
use super::partial::{OpenFault, PartialFile};
use super::space::free_bytes;
use crate::catalog::CatalogEntry;
use crate::folder::ModelFolder;

/// Takes the bytes of all sources, in order, and puts them away on blocking threads, a megabyte at a time.
pub(super) struct Collector<'a> {
    entry: &'a CatalogEntry,
    folder: &'a Path,
    observer: &'a dyn PullObserver,
    /// `None` only while a blocking thread has it, and for good after a write failed.
    partial: Option<PartialFile>,
    pending: Vec<u8>,
    bytes: u64,
}

const WRITE_BYTES: usize = 1 << 20;

impl<'a> Collector<'a> {
    pub(super) async fn open(
        entry: &'a CatalogEntry,
        folder: &'a ModelFolder,
        observer: &'a dyn PullObserver,
        cancel: &CancellationToken,
    ) -> Result<Self, PullError> {
        let root = folder.root();
        fs::create_dir_all(root).map_err(|source| PullError::io("make", root, source))?;
        let (path, limit, cancel) = (folder.partial_path_of(entry), entry.bytes, cancel.clone());
        let opened =
            spawn_blocking(move || PartialFile::open(&path, limit, &cancel).map_err(|fault| (fault, path)));
        let partial = match opened.await.map_err(|error| PullError::bug(entry, &error))? {
            Ok(partial) => partial,
            Err((OpenFault::Busy, path)) => {
                let name = entry.name.clone();
                return Err(PullError::Busy { name, path });
            }
            Err((OpenFault::Cancelled, _)) => {
                let name = entry.name.clone();
                return Err(PullError::Cancelled { name });
            }
            Err((OpenFault::Io(source), path)) => return Err(PullError::io("open", &path, source)),
        };
        let collector = Self {
            entry,
            folder: root,
            observer,
            bytes: partial.bytes(),
            partial: Some(partial),
            pending: Vec::with_capacity(WRITE_BYTES),
        };
        collector.require_space(0)?;
        Ok(collector)
    }

    /// What is there, pending bytes included.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn total(&self) -> u64 {
        self.entry.bytes
    }

    /// Refuses when what is missing, and `extra` bytes beside it, cannot fit.
    pub(super) fn require_space(&self, extra: u64) -> Result<(), PullError> {
        let needed_bytes = self.entry.bytes.saturating_sub(self.bytes).saturating_add(extra);
        match free_bytes(self.folder) {
            Some(free) if free < needed_bytes => Err(self.no_space(needed_bytes, Some(free))),
            _ => Ok(()),
        }
    }

    /// Takes the next bytes of the file.
    pub(super) async fn write(&mut self, chunk: &[u8]) -> Result<(), SourceFault> {
        let after = self.bytes + chunk.len() as u64;
        if after > self.entry.bytes {
            // Nothing of it can be trusted.
            self.restart().await?;
            let reason = format!("its file has more than {} bytes", self.entry.bytes);
            return Err(SourceFault::PassOver(reason));
        }
        self.pending.extend_from_slice(chunk);
        self.bytes = after;
        if self.pending.len() >= WRITE_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    /// Says how far the file is, counting `underway` bytes that are not taken yet.
    pub(super) fn tell(&self, underway: u64) {
        self.observer.observe(PullEvent::Advanced {
            bytes_done: self.bytes.saturating_add(underway).min(self.entry.bytes),
            bytes_total: self.entry.bytes,
        });
    }

    /// Puts away what was taken.
    pub(super) async fn flush(&mut self) -> Result<(), PullError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.pending, Vec::with_capacity(WRITE_BYTES));
        self.with_partial(move |partial| partial.append(&chunk)).await?;
        self.tell(0);
        Ok(())
    }

    /// Drops everything.
    pub(super) async fn restart(&mut self) -> Result<(), PullError> {
        self.pending.clear();
        self.with_partial(PartialFile::restart).await
    }

    /// The digest of all that was put away.
    pub(super) fn digest(&self) -> Result<Digest, PullError> {
        let partial = self.partial.as_ref().ok_or_else(|| self.lost())?;
        Ok(partial.digest())
    }

    /// Gives the file its real name.
    pub(super) async fn finish(mut self, path: PathBuf) -> Result<(), PullError> {
        let partial = self.partial.take().ok_or_else(|| self.lost())?;
        let finished = spawn_blocking(move || partial.finish(&path).map_err(|error| (error, path)));
        match finished
            .await
            .map_err(|error| PullError::bug(self.entry, &error))?
        {
            Ok(()) => Ok(()),
            Err((source, path)) => Err(PullError::io("put in place", &path, source)),
        }
    }

    async fn with_partial(
        &mut self,
        work: impl FnOnce(&mut PartialFile) -> io::Result<()> + Send + 'static,
    ) -> Result<(), PullError> {
        let mut partial = self.partial.take().ok_or_else(|| self.lost())?;
        let task = spawn_blocking(move || {
            let result = work(&mut partial);
            (partial, result)
        });
        let (partial, result) = task.await.map_err(|error| PullError::bug(self.entry, &error))?;
        self.bytes = partial.bytes();
        self.partial = Some(partial);
        result.map_err(|error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                let needed_bytes = self.entry.bytes.saturating_sub(self.bytes);
                self.no_space(needed_bytes, free_bytes(self.folder))
            }
            _ => PullError::io("write", &self.folder.join(&self.entry.file), error),
        })
    }

    fn no_space(&self, needed_bytes: u64, free_bytes: Option<u64>) -> PullError {
        PullError::NoSpace {
            name: self.entry.name.clone(),
            folder: self.folder.to_owned(),
            needed_bytes,
            free_bytes,
        }
    }

    /// Cannot happen: after a blocking thread died the pull ends.
    fn lost(&self) -> PullError {
        PullError::io(
            "go on with",
            Path::new(&self.entry.file),
            io::Error::other("an earlier write died"),
        )
    }
}
