use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why the audit log cannot be written, read or judged.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A stored row is no record.
    #[error("an audit record cannot be read ({reason}): `tenon audit verify` names every damaged record")]
    Record {
        /// What is wrong with it.
        reason: String,
    },
    /// A retention that is too short.
    #[error(
        "audit records must be kept for at least {} days, not {}: logs of AI systems are owed for six months",
        days(.floor),
        days(.given)
    )]
    RetentionTooShort {
        /// What was asked for.
        given: Duration,
        /// The least that is accepted.
        floor: Duration,
    },
    /// The signing key cannot be read.
    #[error("cannot read the audit signing key `{}`: {source}", path.display())]
    KeyRead {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A new signing key cannot be written.
    #[error("cannot write the audit signing key `{}`: {source}", path.display())]
    KeyWrite {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others can read the signing key, so its signatures prove nothing.
    #[error("others may read the audit signing key `{path}` (mode {mode:o}): run `chmod 600 {path}`", path = path.display())]
    KeyExposed {
        /// Its file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Others can replace the signing key.
    #[error("others may write to the folder `{path}` of the audit signing key (mode {mode:o}): run `chmod 700 {path}`", path = path.display())]
    FolderExposed {
        /// The folder.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The keys that are trusted cannot be read.
    #[error("cannot read the trusted keys in `{}`: {source}", path.display())]
    TrustedRead {
        /// Their file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others can add keys that are trusted.
    #[error("others may write to the trusted keys in `{path}` (mode {mode:o}): run `chmod 600 {path}`", path = path.display())]
    TrustedExposed {
        /// Their file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file of the signing key holds something else.
    #[error(
        "`{}` is not an ed25519 key in PKCS#8 form: bring it back from a backup, or move it away to begin with a new key",
        path.display()
    )]
    KeyCorrupt {
        /// The file.
        path: PathBuf,
    },
    /// Text that is not a public key.
    #[error("`{text}` is not a public key: expected `ed25519:` and 64 hexadecimal digits")]
    PublicKeyText {
        /// What was given, escaped.
        text: String,
    },
    /// The cryptographic library failed.
    #[error("cannot make or use an ed25519 key: the system may be out of randomness or memory")]
    Signing,
    /// An export cannot be read.
    #[error("cannot read the audit export: {source}")]
    Export {
        /// Why.
        source: io::Error,
    },
}

/// Days for people, with a fraction only where there is one.
fn days(duration: &Duration) -> String {
    let days = duration.as_secs_f64() / 86_400.0;
    format!("{}", (days * 100.0).round() / 100.0)
}
