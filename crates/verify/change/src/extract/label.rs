//! Names of files and languages as replies write them around a block.

use tenon_syntax::Language;

/// What stands behind the opening fence.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FenceLabel {
    pub(super) language: Option<String>,
    pub(super) path: Option<String>,
    /// Code that follows the language on the same line.
    pub(super) code: Option<String>,
}

impl FenceLabel {
    pub(super) fn parse(info: &str) -> Self {
        let info = info.trim();
        let Some(first) = info.split_whitespace().next() else {
            return Self::default();
        };
        let rest = info.get(first.len()..).unwrap_or_default().trim();
        let first = first.trim_start_matches(['{', '.']).trim_end_matches('}');
        // `python:src/a.py`, `python title="src/a.py"`, `src/a.py`.
        let (word, behind) = first.split_once([':', ',']).unwrap_or((first, ""));
        let mut label = Self::default();
        match Language::from_name(word) {
            Some(language) => {
                label.language = Some(language.name().to_owned());
                label.path = path_in(behind);
            }
            None => match path_in(first) {
                Some(path) => label.path = Some(path),
                None => label.language = Some(word.to_lowercase()).filter(|word| !word.is_empty()),
            },
        }
        label.path = label.path.or_else(|| rest.split_whitespace().find_map(path_in));
        let known = label.language.as_deref().and_then(Language::from_name).is_some();
        if known && label.path.is_none() && rest.contains(['(', ';', '=']) && !is_attribute(rest) {
            label.code = Some(rest.to_owned());
        }
        label
    }
}

fn is_attribute(text: &str) -> bool {
    let word = text.split('=').next().unwrap_or_default().trim();
    let attributes = [
        "title",
        "filename",
        "file",
        "path",
        "linenums",
        "hl_lines",
        "showlinenumbers",
    ];
    text.starts_with('{') || attributes.contains(&word.to_lowercase().as_str())
}

/// The path in `title="src/a.py"`, `path=a.py` or `src/a.py`.
fn path_in(text: &str) -> Option<String> {
    let value = match text.split_once(['=', ':']) {
        Some((key, value)) if is_key(key) => value,
        Some(_) => return None,
        None => text,
    };
    as_path(value.trim_matches(['"', '\'', '`', '{', '}', '(', ')', '[', ']']))
}

fn is_key(word: &str) -> bool {
    matches!(
        word.trim().to_lowercase().as_str(),
        "title" | "filename" | "file" | "path" | "file path" | "filepath" | "file name"
    )
}

/// The path that a heading above a block names: `**src/a.py**`, `### src/a.py`, `` `a.py`: ``, `File: a.py`.
pub(super) fn path_in_heading(line: &str) -> Option<String> {
    let bare = line
        .trim()
        .trim_start_matches(['#', '*', '>', '-', '+', ' ', '_'])
        .trim_end_matches(['*', ':', ' ', '_']);
    let bare = match bare.split_once(':') {
        Some((key, value)) if is_key(key.trim_matches(['*', '`', '_'])) => value.trim_matches(['*', ' ']),
        _ => bare,
    };
    let bare = bare
        .trim_end_matches(':')
        .trim_matches(['`', '*', '"', '\'', '_', ' ']);
    if bare.contains(char::is_whitespace) {
        // "In `src/a.py`:" and "1. `src/a.py`": one quoted path in a short line that leads up to the block.
        let mut quoted = line.split('`').skip(1).step_by(2).filter_map(as_path);
        let only = quoted.next().filter(|_| quoted.next().is_none())?;
        let leads = line.trim_end().ends_with([':', '`', '*']);
        return (leads && line.split_whitespace().count() <= 12).then_some(only);
    }
    as_path(bare)
}

/// The path in a comment that is the first line of a block, and nothing else: `# path: src/a.py`, `// src/a.py`.
pub(super) fn path_in_comment(line: &str) -> Option<String> {
    let line = line.trim();
    let comment = ["#", "//", "--", "/*", "<!--"]
        .into_iter()
        .find_map(|marker| line.strip_prefix(marker))?;
    let comment = comment.trim_end_matches("*/").trim_end_matches("-->").trim();
    match comment.split_once([':', '=']) {
        Some((key, value)) if is_key(key) => as_path(value.trim().trim_matches(['`', '"', '\'', '*'])),
        Some(_) => None,
        None => as_path(comment.trim_matches(['`', '"', '\'', '*'])),
    }
}

/// `text` if it looks like a path of a file: one word with an extension.
fn as_path(text: &str) -> Option<String> {
    let (stem, extension) = text.rsplit_once('.')?;
    let plain = |character: char| character.is_alphanumeric() || "_-./@+[]$".contains(character);
    let known = Language::of_extension(extension).is_some()
        || matches!(
            extension,
            "toml"
                | "json"
                | "yaml"
                | "yml"
                | "md"
                | "txt"
                | "cfg"
                | "ini"
                | "html"
                | "css"
                | "sh"
                | "sql"
                | "mod"
        );
    let fits = !stem.is_empty() && text.len() <= 300 && text.chars().all(plain);
    (fits && (known || (stem.contains('/') && extension.len() <= 5))).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_in_the_ways_models_write_them() {
        for line in [
            "**src/a.py**",
            "### src/a.py",
            "`src/a.py`:",
            "File: src/a.py",
            "**File:** `src/a.py`",
            "Here is the new `src/a.py`:",
            "src/a.py",
        ] {
            assert_eq!(path_in_heading(line).as_deref(), Some("src/a.py"), "{line}");
        }
        for line in [
            "Here is the code:",
            "It uses math.pi.",
            "e.g. this:",
            "Done.",
            "1.5",
        ] {
            assert_eq!(path_in_heading(line), None, "{line}");
        }
        assert_eq!(path_in_comment("# path: src/a.py").as_deref(), Some("src/a.py"));
        assert_eq!(path_in_comment("// src/a.ts").as_deref(), Some("src/a.ts"));
        assert_eq!(path_in_comment("# see a.py for more"), None);
        assert_eq!(path_in_comment("# Note: a.py"), None);
    }

    #[test]
    fn fence_labels_are_read() {
        let label = FenceLabel::parse("python title=\"src/a.py\"");
        assert_eq!(label.language.as_deref(), Some("python"));
        assert_eq!(label.path.as_deref(), Some("src/a.py"));
        assert_eq!(
            FenceLabel::parse("rust:src/lib.rs").path.as_deref(),
            Some("src/lib.rs")
        );
        assert_eq!(
            FenceLabel::parse("src/lib.rs").path.as_deref(),
            Some("src/lib.rs")
        );
        assert_eq!(FenceLabel::parse("{.py}").language.as_deref(), Some("python"));
        assert_eq!(FenceLabel::parse("python x = 1").code.as_deref(), Some("x = 1"));
        assert_eq!(FenceLabel::parse("rust,ignore").language.as_deref(), Some("rust"));
    }
}
