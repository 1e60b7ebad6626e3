use std::io::{self, Read};

use super::GgufFault;

/// The longest text that is kept. Longer ones can be stepped over.
const MAX_KEPT_TEXT: u64 = 4 << 20;

/// A reader that knows how much there is, so that no length in the file is believed before it is checked.
pub(super) struct BoundedReader<R> {
    inner: R,
    position: u64,
    end: u64,
}

impl<R: Read> BoundedReader<R> {
    pub(super) fn new(inner: R, bytes: u64) -> Self {
        Self {
            inner,
            position: 0,
            end: bytes,
        }
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], GgufFault> {
        self.claim(N as u64)?;
        let mut bytes = [0; N];
        self.inner
            .read_exact(&mut bytes)
            .map_err(|error| self.fault(error))?;
        Ok(bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, GgufFault> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, GgufFault> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn text(&mut self) -> Result<String, GgufFault> {
        String::from_utf8(self.bytes()?)
            .map_err(|_| GgufFault::Malformed("a text in it is not UTF-8".to_owned()))
    }

    pub(super) fn bytes(&mut self) -> Result<Vec<u8>, GgufFault> {
        let length = self.u64()?;
        if length > MAX_KEPT_TEXT && length <= self.end.saturating_sub(self.position) {
            return Err(GgufFault::Malformed(format!("a text in it has {length} bytes")));
        }
        self.claim(length)?;
        let mut bytes = Vec::new();
        let read = self.inner.by_ref().take(length).read_to_end(&mut bytes)?;
        if (read as u64) < length {
            return Err(GgufFault::Truncated(self.position));
        }
        Ok(bytes)
    }

    /// Steps over a text, however long.
    pub(super) fn skip_text(&mut self) -> Result<(), GgufFault> {
        let length = self.u64()?;
        self.skip(length)
    }

    pub(super) fn skip(&mut self, length: u64) -> Result<(), GgufFault> {
        self.claim(length)?;
        let skipped = io::copy(&mut self.inner.by_ref().take(length), &mut io::sink())?;
        if skipped < length {
            return Err(GgufFault::Truncated(self.position));
        }
        Ok(())
    }

    /// Refuses a count of things that cannot fit into what is left, when each takes at least `bytes_each`.
    pub(super) fn admit(&self, count: u64, bytes_each: u64) -> Result<(), GgufFault> {
        let needed = count
            .checked_mul(bytes_each)
            .and_then(|length| length.checked_add(self.position));
        match needed {
            Some(needed) if needed <= self.end => Ok(()),
            needed => Err(GgufFault::Truncated(needed.unwrap_or(u64::MAX))),
        }
    }

    fn claim(&mut self, length: u64) -> Result<(), GgufFault> {
        let after = self.position.checked_add(length);
        match after {
            Some(after) if after <= self.end => {
                self.position = after;
                Ok(())
            }
            after => Err(GgufFault::Truncated(after.unwrap_or(u64::MAX))),
        }
    }

    /// The file may shrink while it is read.
    fn fault(&self, error: io::Error) -> GgufFault {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            GgufFault::Truncated(self.position)
        } else {
            GgufFault::Read(error)
        }
    }
}
