use tenon_syntax::{Language, SourceFile, Symbol};

/// `reply` with its sole top-level function renamed to `wanted`, calls included.
///
/// `None` when `wanted` is defined already, is no plain name, or it is not clear which function was meant: then
/// nothing is to be done.
pub fn align_entry_point(reply: &SourceFile, wanted: &str) -> Option<SourceFile> {
    let plain = wanted
        .chars()
        .all(|character| character.is_alphanumeric() || character == '_');
    if !plain || wanted.is_empty() || reply.find(wanted).is_some() {
        return None;
    }
    let meant = meant_function(reply)?;
    if is_bound_elsewhere(reply, meant) {
        return None;
    }
    let mut spans: Vec<_> = reply
        .references()
        .into_iter()
        .filter(|reference| reference.name == meant.name)
        .map(|reference| reference.span)
        .collect();
    spans.push(meant.name_span);
    spans.sort_unstable();
    spans.dedup();
    let mut text = reply.text().to_owned();
    for span in spans.into_iter().rev() {
        if text.get(span.range()) == Some(meant.name.as_str()) {
            text.replace_range(span.range(), wanted);
        }
    }
    SourceFile::parse(reply.language(), text).ok()
}

/// The only function, or the only one that no other calls: helpers come with what they help.
fn meant_function(reply: &SourceFile) -> Option<&Symbol> {
    let functions: Vec<&Symbol> = reply
        .symbols()
        .iter()
        .filter(|symbol| symbol.parent.is_none() && symbol.kind.is_callable() && symbol.name != "main")
        .filter(|symbol| !symbol.name.starts_with("test") && symbol.qualified_name == symbol.name)
        .collect();
    if let [only] = functions.as_slice() {
        return Some(*only);
    }
    let references = reply.references();
    let mut roots = functions.iter().filter(|function| {
        !references.iter().any(|reference| {
            reference.name == function.name
                && !function.span.covers(reference.span)
                && functions.iter().any(|other| other.span.covers(reference.span))
        })
    });
    roots.next().copied().filter(|_| roots.next().is_none())
}

/// Another thing of the same name (a parameter, an attribute) would be renamed along.
fn is_bound_elsewhere(reply: &SourceFile, function: &Symbol) -> bool {
    let member = |reference: &tenon_syntax::Reference<'_>| {
        let before = reply.text().get(..reference.span.start).unwrap_or_default();
        before.trim_end().ends_with('.') && !before.trim_end().ends_with("..")
    };
    let rust_path = reply.language() == Language::Rust;
    reply.symbols().iter().any(|symbol| {
        symbol.parameters.contains(&function.name)
            || (symbol.name == function.name && symbol.name_span != function.name_span)
    }) || (!rust_path
        && reply
            .references()
            .iter()
            .any(|reference| reference.name == function.name && member(reference)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aligned(language: Language, text: &str, wanted: &str) -> Option<String> {
        let reply = SourceFile::parse(language, text).unwrap();
        align_entry_point(&reply, wanted).map(|file| file.text().to_owned())
    }

    #[test]
    fn a_sole_function_and_its_recursive_calls_are_renamed() {
        assert_eq!(
            aligned(
                Language::Python,
                "def fac(n):\n    return n * fac(n - 1) if n else 1\n",
                "factorial"
            )
            .as_deref(),
            Some("def factorial(n):\n    return n * factorial(n - 1) if n else 1\n")
        );
        assert_eq!(
            aligned(Language::JavaScript, "const add = (a, b) => a + b;\n", "sum").as_deref(),
            Some("const sum = (a, b) => a + b;\n")
        );
    }

    #[test]
    fn the_function_that_nobody_calls_is_the_entry_point() {
        let text = "def helper(x):\n    return x\n\ndef solve(x):\n    return helper(x)\n";
        let expected = "def helper(x):\n    return x\n\ndef run(x):\n    return helper(x)\n";
        assert_eq!(aligned(Language::Python, text, "run").as_deref(), Some(expected));
    }

    #[test]
    fn what_is_unclear_is_left_alone() {
        let two = "def a():\n    pass\n\ndef b():\n    pass\n";
        assert_eq!(aligned(Language::Python, two, "c"), None);
        assert_eq!(aligned(Language::Python, "def a():\n    pass\n", "a"), None);
        assert_eq!(aligned(Language::Python, "def a(a):\n    return a\n", "b"), None);
        assert_eq!(aligned(Language::Python, "x = 1\n", "b"), None);
    }
}
