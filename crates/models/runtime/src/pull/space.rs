use std::path::Path;

/// Bytes that may still be written below `folder`; `None` when the system does not say.
pub(super) fn free_bytes(folder: &Path) -> Option<u64> {
    let status = rustix::fs::statvfs(folder).ok()?;
    status.f_bavail.checked_mul(status.f_frsize)
}
