//! Brings a model's file into the folder: whole, verified, or not at all.
//!
//! ```text
//! already there? ─▶ local folders ─▶ Hugging Face ─▶ Python packages ─▶ one error that says it all
//!                        └──────────────┴────────────────┘
//!                     all append to one `.part` file, so what one source
//!                     brought is not brought again by the next
//! ```
//!
//! The digest is computed while the bytes arrive; only a file whose digest is right gets its real name.

mod collector;
mod error;
mod event;
mod hugging_face;
mod local;
mod mirror;
mod options;
mod partial;
mod pip;
mod space;

use std::path::PathBuf;

use tenon_domain::Digest;
use tokio_util::sync::CancellationToken;

use crate::catalog::{CatalogEntry, Source};
use crate::folder::{FolderError, ModelFolder};

use collector::Collector;
use error::SourceFault;

pub use error::{PullError, TriedSource};
pub use event::{PullEvent, PullObserver};
pub use options::{Network, PipOptions, PullOptions};

/// A model's file that is now in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// The model.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// The digest of the file, verified.
    pub digest: Digest,
    /// The last source that contributed; `None` when the file was there already.
    pub source: Option<String>,
}

/// Brings the file of `entry` into `folder`, from the first source that has it.
///
/// What was brought by an earlier, interrupted call is kept and continued. When `cancel` fires the call ends at
/// once, leaving no process behind and a file that the next call continues.
///
/// # Errors
/// When no source has the right file, the disk is full or refuses, another process pulls the same model, or
/// `cancel` fired. Every error says what to do.
pub async fn pull(
    entry: &CatalogEntry,
    folder: &ModelFolder,
    options: &PullOptions,
    observer: &dyn PullObserver,
    cancel: &CancellationToken,
) -> Result<Pulled, PullError> {
    let pull = Pull {
        entry,
        folder,
        options,
        observer,
        cancel,
    };
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(PullError::Cancelled { name: entry.name.clone() }),
        result = pull.run() => result,
    }
}

struct Pull<'a> {
    entry: &'a CatalogEntry,
    folder: &'a ModelFolder,
    options: &'a PullOptions,
    observer: &'a dyn PullObserver,
    cancel: &'a CancellationToken,
}

