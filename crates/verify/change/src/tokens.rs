//! Code as a sequence of tokens: what is left of it when layout does not count.

use tenon_domain::Digest;
use tenon_syntax::{Descend, Language, SourceFile, Span, walk};

/// The digest of the code without white space and comments: equal for candidates that differ in layout only.
pub fn normalised(file: &SourceFile) -> Digest {
    Digest::of(sequence(file, Comments::Ignored))
}

/// Whether two pieces of code differ in white space only. Comments count: to write them may have been the wish.
pub fn same_code(language: Language, left: &str, right: &str) -> bool {
    if left == right {
        return true;
    }
    let (Some(left), Some(right)) = (piece(language, left), piece(language, right)) else {
        return false;
    };
    left == right
}

/// Tokens of the nodes inside `span`.
pub(crate) fn of_span(file: &SourceFile, span: Span) -> String {
    collect(file, span, Comments::Kept)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comments {
    Ignored,
    Kept,
}

fn piece(language: Language, text: &str) -> Option<String> {
    let text = crate::style::dedent(&text.replace("\r\n", "\n"));
    // A member of a class is no program of its own.
    let text = if language.is_ecmascript() {
        match SourceFile::parse(language, text.as_str()) {
            Ok(file) if file.error_count() == 0 => text,
            _ => format!("class Piece {{\n{text}\n}}"),
        }
    } else {
        text
    };
    let file = SourceFile::parse(language, text).ok()?;
    Some(sequence(&file, Comments::Kept))
}

fn sequence(file: &SourceFile, comments: Comments) -> String {
    collect(file, Span::new(0, file.text().len()), comments)
}

fn collect(file: &SourceFile, span: Span, comments: Comments) -> String {
    let python = file.language() == Language::Python;
    let mut tokens = String::new();
    // Where the suites that are open end: indentation is a token in Python.
    let mut suites: Vec<usize> = Vec::new();
    walk(file.tree().root_node(), |node| {
        let own = Span::of(node);
        if own.end < span.start || own.start > span.end {
            return Descend::Over;
        }
        while suites.last().is_some_and(|end| own.start >= *end) {
            suites.pop();
            tokens.push('\u{2}');
        }
        let kind = node.kind();
        if python && kind == "block" && span.covers(own) {
            suites.push(own.end);
            tokens.push('\u{1}');
        }
        let comment = matches!(kind, "comment" | "line_comment" | "block_comment");
        let whole = comment
            || matches!(
                kind,
                "string" | "string_literal" | "raw_string_literal" | "template_string"
            );
        if !whole && node.child_count() > 0 {
            return Descend::Into;
        }
        let text = file.slice(own);
        if span.covers(own) && !text.trim().is_empty() && !(comment && comments == Comments::Ignored) {
            if comment || whole {
                // The layout of a comment or docstring follows the code around it.
                for line in text.lines().map(str::trim) {
                    tokens.push_str(line);
                    tokens.push('\n');
                }
            } else {
                tokens.push_str(text.trim());
            }
            tokens.push('\u{0}');
        }
        Descend::Over
    });
    tokens.extend(suites.iter().map(|_| '\u{2}'));
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(language: Language, text: &str) -> Digest {
        normalised(&SourceFile::parse(language, text).unwrap())
    }

    #[test]
    fn layout_and_comments_do_not_count() {
        assert_eq!(
            digest(Language::Python, "def f(a,b):\n  # why\n  return a+b\n"),
            digest(Language::Python, "def f(a, b):\n    return a + b"),
        );
        assert_eq!(
            digest(Language::Rust, "fn f() { 1 }"),
            digest(Language::Rust, "fn f()\n{\n    1 // one\n}\n"),
        );
    }

    #[test]
    fn structure_and_strings_count() {
        let left = "def f():\n    if a:\n        b()\n        c()\n";
        let right = "def f():\n    if a:\n        b()\n    c()\n";
        assert_ne!(digest(Language::Python, left), digest(Language::Python, right));
        assert_ne!(
            digest(Language::Go, "var a = \"x y\""),
            digest(Language::Go, "var a = \"x  y\"")
        );
    }

    #[test]
    fn comments_make_pieces_differ() {
        assert!(!same_code(Language::Rust, "fn f() {}", "// why\nfn f() {}"));
        assert!(same_code(Language::Rust, "fn f() {}", "fn f()\r\n{\r\n}"));
        assert!(same_code(
            Language::JavaScript,
            "add(a) { return a; }",
            "add(a) {\n  return a;\n}"
        ));
    }
}
