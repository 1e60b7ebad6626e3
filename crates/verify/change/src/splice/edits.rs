use tenon_syntax::Span;

/// Replacements in one text. An insertion replaces an empty span; several at one place keep their order.
#[derive(Debug, Default)]
pub(super) struct Edits {
    edits: Vec<(Span, String)>,
}

impl Edits {
    pub(super) fn replace(&mut self, span: Span, text: String) {
        self.edits.push((span, text));
    }

    pub(super) fn insert(&mut self, at: usize, text: String) {
        self.replace(Span::new(at, at), text);
    }

    /// Whether something was inserted exactly here.
    pub(super) fn inserts_at(&self, at: usize) -> bool {
        self.edits
            .iter()
            .any(|(span, _)| span.is_empty() && span.start == at)
    }

    /// The text with all edits; an edit that overlaps an earlier one is left out.
    pub(super) fn apply(mut self, text: &str) -> String {
        // A stable sort: what was inserted first at a place stands first.
        self.edits.sort_by_key(|(span, _)| (span.start, span.end));
        let mut result = String::with_capacity(text.len() + 256);
        let mut position = 0;
        for (span, replacement) in self.edits {
            if span.start < position {
                continue;
            }
            result.push_str(text.get(position..span.start).unwrap_or_default());
            result.push_str(&replacement);
            position = span.end;
        }
        result.push_str(text.get(position..).unwrap_or_default());
        result
    }
}
