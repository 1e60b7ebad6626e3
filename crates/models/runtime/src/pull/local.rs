use std::fs;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::collector::Collector;
use super::error::{PullError, SourceFault};
use crate::catalog::{CatalogEntry, Source};

/// The most entries of a cache folder that are looked at.
const MAX_ENTRIES: usize = 1_000;

/// A file of the right name and size below one of `folders`. Its content is checked when it is brought.
pub(super) fn find(entry: &CatalogEntry, folders: &[PathBuf]) -> Option<PathBuf> {
    let places = folders.iter().flat_map(|folder| places(entry, folder));
    places.into_iter().find(|path| {
        fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() == entry.bytes)
    })
}

/// `<folder>/<file>`, and `<folder>/models--<owner>--<name>/snapshots/*/<file>` as Hugging Face's tools keep it.
fn places(entry: &CatalogEntry, folder: &Path) -> Vec<PathBuf> {
    let mut places = vec![folder.join(&entry.file)];
    for source in &entry.sources {
        let Source::HuggingFace { repository, file } = source else {
            continue;
        };
        let snapshots = folder
            .join(format!("models--{}", repository.replace('/', "--")))
            .join("snapshots");
        let snapshots = fs::read_dir(snapshots)
            .into_iter()
            .flatten()
            .flatten()
            .take(MAX_ENTRIES);
        places.extend(snapshots.map(|snapshot| snapshot.path().join(file)));
    }
    places
}

pub(super) async fn bring(path: &Path, collector: &mut Collector<'_>) -> Result<(), SourceFault> {
    let unreadable = |error| SourceFault::PassOver(format!("cannot be read: {error}"));
    let mut file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    file.seek(std::io::SeekFrom::Start(collector.bytes()))
        .await
        .map_err(unreadable)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer).await.map_err(unreadable)?;
        match buffer.get(..read) {
            Some(chunk) if read > 0 => collector.write(chunk).await?,
            _ => break,
        }
    }
    collector.flush().await.map_err(PullError::into)
}
