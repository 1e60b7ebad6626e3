//! What of an answer is known before a model writes it: a small model that finds itself inside the right definition
//! writes that definition, where it would otherwise repeat the file it was shown.

use tenon_syntax::{Language, SourceFile, Span, Symbol, SymbolKind};

/// The beginning of a new function whose name, and perhaps whose parameters, stand in the wish.
/// `None` when the wish leaves open what kind of thing the name is.
pub(crate) fn of_new_function(
    wish: &str,
    name: &str,
    language: Language,
    original: Option<&SourceFile>,
) -> Option<String> {
    let call = format!("{name}(");
    let at = wish.match_indices(&call).map(|(at, _)| at).find(|at| {
        !wish[..*at].ends_with(|before: char| before.is_alphanumeric() || "_.$:".contains(before))
    })?;
    let said = wish.to_lowercase();
    if ["async", "class ", "decorator", "macro", "generic"]
        .iter()
        .any(|word| said.contains(word))
    {
        return None;
    }
    let text = original.map_or("", SourceFile::text);
    let head = match language {
        Language::Python => "def ",
        Language::Rust if text.contains("pub fn ") || text.is_empty() => "pub fn ",
        Language::Rust => "fn ",
        Language::JavaScript if text.contains("export ") => "export function ",
        Language::JavaScript => "function ",
        _ => return None,
    };
    let arguments = wish.get(at + call.len()..)?.split_once(')')?.0;
    let parameters = match language {
        // Types are the model's to find; a name without one would be an error.
        Language::Rust if !arguments.contains(':') => "",
        _ if are_parameters(arguments) => arguments,
        _ => "",
    };
    Some(format!("{head}{call}{parameters}"))
}

/// The beginning of a new method: the head of the type it belongs to, and its name.
/// `None` where a wish asks for more than a plain method, or a head is no single line.
pub(crate) fn of_new_method(wish: &str, name: &str, container: &str, file: &SourceFile) -> Option<String> {
    let said = wish.to_lowercase();
    let special = [
        "async",
        "static",
        "class method",
        "classmethod",
        "decorator",
        "generic",
        "getter",
        "setter",
        "property",
    ];
    if special.iter().any(|word| said.contains(word)) {
        return None;
    }
    let holder = holder(file, container)?;
    let head = file
        .slice(Span::new(holder.item_start, holder.body_span?.start))
        .trim_end();
    if head.is_empty() || head.contains('\n') {
        return None;
    }
    let arguments = wish
        .split_once(&format!("{name}("))
        .and_then(|(_, rest)| Some(rest.split_once(')')?.0.trim()))
        .filter(|arguments| !arguments.is_empty() && are_parameters(arguments))
        .unwrap_or_default();
    match file.language() {
        Language::Python if arguments.is_empty() => Some(format!("{head}\n    def {name}(self")),
        Language::Python if arguments.starts_with("self") => {
            Some(format!("{head}\n    def {name}({arguments}"))
        }
        Language::Python => Some(format!("{head}\n    def {name}(self, {arguments}")),
        Language::Rust => {
            let public = if file.text().contains("pub fn ") {
                "pub "
            } else {
                ""
            };
            let typed = arguments.contains("self") || arguments.contains(':');
            let arguments = if typed { arguments } else { "" };
            Some(format!("{head} {{\n    {public}fn {name}({arguments}"))
        }
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            Some(format!("{head} {{\n  {name}({arguments}"))
        }
        Language::Go | Language::Java => None,
    }
}

/// The symbol that holds the methods of a type: in Rust its own implementation, not that of a trait.
fn holder<'file>(file: &'file SourceFile, container: &str) -> Option<&'file Symbol> {
    if file.language() != Language::Rust {
        return file.find(container);
    }
    file.symbols().iter().find(|symbol| {
        symbol.kind == SymbolKind::Implementation
            && symbol.name == container
            && !file
                .slice(Span::new(symbol.item_start, symbol.name_span.end))
                .contains(" for ")
    })
}

/// The beginning of a function that is rewritten: all that comes before its name, and the name.
/// Its parameters may be what changes.
pub(crate) fn of_edited_function(file: &SourceFile, symbol: &Symbol) -> Option<String> {
    let alone = match file.language() {
        Language::Python | Language::Rust | Language::Go => symbol.kind.is_callable(),
        // A method of a class does not stand alone.
        _ => symbol.kind == SymbolKind::Function,
    };
    let head = file.slice(Span::new(symbol.item_start, symbol.name_span.end));
    (alone && !head.contains('\n')).then(|| head.to_owned())
}

