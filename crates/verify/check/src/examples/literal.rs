//! Finds where a literal value ends in running prose, so that `f(2) == 3 because …` yields `3`.

/// Whose notation a value is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Python,
    JavaScript,
    Rust,
}

/// The outer form of a literal; equations whose forms contradict each other are not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Number,
    Text,
    Word,
    Sequence,
    Tuple,
    /// `(x)`: prose often means a one-element tuple by it, so it is never taken as an expectation.
    Parenthesised,
    Braced,
    Call,
}

/// A literal at the start of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Literal<'text> {
    pub(crate) text: &'text str,
    pub(crate) shape: Shape,
}

/// Deeper nesting than this is not an example that a person wrote.
const DEEPEST: u32 = 48;

/// The longest literal (or arithmetic over literals) at the start of `text`, leading spaces ignored.
pub(crate) fn leading_literal(text: &str, dialect: Dialect) -> Option<Literal<'_>> {
    let start = text.len() - text.trim_start_matches([' ', '\t']).len();
    let mut scanner = Scanner {
        text,
        at: start,
        dialect,
    };
    let shape = scanner.expression(0)?;
    let found = text.get(start..scanner.at)?;
    Some(Literal { text: found, shape })
}

/// The end of a bracketed group that starts at `open`, skipping strings; `None` when it never closes.
pub(crate) fn closing_bracket(text: &str, open: usize) -> Option<usize> {
    let mut depth = 0_u32;
    let mut at = open;
    while let Some(byte) = text.as_bytes().get(at).copied() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b'"' | b'\'' | b'`' => {
                at = string_end(text, at, byte != b'`')?;
                continue;
            }
            _ => {}
        }
        if at - open > 4096 {
            return None;
        }
        at += 1;
    }
    None
}

/// The position after the string whose quote is at `at`.
fn string_end(text: &str, at: usize, one_line: bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let quote = *bytes.get(at)?;
    let triple = bytes.get(at + 1) == Some(&quote) && bytes.get(at + 2) == Some(&quote);
    let mut position = at + if triple { 3 } else { 1 };
    loop {
        match *bytes.get(position)? {
            b'\\' => position += 2,
            b'\n' if one_line && !triple => return None,
            byte if byte == quote && !triple => return Some(position + 1),
            byte if byte == quote
                && bytes.get(position + 1) == Some(&quote)
                && bytes.get(position + 2) == Some(&quote) =>
            {
                return Some(position + 3);
            }
            _ => position += 1,
        }
    }
}

struct Scanner<'text> {
    text: &'text str,
    at: usize,
    dialect: Dialect,
}

