//! A look at a GGUF file before a worker is started for it, so that a damaged one is refused with its mend.
//!
//! Format: `gguf.md` in the documentation of ggml. Everything is little-endian; counts are believed only as far
//! as the file is long.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GgufError {
    #[error("there is no file at `{path}`; run `tenon model pull`, or give the path of a GGUF file")]
    Missing { path: String },
    #[error("`{path}` cannot be read: {error}")]
    Unreadable { path: String, error: io::Error },
    #[error("`{path}` is not a GGUF file; convert the model, or pull it again with `tenon model pull`")]
    NotGguf { path: String },
    #[error(
        "`{path}` is GGUF version {version}, which this build does not read; get a current file of the model"
    )]
    UnknownVersion { path: String, version: u32 },
    #[error(
        "`{path}` is cut short: it has {actual} bytes and its own table names {expected}; pull it again with `tenon model pull`"
    )]
    Truncated {
        path: String,
        actual: u64,
        expected: u64,
    },
    #[error("`{path}` is damaged: {what}; pull it again with `tenon model pull`")]
    Damaged { path: String, what: &'static str },
}

/// Checks that `path` is a whole GGUF file.
pub(crate) fn check_file(path: &Path) -> Result<(), GgufError> {
    let shown = path.display().to_string();
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => GgufError::Missing { path: shown.clone() },
        _ => GgufError::Unreadable {
            path: shown.clone(),
            error,
        },
    })?;
    let unreadable = |error| GgufError::Unreadable {
        path: shown.clone(),
        error,
    };
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(GgufError::NotGguf { path: shown });
    }
    let actual = metadata.len();
    match (Header {
        source: BufReader::with_capacity(1 << 16, file),
        position: 0,
    })
    .needed_bytes()
    {
        Ok(expected) if expected <= actual => Ok(()),
        Ok(expected) => Err(GgufError::Truncated {
            path: shown,
            actual,
            expected,
        }),
        Err(Flaw::NotGguf) => Err(GgufError::NotGguf { path: shown }),
        Err(Flaw::Version(version)) => Err(GgufError::UnknownVersion { path: shown, version }),
        Err(Flaw::Ended(expected)) => Err(GgufError::Truncated {
            path: shown,
            actual,
            expected,
        }),
        Err(Flaw::Nonsense(what)) => Err(GgufError::Damaged { path: shown, what }),
        Err(Flaw::Read(error)) => Err(GgufError::Unreadable { path: shown, error }),
    }
}

enum Flaw {
    NotGguf,
    Version(u32),
    /// The file ends before this byte.
    Ended(u64),
    Nonsense(&'static str),
    Read(io::Error),
}

/// No real file has more; beyond it the counts are noise.
const MOST_ENTRIES: u64 = 1 << 20;

struct Header {
    source: BufReader<File>,
    position: u64,
}

impl Header {
    /// How long the file must be for every tensor to lie inside it.
    fn needed_bytes(mut self) -> Result<u64, Flaw> {
        match self.take::<4>() {
            Ok(magic) if &magic == b"GGUF" => {}
            Ok(_) | Err(Flaw::Ended(_)) => return Err(Flaw::NotGguf),
            Err(flaw) => return Err(flaw),
        }
        let version = self.u32()?;
        if !(2..=3).contains(&version) {
            return Err(Flaw::Version(version));
        }
        let tensors = self.u64()?;
        let entries = self.u64()?;
        if tensors > MOST_ENTRIES || entries > MOST_ENTRIES {
            return Err(Flaw::Nonsense(
                "it announces more tensors or entries than any model has",
            ));
        }
        let mut alignment = 32;
        for _ in 0..entries {
            let is_alignment = self.string_is(b"general.alignment")?;
            let kind = self.u32()?;
            if is_alignment && kind == UINT32 {
                alignment = u64::from(self.u32()?).max(1);
            } else {
                self.skip_value(kind, 0)?;
            }
        }
        let mut end = 0;
        for _ in 0..tensors {
            end = end.max(self.tensor_end()?);
        }
        let data = self.position.next_multiple_of(alignment);
        data.checked_add(end)
            .ok_or(Flaw::Nonsense("a tensor lies beyond any file"))
    }

    /// Where a tensor's data ends, counted from the beginning of the data; only where it begins, for a type that
    /// is not known here.
    fn tensor_end(&mut self) -> Result<u64, Flaw> {
        let name = self.u64()?;
        self.skip(name)?;
        let dimensions = self.u32()?;
        if dimensions > 8 {
            return Err(Flaw::Nonsense("a tensor has more than eight dimensions"));
        }
        let mut elements = 1_u64;
        for _ in 0..dimensions {
            elements = elements
                .checked_mul(self.u64()?)
                .ok_or(Flaw::Nonsense("a tensor is larger than any file"))?;
        }
        let kind = self.u32()?;
        let offset = self.u64()?;
        let size = block(kind).map_or(0, |(length, bytes)| (elements / length).saturating_mul(bytes));
        offset
            .checked_add(size)
            .ok_or(Flaw::Nonsense("a tensor lies beyond any file"))
    }

