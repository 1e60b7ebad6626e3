use tenon_syntax::Language;

/// A buffer seen from the cursor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'text> {
    pub before: &'text str,
    pub after: &'text str,
    pub language: Option<Language>,
}

/// What of the buffer is put before the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    /// 0-based line that `prefix` begins with.
    pub first_line: usize,
    pub prefix: String,
    pub suffix: String,
}

/// The most lines before the cursor.
const LINES_BEFORE: usize = 40;
/// The window moves by this many lines at once: while it stands still, the model has read all but its end.
const STEP: usize = 16;
/// Reading a token costs a small model on two cores some 5 ms.
const BYTES_BEFORE: usize = 1600;
/// What follows is read again at every keystroke, because it stands behind the text that grows. With much less of it a
/// small model no longer sees what the line is for.
const LINES_AFTER: usize = 14;
const BYTES_AFTER: usize = 400;

impl<'text> Place<'text> {
    /// `None` when `cursor` is not between two characters of `text`.
    pub fn new(text: &'text str, cursor: usize, language: Option<Language>) -> Option<Self> {
        let (before, after) = text.split_at_checked(cursor)?;
        Some(Self {
            before,
            after,
            language,
        })
    }

    /// The cursor's line up to it.
    pub fn line_before(&self) -> &'text str {
        self.before.rsplit('\n').next().unwrap_or_default()
    }

    /// The cursor's line behind it, without its end.
    pub fn line_after(&self) -> &'text str {
        self.after.lines().next().unwrap_or_default()
    }

    /// The lines below the cursor's.
    pub fn lines_below(&self) -> impl Iterator<Item = &'text str> {
        self.after.lines().skip(1)
    }

    /// The lines above the cursor's, nearest first.
    pub fn lines_above(&self) -> impl Iterator<Item = &'text str> {
        let above = self.before.len() - self.line_before().len();
        self.before.get(..above).unwrap_or_default().lines().rev()
    }

    /// How lines end in this buffer.
    pub fn line_end(&self) -> &'static str {
        let first = self.before.find('\n').map(|end| self.before.get(..end));
        let first = first.or_else(|| self.after.find('\n').map(|end| self.after.get(..end)));
        match first.flatten() {
            Some(line) if line.ends_with('\r') => "\r\n",
            _ => "\n",
        }
    }

    /// One step of indentation, as the lines around have it.
    pub fn indentation_step(&self) -> String {
        let near = self.lines_above().take(100).chain(self.lines_below().take(100));
        let mut least: Option<usize> = None;
        for line in near.filter(|line| !line.trim().is_empty()) {
            match indentation(line) {
                "" => {}
                tabs if tabs.starts_with('\t') => return "\t".to_owned(),
                spaces => least = Some(least.map_or(spaces.len(), |least| least.min(spaces.len()))),
            }
        }
        " ".repeat(least.unwrap_or(4))
    }

    /// The word that ends at the cursor, if it is one that still grows.
    pub fn half_typed(&self) -> &'text str {
        let line = self.line_before();
        let start = line
            .char_indices()
            .rev()
            .take_while(|(_, character)| is_word(*character))
            .last();
        let word = start.map_or("", |(index, _)| line.get(index..).unwrap_or_default());
        // A number is not a name, and its digits are tokens of their own.
        match word.chars().next() {
            Some(first) if !first.is_ascii_digit() => word,
            _ => "",
        }
    }

    /// Whether the cursor stands inside a word: whatever is written there ends in the middle of another.
    pub fn is_inside_word(&self) -> bool {
        let ends = |text: &str| text.chars().next().is_some_and(is_word);
        ends(self.after) && self.before.chars().next_back().is_some_and(is_word)
    }

    /// What the model is shown, with the line ends it knows.
    pub fn window(&self) -> Window {
        let lines = self.before.matches('\n').count();
        let mut first_line = match lines.checked_sub(LINES_BEFORE) {
            Some(beyond) if beyond > 0 => beyond.next_multiple_of(STEP),
            _ => 0,
        };
        let mut prefix = from_line(self.before, first_line);
        while prefix.len() > BYTES_BEFORE && first_line + STEP <= lines {
            first_line += STEP;
            prefix = from_line(self.before, first_line);
        }
        Window {
            first_line,
            prefix: unix(last_bytes(prefix, 2 * BYTES_BEFORE)),
            suffix: unix(&self.suffix()),
        }
    }

    fn suffix(&self) -> String {
        let mut suffix = String::new();
        for line in self.after.split_inclusive('\n').take(LINES_AFTER) {
            if suffix.len() + line.len() > BYTES_AFTER {
                let room = BYTES_AFTER.saturating_sub(suffix.len());
                if suffix.is_empty() {
                    suffix.push_str(first_bytes(line, room));
                }
                break;
            }
            suffix.push_str(line);
        }
        suffix
    }
}

