//! Buffers as the editor has them, and places in them.

use gen_lsp_types::{Position, PositionEncodingKind, TextDocumentContentChangeEvent};
use tenon_domain::RepoPath;

/// A buffer that is open.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    /// Its file, relative to the folder that is open; the mere name when it is not in there.
    pub path: RepoPath,
    /// Whether it is in there.
    pub is_inside: bool,
    pub text: String,
    pub version: i32,
    /// When it was looked at last, by the session's clock.
    pub seen: u64,
    /// The line that was changed last.
    pub edited: Option<String>,
}

/// How columns are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Utf8,
    Utf16,
}

/// A change that does not fit the buffer: the editor's and ours have come apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OutOfStep;

impl Encoding {
    /// Bytes where the client can; UTF-16 is what every client can.
    pub fn of(offered: Option<&[PositionEncodingKind]>) -> Self {
        match offered.is_some_and(|offered| offered.contains(&PositionEncodingKind::UTF8)) {
            true => Self::Utf8,
            false => Self::Utf16,
        }
    }

    pub fn kind(self) -> PositionEncodingKind {
        match self {
            Self::Utf8 => PositionEncodingKind::UTF8,
            Self::Utf16 => PositionEncodingKind::UTF16,
        }
    }

    fn width(self, character: char) -> usize {
        match self {
            Self::Utf8 => character.len_utf8(),
            Self::Utf16 => character.len_utf16(),
        }
    }
}

impl Document {
    /// Applies the changes in order; none when one does not fit.
    pub fn apply(
        &mut self,
        changes: Vec<TextDocumentContentChangeEvent>,
        encoding: Encoding,
    ) -> Result<(), OutOfStep> {
        let mut text = self.text.clone();
        let mut edited = self.edited.clone();
        for change in changes {
            match change {
                TextDocumentContentChangeEvent::TextDocumentContentChangePartial(change) => {
                    let start = offset(&text, change.range.start, encoding).ok_or(OutOfStep)?;
                    let end = offset(&text, change.range.end, encoding).ok_or(OutOfStep)?;
                    if start > end {
                        return Err(OutOfStep);
                    }
                    text.replace_range(start..end, &change.text);
                    edited = line_at(&text, start + change.text.len()).map(str::to_owned);
                }
                TextDocumentContentChangeEvent::TextDocumentContentChangeWholeDocument(change) => {
                    text = change.text;
                }
            }
        }
        self.text = text;
        self.edited = edited;
        Ok(())
    }

    pub fn offset(&self, position: Position, encoding: Encoding) -> Option<usize> {
        offset(&self.text, position, encoding)
    }
}

/// The byte of a position: beyond the end of a line means its end, beyond the last line is nowhere.
pub(crate) fn offset(text: &str, position: Position, encoding: Encoding) -> Option<usize> {
    let start = match position.line as usize {
        0 => 0,
        line => text.match_indices('\n').nth(line - 1)?.0 + 1,
    };
    let line = text.get(start..)?.split('\n').next()?;
    let line = line.strip_suffix('\r').unwrap_or(line);
    let mut left = position.character as usize;
    let mut bytes = 0;
    for character in line.chars() {
        let width = encoding.width(character);
        if left < width {
            break;
        }
        left -= width;
        bytes += character.len_utf8();
    }
    Some(start + bytes)
}

/// The position of a byte.
pub(crate) fn position(text: &str, offset: usize, encoding: Encoding) -> Position {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count();
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let character: usize = before
        .get(start..)
        .unwrap_or_default()
        .chars()
        .map(|character| encoding.width(character))
        .sum();
    Position {
        line: u32::try_from(line).unwrap_or(u32::MAX),
        character: u32::try_from(character).unwrap_or(u32::MAX),
    }
}

fn line_at(text: &str, offset: usize) -> Option<&str> {
    let start = text.get(..offset)?.rfind('\n').map_or(0, |end| end + 1);
    text.get(start..)?.lines().next()
}

#[cfg(test)]
mod tests {
    use gen_lsp_types::{Range, TextDocumentContentChangePartial};

    use super::*;

    fn at(line: u32, character: u32) -> Position {
        Position { line, character }
    }

    fn document(text: &str) -> Document {
        Document {
            path: RepoPath::parse("a.py").unwrap(),
            is_inside: true,
            text: text.to_owned(),
            version: 0,
            seen: 0,
            edited: None,
        }
    }

    fn partial(start: Position, end: Position, text: &str) -> TextDocumentContentChangeEvent {
        TextDocumentContentChangeEvent::TextDocumentContentChangePartial(TextDocumentContentChangePartial {
            range: Range { start, end },
            text: text.to_owned(),
            ..Default::default()
        })
    }

    #[test]
    fn columns_are_counted_as_agreed() {
        let text = "a😀é\r\nb";
        for (encoding, columns) in [(Encoding::Utf8, [0, 1, 5, 7]), (Encoding::Utf16, [0, 1, 3, 4])] {
            for (column, byte) in columns.into_iter().zip([0, 1, 5, 7]) {
                assert_eq!(offset(text, at(0, column), encoding), Some(byte));
                assert_eq!(position(text, byte, encoding), at(0, column));
            }
            assert_eq!(offset(text, at(0, 99), encoding), Some(7), "the end of the line");
            assert_eq!(offset(text, at(1, 1), encoding), Some(10));
            assert_eq!(offset(text, at(2, 0), encoding), None);
        }
        assert_eq!(offset(text, at(0, 2), Encoding::Utf16), Some(1), "inside a pair");
    }

    #[test]
    fn changes_apply_in_order_or_not_at_all() {
        let mut document = document("one\ntwo\n");
        let changes = vec![
            partial(at(0, 0), at(0, 3), "1"),
            partial(at(1, 0), at(2, 0), "2\n3\n"),
        ];
        document.apply(changes, Encoding::Utf16).unwrap();
        assert_eq!(document.text, "1\n2\n3\n");
        let changes = vec![partial(at(0, 0), at(0, 1), "x"), partial(at(9, 0), at(9, 1), "y")];
        assert_eq!(document.apply(changes, Encoding::Utf16), Err(OutOfStep));
        assert_eq!(document.text, "1\n2\n3\n");
    }
}
