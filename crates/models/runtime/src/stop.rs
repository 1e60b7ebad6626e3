//! Where a text ends that may not contain certain strings.

/// Ends a text before a stop string, although the text arrives in pieces.
///
/// The stop string that is complete first ends the text; of several that are complete with the same character, the
/// longest. So the text is the same however it is cut, and nothing waits longer than it must.
#[derive(Debug, Clone)]
pub struct StopFilter {
    stops: Vec<String>,
    held: String,
    reached: bool,
}

impl StopFilter {
    /// A filter for one text. Empty strings stop nothing.
    #[must_use]
    pub fn new(stops: &[String]) -> Self {
        Self {
            stops: stops.iter().filter(|stop| !stop.is_empty()).cloned().collect(),
            held: String::new(),
            reached: false,
        }
    }

    /// Whether a stop string was reached; nothing comes after it.
    #[must_use]
    pub fn reached(&self) -> bool {
        self.reached
    }

    /// What of the text so far is certainly no part of a stop string and was not returned before.
    pub fn push(&mut self, piece: &str) -> String {
        if self.reached {
            return String::new();
        }
        self.held.push_str(piece);
        if let Some(index) = self.first_stop() {
            self.reached = true;
            self.held.truncate(index);
            return std::mem::take(&mut self.held);
        }
        let certain = self.held.len() - self.longest_beginning();
        let kept = self.held.split_off(certain);
        std::mem::replace(&mut self.held, kept)
    }

    /// The rest, when the text ended without a stop string.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// Where the stop string begins that is complete first.
    fn first_stop(&self) -> Option<usize> {
        let matches = self.stops.iter().filter_map(|stop| {
            let begin = self.held.find(stop.as_str())?;
            Some((begin + stop.len(), begin))
        });
        matches.min().map(|(_, begin)| begin)
    }

    /// The length of the longest end of the held text that may grow into a stop string.
    fn longest_beginning(&self) -> usize {
        let held = self.held.as_str();
        let ends = held.char_indices().filter_map(|(index, _)| held.get(index..));
        let mut beginnings = ends.filter(|end| self.stops.iter().any(|stop| stop.starts_with(end)));
        beginnings.next().map_or(0, str::len)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filter(stops: &[&str]) -> StopFilter {
        let stops: Vec<String> = stops.iter().map(|stop| (*stop).to_owned()).collect();
        StopFilter::new(&stops)
    }

    #[test]
    fn the_beginning_of_a_stop_string_is_held_back() {
        let mut filter = filter(&["```"]);
        assert_eq!(filter.push("x``"), "x");
        assert_eq!(filter.push("y``"), "``y");
        assert_eq!(filter.push("`z"), "");
        assert!(filter.reached());
    }

    #[test]
    fn what_is_complete_first_stops() {
        assert_eq!(filter(&["def", "b"]).push("abdef"), "a");
        // The shorter one is complete before the longer one, which begins earlier.
        assert_eq!(filter(&["\né\n", "é"]).push("\n\né\n"), "\n\n");
        assert_eq!(filter(&["b", "ab"]).push("xab"), "x");
    }

    #[test]
    fn what_was_held_is_released_at_the_end() {
        let mut filter = filter(&["END"]);
        assert_eq!(filter.push("xEN"), "x");
        assert_eq!(filter.finish(), "EN");
        assert!(!filter.reached());
    }

    proptest! {
        /// However the text is cut, it ends where reading it character by character first completes a stop string.
        #[test]
        fn pieces_do_not_matter(
            text in "[ab`\né]{0,40}",
            stops in prop::collection::vec("[ab`\né]{1,4}", 0..4),
            pieces in prop::collection::vec(1_usize..5, 40),
        ) {
            let mut filter = StopFilter::new(&stops);
            let mut characters = text.chars();
            let mut out = String::new();
            for length in pieces {
                let piece: String = characters.by_ref().take(length).collect();
                out.push_str(&filter.push(&piece));
            }
            out.push_str(&filter.push(characters.as_str()));
            out.push_str(&filter.finish());
            let ends = text.char_indices().map(|(index, character)| index + character.len_utf8());
            let expected = ends.map(|end| &text[..end]).find_map(|read| {
                let completed = stops.iter().filter(|stop| read.ends_with(stop.as_str()));
                completed.map(String::len).max().map(|length| &read[..read.len() - length])
            });
            prop_assert_eq!(out.as_str(), expected.unwrap_or(&text));
            prop_assert_eq!(filter.reached(), expected.is_some());
        }
    }
}