/// Whether the character is part of a word.
pub(super) fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The white space that a line begins with.
pub(super) fn indentation(line: &str) -> &str {
    let width = line.len() - line.trim_start().len();
    line.get(..width).unwrap_or_default()
}

fn from_line(text: &str, first: usize) -> &str {
    let Some(before) = first.checked_sub(1) else {
        return text;
    };
    let end = text.match_indices('\n').nth(before).map(|(index, _)| index + 1);
    end.and_then(|end| text.get(end..)).unwrap_or_default()
}

/// At most `most` bytes from the end, cut between characters.
pub(super) fn last_bytes(text: &str, most: usize) -> &str {
    let mut start = text.len().saturating_sub(most);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text.get(start..).unwrap_or_default()
}

/// At most `most` bytes from the beginning, cut between characters.
pub(super) fn first_bytes(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

fn unix(text: &str) -> String {
    text.replace("\r\n", "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `|` marks the cursor.
    fn place(text: &str) -> (String, usize) {
        let cursor = text.find('|').unwrap();
        (text.replacen('|', "", 1), cursor)
    }

    #[test]
    fn the_cursor_divides_its_line() {
        let (text, cursor) = place("a = 1\nb = |a + 1\nc\n");
        let place = Place::new(&text, cursor, None).unwrap();
        assert_eq!((place.line_before(), place.line_after()), ("b = ", "a + 1"));
        assert_eq!(place.lines_below().collect::<Vec<_>>(), ["c"]);
        assert_eq!(place.lines_above().collect::<Vec<_>>(), ["a = 1"]);
    }

    #[test]
    fn a_cursor_inside_a_character_is_refused() {
        assert!(Place::new("é", 1, None).is_none());
        assert!(Place::new("é", 3, None).is_none());
        assert!(Place::new("é", 2, None).is_some());
    }

    #[test]
    fn words_grow_and_numbers_do_not() {
        for (text, half) in [
            ("x = valu|", "valu"),
            ("x = 12|", ""),
            ("x.|", ""),
            ("été|", "été"),
        ] {
            let (text, cursor) = place(text);
            assert_eq!(Place::new(&text, cursor, None).unwrap().half_typed(), half);
        }
    }

    #[test]
    fn the_window_stands_still_while_a_line_is_typed_and_the_next() {
        let text = |lines: usize| "x = 1\n".repeat(lines);
        let starts: Vec<usize> = (0..100)
            .map(|lines| {
                let text = text(lines);
                let window = Place::new(&text, text.len(), None).unwrap().window();
                assert!(window.prefix.len() <= 40 * 6);
                window.first_line
            })
            .collect();
        let moves = starts.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert_eq!(moves, 4, "{starts:?}");
        assert_eq!(starts[40], 0);
        assert_eq!(starts[41], 16);
    }

    #[test]
    fn one_endless_line_is_cut() {
        let text = "é".repeat(100_000);
        let window = Place::new(&text, 100_000, None).unwrap().window();
        assert!(window.prefix.len() <= 2 * BYTES_BEFORE && !window.prefix.is_empty());
        assert!(window.suffix.len() <= BYTES_AFTER && !window.suffix.is_empty());
    }

    #[test]
    fn the_model_sees_plain_line_ends() {
        let (text, cursor) = place("a\r\nb|\r\nc\r\n");
        let place = Place::new(&text, cursor, None).unwrap();
        assert_eq!(place.line_end(), "\r\n");
        assert_eq!(
            place.window(),
            Window {
                first_line: 0,
                prefix: "a\nb".to_owned(),
                suffix: "\nc\n".to_owned()
            }
        );
    }
}
