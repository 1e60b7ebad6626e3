//! What the two processes say to each other: length-prefixed JSON over one socket.

use std::io::{self, Read};
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tenon_runtime::{GenerateRequest, ModelError, SampleEvent};

/// From the client to its worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub(crate) enum Order {
    /// The first frame: which model, and how much room it gets.
    Load(LoadOrder),
    /// Start sampling.
    Generate { id: u64, request: GenerateRequest },
    /// Count tokens.
    Count { id: u64, texts: Vec<String> },
    /// Stop working on a request; nothing more is sent for it.
    Cancel { id: u64 },
}

/// How a model is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LoadOrder {
    pub path: PathBuf,
    pub context_length: u32,
    pub cache_cells: u32,
    pub parallel: u32,
    pub threads: u32,
    pub niceness: u8,
    pub prompt_chunk: u32,
    pub speaks: bool,
}

/// From the worker to its client.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub(crate) enum Reply {
    /// The model is ready.
    Loaded(ModelFacts),
    /// The model cannot be loaded; the worker ends.
    LoadFailed { reason: String },
    /// The request fits and waits for its turn.
    Accepted { id: u64 },
    /// Something happened to a sample.
    Event { id: u64, event: SampleEvent },
    /// Every sample finished.
    Ended { id: u64 },
    /// The request failed.
    Failed { id: u64, error: ModelError },
    /// The counts.
    Counted { id: u64, counts: Vec<u32> },
    /// The worker is busy and alive: nothing else was said for a while.
    Alive,
}

/// What is known of a model once it is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ModelFacts {
    pub context_length: u32,
    pub fills_in_the_middle: bool,
}

/// No order and no reply is longer: a prompt of a few megabytes is refused long before.
pub(crate) const LONGEST_FRAME: usize = 64 << 20;

/// Appends one frame to `buffer`.
pub(crate) fn append_frame(buffer: &mut Vec<u8>, message: &impl Serialize) -> io::Result<()> {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; 4]);
    serde_json::to_writer(&mut *buffer, message)?;
    let length = buffer.len() - start - 4;
    if length > LONGEST_FRAME {
        buffer.truncate(start);
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the request is longer than 64 MiB; send less text",
        ));
    }
    let prefix = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    if let Some(room) = buffer.get_mut(start..start + 4) {
        room.copy_from_slice(&prefix);
    }
    Ok(())
}

/// Reads one frame; `None` at the end of the stream.
pub(crate) fn read_frame<T: DeserializeOwned>(source: &mut impl Read) -> io::Result<Option<T>> {
    let mut prefix = [0; 4];
    match source.read_exact(&mut prefix) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut body = vec![0; checked_length(prefix)?];
    source.read_exact(&mut body)?;
    Ok(Some(serde_json::from_slice(&body)?))
}

/// The length that a prefix announces.
pub(crate) fn checked_length(prefix: [u8; 4]) -> io::Result<usize> {
    let length = u32::from_le_bytes(prefix) as usize;
    if length > LONGEST_FRAME {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a frame announces more than 64 MiB",
        ));
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_the_socket() {
        let mut bytes = Vec::new();
        append_frame(&mut bytes, &Reply::Alive).unwrap();
        append_frame(
            &mut bytes,
            &Reply::Counted {
                id: 7,
                counts: vec![1, 2],
            },
        )
        .unwrap();
        let mut source = bytes.as_slice();
        assert!(matches!(read_frame(&mut source).unwrap(), Some(Reply::Alive)));
        let Some(Reply::Counted { id: 7, counts }) = read_frame(&mut source).unwrap() else {
            panic!("another frame was expected");
        };
        assert_eq!(counts, [1, 2]);
        assert!(read_frame::<Reply>(&mut source).unwrap().is_none());
    }

    #[test]
    fn a_frame_that_announces_too_much_is_an_error() {
        let mut source: &[u8] = &[0xff; 16];
        assert!(read_frame::<Reply>(&mut source).is_err());
    }
}
