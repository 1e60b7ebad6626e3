use std::fmt;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

use crate::checkpoint::message;
use crate::key_file::{Kept, keep_new, read_private};
use crate::{AuditError, Checkpoint, CheckpointKind, Head, PublicKey, Signature};

/// The key that signs checkpoints. It is never printed; its clones are the same key.
#[derive(Clone)]
pub struct SigningKey {
    pair: Arc<Ed25519KeyPair>,
    public: PublicKey,
}

impl SigningKey {
    /// The key in the file `path`, which only its owner may read; a new one if there is no file.
    ///
    /// The file is PKCS#8 DER, as `openssl genpkey -algorithm ed25519 -outform DER` makes it.
    ///
    /// # Errors
    /// When others may read or replace the file, when it holds something else, or when a new one cannot be kept.
    pub fn load_or_create(path: &Path) -> Result<Self, AuditError> {
        if let Some(document) = read_private(path)? {
            return Self::parse(path, &document);
        }
        let pair = Ed25519KeyPair::generate().map_err(|_| AuditError::Signing)?;
        let document = pair.to_pkcs8v1().map_err(|_| AuditError::Signing)?;
        match keep_new(path, document.as_ref())? {
            Kept::Ours => Self::new(pair),
            // Another process was faster; there can only be one key.
            Kept::Theirs(document) => Self::parse(path, &document),
        }
    }

    /// The key that checks what this one signs.
    pub fn public_key(&self) -> PublicKey {
        self.public
    }

    /// Signs a head.
    ///
    /// # Errors
    /// When the cryptographic library cannot.
    pub fn checkpoint(&self, head: Head, at_ms: i64, kind: CheckpointKind) -> Result<Checkpoint, AuditError> {
        let message = message(&head, at_ms, kind, &self.public);
        let signature = self.pair.try_sign(message.as_bytes()).ok();
        let signature = signature.and_then(|signature| Signature::from_slice(signature.as_ref()));
        Ok(Checkpoint {
            head,
            at_ms,
            kind,
            signature: signature.ok_or(AuditError::Signing)?,
            key: self.public,
        })
    }

    fn parse(path: &Path, document: &[u8]) -> Result<Self, AuditError> {
        let pair = Ed25519KeyPair::from_pkcs8(document).map_err(|_| AuditError::KeyCorrupt {
            path: path.to_owned(),
        })?;
        Self::new(pair)
    }

    fn new(pair: Ed25519KeyPair) -> Result<Self, AuditError> {
        let bytes = pair.public_key().as_ref().try_into();
        let public = PublicKey::from_bytes(bytes.map_err(|_| AuditError::Signing)?);
        Ok(Self {
            pair: Arc::new(pair),
            public,
        })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SigningKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}
