/// Ends a text before the first of several strings, although the text arrives in pieces.
#[derive(Debug, Clone)]
pub(super) struct StopFilter {
    stops: Vec<String>,
    held: String,
    reached: bool,
}

impl StopFilter {
    pub(super) fn new(stops: &[String]) -> Self {
        Self {
            stops: stops.iter().filter(|stop| !stop.is_empty()).cloned().collect(),
            held: String::new(),
            reached: false,
        }
    }

    /// Whether a stop string was reached; nothing comes after it.
    pub(super) fn reached(&self) -> bool {
        self.reached
    }

    /// What of the text so far is certainly no part of a stop string and was not returned before.
    pub(super) fn push(&mut self, piece: &str) -> String {
        if self.reached {
            return String::new();
        }
        self.held.push_str(piece);
        let first = self
            .stops
            .iter()
            .filter_map(|stop| self.held.find(stop.as_str()))
            .min();
        if let Some(index) = first {
            self.reached = true;
            self.held.truncate(index);
            return std::mem::take(&mut self.held);
        }
        let certain = self.held.len() - self.longest_beginning();
        let kept = self.held.split_off(certain);
        std::mem::replace(&mut self.held, kept)
    }

    /// The rest, when the text ended without a stop string.
    pub(super) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
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

    proptest! {
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
            let end = stops.iter().filter_map(|stop| text.find(stop.as_str())).min();
            prop_assert_eq!(out.as_str(), &text[..end.unwrap_or(text.len())]);
            prop_assert_eq!(filter.reached(), end.is_some());
        }
    }
}
