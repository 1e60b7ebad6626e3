use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tenon_domain::Digest;

use super::FolderError;
use super::registry::write_atomically;

/// That a file had a digest, and how it looked then.
#[derive(Serialize, Deserialize)]
struct Record {
    path: PathBuf,
    bytes: u64,
    modified_nanoseconds: u128,
    digest: Digest,
}

/// The digest of the file: the recorded one when the file looks as it did then, else computed and recorded.
pub(super) fn digest_of(root: &Path, name: &str, path: &Path) -> Result<Digest, FolderError> {
    match recorded(root, name, path) {
        Some(digest) => Ok(digest),
        None => digest_now(root, name, path).map(|(digest, _)| digest),
    }
}

/// Computes the digest, and counts the bytes, in any case.
pub(super) fn digest_now(root: &Path, name: &str, path: &Path) -> Result<(Digest, u64), FolderError> {
    let (digest, metadata) = hash(path).map_err(|source| FolderError::io("read", path, source))?;
    write_record(root, name, path, &metadata, digest);
    Ok((digest, metadata.len()))
}

/// The recorded digest of a file that did not change since.
pub(super) fn recorded(root: &Path, name: &str, path: &Path) -> Option<Digest> {
    let text = fs::read(place(root, name)).ok()?;
    let record: Record = serde_json::from_slice(&text).ok()?;
    let metadata = fs::metadata(path).ok()?;
    let unchanged = record.path == path
        && record.bytes == metadata.len()
        && Some(record.modified_nanoseconds) == modified(&metadata);
    unchanged.then_some(record.digest)
}

/// Records a digest that was computed elsewhere for the file as it is now.
pub(super) fn record(root: &Path, name: &str, path: &Path, digest: Digest) {
    if let Ok(metadata) = fs::metadata(path) {
        write_record(root, name, path, &metadata, digest);
    }
}

pub(super) fn forget(root: &Path, name: &str) {
    // Without its file a record means nothing, so one that stays does no harm.
    let _ = fs::remove_file(place(root, name));
}

/// A record only saves time: where it cannot be kept (a read-only folder), the file is hashed again.
fn write_record(root: &Path, name: &str, path: &Path, metadata: &Metadata, digest: Digest) {
    let Some(modified_nanoseconds) = modified(metadata) else {
        return;
    };
    let record = Record {
        path: path.to_owned(),
        bytes: metadata.len(),
        modified_nanoseconds,
        digest,
    };
    let place = place(root, name);
    if let (Some(folder), Ok(text)) = (place.parent(), serde_json::to_vec(&record)) {
        let _ = fs::create_dir_all(folder).and_then(|()| write_atomically(&place, &text));
    }
}

fn place(root: &Path, name: &str) -> PathBuf {
    root.join(".verified").join(name)
}

fn modified(metadata: &Metadata) -> Option<u128> {
    let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(since.as_nanos())
}

fn hash(path: &Path) -> io::Result<(Digest, Metadata)> {
    let mut file = File::open(path)?;
    // Taken before reading: a file that is changed meanwhile then looks different from its record.
    let metadata = file.metadata()?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer)?;
        match buffer.get(..read) {
            Some(chunk) if read > 0 => hasher.update(chunk),
            _ => break,
        }
    }
    Ok((Digest::from_bytes(hasher.finalize().into()), metadata))
}
