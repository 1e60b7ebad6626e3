use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Head, PublicKey, hexadecimal};

/// A signed head: nothing up to it can be changed without the signing key, even if every digest is computed anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The record up to which it speaks.
    pub head: Head,
    /// When it was signed, in milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// Why it was signed.
    pub kind: CheckpointKind,
    /// The signature over all of this.
    pub signature: Signature,
    /// The key that checks the signature.
    pub key: PublicKey,
}

/// Why a checkpoint was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointKind {
    /// From time to time, so that history cannot be rewritten.
    Periodic,
    /// Retention removed everything up to here: the log may start after it.
    Truncation,
}

/// An ed25519 signature, written as 128 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

impl Checkpoint {
    /// Whether the owner of `key` signed exactly this.
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        let message = message(&self.head, self.at_ms, self.kind, &self.key);
        self.key == *key && key.verifies(&message, &self.signature)
    }
}

/// What is signed. The first line keeps the signature from meaning anything anywhere else.
pub(crate) fn message(head: &Head, at_ms: i64, kind: CheckpointKind, key: &PublicKey) -> String {
    let Head { sequence, digest } = head;
    let kind = kind.as_str();
    format!("tenon audit checkpoint 1\n{kind}\n{sequence}\n{digest}\n{at_ms}\n{key}\n")
}

impl CheckpointKind {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Periodic => "periodic",
            Self::Truncation => "truncation",
        }
    }
}

impl Signature {
    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hexadecimal::encode(&self.0))
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hexadecimal::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        hexadecimal::decode(&text)
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("a signature has 128 hexadecimal digits"))
    }
}
