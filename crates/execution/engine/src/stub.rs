//! Recognises a symbol whose body is still to be written.

use tenon_syntax::{Language, SourceFile, Span, Symbol};

/// The part of a stub that stands: everything from the symbol's first byte to where its body must begin.
/// `None` when the symbol has a body worth the name.
pub(crate) fn opening(file: &SourceFile, symbol: &Symbol) -> Option<String> {
    if !symbol.kind.is_callable() {
        return None;
    }
    let body = symbol.body_span?;
    let text = file.slice(body);
    let start = symbol.span.start;
    match file.language() {
        Language::Python => {
            let (documentation, rest) = split_docstring(text);
            if !is_placeholder(rest) {
                return None;
            }
            let end = body.start + documentation;
            let head = file.slice(Span::new(start, end)).trim_end();
            Some(format!("{head}\n"))
        }
        _ => {
            let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
            if !is_placeholder(inner) {
                return None;
            }
            let head = file.slice(Span::new(start, body.start)).trim_end();
            Some(format!("{head} {{\n"))
        }
    }
}

/// The length of the docstring at the start of a Python body, imports before it included, and what follows it.
fn split_docstring(body: &str) -> (usize, &str) {
    let imports = body
        .split_inclusive('\n')
        .take_while(|line| {
            let line = line.trim();
            line.is_empty() || line.starts_with("import ") || line.starts_with("from ")
        })
        .map(str::len)
        .sum();
    let behind = body.get(imports..).unwrap_or_default();
    let leading = imports + behind.len() - behind.trim_start().len();
    let text = body.get(leading..).unwrap_or_default();
    let prefix = text.len() - text.trim_start_matches(['r', 'R', 'u', 'U']).len();
    let quoted = text.get(prefix..).unwrap_or_default();
    for quote in ["\"\"\"", "'''", "\"", "'"] {
        if let Some(inner) = quoted.strip_prefix(quote)
            && let Some(end) = inner.find(quote)
        {
            let length = leading + prefix + quote.len() + end + quote.len();
            return (length, body.get(length..).unwrap_or_default());
        }
    }
    (0, body)
}

/// Whether code only says that it is not there yet.
fn is_placeholder(code: &str) -> bool {
    let code: String = code
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with("//"))
        .collect::<Vec<_>>()
        .join(" ");
    let code = code.trim_end_matches(';');
    const PLACEHOLDERS: [&str; 6] = [
        "",
        "pass",
        "...",
        "return null",
        "return undefined",
        "raise NotImplementedError",
    ];
    PLACEHOLDERS.contains(&code)
        || code.starts_with("raise NotImplementedError(")
        || code.starts_with("todo!(")
        || code.starts_with("unimplemented!(")
        || (code.starts_with("throw new ") && code.to_lowercase().contains("not implemented"))
        || (code.starts_with("panic(") && code.to_lowercase().contains("not implemented"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opening_of(language: Language, text: &str, name: &str) -> Option<String> {
        let file = SourceFile::parse(language, text).unwrap();
        opening(&file, file.find(name).unwrap())
    }

    #[test]
    fn a_documented_stub_opens_with_its_documentation() {
        let text = "import math\n\ndef f(x):\n    \"\"\"Doubles.\n\n    >>> f(2)\n    4\n    \"\"\"\n";
        assert_eq!(
            opening_of(Language::Python, text, "f").unwrap(),
            text.strip_prefix("import math\n\n").unwrap()
        );
        let pass = "def f(x):\n    '''Doubles.'''\n    pass\n\n\ndef g():\n    return 1\n";
        assert_eq!(
            opening_of(Language::Python, pass, "f").unwrap(),
            "def f(x):\n    '''Doubles.'''\n"
        );
        assert_eq!(opening_of(Language::Python, pass, "g"), None);
        let importing = "def f(x):\n    import math\n    \"\"\"Doubles.\"\"\"\n";
        assert_eq!(opening_of(Language::Python, importing, "f").unwrap(), importing);
    }

    #[test]
    fn stubs_of_other_languages_are_recognised() {
        assert_eq!(
            opening_of(
                Language::Rust,
                "/// Doubles.\nfn f(x: i32) -> i32 {\n    todo!()\n}\n",
                "f"
            )
            .unwrap(),
            "/// Doubles.\nfn f(x: i32) -> i32 {\n"
        );
        let script = "function f(x) {\n  throw new Error('not implemented');\n}\n";
        assert_eq!(
            opening_of(Language::JavaScript, script, "f").unwrap(),
            "function f(x) {\n"
        );
        assert_eq!(opening_of(Language::Rust, "fn f() -> i32 { 1 }\n", "f"), None);
    }
}
