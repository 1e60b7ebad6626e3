//! The index between runs: one file per repository, replaced as a whole, rebuilt when it cannot be read.

use std::path::{Path, PathBuf};

use tenon_domain::Digest;

use crate::record::FileRecord;

/// Changes with the form of the records.
const VERSION: u32 = 1;

/// Where the index of a repository lies.
pub(crate) fn place(cache: &Path, root: &Path) -> PathBuf {
    let name = Digest::of(root.as_os_str().as_encoded_bytes()).short();
    cache.join("index").join(format!("{name}.bin"))
}

/// The records of an earlier run; none when there are none, or the file is of another version or broken.
pub(crate) fn load(place: &Path) -> Vec<FileRecord> {
    let Ok(bytes) = std::fs::read(place) else {
        return Vec::new();
    };
    let (Some(head), Some(body)) = (bytes.first_chunk::<36>(), bytes.get(36..)) else {
        return Vec::new();
    };
    let (version, digest) = head.split_at(4);
    if version != VERSION.to_le_bytes() || digest != checksum(body) {
        return Vec::new();
    }
    postcard::from_bytes(body).unwrap_or_default()
}

/// Keeps the records for the next run. An index that cannot be written costs time, not correctness.
pub(crate) fn save(place: &Path, records: &[FileRecord]) -> std::io::Result<()> {
    let body = postcard::to_stdvec(records).map_err(std::io::Error::other)?;
    let mut bytes = VERSION.to_le_bytes().to_vec();
    bytes.extend(checksum(&body));
    bytes.extend(body);
    let folder = place.parent().unwrap_or(place);
    std::fs::create_dir_all(folder)?;
    let draft = place.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::write(&draft, bytes)?;
    std::fs::rename(&draft, place)
}

/// A cheap checksum over eight-byte words: it guards against torn files, not against people.
fn checksum(body: &[u8]) -> [u8; 32] {
    let mut lanes = [
        0x9e37_79b9_7f4a_7c15_u64,
        0xc2b2_ae3d_27d4_eb4f,
        0x1656_67b1_9e37_79f9,
        body.len() as u64,
    ];
    for chunk in body.chunks(32) {
        for (lane, word) in lanes.iter_mut().zip(chunk.chunks(8)) {
            let mut bytes = [0; 8];
            for (to, from) in bytes.iter_mut().zip(word) {
                *to = *from;
            }
            *lane = (*lane ^ u64::from_le_bytes(bytes))
                .wrapping_mul(0x0000_0100_0000_01b3)
                .rotate_left(29);
        }
    }
    let mut out = [0; 32];
    for (to, from) in out
        .iter_mut()
        .zip(lanes.iter().flat_map(|lane| lane.to_le_bytes()))
    {
        *to = from;
    }
    out
}
