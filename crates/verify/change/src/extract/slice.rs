//! The largest part of a text that is code: for replies without fences, and for code that is cut off.

use tenon_syntax::{Language, SourceFile};

/// How many bytes one search may parse: prose parses slowly, about a second a megabyte.
const MAX_PARSED_BYTES: usize = 256 * 1024;

/// Longer texts are not searched.
const MAX_BYTES: usize = 64 * 1024;

/// The longest run of lines that parses and defines something.
pub(super) fn largest_parsable(code: &str, language: Language) -> Option<SourceFile> {
    if code.len() > MAX_BYTES {
        return None;
    }
    let lines: Vec<&str> = code.split_inclusive('\n').collect();
    let starts: Vec<usize> = (0..lines.len())
        .filter(|index| starts_code(&lines, *index))
        .collect();
    let ends: Vec<usize> = (1..=lines.len())
        .filter(|index| may_end(&lines, *index))
        .collect();
    let mut best: Option<SourceFile> = None;
    let mut parsed = 0;
    for start in starts {
        for end in ends.iter().rev().copied().filter(|end| *end > start) {
            let text = lines.get(start..end).unwrap_or_default().concat();
            if best.as_ref().is_some_and(|best| best.text().len() >= text.len()) {
                break;
            }
            parsed += text.len();
            if parsed > MAX_PARSED_BYTES {
                return best;
            }
            let Ok(file) = SourceFile::parse(language, text) else {
                continue;
            };
            if file.error_count() == 0 && !file.symbols().is_empty() && !is_prose(&file) {
                best = Some(file);
                break;
            }
        }
    }
    best
}

/// A run starts with the first of several lines that could start code: decorators and imports come before.
fn starts_code(lines: &[&str], index: usize) -> bool {
    let starts = |index: usize| lines.get(index).is_some_and(|line| is_code_line(line));
    starts(index) && !(index > 0 && starts(index - 1))
}

/// A run ends where a line follows that could belong to something else.
fn may_end(lines: &[&str], end: usize) -> bool {
    let last = end.checked_sub(1).and_then(|last| lines.get(last));
    if last.is_none_or(|line| line.trim().is_empty()) {
        return false;
    }
    lines.get(end).is_none_or(|line| {
        line.trim().is_empty() || !line.starts_with([' ', '\t']) || line.trim_start().starts_with("```")
    })
}

/// Python reads `Sure` as a name and `Note: this` as an annotation.
fn is_prose(file: &SourceFile) -> bool {
    file.symbols()
        .iter()
        .all(|symbol| symbol.body_span.is_none() && !symbol.signature.contains('='))
}

/// Whether some line starts the way definitions and imports start.
pub(super) fn looks_like_code(text: &str) -> bool {
    text.lines().any(is_code_line)
}

fn is_code_line(line: &str) -> bool {
    let line = line.trim_start();
    let word = line
        .split(|character: char| !(character.is_alphanumeric() || character == '_'))
        .next()
        .unwrap_or_default();
    let keyword = matches!(
        word,
        "def"
            | "async"
            | "class"
            | "fn"
            | "pub"
            | "impl"
            | "struct"
            | "enum"
            | "trait"
            | "mod"
            | "use"
            | "function"
            | "const"
            | "let"
            | "var"
            | "export"
            | "import"
            | "from"
            | "func"
            | "package"
            | "type"
            | "public"
            | "private"
            | "protected"
            | "static"
            | "final"
            | "abstract"
            | "interface"
            | "record"
            | "namespace"
            | "declare"
            | "unsafe"
            | "extern"
            | "macro_rules"
    );
    // Sentences start with such words too, but they end like sentences.
    let sentence = line.trim_end().ends_with(['.', '!', '?'])
        || (line.trim_end().ends_with(':') && keyword && word == "use");
    let assigned = line.contains(" = ") && !word.is_empty();
    (keyword && !sentence)
        || line.starts_with('@')
        || line.starts_with("#[")
        || line.starts_with("///")
        || line.starts_with("/**")
        || assigned
}