    fn skip_value(&mut self, kind: u32, depth: u8) -> Result<(), Flaw> {
        if let Some(bytes) = scalar_bytes(kind) {
            return self.skip(bytes);
        }
        match kind {
            STRING => {
                let length = self.u64()?;
                self.skip(length)
            }
            ARRAY if depth < 4 => {
                let element = self.u32()?;
                let count = self.u64()?;
                match scalar_bytes(element) {
                    Some(bytes) => self.skip(count.saturating_mul(bytes)),
                    None => (0..count).try_for_each(|_| self.skip_value(element, depth + 1)),
                }
            }
            _ => Err(Flaw::Nonsense("an entry has a type that does not exist")),
        }
    }

    fn string_is(&mut self, expected: &[u8]) -> Result<bool, Flaw> {
        let length = self.u64()?;
        if length != expected.len() as u64 {
            self.skip(length)?;
            return Ok(false);
        }
        let mut text = vec![0; expected.len()];
        self.fill(&mut text)?;
        Ok(text == expected)
    }

    fn u32(&mut self) -> Result<u32, Flaw> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Flaw> {
        self.take().map(u64::from_le_bytes)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Flaw> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Flaw> {
        self.position += bytes.len() as u64;
        self.source.read_exact(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Flaw::Ended(self.position),
            _ => Flaw::Read(error),
        })
    }

    /// Seeking beyond the end is no error by itself: the next read tells.
    fn skip(&mut self, bytes: u64) -> Result<(), Flaw> {
        let step = i64::try_from(bytes).map_err(|_| Flaw::Nonsense("an entry is longer than any file"))?;
        self.position = self.position.saturating_add(bytes);
        self.source.seek_relative(step).map_err(Flaw::Read)
    }
}

const UINT32: u32 = 4;
const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// Bytes of a metadata value of fixed size.
fn scalar_bytes(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

/// Elements and bytes of one block of a tensor type, from `ggml.h`.
fn block(kind: u32) -> Option<(u64, u64)> {
    Some(match kind {
        0 | 26 => (1, 4),
        1 | 25 | 30 => (1, 2),
        24 => (1, 1),
        27 | 28 => (1, 8),
        2 | 20 => (32, 18),
        3 => (32, 20),
        6 => (32, 22),
        7 => (32, 24),
        8 => (32, 34),
        10 => (256, 84),
        11 => (256, 110),
        12 => (256, 144),
        13 => (256, 176),
        14 => (256, 210),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn string(bytes: &mut Vec<u8>, text: &str) {
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(text.as_bytes());
    }

    /// One tensor of 256 Q4_K values, an array of strings and a number.
    fn small_file() -> Vec<u8> {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(3_u32.to_le_bytes());
        bytes.extend(1_u64.to_le_bytes());
        bytes.extend(2_u64.to_le_bytes());
        string(&mut bytes, "tokenizer.ggml.tokens");
        bytes.extend(ARRAY.to_le_bytes());
        bytes.extend(STRING.to_le_bytes());
        bytes.extend(2_u64.to_le_bytes());
        string(&mut bytes, "a");
        string(&mut bytes, "bc");
        string(&mut bytes, "general.alignment");
        bytes.extend(UINT32.to_le_bytes());
        bytes.extend(64_u32.to_le_bytes());
        string(&mut bytes, "output.weight");
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend(256_u64.to_le_bytes());
        bytes.extend(12_u32.to_le_bytes());
        bytes.extend(0_u64.to_le_bytes());
        bytes.resize(bytes.len().next_multiple_of(64) + 144, 0);
        bytes
    }

    fn check(bytes: &[u8]) -> Result<(), GgufError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.gguf");
        fs::write(&path, bytes).unwrap();
        check_file(&path)
    }

    #[test]
    fn a_whole_file_passes() {
        check(&small_file()).unwrap();
    }

    #[test]
    fn a_file_cut_anywhere_is_refused_with_the_mend() {
        let whole = small_file();
        for length in 0..whole.len() {
            let error = check(&whole[..length]).unwrap_err();
            assert!(
                error.to_string().contains("tenon model pull"),
                "{length}: {error}"
            );
        }
    }

    #[test]
    fn other_files_are_named_for_what_they_are_not() {
        assert!(matches!(
            check(b"PK\x03\x04 a zip"),
            Err(GgufError::NotGguf { .. })
        ));
        assert!(matches!(check(b""), Err(GgufError::NotGguf { .. })));
        let mut old = small_file();
        old[4] = 1;
        assert!(matches!(
            check(&old),
            Err(GgufError::UnknownVersion { version: 1, .. })
        ));
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(
            check_file(folder.path()),
            Err(GgufError::NotGguf { .. })
        ));
        assert!(matches!(
            check_file(&folder.path().join("none")),
            Err(GgufError::Missing { .. })
        ));
    }

    #[test]
    fn nonsense_counts_end_quickly() {
        let mut bytes = small_file();
        bytes[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(matches!(check(&bytes), Err(GgufError::Damaged { .. })));
        // An array of 2^60 numbers.
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(3_u32.to_le_bytes());
        bytes.extend(0_u64.to_le_bytes());
        bytes.extend(1_u64.to_le_bytes());
        string(&mut bytes, "k");
        bytes.extend(ARRAY.to_le_bytes());
        bytes.extend(UINT32.to_le_bytes());
        bytes.extend((1_u64 << 60).to_le_bytes());
        assert!(check(&bytes).is_err());
    }
}
