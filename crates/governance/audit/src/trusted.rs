//! The keys of others that are trusted like one's own: of a server that signs the same log, and the one before this.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::{AuditError, PublicKey};

/// Room for a thousand keys.
const MAX_BYTES: u64 = 128 * 1024;

/// Reads public keys from a file, one a line; `#` begins a remark. No file is no key.
///
/// # Errors
/// When others may write to it, or a line is no key.
pub fn read_trusted(path: &Path) -> Result<Vec<PublicKey>, AuditError> {
    let failed = |source| AuditError::TrustedRead {
        path: path.to_owned(),
        source,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(AuditError::TrustedExposed {
            path: path.to_owned(),
            mode,
        });
    }
    let mut text = String::new();
    file.take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(failed)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(failed(io::Error::other(format!(
            "it is larger than {MAX_BYTES} bytes"
        ))));
    }
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).map(str::parse).collect()
}
