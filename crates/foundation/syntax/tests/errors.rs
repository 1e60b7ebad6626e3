//! What does not parse is reported where it stands, and no input breaks the reader.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use proptest::prelude::*;
use tenon_syntax::{Language, ParseFailure, SourceFile};

fn parse(language: Language, text: &str) -> SourceFile {
    SourceFile::parse(language, text).unwrap()
}

#[test]
fn broken_code_is_reported_where_it_stands() {
    let file = parse(Language::Python, "def f(:\n    return 1\n");
    let error = &file.errors()[0];
    assert_eq!(error.line, 1);
    assert_eq!(error.message, "expected `)`");
    let file = parse(Language::JavaScript, "function f( { return 1; }\n");
    assert!(file.error_count() > 0);
    let file = parse(Language::Python, "x = 1\ndef é(a) return a\n");
    assert!(
        file.errors()[0].message.contains("unexpected"),
        "{:?}",
        file.errors()
    );
    let file = parse(Language::Rust, "fn f() { let é = 1; }\nfn g( {}\n");
    assert_eq!(file.errors()[0].line, 2);
}

#[test]
fn python_is_stricter_than_its_grammar() {
    for (text, message) in [
        ("def f():\n", "expected an indented block"),
        ("class A:\n    # todo\n", "expected an indented block"),
        ("def f():\n    x = 1\n      y = 2\n", "unexpected indent"),
        (
            "def f():\n        x = 1\n    return x\n",
            "unindent does not match any outer indentation level",
        ),
        ("  x = 1\n", "unexpected indent"),
        ("print 'a'\n", "missing parentheses in call to `print`"),
        ("return 1\n", "`return` outside a function"),
        (
            "if True:\n    x = 1\n\treturn\n",
            "unindent does not match any outer indentation level",
        ),
    ] {
        let file = parse(Language::Python, text);
        assert!(file.error_count() > 0, "{text:?} must not pass ({message})");
    }
    for text in [
        "",
        "# only a comment\n",
        "def f(): return 1\n",
        "def f():\n    # why\n    return 1\n",
        "def f():\n\tx = 1\n\treturn x\n",
        "x = 1; y = 2\n",
        "class A:\n    def f(self):\n        return [\n  1,\n]\n",
        "f = lambda: (yield)\n",
        "if x:\n    pass\nelse:\n    pass\n",
        "try:\n    pass\nexcept E:\n    pass\n",
        "\u{feff}x = 1\n",
        "match x:\n    case 1:\n        y = 1\n    case _:\n        y = 2\n",
        "def f():\n    if x:\n        return 1\n\n    # tail\n    return 2\n",
    ] {
        assert_eq!(parse(Language::Python, text).errors(), [], "{text:?} is fine");
    }
}

#[test]
fn too_much_text_is_refused() {
    let text = "x".repeat(SourceFile::MAX_BYTES + 1);
    let failure = SourceFile::parse(Language::Python, text).unwrap_err();
    assert!(matches!(failure, ParseFailure::TooLarge { .. }));
}

#[test]
fn depth_of_nesting_breaks_nothing() {
    for (language, opening) in [
        (Language::Rust, "mod a {"),
        (Language::Java, "class A {"),
        (Language::TypeScript, "namespace a {"),
        (Language::Python, "(((((((("),
        (Language::Rust, "use a::{b::{"),
        (Language::JavaScript, "[{a:"),
    ] {
        let file = parse(language, &opening.repeat(20_000));
        let _ = (file.symbols(), file.errors(), file.imports(), file.references());
    }
}

fn fragment() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "def f(a, b=1):",
        "\n",
        "    ",
        "\t",
        "return a",
        "class A:",
        "\"\"\"doc\"\"\"",
        "{",
        "}",
        "(",
        ")",
        "fn g()",
        "impl X for Y<Z>",
        "pub struct S",
        "#[derive(Debug)]",
        "/// é",
        "// c",
        "/* b",
        "*/",
        "export default",
        "=>",
        "const x =",
        "function",
        "import",
        "from",
        "'a'",
        "\"",
        "use a::{b, c as d};",
        "package p",
        "func (s *S) M()",
        "type T interface",
        "@Override",
        "public",
        ";",
        ",",
        "é",
        "😀",
        "\r\n",
        "\u{feff}",
        "\0",
        "...",
        "*",
        ":",
    ]);
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_text_has_an_outline_that_lies_inside_it(text in prop_oneof![fragment(), any::<String>()]) {
        for language in Language::ALL {
            let file = parse(language, &text);
            for (index, symbol) in file.symbols().iter().enumerate() {
                prop_assert!(text.get(symbol.span.range()).is_some());
                prop_assert!(text.get(symbol.definition_span.range()).is_some());
                prop_assert!(symbol.span.covers(symbol.definition_span));
                prop_assert!(symbol.definition_span.covers(symbol.name_span));
                prop_assert!(symbol.definition_span.start <= symbol.item_start);
                if let Some(parent) = symbol.parent {
                    prop_assert!(parent < index);
                    prop_assert!(file.symbols()[parent].span.covers(symbol.span));
                }
            }
            for error in file.errors() {
                prop_assert!(error.line >= 1 && error.column >= 1);
            }
            for reference in file.references() {
                prop_assert_eq!(&text[reference.span.range()], reference.name);
            }
            let _ = file.imports();
        }
    }
}
