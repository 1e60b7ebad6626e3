//! Examples that people wrote down, read as executable expectations.
//!
//! Three forms cover nearly all that is found in docstrings and requests: doctests, call lines
//! (`f(2) => 4`, `f(2) returns 4`, `f(2) # 4`), and assertions; besides them `Input:`/`Output:` blocks where
//! the parameters are known. What is not a plain value is dropped, never guessed: a wrong example would
//! reject right code.

mod assertion;
mod block;
mod doctest;
mod equation;
pub(crate) mod literal;
mod outcome;

use serde::{Deserialize, Serialize};
use tenon_syntax::{Language, SourceFile};

use crate::names;
use literal::Dialect;

/// One executable example.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Example {
    /// The language its code is written in.
    pub language: Language,
    /// What it states.
    pub expression: ExampleKind,
    /// Where it was found, for people: `line 3`, `docstring of `slugify``.
    pub origin: String,
}

/// What an example states.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ExampleKind {
    /// A call and the value it must have.
    Equation {
        /// The expression to evaluate.
        call: String,
        /// The literal it must equal.
        expected: String,
    },
    /// Statements and what an interactive Python would print for the last of them.
    Doctest {
        /// The statements; earlier ones set the stage.
        source: String,
        /// The text that must appear.
        want: String,
    },
    /// Code that must run without an exception.
    Assertion {
        /// Statements, usually one `assert`.
        code: String,
    },
}

impl Example {
    /// The example as one line for people.
    pub fn summary(&self) -> String {
        let text = match &self.expression {
            ExampleKind::Equation { call, expected } => format!("{call} == {expected}"),
            ExampleKind::Doctest { source, .. } => source.lines().last().unwrap_or_default().to_owned(),
            ExampleKind::Assertion { code } => code.clone(),
        };
        let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.chars().count() > 120 {
            line = line.chars().take(119).chain(['…']).collect();
        }
        line
    }

    /// The calls of this example that can serve as seeds for mutated inputs.
    pub fn call(&self) -> Option<&str> {
        match &self.expression {
            ExampleKind::Equation { call, .. } => Some(call),
            ExampleKind::Doctest { source, .. } if source.lines().count() == 1 => Some(source),
            ExampleKind::Doctest { .. } => None,
            ExampleKind::Assertion { code } => {
                let stated = code.strip_prefix("assert ")?;
                stated
                    .split(" == ")
                    .next()
                    .filter(|call| !code.contains('\n') && call.ends_with(')'))
            }
        }
    }
}

/// The most examples that are read from one text.
const MOST_EXAMPLES: usize = 64;

/// Texts beyond this are read up to here.
const LONGEST_TEXT: usize = 64 * 1024;

/// The examples in `text` (a docstring, a doc comment, a request) about the functions called `entry_points`.
///
/// With no entry points any call counts. Of Rust only calls and their values are read, since cargo runs its doc tests;
/// Go and Java have no such convention: for them the answer is empty.
pub fn examples_in_text(text: &str, language: Language, entry_points: &[String]) -> Vec<Example> {
    let Some(dialect) = dialect(language) else {
        return Vec::new();
    };
    let text = floor_text(text, LONGEST_TEXT);
    let reader = Reader {
        text,
        language,
        dialect,
        entry_points,
    };
    let mut found: Vec<(usize, ExampleKind)> = Vec::new();
    let mut taken: Vec<std::ops::Range<usize>> = Vec::new();
    if dialect == Dialect::Python {
        doctest::read(&reader, &mut found, &mut taken);
    }
    assertion::read(&reader, &mut found, &mut taken);
    equation::read(&reader, &mut found, &mut taken);
    if dialect != Dialect::Rust {
        block::read(&reader, &mut found, &taken);
    }
    outcome::read(&reader, &mut found);
    found.sort_by_key(|(at, _)| *at);
    let mut examples: Vec<Example> = Vec::new();
    for (at, expression) in found {
        if examples.iter().any(|known| known.expression == expression) {
            continue;
        }
        let line = text.get(..at).map_or(0, |head| head.matches('\n').count()) + 1;
        examples.push(Example {
            language,
            expression,
            origin: format!("line {line}"),
        });
        if examples.len() == MOST_EXAMPLES {
            break;
        }
    }
    examples
}

fn dialect(language: Language) -> Option<Dialect> {
    match language {
        Language::Python => Some(Dialect::Python),
        Language::JavaScript | Language::TypeScript | Language::Tsx => Some(Dialect::JavaScript),
        Language::Rust => Some(Dialect::Rust),
        Language::Go | Language::Java => None,
    }
}

