//! Bytes of tokens become text: whole characters only, and nothing of a stop string.

/// Collects one sample's text.
#[derive(Debug)]
pub(super) struct TextAssembler {
    stops: Vec<String>,
    /// Everything released so far.
    text: String,
    /// Characters that might still turn out to begin a stop string.
    held: String,
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
            stops: stops.iter().filter(|stop| !stop.is_empty()).cloned().collect(),
            text: String::new(),
            held: String::new(),
            partial: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Pushed {
        self.partial.extend_from_slice(bytes);
        self.take_whole_characters();
        if let Some(end) = self.first_stop() {
            self.held.truncate(end);
            self.partial.clear();
            return Pushed::Stopped(self.release(end));
        }
        let safe = self.held.len() - self.longest_stop_beginning();
        Pushed::Released(self.release(safe))
    }

    /// The last text, when the sample ends for another reason than a stop string. A character whose last bytes
    /// never came is dropped.
    pub(super) fn finish(&mut self) -> String {
        self.partial.clear();
        self.release(self.held.len())
    }

    /// Everything that was released.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    fn release(&mut self, length: usize) -> String {
        let released: String = self.held.drain(..length).collect();
        self.text.push_str(&released);
        released
    }

    /// Bytes that can never become a character are shown as U+FFFD, as every decoder does.
    fn take_whole_characters(&mut self) {
        let mut rest = self.partial.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    self.held.push_str(text);
                    rest = &[];
                    break;
                }
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    self.held.push_str(&String::from_utf8_lossy(valid));
                    rest = after;
                    let Some(invalid) = error.error_len() else { break };
                    self.held.push(char::REPLACEMENT_CHARACTER);
                    rest = rest.get(invalid..).unwrap_or_default();
                }
            }
        }
        self.partial = rest.to_vec();
    }

    fn first_stop(&self) -> Option<usize> {
        self.stops
            .iter()
            .filter_map(|stop| self.held.find(stop.as_str()))
            .min()
    }

    /// How many bytes at the end of the held text are the beginning of a stop string.
    fn longest_stop_beginning(&self) -> usize {
        let held = self.held.as_bytes();
        let longest = |stop: &String| {
            let most = held.len().min(stop.len() - 1);
            (1..=most)
                .rev()
                .find(|length| held.ends_with(stop.as_bytes().get(..*length).unwrap_or_default()))
        };
        // A beginning cut inside a character cannot match at the end of `held`, which holds whole characters.
        self.stops.iter().filter_map(longest).max().unwrap_or(0)
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
    fn the_beginning_of_a_stop_string_is_held_back() {
        let mut text = assembler(&["```"]);
        assert_eq!(text.push(b"x``"), released("x"));
        assert_eq!(text.push(b"y``"), released("``y"));
        assert_eq!(text.push(b"`z"), Pushed::Stopped(String::new()));
        assert_eq!(text.text(), "x``y");
    }

    #[test]
    fn the_earliest_stop_string_wins() {
        let mut text = assembler(&["def", "b"]);
        assert_eq!(text.push(b"abdef"), Pushed::Stopped("a".to_owned()));
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
