//! What holds for every splice: untouched bytes stay, the same reply twice changes nothing, nothing panics.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use proptest::prelude::*;
use tenon_change::{Additions, SpliceError, SpliceScope, splice};
use tenon_syntax::{Language, SourceFile};

fn parse(language: Language, text: &str) -> SourceFile {
    SourceFile::parse(language, text).unwrap()
}

/// A function called `name` that gives back `value`, as a person might write it.
fn function(language: Language, name: &str, value: u32, odd: bool) -> String {
    let odd = if odd { "  " } else { " " };
    match language {
        Language::Python => {
            format!("def {name}(a,{odd}b):\n    \"\"\"Gives {name}.\"\"\"\n    return a +{odd}{value}")
        }
        Language::Rust => {
            format!("/// Gives {name}.\npub fn {name}(a: u32) -> u32 {{\n    a +{odd}{value}\n}}")
        }
        Language::JavaScript => {
            format!("/** Gives {name}. */\nexport function {name}(a) {{\n  return a +{odd}{value};\n}}")
        }
        Language::TypeScript | Language::Tsx => {
            format!(
                "/** Gives {name}. */\nexport function {name}(a: number): number {{\n  return a +{odd}{value};\n}}"
            )
        }
        Language::Go => format!("// {name} gives.\nfunc {name}(a int) int {{\n\treturn a +{odd}{value}\n}}"),
        Language::Java => format!(
            "    /** Gives {name}. */\n    public int {name}(int a) {{\n        return a +{odd}{value};\n    }}"
        ),
    }
}

fn file(language: Language, functions: &[String], newline: &str, last: bool) -> String {
    let gap = if language == Language::Python {
        "\n\n\n"
    } else {
        "\n\n"
    };
    let body = functions.join(gap);
    let text = match language {
        Language::Go => format!("package p\n\n{body}\n"),
        Language::Java => format!("public class C {{\n{body}\n}}\n"),
        _ => format!("{body}\n"),
    };
    let text = if last { text } else { text.trim_end().to_owned() };
    text.replace('\n', newline)
}

fn cases() -> impl Strategy<Value = (usize, Vec<(u32, bool)>, Vec<bool>, bool, bool)> {
    (
        0..Language::ALL.len(),
        prop::collection::vec((0_u32..50, any::<bool>()), 1..7),
        prop::collection::vec(any::<bool>(), 7),
        any::<bool>(),
        any::<bool>(),
    )
}