impl<'text> Scanner<'text> {
    fn rest(&self) -> &'text str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blank(&mut self, depth: u32) {
        while let Some(byte) = self.peek() {
            let skipped = byte == b' ' || byte == b'\t' || (depth > 0 && (byte == b'\n' || byte == b'\r'));
            if !skipped {
                return;
            }
            self.at += 1;
        }
    }

    /// A value, and further values joined by arithmetic as long as they are literals too.
    fn expression(&mut self, depth: u32) -> Option<Shape> {
        let mut shape = self.value(depth)?;
        loop {
            let before = self.at;
            self.skip_blank(depth);
            let operator = self.operator();
            if operator == 0 {
                self.at = before;
                return Some(shape);
            }
            self.at += operator;
            self.skip_blank(depth);
            if self.value(depth).is_none() {
                self.at = before;
                return Some(shape);
            }
            if shape == Shape::Parenthesised {
                shape = Shape::Number;
            }
        }
    }

    fn operator(&self) -> usize {
        let rest = self.rest();
        let python = self.dialect == Dialect::Python;
        if rest.starts_with("**") || (python && rest.starts_with("//")) {
            return 2;
        }
        let comment = rest.starts_with("//") || rest.starts_with("->") || rest.starts_with("--");
        let single = rest.starts_with(['+', '-', '*', '/', '%']) && !comment;
        usize::from(single)
    }

    fn value(&mut self, depth: u32) -> Option<Shape> {
        if depth > DEEPEST {
            return None;
        }
        let signs: &[u8] = if self.dialect == Dialect::Rust {
            b"-!&"
        } else {
            b"-+~"
        };
        while self.peek().is_some_and(|byte| signs.contains(&byte)) {
            self.at += 1;
            self.skip_blank(depth);
        }
        let shape = match self.peek()? {
            b'0'..=b'9' => self.number(),
            b'.' if self.text.as_bytes().get(self.at + 1)?.is_ascii_digit() => self.number(),
            b'"' | b'\'' => self.string(),
            b'`' if self.dialect == Dialect::JavaScript => self.template(),
            b'[' => self.group(b']', depth).map(|_| Shape::Sequence),
            b'(' => self.parenthesised(depth),
            b'{' if self.dialect != Dialect::Rust => self.group(b'}', depth).map(|_| Shape::Braced),
            byte if byte.is_ascii_alphabetic() => self.word(depth),
            _ => None,
        }?;
        // `5apples`, `""aaa"`: what looked like a literal runs on, so it is none.
        let runs_on = self
            .rest()
            .starts_with(|next: char| next.is_alphanumeric() || matches!(next, '_' | '"' | '\''));
        (!runs_on).then_some(shape)
    }

    fn number(&mut self) -> Option<Shape> {
        let rest = self.rest();
        let mut end = 0;
        let mut previous = 0_u8;
        let hexadecimal = rest.starts_with("0x") || rest.starts_with("0X");
        for (index, byte) in rest.bytes().enumerate() {
            let next_is_digit = rest.as_bytes().get(index + 1).is_some_and(u8::is_ascii_digit);
            let belongs = byte.is_ascii_alphanumeric()
                || byte == b'_'
                // A full stop that ends the sentence is not part of the number.
                || (byte == b'.' && next_is_digit)
                || (matches!(byte, b'+' | b'-') && matches!(previous, b'e' | b'E') && !hexadecimal && next_is_digit);
            if !belongs {
                break;
            }
            previous = byte;
            end = index + 1;
        }
        let text = rest.get(..end)?;
        let plain = text.trim_end_matches(['j', 'J', 'n']).replace('_', "");
        let prefixed = ["0x", "0X", "0b", "0B", "0o", "0O"]
            .iter()
            .any(|prefix| plain.starts_with(prefix));
        let valid = if prefixed {
            plain.len() > 2 && plain.bytes().skip(2).all(|byte| byte.is_ascii_hexdigit())
        } else {
            plain.parse::<f64>().is_ok()
                && plain
                    .bytes()
                    .next()
                    .is_some_and(|byte| byte.is_ascii_digit() || byte == b'.')
        };
        // A leading zero is a date or a code, not a Python number.
        let octal = plain.len() > 1
            && plain.starts_with('0')
            && plain.bytes().all(|byte| byte.is_ascii_digit())
            && plain.bytes().any(|byte| byte != b'0');
        if !valid || octal {
            return None;
        }
        self.at += end;
        Some(Shape::Number)
    }

    fn string(&mut self) -> Option<Shape> {
        self.at = string_end(self.text, self.at, true)?;
        Some(Shape::Text)
    }

    fn template(&mut self) -> Option<Shape> {
        let end = string_end(self.text, self.at, false)?;
        let inside = self.text.get(self.at..end)?;
        if inside.contains("${") {
            return None;
        }
        self.at = end;
        Some(Shape::Text)
    }

    fn parenthesised(&mut self, depth: u32) -> Option<Shape> {
        if self.dialect == Dialect::JavaScript {
            return None;
        }
        let separators = self.group(b')', depth)?;
        Some(if separators == Separators::NoneAtAll {
            Shape::Parenthesised
        } else {
            Shape::Tuple
        })
    }

    /// A bracketed list of values or of `key: value` pairs.
    fn group(&mut self, close: u8, depth: u32) -> Option<Separators> {
        self.at += 1;
        let mut separators = Separators::Empty;
        loop {
            self.skip_blank(depth + 1);
            if self.peek()? == close {
                self.at += 1;
                return Some(separators);
            }
            if separators == Separators::NoneAtAll {
                return None;
            }
            self.element(close, depth + 1)?;
            self.skip_blank(depth + 1);
            match self.peek()? {
                b',' => {
                    self.at += 1;
                    separators = Separators::Commas;
                }
                byte if byte == close => {
                    self.at += 1;
                    return Some(if separators == Separators::Commas {
                        separators
                    } else {
                        Separators::NoneAtAll
                    });
                }
                _ => return None,
            }
        }
    }

    fn element(&mut self, close: u8, depth: u32) -> Option<()> {
        let braced = close == b'}';
        if braced && self.dialect == Dialect::JavaScript && self.bare_key() {
            return self.pair_value(depth);
        }
        self.expression(depth)?;
        self.skip_blank(depth);
        if braced && self.peek()? == b':' {
            return self.pair_value(depth);
        }
        // A JavaScript object needs its keys.
        (!braced || self.dialect == Dialect::Python).then_some(())
    }

    fn bare_key(&mut self) -> bool {
        let length = self
            .rest()
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$'))
            .count();
        let after = self.rest().get(length..).unwrap_or("").trim_start();
        if length > 0 && after.starts_with(':') {
            self.at = self.text.len() - after.len();
            return true;
        }
        false
    }

    fn pair_value(&mut self, depth: u32) -> Option<()> {
        self.at += 1;
        self.skip_blank(depth);
        self.expression(depth).map(|_| ())
    }

    fn word(&mut self, depth: u32) -> Option<Shape> {
        let length = self
            .rest()
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
            .count();
        let word = self.rest().get(..length)?.to_owned();
        let next = self.rest().as_bytes().get(length).copied();
        let python = self.dialect == Dialect::Python;
        if matches!(next, Some(b'"' | b'\'')) {
            let prefix =
                python && matches!(word.to_ascii_lowercase().as_str(), "r" | "b" | "br" | "rb" | "u");
            if !prefix {
                return None;
            }
            self.at += length;
            return self.string();
        }
        if next == Some(b'(') {
            return self.constructor(&word, length, depth);
        }
        if self.dialect == Dialect::Rust && word == "vec" && self.rest().starts_with("vec![") {
            self.at += "vec!".len();
            return self.group(b']', depth).map(|_| Shape::Sequence);
        }
        if self.dialect == Dialect::JavaScript && word == "new" {
            self.at += length;
            self.skip_blank(depth);
            let length = self.rest().bytes().take_while(u8::is_ascii_alphanumeric).count();
            let class = self.rest().get(..length)?.to_owned();
            return self.constructor(&class, length, depth);
        }
        // Prose writes `true` and `null` for both languages; the caller translates.
        let known = [
            "True",
            "False",
            "None",
            "true",
            "false",
            "null",
            "undefined",
            "NaN",
            "Infinity",
        ]
        .contains(&word.as_str())
            && (self.dialect == Dialect::JavaScript
                || !matches!(word.as_str(), "undefined" | "NaN" | "Infinity"));
        if !known {
            return None;
        }
        self.at += length;
        Some(Shape::Word)
    }

    fn constructor(&mut self, name: &str, length: usize, depth: u32) -> Option<Shape> {
        let known: &[&str] = match self.dialect {
            Dialect::Python => &[
                "set",
                "frozenset",
                "float",
                "complex",
                "dict",
                "list",
                "tuple",
                "bytes",
                "bytearray",
                "int",
                "str",
                "range",
            ],
            Dialect::JavaScript => &["Set", "Map", "Date", "BigInt", "Number"],
            Dialect::Rust => &["Some", "Ok", "Err"],
        };
        if !known.contains(&name) {
            return None;
        }
        self.at += length;
        self.group(b')', depth)?;
        Some(Shape::Call)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Separators {
    Empty,
    NoneAtAll,
    Commas,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn python(text: &str) -> Option<&str> {
        leading_literal(text, Dialect::Python).map(|literal| literal.text)
    }

    #[test]
    fn a_literal_ends_where_prose_begins() {
        for (text, expected) in [
            ("3 because", Some("3")),
            ("16.", Some("16")),
            ("1.5e-3, or so", Some("1.5e-3")),
            ("19 - 5 - 6 = 8", Some("19 - 5 - 6")),
            ("2 ** 10", Some("2 ** 10")),
            (
                "[1, [2, 'a)'], {'k': (1,)}] # note",
                Some("[1, [2, 'a)'], {'k': (1,)}]"),
            ),
            ("[\n 1,\n 2\n]", Some("[\n 1,\n 2\n]")),
            ("-15)", Some("-15")),
            ("set()", Some("set()")),
            ("float('inf')", Some("float('inf')")),
            ("b'x'", Some("b'x'")),
            ("None.", Some("None")),
            ("5 apples", Some("5")),
            ("5apples", None),
            ("\"\"aaaa\"", None),
            ("abc", None),
            ("[1, x]", None),
            ("'unclosed", None),
            ("(1, 2", None),
            ("007", None),
            ("...", None),
            ("", None),
        ] {
            assert_eq!(python(text), expected, "{text:?}");
        }
    }

    #[test]
    fn javascript_values_have_their_own_notation() {
        let scan = |text| leading_literal(text, Dialect::JavaScript).map(|literal| literal.text);
        assert_eq!(
            scan("{a: 1, 'b': [true, null]} // x"),
            Some("{a: 1, 'b': [true, null]}")
        );
        assert_eq!(scan("new Set([1, 2])"), Some("new Set([1, 2])"));
        assert_eq!(scan("undefined;"), Some("undefined"));
        assert_eq!(scan("`a ${b}`"), None);
        assert_eq!(scan("3 // comment"), Some("3"));
    }

    #[test]
    fn a_lone_parenthesised_value_is_told_from_a_tuple() {
        let shape = |text| leading_literal(text, Dialect::Python).unwrap().shape;
        assert_eq!(shape("('Venus')"), Shape::Parenthesised);
        assert_eq!(shape("('Venus',)"), Shape::Tuple);
        assert_eq!(shape("()"), Shape::Tuple);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "[\\[\\](){}'\"a-z0-9.,:+\\-*/ \n\\\\é`$]{0,60}") {
            for dialect in [Dialect::Python, Dialect::JavaScript] {
                if let Some(literal) = leading_literal(&text, dialect) {
                    prop_assert!(text.contains(literal.text));
                }
            }
            let _ = closing_bracket(&text, 0);
        }
    }
}
