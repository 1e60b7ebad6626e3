/// Reads server-sent events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>) from bytes that are
/// cut anywhere, even inside a character or between CR and LF.
///
/// Of an event only its data is kept; it is bounded, which is why this is not left to a crate.
#[derive(Debug, Default)]
pub(super) struct EventParser {
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    after_carriage_return: bool,
    past_start: bool,
}

/// Why bytes are not events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EventFault {
    /// One event is larger than any honest one.
    TooLarge,
    /// An event's data is not UTF-8.
    NotUtf8,
}

/// A hundred samples of a long line with their probabilities stay below this.
pub(super) const MAX_EVENT_BYTES: usize = 1 << 20;

impl EventParser {
    /// Takes more bytes and returns the data of the events that they complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>, EventFault> {
        let mut events = Vec::new();
        for &byte in bytes {
            let follows_carriage_return = std::mem::take(&mut self.after_carriage_return);
            match byte {
                b'\n' if follows_carriage_return => {}
                b'\n' | b'\r' => {
                    self.after_carriage_return = byte == b'\r';
                    events.extend(self.end_line()?);
                }
                byte => {
                    self.line.push(byte);
                    if self.line.len() + self.data.len() > MAX_EVENT_BYTES {
                        return Err(EventFault::TooLarge);
                    }
                }
            }
        }
        Ok(events)
    }

    /// The data of an event that the end of the stream cut off before its empty line: some servers end so.
    pub(super) fn finish(mut self) -> Result<Option<String>, EventFault> {
        if !self.line.is_empty() {
            self.end_line()?;
        }
        self.end_event()
    }

    fn end_line(&mut self) -> Result<Option<String>, EventFault> {
        let mut line = std::mem::take(&mut self.line);
        if !std::mem::replace(&mut self.past_start, true) && line.starts_with(b"\xEF\xBB\xBF") {
            line.drain(..3);
        }
        if line.is_empty() {
            return self.end_event();
        }
        if let Some(value) = line.strip_prefix(b"data") {
            match value {
                [] => self.add_data(b""),
                [b':', b' ', value @ ..] | [b':', value @ ..] => self.add_data(value),
                // Another field whose name begins the same.
                _ => {}
            }
        }
        Ok(None)
    }

    fn add_data(&mut self, value: &[u8]) {
        if self.has_data {
            self.data.push(b'\n');
        }
        self.has_data = true;
        self.data.extend_from_slice(value);
    }

    fn end_event(&mut self) -> Result<Option<String>, EventFault> {
        let data = std::mem::take(&mut self.data);
        if !std::mem::take(&mut self.has_data) {
            return Ok(None);
        }
        String::from_utf8(data).map(Some).map_err(|_| EventFault::NotUtf8)
    }
}

#[cfg(test)]
mod tests {
    use eventsource_stream::EventStream;
    use futures::{FutureExt as _, StreamExt as _, stream};
    use proptest::prelude::*;

    use super::*;

    fn read(chunks: &[&[u8]]) -> Result<Vec<String>, EventFault> {
        let mut parser = EventParser::default();
        let mut events = Vec::new();
        for chunk in chunks {
            events.extend(parser.push(chunk)?);
        }
        events.extend(parser.finish()?);
        Ok(events)
    }

    #[test]
    fn characters_and_line_ends_may_be_cut_anywhere() {
        let bytes = "data: grüße\r\n\r\ndata:b\rdata: c\r\r: comment\n\nevent: x\ndata: [DONE]".as_bytes();
        let expected = vec!["grüße".to_owned(), "b\nc".to_owned(), "[DONE]".to_owned()];
        for cut in 0..bytes.len() {
            let (first, second) = bytes.split_at(cut);
            assert_eq!(read(&[first, second]), Ok(expected.clone()), "cut at {cut}");
        }
    }

    #[test]
    fn endless_events_and_bytes_that_are_no_text_are_refused() {
        let endless = vec![b'x'; MAX_EVENT_BYTES + 1];
        assert_eq!(read(&[b"data: ", &endless]), Err(EventFault::TooLarge));
        assert_eq!(read(&[b"data: \xff\n\n"]), Err(EventFault::NotUtf8));
    }

    proptest! {
        #[test]
        fn what_another_parser_reads_is_read(
            lines in prop::collection::vec("(data|event|id|:|dat|data2)?:? ?[a-zé{}:]{0,6}", 0..12),
            ends in prop::collection::vec(prop::sample::select(vec!["\n", "\r\n", "\n\n", "\r\n\r\n"]), 12),
            cut in 1_usize..7,
        ) {
            let mut text: String = lines.iter().zip(&ends).flat_map(|(line, end)| [line.as_str(), end]).collect();
            text.push_str("\n\n");
            let chunks: Vec<&[u8]> = text.as_bytes().chunks(cut).collect();
            let ours = read(&chunks).unwrap();
            let oracle = EventStream::new(stream::iter(chunks.into_iter().map(Ok::<_, ()>)));
            let theirs = oracle.map(|event| event.unwrap().data).collect::<Vec<_>>().now_or_never().unwrap();
            prop_assert_eq!(ours, theirs);
        }
    }
}
