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
    /// Files that are to go: those right after `delete` or `remove`.
    pub removed: Vec<RepoPath>,
    /// Places outside the repository that a preposition or a verb names as the place of the work.
    pub outside: Vec<String>,
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

static REMOVED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix) \b(?:delete|remove|drop)\s+(?:the\s+)?(?:files?\s+|modules?\s+)?
          ( `?[\w./@+-]*\w\.[a-z][a-z0-9]{0,9}`? (?: (?:\s*,|\s+and|\s*,\s*and)\s+ `?[\w./@+-]*\w\.[a-z][a-z0-9]{0,9}`? )* )
          (?: \s*$ | [.,;:!?](?:\s|$)
            | \s+(?:and|as|because|since|it|they|which|that|please|entirely|completely|from\s+the\s+(?:repo|proj))\b )",
    )
});
static OUTSIDE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix) \b(?:in|into|to|at|edit|change|create|write|update|modify|delete|remove|rename|move|file)\s+
          (?:the\s+)?(?:file\s+)?`?
          ( (?:\.\./|~/|(?:\./)?\.git/)[\w./@+~-]+ | /(?:[\w.@+-]+/)*[\w@+-][\w.@+-]*\.[a-z][a-z0-9]{0,9}
          | /(?:bin|boot|dev|etc|home|lib|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr|var)/[\w./@+~-]+ )",
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
            if !ask.names.contains(&name) && (!is_path || text.contains(&format!("{name}("))) {
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
        if let Some(capture) = REMOVED.captures(text).and_then(|capture| capture.get(1)) {
            let words = capture.as_str().split([' ', ',', '\n', '\t']);
            let paths = words.filter_map(|word| RepoPath::parse(word.trim_matches('`')).ok());
            ask.removed = paths.filter(looks_like_a_file).collect();
        }
        let places = OUTSIDE.captures_iter(text).filter_map(|capture| capture.get(1));
        ask.outside = places
            .map(|place| place.as_str().trim_end_matches(['.', ',']).to_owned())
            .collect();
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

/// Whether a word can be meant as a name: the words of prose that look like one are not.
pub(crate) fn is_a_name(word: &str) -> bool {
    !PROSE.contains(&word.to_ascii_lowercase().as_str())
}

/// `e.g.` and `v1.2` look like paths to a pattern; an extension that some tool knows does not.
pub(crate) fn looks_like_a_file(path: &RepoPath) -> bool {
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
    fn only_what_follows_the_verb_is_to_go() {
        let removed = |text: &str| {
            let paths = Ask::read(text).removed;
            paths.iter().map(RepoPath::to_string).collect::<Vec<_>>()
        };
        assert_eq!(removed("delete old.py"), ["old.py"]);
        assert_eq!(
            removed("remove the files `a/b.py`, c.js and d.rs, please."),
            ["a/b.py", "c.js", "d.rs"]
        );
        assert_eq!(removed("remove old.py because nothing uses it"), ["old.py"]);
        for text in [
            "remove the unused import from text.py",
            "delete trailing blank lines in text.py",
            "remove config.json support from loader.py",
            "drop the cache of text.py",
        ] {
            assert!(removed(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_place_outside_is_told_from_a_value() {
        assert_eq!(
            Ask::read("add f(x) to ../other/text.py").outside,
            ["../other/text.py"]
        );
        assert_eq!(Ask::read("edit `/etc/profile.py`.").outside, ["/etc/profile.py"]);
        assert_eq!(Ask::read("edit /etc/passwd please").outside, ["/etc/passwd"]);
        assert_eq!(
            Ask::read("create .git/hooks/post-commit").outside,
            [".git/hooks/post-commit"]
        );
        for text in [
            "add stem(path), e.g. stem(\"../a.py\") == \"a\"",
            "redirect to /login",
            "split at / and at ~",
            "write to out.txt",
        ] {
            assert!(Ask::read(text).outside.is_empty(), "{text}");
        }
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