pub(crate) fn floor_text(text: &str, limit: usize) -> &str {
    let mut end = limit.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}

/// What the readers of the single forms share.
struct Reader<'text> {
    text: &'text str,
    language: Language,
    dialect: Dialect,
    entry_points: &'text [String],
}

impl Reader<'_> {
    fn is_entry_point(&self, name: &str) -> bool {
        self.entry_points.iter().any(|entry| entry == name)
    }

    /// Whether `code` parses and reads no name but the entry points, the language's own, and `known`.
    fn stands_alone(&self, code: &str, known: &[&str]) -> bool {
        if self.dialect == Dialect::Rust {
            // Whether its names exist, the compiler says.
            let whole = format!("fn example() {{ {code}; }}");
            return SourceFile::parse(Language::Rust, whole).is_ok_and(|file| file.error_count() == 0);
        }
        // TypeScript examples are written as JavaScript.
        let language = if self.dialect == Dialect::JavaScript {
            Language::JavaScript
        } else {
            self.language
        };
        let Ok(file) = SourceFile::parse(language, code) else {
            return false;
        };
        if file.error_count() > 0 {
            return false;
        }
        let called = self.first_called(code);
        names::undefined_in(&file, false).is_some_and(|undefined| {
            undefined.iter().all(|missing| {
                self.is_entry_point(&missing.name)
                    || known.contains(&missing.name.as_str())
                    || (self.entry_points.is_empty() && Some(missing.name.as_str()) == called)
            })
        })
    }

    fn first_called<'code>(&self, code: &'code str) -> Option<&'code str> {
        let head = code.split('(').next()?.trim();
        let name = head
            .rsplit(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
            .next()?;
        (!name.is_empty()).then_some(name)
    }
}

#[cfg(test)]
mod prose_tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        examples_in_text(text, Language::Python, &["slugify".to_owned()])
            .iter()
            .map(Example::summary)
            .collect()
    }

    #[test]
    fn examples_inside_sentences_are_read() {
        let expected = ["slugify(\"Hello, World!\") == \"hello-world\""];
        for text in [
            "add slugify(title) to text.py: lower case, e.g. slugify(\"Hello, World!\") == \"hello-world\"",
            "lower case, words joined by hyphens (slugify(\"Hello, World!\") == \"hello-world\")",
            "for instance, slugify(\"Hello, World!\") == \"hello-world\".",
            "Example: `slugify(\"Hello, World!\")` returns `\"hello-world\"`",
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
        assert!(found("total + slugify(\"a\") == \"b\"").is_empty());
        assert!(found("print(slugify(\"a\") == \"b\")").is_empty());
    }

    #[test]
    fn values_of_rust_are_read() {
        let read = |text: &str| -> Vec<String> {
            examples_in_text(text, Language::Rust, &["split".to_owned()])
                .iter()
                .map(Example::summary)
                .collect()
        };
        for (text, expected) in [
            (
                "e.g. split(\"a=b\") == Some((\"a\", \"b\")).",
                "split(\"a=b\") == Some((\"a\", \"b\"))",
            ),
            (
                "`split(&[1, 2], -3)` returns vec![1.5, 2.0]",
                "split(&[1, 2], -3) == vec![1.5, 2.0]",
            ),
            ("split(\"\") is None and", "split(\"\") == None"),
            (
                "so that \" a \" gives (\"a\", \"\")\n\npub fn split(text: &str) -> Option<(&str, &str)>",
                "split(\" a \") == (\"a\", \"\")",
            ),
        ] {
            assert_eq!(read(text), [expected], "{text}");
        }
        for text in [
            "split(\"a\") == Point { x: 1 }",
            "so that \" a \" gives \"b\"\n\npub fn split(&self) -> bool",
        ] {
            assert!(read(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn an_outcome_is_an_example_where_one_value_is_taken() {
        let read = |text: &str, signature: &str| found(&format!("{text}\n{signature}"));
        let one = "def slugify(grams, unit=\"kg\"):";
        for text in [
            "show kilograms, so that 1500 grams give \"1.5 kg\"",
            "e.g. 1500 becomes \"1.5 kg\", as on the label",
        ] {
            assert_eq!(read(text, one), ["slugify(1500) == \"1.5 kg\""], "{text}");
        }
        assert!(read("so that 1500 grams give \"1.5 kg\"", "def slugify(grams, unit):").is_empty());
        assert!(read("so that 1500 grams give \"1.5 kg\"", "").is_empty());
        assert!(read("so that 2 plus 2 more give 4", one).is_empty());
        assert!(read("so that 3 more tests give up", one).is_empty());
    }
}
