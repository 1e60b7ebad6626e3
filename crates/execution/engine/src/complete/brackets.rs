//! Brackets, read without a syntax tree: a buffer that is being typed seldom parses.

use tenon_syntax::Language;

/// The brackets of `text` with their bytes, without those in strings and comments.
pub(super) fn brackets(text: &str, language: Option<Language>) -> Vec<(usize, char)> {
    let mut found = Vec::new();
    let mut reader = Reader {
        rest: text,
        position: 0,
        language,
    };
    while let Some(character) = reader.rest.chars().next() {
        match character {
            '(' | ')' | '[' | ']' | '{' | '}' => {
                found.push((reader.position, character));
                reader.skip(1);
            }
            '"' | '\'' | '`' => reader.skip_string(character),
            _ if reader.begins_comment() => reader.skip_line(),
            _ => reader.skip(character.len_utf8()),
        }
    }
    found
}

/// The brackets that `text` opens and does not close, outermost first.
pub(super) fn open_brackets(text: &str, language: Option<Language>) -> Vec<char> {
    let mut open = Vec::new();
    for (_, bracket) in brackets(text, language) {
        match opener_of(bracket) {
            None => open.push(bracket),
            Some(opener) => {
                if open.last() == Some(&opener) {
                    open.pop();
                }
            }
        }
    }
    open
}

/// The brackets that `text` closes and did not open, in order.
pub(super) fn closing_brackets(text: &str, language: Option<Language>) -> Vec<(usize, char)> {
    let mut open: Vec<char> = Vec::new();
    let mut closing = Vec::new();
    for (position, bracket) in brackets(text, language) {
        match opener_of(bracket) {
            None => open.push(bracket),
            Some(opener) if open.last() == Some(&opener) => {
                open.pop();
            }
            Some(_) => closing.push((position, bracket)),
        }
    }
    closing
}

fn opener_of(bracket: char) -> Option<char> {
    match bracket {
        ')' => Some('('),
        ']' => Some('['),
        '}' => Some('{'),
        _ => None,
    }
}

struct Reader<'text> {
    rest: &'text str,
    position: usize,
    language: Option<Language>,
}

impl Reader<'_> {
    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
        self.position += bytes;
    }

    fn skip_line(&mut self) {
        let end = self.rest.find('\n').unwrap_or(self.rest.len());
        self.skip(end);
    }

    fn begins_comment(&self) -> bool {
        match self.language {
            Some(language) => self.rest.starts_with(language.line_comment()),
            None => self.rest.starts_with("//") || self.rest.starts_with("# "),
        }
    }

    /// A character in its quotation marks, rather than a lifetime or a label.
    fn begins_character(&self) -> bool {
        let mut characters = self.rest.chars().skip(1);
        let first = characters.next();
        first == Some('\\') || (first.is_some() && characters.next() == Some('\''))
    }

    /// Skips a string that begins here. One that does not end with its line is none, unless it may go on.
    fn skip_string(&mut self, quote: char) {
        let python = self.language == Some(Language::Python);
        let triple = quote.to_string().repeat(3);
        if python && self.rest.starts_with(&triple) {
            let end = self.rest.get(3..).and_then(|rest| rest.find(&triple));
            return self.skip(end.map_or(self.rest.len(), |end| end + 6));
        }
        if quote == '`' {
            let end = self.rest.get(1..).and_then(|rest| rest.find('`'));
            return self.skip(end.map_or(self.rest.len(), |end| end + 2));
        }
        let characters = matches!(
            self.language,
            Some(Language::Rust | Language::Go | Language::Java)
        );
        if quote == '\'' && characters && !self.begins_character() {
            return self.skip(1);
        }
        let mut escaped = false;
        for (index, character) in self.rest.char_indices().skip(1) {
            match character {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '\n' => break,
                _ if character == quote => return self.skip(index + 1),
                _ => {}
            }
        }
        self.skip(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(text: &str, language: Language) -> String {
        open_brackets(text, Some(language)).into_iter().collect()
    }

    #[test]
    fn what_is_open_is_known() {
        assert_eq!(open("foo(bar[1], {", Language::Python), "({");
        assert_eq!(open("foo(\")\", ')'  # )", Language::Python), "(");
        assert_eq!(open("\"\"\"(\n(\"\"\"\nf(", Language::Python), "(");
        assert_eq!(open("fn f<'a>(x: &'a str", Language::Rust), "(");
        assert_eq!(open("if c == '(' { // {", Language::Rust), "{");
        assert_eq!(open("`${f(` + g(", Language::JavaScript), "(");
        assert_eq!(open("f('\\'(', x", Language::JavaScript), "(");
    }

    #[test]
    fn an_apostrophe_hides_nothing_on_the_next_line() {
        assert_eq!(open("don't\nf(", Language::Python), "(");
    }

    #[test]
    fn what_is_closed_without_being_opened_is_known() {
        let closing = closing_brackets("f(x)) ]", Some(Language::Python));
        assert_eq!(closing, [(4, ')'), (6, ']')]);
    }
}
