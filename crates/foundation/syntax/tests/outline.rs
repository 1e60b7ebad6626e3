//! What is read out of real files of each language.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fmt::Write as _;

use tenon_syntax::{Language, SourceFile};

fn sample(name: &str) -> SourceFile {
    let path = format!("{}/tests/samples/{name}", env!("CARGO_MANIFEST_DIR"));
    let extension = name.rsplit('.').next().unwrap();
    let language = Language::of_extension(extension).unwrap();
    SourceFile::parse(language, std::fs::read_to_string(path).unwrap()).unwrap()
}

fn outline(file: &SourceFile) -> String {
    let mut text = String::new();
    for symbol in file.symbols() {
        let span_start = file.slice(symbol.span).lines().next().unwrap_or_default();
        let definition_start = file
            .slice(symbol.definition_span)
            .lines()
            .next()
            .unwrap_or_default();
        writeln!(
            text,
            "{} {}{} {}-{} parent={:?}\n    signature: {}\n    parameters: {:?} doc: {:?}\n    span starts `{span_start}` definition `{definition_start}` body={}",
            symbol.kind.as_str(),
            symbol.qualified_name,
            if symbol.exported { " exported" } else { "" },
            symbol.line,
            symbol.end_line,
            symbol.parent,
            symbol.signature,
            symbol.parameters,
            symbol.doc,
            symbol.body_span.is_some(),
        )
        .unwrap();
    }
    text.push_str("--- imports\n");
    for import in file.imports() {
        let names: Vec<String> = import
            .names
            .iter()
            .map(|name| match &name.alias {
                Some(alias) => format!("{} as {alias}", name.name),
                None => name.name.clone(),
            })
            .collect();
        writeln!(
            text,
            "{:?} `{}` level={} names={names:?} wildcard={} alias={:?} line={} binds={:?}",
            import.kind,
            import.module,
            import.relative_level,
            import.wildcard,
            import.alias,
            import.line,
            import.bound_names(),
        )
        .unwrap();
    }
    text
}

macro_rules! outlines {
    ($($test:ident: $file:literal,)*) => {$(
        #[test]
        fn $test() {
            let file = sample($file);
            assert_eq!(file.errors(), [], "the sample must parse");
            insta::assert_snapshot!(outline(&file));
        }
    )*};
}

outlines! {
    python: "shapes.py",
    rust: "stack.rs",
    javascript: "cart.js",
    typescript: "service.ts",
    go: "store.go",
    java: "Account.java",
}

#[test]
fn symbols_are_found_by_the_names_people_write() {
    let rust = sample("stack.rs");
    assert_eq!(rust.find("Stack::push").unwrap().name, "push");
    assert_eq!(rust.find("Stack").unwrap().kind.as_str(), "struct");
    assert_eq!(rust.find("push").unwrap().qualified_name, "Stack.push");
    assert_eq!(rust.find("works").unwrap().qualified_name, "tests.works");
    assert!(rust.find("ush").is_none());
    let java = sample("Account.java");
    assert_eq!(
        java.find("Account#deposit").unwrap().parameters,
        ["amount", "notes"]
    );
    let python = sample("shapes.py");
    assert_eq!(
        python.find("Inner.deep").unwrap().qualified_name,
        "Shape.Inner.deep"
    );
}

#[test]
fn the_innermost_symbol_is_the_one_a_cursor_is_in() {
    let python = sample("shapes.py");
    let cursor = python.text().find("self.name = name").unwrap();
    assert_eq!(
        python.innermost_symbol_at(cursor).unwrap().qualified_name,
        "Shape.__init__"
    );
    assert!(python.innermost_symbol_at(0).is_none());
}

#[test]
fn references_are_uses_and_not_definitions() {
    let python = sample("shapes.py");
    let names: Vec<&str> = python
        .references()
        .into_iter()
        .map(|reference| reference.name)
        .collect();
    assert!(names.contains(&"PI_ISH"));
    assert!(names.contains(&"cache"));
    assert_eq!(
        names.iter().filter(|name| **name == "area").count(),
        0,
        "a definition is no use"
    );
    let go = sample("store.go");
    let line = |name| {
        go.references()
            .into_iter()
            .find(|reference| reference.name == name)
            .map(|reference| reference.line)
    };
    assert_eq!(line("Errorf"), Some(38));
}

#[test]
fn names_of_languages_are_known_by_every_spelling() {
    for (name, language) in [
        ("py", Language::Python),
        ("JSX", Language::JavaScript),
        ("golang", Language::Go),
        ("rs", Language::Rust),
        ("ts", Language::TypeScript),
    ] {
        assert_eq!(Language::from_name(name), Some(language));
    }
    for language in Language::ALL {
        assert_eq!(language.name().parse(), Ok(language));
    }
    assert!("cobol".parse::<Language>().is_err());
}