const NAMES: [&str; 7] = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn only_what_the_reply_changes_changes((language, values, chosen, windows, last) in cases()) {
        let language = Language::ALL[language];
        let newline = if windows { "\r\n" } else { "\n" };
        let own: Vec<String> = values.iter().zip(NAMES).map(|((value, odd), name)| function(language, name, *value, *odd)).collect();
        let mut expected = own.clone();
        let mut replies = Vec::new();
        for (index, ((value, _), name)) in values.iter().zip(NAMES).enumerate() {
            if chosen[index] {
                let replacement = function(language, name, value + 100, false);
                expected[index] = replacement.clone();
                replies.push(replacement);
            } else if index % 2 == 0 {
                // Repeated as it is: must not be touched, not even its odd spaces.
                replies.push(function(language, name, *value, false));
            }
        }
        let original = parse(language, &file(language, &own, newline, last));
        let reply = parse(language, &file(language, &replies, "\n", true));
        prop_assert_eq!(original.error_count(), 0);
        let expected = file(language, &expected, newline, last);
        match splice(&original, &reply, &SpliceScope::default()) {
            Ok(spliced) => {
                prop_assert_eq!(&spliced.text, &expected);
                let again = splice(&parse(language, &spliced.text), &reply, &SpliceScope::default());
                let unchanged = matches!(again, Err(SpliceError::Unchanged { .. }));
                prop_assert!(unchanged, "{:?}", again);
            }
            Err(SpliceError::Unchanged { .. }) => prop_assert_eq!(original.text(), expected),
            Err(error) => prop_assert!(false, "{}", error),
        }
    }

    #[test]
    fn additions_leave_every_line_of_the_file((language, values, chosen, windows, last) in cases()) {
        let language = Language::ALL[language];
        let newline = if windows { "\r\n" } else { "\n" };
        let mut own = Vec::new();
        let mut replies = Vec::new();
        for (index, ((value, odd), name)) in values.iter().zip(NAMES).enumerate() {
            let text = function(language, name, *value, *odd);
            if chosen[index] && index > 0 { replies.push(text) } else { own.push(text) }
        }
        let text = file(language, &own, newline, last);
        let original = parse(language, &text);
        let reply = parse(language, &file(language, &replies, "\n", true));
        match splice(&original, &reply, &SpliceScope::default()) {
            Ok(spliced) => {
                prop_assert_eq!(spliced.added.len(), replies.len());
                // The file's lines are a subsequence of the result's.
                let mut rest = spliced.text.split('\n');
                for line in text.split('\n') {
                    prop_assert!(rest.any(|other| other.trim_end() == line.trim_end()), "lost {:?} in\n{}", line, spliced.text);
                }
                prop_assert_eq!(spliced.text.ends_with('\n'), text.ends_with('\n'));
                prop_assert_eq!(spliced.text.contains("\r\n"), windows && spliced.text.contains('\n'));
                prop_assert!(!windows || !spliced.text.replace("\r\n", "").contains('\n'));
                let again = splice(&parse(language, &spliced.text), &reply, &SpliceScope::default());
                let unchanged = matches!(again, Err(SpliceError::Unchanged { .. }));
                prop_assert!(unchanged, "{:?}", again);
            }
            Err(SpliceError::Unchanged { .. }) => prop_assert!(replies.is_empty()),
            Err(error) => prop_assert!(false, "{}", error),
        }
    }
}

fn fragments() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "def f(a):\n    return a\n",
        "def g(self):\n    pass\n",
        "class A:\n",
        "    def m(self):\n        return 1\n",
        "    x = 1\n",
        "import os\n",
        "from a import b, c\n",
        "@d\n",
        "# c\n",
        "\"\"\"doc\"\"\"\n",
        "print(1)\n",
        "if __name__ == '__main__':\n    f(1)\n",
        "X = 1\n",
        "fn f() {}\n",
        "impl A {\n",
        "}\n",
        "pub struct A;\n",
        "use a::b;\n",
        "/// d\n",
        "mod tests {\n",
        "trait T { fn t(); }\n",
        "export const k = () => 1;\n",
        "module.exports = { f };\n",
        "const q = require('q');\n",
        "import { z } from './z';\n",
        "export default class {}\n",
        "class B { m() {} x = 1; }\n",
        "package p\n",
        "import \"fmt\"\n",
        "func (a *A) M() {}\n",
        "const ( X = 1; Y = 2 )\n",
        "type A struct{}\n",
        "import java.util.List;\n",
        "public class A { int x; void m() {} }\n",
        "interface I { int i(); }\n",
        "\n",
        "\n\n",
        "\t",
        "    ",
        "é",
        "{",
        "(",
        "\r\n",
        "\u{feff}",
        "\"",
        "// ... existing code ...\n",
    ]);
    prop::collection::vec(pieces, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_pair_of_texts_breaks_the_splice(original in fragments(), reply in fragments(), everything in any::<bool>()) {
        let scope = SpliceScope {
            additions: if everything { Additions::Everything } else { Additions::Symbols },
            wanted: vec!["A.m".to_owned(), "f".to_owned()],
            ..SpliceScope::default()
        };
        for language in Language::ALL {
            let original = parse(language, &original);
            let reply = parse(language, &reply);
            if let Ok(spliced) = splice(&original, &reply, &scope) {
                let result = parse(language, &spliced.text);
                prop_assert!(result.error_count() <= original.error_count());
                for symbol in original.symbols() {
                    prop_assert!(result.symbols().iter().any(|other| other.qualified_name == symbol.qualified_name));
                }
            }
        }
    }
}
