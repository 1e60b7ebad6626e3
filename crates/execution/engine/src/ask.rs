//! Reads what a wish says about *where* and *what*, without a model: paths, names and the verb.

use std::sync::LazyLock;

use regex::Regex;
use tenon_domain::RepoPath;

/// What the words of an intent name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ask {
    /// What is to be done.
    pub action: Action,
    /// Paths in the order of mention, whether or not they exist.
    pub paths: Vec<RepoPath>,
    /// Identifiers in the order of mention: called (`slugify(`), quoted, dotted, or shaped like code.
    pub names: Vec<String>,
    /// The names that the wish introduces: those right after `add`, `called`, `named`, `function`, ….
    pub introduced: Vec<String>,
    /// For a rename: the old and the new name or path.
    pub rename: Option<(String, String)>,
}

/// The verb of a wish.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Action {
    /// Something new.
    Add,
    /// A change to what is there; also when no verb says otherwise.
    #[default]
    Edit,
    /// Something goes.
    Delete,
    /// Something gets another name.
    Rename,
}

#[expect(clippy::expect_used, reason = "the patterns are literals, compiled by a test")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a literal pattern")
}

static PATH: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:^|[\s`'\x22(\[])((?:[\w.@+-]+/)*[\w@+-][\w.@+-]*\.[A-Za-z][A-Za-z0-9]{0,9})(?:[\s`'\x22)\],:;.?!]|$)",
    )
});
static CALL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"([A-Za-z_$][\w$]*(?:(?:\.|::)[A-Za-z_$][\w$]*)*)\("));
static QUOTED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"`([A-Za-z_$][\w$]*(?:(?:\.|::)[A-Za-z_$][\w$]*)*)(?:\([^`]*\))?`"));
static SHAPED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"\b([a-z][a-z0-9]*(?:_[a-z0-9]+)+|[a-z]+[A-Z]\w*|[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]*)+|[A-Z][A-Z0-9]+_[A-Z0-9_]+)\b",
    )
});
static INTRODUCED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix) \b(?:add|create|write|implement|introduce|define|make|provide|called|named)\s+
          (?:(?:a|an|the|new|async|public|private|static|pure|small|simple|helper|free|utility)\s+)*
          (?:(?:function|method|class|struct|enum|trait|interface|constant|type|module|helper|route|command)\s+)?
          (?:called\s+|named\s+)?
          `?([A-Za-z_$][\w$]*(?:(?:\.|::)[A-Za-z_$][\w$]*)*)(?:\(|`|\b)",
    )
});
static KIND_THEN_NAME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)\b(?:function|method|class|struct|enum|trait|interface|constant)\s+`?([A-Za-z_$][\w$]*)")
});
static RENAME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:rename|move)\s+(?:the\s+)?(?:file|function|method|class|struct|variable|constant)?\s*`?([\w./$:-]+?)`?(?:\([^)]*\))?\s+(?:to|into|as)\s+`?([\w./$:-]+[\w$])",
    )
});

/// Words that the patterns catch and that no wish means as a name.
const PROSE: [&str; 40] = [
    "a",
    "an",
    "the",
    "it",
    "that",
    "this",
    "to",
    "for",
    "in",
    "of",
    "and",
    "or",
    "with",
    "support",
    "sure",
    "tests",
    "test",
    "function",
    "method",
    "class",
    "new",
    "some",
    "more",
    "all",
    "every",
    "each",
    "option",
    "optional",
    "parameter",
    "argument",
    "check",
    "validation",
    "error",
    "handling",
    "documentation",
    "docs",
    "docstring",
    "type",
    "types",
    "caching",
];