impl Pull<'_> {
    async fn run(&self) -> Result<Pulled, PullError> {
        if let Some(pulled) = self.already_there().await? {
            return Ok(pulled);
        }
        let mut collector = Collector::open(self.entry, self.folder, self.observer, self.cancel).await?;
        let mut tried = Vec::new();
        if let Some(path) = local::find(self.entry, &self.options.local_folders) {
            let label = format!("`{}`", path.display());
            match self.bring(&Origin::Local(path), &label, &mut collector).await? {
                Ok(()) => return self.finish(collector, label).await,
                Err(reason) => tried.push(self.pass_over(label, reason)),
            }
        }
        for source in &self.entry.sources {
            let label = source.label();
            if self.options.network == Network::Offline {
                tried.push(self.pass_over(label, "Tenon is set to work offline".to_owned()));
                continue;
            }
            match self
                .bring(&Origin::Source(source), &label, &mut collector)
                .await?
            {
                Ok(()) => return self.finish(collector, label).await,
                Err(reason) => tried.push(self.pass_over(label, reason)),
            }
        }
        Err(PullError::NoSource {
            name: self.entry.name.clone(),
            tried,
            bytes: self.entry.bytes,
            digest: self.entry.digest,
            place: self.folder.path_of(self.entry),
            partial_bytes: collector.bytes(),
        })
    }

    async fn already_there(&self) -> Result<Option<Pulled>, PullError> {
        let (folder, name) = (self.folder.clone(), self.entry.name.clone());
        let resolved = tokio::task::spawn_blocking(move || folder.resolve(&name)).await;
        match resolved.map_err(|error| PullError::bug(self.entry, &error))? {
            Ok(resolved) => Ok(Some(Pulled {
                name: resolved.name,
                path: resolved.path,
                digest: resolved.digest,
                source: None,
            })),
            Err(FolderError::Absent { .. }) => Ok(None),
            // The file is replaced once the right one is whole.
            Err(error @ (FolderError::WrongSize { .. } | FolderError::WrongDigest { .. })) => {
                self.observer.observe(PullEvent::Replacing {
                    reason: error.to_string(),
                });
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Collects all bytes from one source, trying again where it breaks off, and checks the digest.
    ///
    /// The inner error says why the source is passed over.
    async fn bring(
        &self,
        origin: &Origin<'_>,
        label: &str,
        collector: &mut Collector<'_>,
    ) -> Result<Result<(), String>, PullError> {
        self.observer.observe(PullEvent::SourceStarted {
            source: label.to_owned(),
            bytes_done: collector.bytes(),
            bytes_total: self.entry.bytes,
        });
        let mut continued = collector.bytes() > 0;
        let mut attempts = self.options.attempts.max(1);
        loop {
            let before = collector.bytes();
            match self.bring_once(origin, collector).await {
                Ok(()) => {}
                Err(SourceFault::Stop(error)) => return Err(error),
                Err(SourceFault::PassOver(reason)) => return Ok(Err(reason)),
                Err(SourceFault::BrokeOff(reason)) => {
                    // A hundredth of the file is progress; less, again and again, is a source that does not work.
                    if collector.bytes().saturating_sub(before) > self.entry.bytes / 100 {
                        attempts = self.options.attempts.max(1);
                    }
                    attempts -= 1;
                    if attempts == 0 {
                        return Ok(Err(reason));
                    }
                    self.observer.observe(PullEvent::BrokeOff {
                        source: label.to_owned(),
                        reason,
                        bytes_done: collector.bytes(),
                    });
                    tokio::time::sleep(self.options.retry_pause).await;
                    continue;
                }
            }
            let found = collector.digest()?;
            if found == self.entry.digest {
                return Ok(Ok(()));
            }
            collector.restart().await?;
            let reason = format!("its file has digest {found} instead of {}", self.entry.digest);
            if !continued {
                return Ok(Err(reason));
            }
            // Perhaps only what an earlier call left behind was wrong.
            continued = false;
            self.observer.observe(PullEvent::Restarted {
                reason: format!("what was kept of an earlier pull was wrong: {reason}"),
            });
        }
    }

    async fn bring_once(
        &self,
        origin: &Origin<'_>,
        collector: &mut Collector<'_>,
    ) -> Result<(), SourceFault> {
        if collector.bytes() == self.entry.bytes {
            return Ok(());
        }
        let result = match origin {
            Origin::Local(path) => local::bring(path, collector).await,
            Origin::Source(Source::HuggingFace { repository, file }) => {
                hugging_face::bring(repository, file, self.options, collector).await
            }
            Origin::Source(Source::PythonPackages { parts }) => {
                mirror::bring(parts, self.options, self.folder.root(), self.entry, collector).await
            }
        };
        // What arrived before a failure is kept.
        collector.flush().await?;
        result?;
        if collector.bytes() < self.entry.bytes {
            let reason = format!(
                "it ended after {} of {} bytes",
                collector.bytes(),
                self.entry.bytes
            );
            return Err(SourceFault::BrokeOff(reason));
        }
        Ok(())
    }

    async fn finish(&self, collector: Collector<'_>, source: String) -> Result<Pulled, PullError> {
        let path = self.folder.path_of(self.entry);
        collector.finish(path.clone()).await?;
        self.folder.record_verified(self.entry);
        let digest = self.entry.digest;
        self.observer.observe(PullEvent::Verified { digest });
        Ok(Pulled {
            name: self.entry.name.clone(),
            path,
            digest,
            source: Some(source),
        })
    }

    fn pass_over(&self, source: String, reason: String) -> TriedSource {
        self.observer.observe(PullEvent::PassedOver {
            source: source.clone(),
            reason: reason.clone(),
        });
        TriedSource { source, reason }
    }
}

enum Origin<'a> {
    Local(PathBuf),
    Source(&'a Source),
}
