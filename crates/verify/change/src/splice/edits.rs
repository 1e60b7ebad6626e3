use tenon_syntax::Span;

/// Replacements in one text. An insertion replaces an empty span; several at one place keep their order, imports
/// first.
#[derive(Debug, Default)]
pub(super) struct Edits {
    edits: Vec<Edit>,
}

#[derive(Debug)]
struct Edit {
    span: Span,
    rank: u8,
    text: String,
}

const IMPORT: u8 = 0;
const CODE: u8 = 1;

impl Edits {
    pub(super) fn replace(&mut self, span: Span, text: String) {
        self.push(span, CODE, text);
    }

    pub(super) fn insert(&mut self, at: usize, text: String) {
        self.push(Span::new(at, at), CODE, text);
    }

    pub(super) fn insert_import(&mut self, at: usize, text: String) {
        self.push(Span::new(at, at), IMPORT, text);
    }

    /// Whether code was inserted exactly here.
    pub(super) fn inserts_at(&self, at: usize) -> bool {
        self.edits
            .iter()
            .any(|edit| edit.span == Span::new(at, at) && edit.rank == CODE)
    }

    /// The text with all edits; an edit that overlaps an earlier one is left out.
    pub(super) fn apply(mut self, text: &str) -> String {
        // A stable sort: what was inserted first at a place stands first.
        self.edits
            .sort_by_key(|edit| (edit.span.start, edit.span.end, edit.rank));
        let mut result = String::with_capacity(text.len() + 256);
        let mut position = 0;
        for edit in self.edits {
            if edit.span.start < position {
                continue;
            }
            result.push_str(text.get(position..edit.span.start).unwrap_or_default());
            result.push_str(&edit.text);
            position = edit.span.end;
        }
        result.push_str(text.get(position..).unwrap_or_default());
        result
    }

    fn push(&mut self, span: Span, rank: u8, text: String) {
        self.edits.push(Edit { span, rank, text });
    }
}
