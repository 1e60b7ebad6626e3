//! Reads what a GGUF file says about itself, without loading it.
//!
//! The file is untrusted: everything read is bounded by the size of the file and by fixed limits, and a file that
//! ends before its last tensor is found out here rather than inside the engine.
//!
//! Layout (<https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>), little endian:
//!
//! ```text
//! "GGUF" version:u32 tensors:u64 pairs:u64 | key type value ... | name dims type offset ... | padding | tensor data
//! ```

mod header;
mod reader;
mod tensor;
mod value;

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use header::parse_gguf;

/// What a GGUF file says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GgufSummary {
    /// Version of the container, 2 or 3.
    pub version: u32,
    /// Architecture of the network, such as `qwen2`.
    pub architecture: String,
    /// The name its author gave it.
    pub name: Option<String>,
    /// The licence its author named.
    pub licence: Option<String>,
    /// Tokens of context it was trained for.
    pub context_length: Option<u32>,
    /// Layers.
    pub layers: Option<u32>,
    /// Tokens it knows.
    pub vocabulary: Option<u64>,
    /// Whether it carries a chat template.
    pub has_chat_template: bool,
    /// Its markers for filling in the middle.
    pub fill_markers: Option<FillMarkers>,
    /// How many tensors follow the header.
    pub tensors: u64,
    /// The size that the file must at least have, as far as its tensors say.
    pub needed_bytes: u64,
}

/// Token ids of the markers for filling in the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FillMarkers {
    /// Stands before the text before the cursor.
    pub prefix: u32,
    /// Stands before the text after the cursor.
    pub suffix: u32,
    /// Stands where the answer begins.
    pub middle: u32,
}

/// Why a file is not a model that can be used.
#[derive(Debug, thiserror::Error)]
pub enum GgufError {
    /// It cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is something else.
    #[error(
        "`{}` is not a GGUF file: it begins with {found} instead of `GGUF`; give a model in GGUF format",
        path.display()
    )]
    NotGguf {
        /// The file.
        path: PathBuf,
        /// Its first bytes, printable.
        found: String,
    },
    /// It is a GGUF file of a kind that is not read.
    #[error("`{}` is GGUF version {version}, and versions 2 and 3 are read: convert the model again", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: String,
    },
    /// It ends too early.
    #[error(
        "`{}` is cut off: it has {bytes} bytes and needs at least {needed_bytes}; bring the file again",
        path.display()
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// What it needs, as far as was read.
        needed_bytes: u64,
    },
    /// It contradicts itself.
    #[error("`{}` is damaged: {reason}; bring the file again", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// How.
        reason: String,
    },
}

/// Why bytes are not a usable GGUF header.
#[derive(Debug, thiserror::Error)]
pub enum GgufFault {
    /// They cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// They begin with something else.
    #[error("begins with {0}")]
    NotGguf(String),
    /// An unknown version.
    #[error("version {0}")]
    Version(String),
    /// They end too early; at least this many are needed.
    #[error("needs at least {0} bytes")]
    Truncated(u64),
    /// They contradict themselves.
    #[error("{0}")]
    Malformed(String),
}

/// Reads the header of the file at `path`.
///
/// # Errors
/// When it is not a whole GGUF file.
pub fn read_gguf(path: &Path) -> Result<GgufSummary, GgufError> {
    let read_error = |source| GgufError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(read_error)?;
    let metadata = file.metadata().map_err(read_error)?;
    if !metadata.is_file() {
        return Err(read_error(io::Error::other("it is not a regular file")));
    }
    let bytes = metadata.len();
    parse_gguf(BufReader::with_capacity(1 << 16, file), bytes).map_err(|fault| fault.at(path, bytes))
}

impl GgufFault {
    fn at(self, path: &Path, bytes: u64) -> GgufError {
        let path = path.to_owned();
        match self {
            Self::Read(source) => GgufError::Read { path, source },
            Self::NotGguf(found) => GgufError::NotGguf { path, found },
            Self::Version(version) => GgufError::Version { path, version },
            Self::Truncated(needed_bytes) => GgufError::Truncated {
                path,
                bytes,
                needed_bytes,
            },
            Self::Malformed(reason) => GgufError::Malformed { path, reason },
        }
    }
}