/// Whether the text between parentheses declares parameters; else it is a call with values.
fn are_parameters(text: &str) -> bool {
    let is_name = |name: &str| {
        let mut characters = name.chars();
        characters
            .next()
            .is_some_and(|first| first.is_alphabetic() || first == '_')
            && characters.all(|character| character.is_alphanumeric() || character == '_')
            && !matches!(
                name,
                "True" | "False" | "None" | "true" | "false" | "null" | "undefined"
            )
    };
    text.split(',').all(|part| {
        let name = part.split([':', '=']).next().unwrap_or(part);
        is_name(
            name.trim()
                .trim_start_matches(['*', '.', '&'])
                .trim_start_matches("mut "),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_in_the_wish_opens_the_answer() {
        let opening = |wish, name, language| of_new_function(wish, name, language, None);
        let wish = "add slugify(title) to text.py, e.g. slugify(\"A b\") == \"a-b\"";
        assert_eq!(
            opening(wish, "slugify", Language::Python).unwrap(),
            "def slugify(title"
        );
        let wish = "add a function that shouts, e.g. shout(\"a\") == \"A!\"";
        assert_eq!(opening(wish, "shout", Language::Python).unwrap(), "def shout(");
        let wish = "add clamp(value, low = 0, high = 1)";
        assert_eq!(
            opening(wish, "clamp", Language::JavaScript).unwrap(),
            "function clamp(value, low = 0, high = 1"
        );
        assert_eq!(opening(wish, "clamp", Language::Rust).unwrap(), "pub fn clamp(");
    }

    #[test]
    fn an_edit_opens_with_the_name_it_keeps() {
        let opening = |language, text: &str, name| {
            let file = SourceFile::parse(language, text).unwrap();
            of_edited_function(&file, file.find(name).unwrap())
        };
        let python = "@cached\ndef shorten(text, limit):\n    return text[:limit]\n";
        assert_eq!(
            opening(Language::Python, python, "shorten").unwrap(),
            "def shorten"
        );
        let rust = "/// Doubles.\npub fn double<T: Into<i64>>(x: T) -> i64 {\n    x.into() * 2\n}\n";
        assert_eq!(opening(Language::Rust, rust, "double").unwrap(), "pub fn double");
        let script = "class Cart {\n  total() {\n    return 1;\n  }\n}\nexport const half = (x) => x / 2;\n";
        assert_eq!(opening(Language::JavaScript, script, "total"), None);
        assert_eq!(
            opening(Language::JavaScript, script, "half").unwrap(),
            "export const half"
        );
    }

    #[test]
    fn a_method_opens_inside_its_type() {
        let opening = |wish, container, language, text: &str| {
            let file = SourceFile::parse(language, text).unwrap();
            of_new_method(wish, "total", container, &file)
        };
        let python = "class Cart:\n    def add(self, item):\n        pass\n";
        assert_eq!(
            opening("add a method total() to Cart", "Cart", Language::Python, python).unwrap(),
            "class Cart:\n    def total(self"
        );
        assert_eq!(
            opening(
                "add a method total(rate) to Cart",
                "Cart",
                Language::Python,
                python
            )
            .unwrap(),
            "class Cart:\n    def total(self, rate"
        );
        let rust = "pub struct Cart;\n\nimpl Default for Cart {\n    fn default() -> Self { Cart }\n}\n\nimpl Cart {\n    pub fn new() -> Self { Cart }\n}\n";
        assert_eq!(
            opening(
                "add a method total(&self) -> u32 to Cart",
                "Cart",
                Language::Rust,
                rust
            )
            .unwrap(),
            "impl Cart {\n    pub fn total(&self"
        );
        let script = "export class Cart {\n  add(item) {}\n}\n";
        assert_eq!(
            opening(
                "add a method total() to Cart",
                "Cart",
                Language::JavaScript,
                script
            )
            .unwrap(),
            "export class Cart {\n  total("
        );
        assert_eq!(
            opening(
                "add a static method total() to Cart",
                "Cart",
                Language::Python,
                python
            ),
            None
        );
    }

    #[test]
    fn nothing_is_presumed_about_other_things() {
        let opening = |wish, name| of_new_function(wish, name, Language::Python, None);
        assert_eq!(opening("add a class Stack with Stack(items)", "Stack"), None);
        assert_eq!(opening("add a constant LIMIT", "LIMIT"), None);
        assert_eq!(opening("add unslugify(x)", "slugify"), None);
        assert_eq!(opening("add an async fetch(url)", "fetch"), None);
    }
}
