use std::fmt;
use std::str::FromStr;

use rand::TryRngCore;
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};
use tenon_domain::{Digest, Secret};

const PREFIX: &str = "tenon";
const ID_ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";
const ID_LENGTH: usize = 12;
const SECRET_ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62⁴³ is a little more than 2²⁵⁶.
const SECRET_LENGTH: usize = 43;

/// Why there is no key. What was presented is never quoted: it may be a key with one letter wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Text in another form.
    #[error(
        "this is not a key: expected `tenon_`, {ID_LENGTH} lower-case letters or digits, `_`, and {SECRET_LENGTH} letters or digits; \
         copy it whole, or make one with `tenon key create`"
    )]
    Malformed,
    /// Text that is not the public part of a key.
    #[error(
        "this is not the id of a key: expected {ID_LENGTH} lower-case letters or digits; `tenon key list` shows them"
    )]
    MalformedId,
    /// The system gives no randomness.
    #[error("no key can be made, because the system gives no randomness: {reason}")]
    NoRandomness {
        /// Why.
        reason: String,
    },
}

/// The public part of a key, by which it is found, listed and revoked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId(Box<str>);

impl KeyId {
    /// The twelve characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_word_of(text, ID_ALPHABET, ID_LENGTH) {
            Ok(Self(text.into()))
        } else {
            Err(KeyError::MalformedId)
        }
    }
}

impl TryFrom<String> for KeyId {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<KeyId> for String {
    fn from(id: KeyId) -> Self {
        id.0.into()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// A key that was just made. Only the id and the digest are kept.
#[derive(Debug)]
pub struct MintedKey {
    /// Its public part.
    pub id: KeyId,
    /// The whole key, `tenon_<id>_<secret>`: shown once, to its owner.
    pub text: Secret,
    /// The digest of the whole key.
    pub digest: Digest,
}

/// Makes a key: a public id and 256 bits of the system's randomness.
///
/// # Errors
/// When the system gives no randomness.
pub fn mint() -> Result<MintedKey, KeyError> {
    let id = draw(ID_ALPHABET, ID_LENGTH)?;
    let text = format!("{PREFIX}_{id}_{}", draw(SECRET_ALPHABET, SECRET_LENGTH)?);
    Ok(MintedKey {
        id: KeyId(id.into()),
        digest: Digest::of(&text),
        text: Secret::new(&text),
    })
}

impl MintedKey {
    /// A key that was made before, of its text.
    ///
    /// # Errors
    /// When the text does not have the form of a key.
    pub fn read(text: &str) -> Result<Self, KeyError> {
        let PresentedKey { id, digest } = PresentedKey::parse(text)?;
        Ok(Self {
            id,
            text: Secret::new(text),
            digest,
        })
    }
}

/// A key as a client sent it, in the right form but not yet known to be one. It holds no secret.
#[derive(Debug, Clone)]
pub struct PresentedKey {
    id: KeyId,
    digest: Digest,
}

impl PresentedKey {
    /// Reads what a client sent.
    ///
    /// # Errors
    /// When it does not have the form of a key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut parts = text.split('_');
        let (Some(PREFIX), Some(id), Some(secret), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(KeyError::Malformed);
        };
        if !is_word_of(secret, SECRET_ALPHABET, SECRET_LENGTH) {
            return Err(KeyError::Malformed);
        }
        Ok(Self {
            id: id.parse().map_err(|_| KeyError::Malformed)?,
            digest: Digest::of(text),
        })
    }

    /// The public part, to look the key up by.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// Whether it is the key whose digest was kept. Takes the same time wherever the digests differ.
    pub fn matches(&self, kept: &Digest) -> bool {
        let (presented, kept) = (self.digest.hex(), kept.hex());
        let pairs = presented.bytes().zip(kept.bytes());
        let difference = pairs.fold(0, |difference, (left, right)| {
            // Otherwise the compiler may stop at the first difference.
            std::hint::black_box(difference | (left ^ right))
        });
        difference == 0
    }
}

fn is_word_of(text: &str, alphabet: &[u8], length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| alphabet.contains(&byte))
}

/// `length` characters of `alphabet`, each as likely as the others.
fn draw(alphabet: &[u8], length: usize) -> Result<String, KeyError> {
    // Bytes above the last whole multiple would make the first characters likelier.
    let fair = 256 - 256 % alphabet.len();
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let mut bytes = [0; 64];
        fill(&mut bytes)?;
        let fair_bytes = bytes
            .iter()
            .map(|byte| usize::from(*byte))
            .filter(|byte| *byte < fair);
        let characters = fair_bytes.filter_map(|byte| alphabet.get(byte % alphabet.len()));
        text.extend(
            characters
                .take(length - text.len())
                .map(|character| char::from(*character)),
        );
    }
    Ok(text)
}

fn fill(bytes: &mut [u8]) -> Result<(), KeyError> {
    OsRng
        .try_fill_bytes(bytes)
        .map_err(|error| KeyError::NoRandomness {
            reason: error.to_string(),
        })
}