impl Ask {
    /// Reads `text`.
    pub fn read(text: &str) -> Self {
        let mut ask = Self {
            action: action_of(text),
            ..Self::default()
        };
        for capture in PATH.captures_iter(text) {
            if let Some(path) = capture
                .get(1)
                .and_then(|path| RepoPath::parse(path.as_str()).ok())
                && !ask.paths.contains(&path)
                && looks_like_a_file(&path)
            {
                ask.paths.push(path);
            }
        }
        let mut mentions: Vec<(usize, String)> = [&*CALL, &*QUOTED, &*SHAPED]
            .into_iter()
            .flat_map(|pattern| pattern.captures_iter(text))
            .filter_map(|capture| capture.get(1))
            .map(|name| (name.start(), name.as_str().to_owned()))
            .chain(KIND_THEN_NAME.captures_iter(text).filter_map(|capture| {
                let name = capture.get(1)?;
                is_a_name(name.as_str()).then(|| (name.start(), name.as_str().to_owned()))
            }))
            .collect();
        // Of two readings of one place the longer one is meant: `Cart.discount`, not `Cart`.
        mentions.sort_by(|one, other| one.0.cmp(&other.0).then(other.1.len().cmp(&one.1.len())));
        mentions.dedup_by_key(|(start, _)| *start);
        for (_, name) in mentions {
            let is_path = ask
                .paths
                .iter()
                .any(|path| path.file_name().starts_with(&name) && path.file_name() != name);
            if !ask.names.contains(&name) && !(is_path && !text.contains(&format!("{name}("))) {
                ask.names.push(name);
            }
        }
        for capture in INTRODUCED.captures_iter(text) {
            if let Some(name) = capture.get(1).map(|name| name.as_str())
                && is_a_name(name)
                && (ask.names.iter().any(|known| known == name))
                && !ask.introduced.iter().any(|known| known == name)
            {
                ask.introduced.push(name.to_owned());
            }
        }
        ask.rename = RENAME.captures(text).and_then(|capture| {
            Some((
                capture.get(1)?.as_str().to_owned(),
                capture.get(2)?.as_str().to_owned(),
            ))
        });
        if ask.action == Action::Rename && ask.rename.is_none() {
            ask.action = Action::Edit;
        }
        ask
    }
}

fn is_a_name(word: &str) -> bool {
    !PROSE.contains(&word.to_ascii_lowercase().as_str())
}

/// `e.g.` and `v1.2` look like paths to a pattern; an extension that some tool knows does not.
fn looks_like_a_file(path: &RepoPath) -> bool {
    const EXTENSIONS: [&str; 34] = [
        "py", "pyi", "rs", "js", "mjs", "cjs", "jsx", "ts", "tsx", "mts", "go", "java", "toml", "md", "json",
        "yaml", "yml", "txt", "html", "css", "sh", "cfg", "ini", "sql", "xml", "c", "h", "cpp", "hpp", "rb",
        "kt", "cs", "lock", "proto",
    ];
    path.extension()
        .is_some_and(|extension| EXTENSIONS.contains(&extension))
}

fn action_of(text: &str) -> Action {
    let first = |words: &[&str]| {
        text.split(|character: char| !character.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .take(4)
            .any(|word| words.contains(&word.to_ascii_lowercase().as_str()))
    };
    if first(&["rename", "move"]) {
        Action::Rename
    } else if first(&["delete", "remove", "drop"]) {
        Action::Delete
    } else if first(&[
        "add",
        "create",
        "write",
        "implement",
        "introduce",
        "define",
        "new",
        "provide",
    ]) {
        Action::Add
    } else {
        Action::Edit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        Ask::read(text).names
    }

    #[test]
    fn a_new_function_in_a_named_file() {
        let ask = Ask::read("add slugify(title) to text.py: lower case, words joined by hyphens");
        assert_eq!(ask.action, Action::Add);
        assert_eq!(ask.paths, [RepoPath::parse("text.py").unwrap()]);
        assert_eq!(ask.names, ["slugify"]);
        assert_eq!(ask.introduced, ["slugify"]);
    }

    #[test]
    fn an_edit_of_a_known_name() {
        let ask = Ask::read(
            "make `parse_line` in src/reader.py skip blank lines, e.g. parse_line(\"\") returns None.",
        );
        assert_eq!(ask.action, Action::Edit);
        assert_eq!(ask.paths.len(), 1, "{:?}", ask.paths);
        assert_eq!(ask.names, ["parse_line"]);
        assert!(!ask.introduced.contains(&"in".to_owned()));
    }

    #[test]
    fn a_rename() {
        let ask = Ask::read("rename total_price to order_total everywhere");
        assert_eq!(ask.action, Action::Rename);
        assert_eq!(ask.rename, Some(("total_price".into(), "order_total".into())));
    }

    #[test]
    fn a_class_and_its_method() {
        assert_eq!(
            names("add a method `Cart.discount(rate)` that returns the reduced total"),
            ["Cart.discount"]
        );
        assert_eq!(
            Ask::read("create a class Stack with push and pop").names,
            ["Stack"]
        );
    }

    #[test]
    fn prose_is_not_a_name() {
        assert!(names("make it faster, please").is_empty());
        assert!(
            Ask::read("Add a docstring to every function, e.g. in one line.")
                .paths
                .is_empty()
        );
    }
}
