//! What language an excerpt is written in, where whoever sends it does not say.

use tenon_domain::RepoPath;
use tenon_syntax::{Language, SourceFile};

/// The languages, what is the simpler of two that fit first.
const LANGUAGES: [(Language, &str); 6] = [
    (Language::Python, "untitled.py"),
    (Language::Rust, "untitled.rs"),
    (Language::Go, "untitled.go"),
    (Language::Java, "untitled.java"),
    (Language::JavaScript, "untitled.js"),
    (Language::TypeScript, "untitled.ts"),
];
/// An excerpt is cut somewhere, and a line of it is half done: so many lines may have an error.
const LINES_WITH_AN_ERROR: usize = 50;

/// A name for text without one, in the language that it declares something in and that it fits best, if it fits one.
pub fn likely_path(text: &str) -> Option<RepoPath> {
    let text = without_torso(text);
    let most = 1 + text.lines().count() / LINES_WITH_AN_ERROR;
    let fitting = LANGUAGES.into_iter().filter_map(|(language, name)| {
        let file = SourceFile::parse(language, text).ok()?;
        let errors = file.error_count();
        let declares = file
            .symbols()
            .iter()
            .any(|it| it.kind.is_callable() || it.kind.is_container());
        (errors <= most && declares).then_some((errors, name))
    });
    let (_, name) = fitting.min_by_key(|(errors, _)| *errors)?;
    RepoPath::parse(name).ok()
}

/// What an excerpt begins with may be the end of something.
fn without_torso(text: &str) -> &str {
    let begins = |line: &str| !line.starts_with([' ', '\t', '}', ')', ']', '\n', '\r']);
    let torso = text.split_inclusive('\n').take_while(|line| !begins(line));
    text.get(torso.map(str::len).sum()..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_tells_its_language() {
        for (text, name) in [
            (
                "def area(w, h):\n    return \n\n\nassert area(2, 3) == 6\n",
                "untitled.py",
            ),
            (
                "    return 1\n\nclass A:\n    def f(self):\n        pass\n",
                "untitled.py",
            ),
            ("fn area(w: u32) -> u32 {\n    w * \n}\n", "untitled.rs"),
            (
                "package a\n\nfunc area(w int) int {\n\treturn \n}\n",
                "untitled.go",
            ),
            (
                "class A {\n    int area(int w) {\n        return \n    }\n}\n",
                "untitled.java",
            ),
            ("export function area(w) {\n  return \n}\n", "untitled.js"),
            (
                "interface A { w: number }\nfunction area(a: A): number {\n  return \n}\n",
                "untitled.ts",
            ),
        ] {
            assert_eq!(
                likely_path(text).as_ref().map(RepoPath::as_str),
                Some(name),
                "{text}"
            );
        }
    }

    #[test]
    fn prose_is_in_none() {
        for text in [
            "",
            "# Notes\n\nThe class of 1990 met here, and if (as planned) it returns, we write it down.\n",
            "SELECT name FROM users WHERE id = 1;\n",
            "key: value\nlist:\n  - one\n  - two\n",
        ] {
            assert_eq!(likely_path(text), None, "{text}");
        }
    }
}
