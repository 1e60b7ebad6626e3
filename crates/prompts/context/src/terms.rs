//! Words of code and prose, made comparable: `parseHTTPHeader` and "parse http headers" share terms.

/// Words too common to tell anything.
const STOP_WORDS: [&str; 48] = [
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "def", "do", "else", "fn", "for", "from",
    "function", "if", "in", "into", "is", "it", "its", "let", "of", "on", "or", "pub", "return", "returns",
    "self", "so", "that", "the", "their", "then", "this", "to", "use", "var", "when", "where", "which",
    "with", "const", "new", "should", "must", "make",
];

/// Calls `visit` with every term of `text`: split at case changes and non-letters, lower case, plural `s` cut.
pub(crate) fn each_term(text: &str, mut visit: impl FnMut(&str)) {
    let mut term = String::new();
    let mut previous = Class::Other;
    let mut finish = |term: &mut String| {
        if term.len() > 1 && term.len() <= 40 {
            if term.len() > 3 && term.ends_with('s') && !term.ends_with("ss") {
                term.pop();
            }
            if !STOP_WORDS.contains(&term.as_str()) {
                visit(term);
            }
        }
        term.clear();
    };
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let class = Class::of(character);
        let next_is_lower = characters.peek().is_some_and(|next| next.is_lowercase());
        let boundary = match (previous, class) {
            (Class::Lower | Class::Digit, Class::Upper) => true,
            (Class::Upper, Class::Upper) => next_is_lower,
            _ => false,
        };
        if class == Class::Other || boundary {
            finish(&mut term);
        }
        if class != Class::Other {
            term.extend(character.to_lowercase());
        }
        previous = class;
    }
    finish(&mut term);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Lower,
    Upper,
    Digit,
    Other,
}

impl Class {
    fn of(character: char) -> Self {
        if character.is_lowercase() {
            Self::Lower
        } else if character.is_uppercase() {
            Self::Upper
        } else if character.is_alphabetic() {
            Self::Lower
        } else if character.is_numeric() {
            Self::Digit
        } else {
            Self::Other
        }
    }
}

/// The distinct terms of `text`, in order of appearance.
pub(crate) fn terms_of(text: &str) -> Vec<String> {
    let mut terms: Vec<String> = Vec::new();
    each_term(text, |term| {
        if !terms.iter().any(|known| known == term) {
            terms.push(term.to_owned());
        }
    });
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_prose_share_terms() {
        assert_eq!(terms_of("parseHTTPHeader"), ["parse", "http", "header"]);
        assert_eq!(terms_of("parse the HTTP headers"), ["parse", "http", "header"]);
        assert_eq!(terms_of("word_count2"), ["word", "count2"]);
        assert_eq!(terms_of("class"), ["class"]);
    }
}
