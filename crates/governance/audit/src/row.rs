use serde::Deserialize;
use tenon_domain::{Digest, DigestParseError};

use crate::sequence;

/// What the verifier must know of a stored row. Everything else is only hashed, so that the rows of other versions can
/// be judged as well.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    /// The place it claims.
    pub(crate) sequence: i64,
    /// The digest of the record before it, as it claims.
    pub(crate) previous: Digest,
    /// The digest it was stored with.
    pub(crate) stored: Digest,
    /// The digest of what it holds now.
    pub(crate) computed: Digest,
    /// Whether what it holds is, byte for byte, what was sealed.
    pub(crate) fits: bool,
}

#[derive(Deserialize)]
struct Members {
    #[serde(with = "sequence")]
    sequence: i64,
    prevhash: Digest,
    hash: String,
}

impl Row {
    /// Reads a row, or says what keeps it from being one.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let members: Members = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let stored = members
            .hash
            .parse()
            .map_err(|error: DigestParseError| error.to_string())?;
        // What was sealed is the stored text without this member. Taking it out leaves nothing to interpretation: not
        // white space, not the order of keys, not how a number is written.
        let hash = format!("\"hash\":\"{}\",", members.hash);
        let computed = Digest::of(text.replacen(&hash, "", 1));
        Ok(Self {
            sequence: members.sequence,
            previous: members.prevhash,
            stored,
            computed,
            // As texts: a digest can be written in several ways, but only one was sealed.
            fits: members.hash == computed.to_string(),
        })
    }
}
