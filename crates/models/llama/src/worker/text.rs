//! Bytes of tokens become text: whole characters only, and nothing of a stop string.

use tenon_runtime::StopFilter;

/// Collects one sample's text.
#[derive(Debug)]
pub(super) struct TextAssembler {
    stop: StopFilter,
    /// Everything released so far.
    text: String,
    /// The first bytes of a character whose rest has not come yet.
    partial: Vec<u8>,
}

/// What came of a token's bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// Text that may be shown; possibly empty.
    Released(String),
    /// A stop string was completed; this is the last text before it.
    Stopped(String),
}

impl TextAssembler {
    pub(super) fn new(stops: &[String]) -> Self {
        Self {
            stop: StopFilter::new(stops),
            text: String::new(),
            partial: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Pushed {
        self.partial.extend_from_slice(bytes);
        let characters = self.take_whole_characters();
        let released = self.stop.push(&characters);
        self.text.push_str(&released);
        if self.stop.reached() {
            self.partial.clear();
            return Pushed::Stopped(released);
        }
        Pushed::Released(released)
    }

    /// The last text, when the sample ends for another reason than a stop string. A character whose last bytes
    /// never came is dropped.
    pub(super) fn finish(&mut self) -> String {
        self.partial.clear();
        let released = self.stop.finish();
        self.text.push_str(&released);
        released
    }

    /// Everything that was released.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Bytes that can never become a character are shown as U+FFFD, as every decoder does.
    fn take_whole_characters(&mut self) -> String {
        let mut characters = String::new();
        let mut rest = self.partial.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    characters.push_str(text);
                    rest = &[];
                    break;
                }
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    characters.push_str(&String::from_utf8_lossy(valid));
                    rest = after;
                    let Some(invalid) = error.error_len() else { break };
                    characters.push(char::REPLACEMENT_CHARACTER);
                    rest = rest.get(invalid..).unwrap_or_default();
                }
            }
        }
        self.partial = rest.to_vec();
        characters
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn assembler(stops: &[&str]) -> TextAssembler {
        let stops: Vec<String> = stops.iter().map(|stop| (*stop).to_owned()).collect();
        TextAssembler::new(&stops)
    }

    fn released(text: &str) -> Pushed {
        Pushed::Released(text.to_owned())
    }

    #[test]
    fn a_character_waits_for_its_last_byte() {
        let mut text = assembler(&[]);
        assert_eq!(text.push(&[b'a', 0xe2, 0x82]), released("a"));
        assert_eq!(text.push(&[0xac]), released("€"));
    }

    #[test]
    fn bytes_that_are_no_text_are_marked() {
        assert_eq!(assembler(&[]).push(&[b'a', 0xff, b'b']), released("a\u{fffd}b"));
    }

    #[test]
    fn what_was_held_is_released_at_the_end() {
        let mut text = assembler(&["END"]);
        assert_eq!(text.push(b"xEN"), released("x"));
        assert_eq!(text.finish(), "EN");
        assert_eq!(text.text(), "xEN");
    }

    proptest! {
        /// However the bytes are cut, the text is what stands before the first stop string.
        #[test]
        fn cutting_does_not_change_the_text(
            whole in "[ab€\n]{0,24}",
            stop in "[ab€\n]{1,4}",
            cuts in proptest::collection::vec(1usize..4, 0..40),
        ) {
            let mut text = assembler(&[&stop]);
            let mut rest = whole.as_bytes();
            let mut stopped = false;
            let mut cuts = cuts.into_iter();
            while !rest.is_empty() && !stopped {
                let (piece, after) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
                rest = after;
                stopped = matches!(text.push(piece), Pushed::Stopped(_));
            }
            if !stopped {
                text.finish();
            }
            let expected = whole.split(stop.as_str()).next().unwrap_or_default();
            prop_assert_eq!(text.text(), expected);
            prop_assert_eq!(stopped, whole.contains(stop.as_str()));
        }
    }
}
