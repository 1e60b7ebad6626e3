//! How much a folder holds, looked at while a program runs.

use std::path::Path;

/// Files beyond this count as too much.
const MOST_ENTRIES: usize = 200_000;

/// Bytes on disk below `folder`, links not followed; `u64::MAX` when there are too many files to look at.
pub(crate) fn used_bytes(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let mut pending = vec![folder.to_owned()];
    let (mut total, mut entries) = (0_u64, 0_usize);
    while let Some(folder) = pending.pop() {
        let Ok(children) = std::fs::read_dir(&folder) else {
            continue;
        };
        for child in children.flatten() {
            entries += 1;
            if entries > MOST_ENTRIES {
                return u64::MAX;
            }
            let Ok(metadata) = child.metadata() else { continue };
            total = total.saturating_add(metadata.blocks().saturating_mul(512));
            if metadata.is_dir() {
                pending.push(child.path());
            }
        }
    }
    total
}
