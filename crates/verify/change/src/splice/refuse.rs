//! What small models add unasked: tests, a `main`, example usage.

use tenon_syntax::{Language, Span, Symbol, SymbolKind};

use super::{Additions, Splicer};

impl Splicer<'_> {
    /// Why the new `symbol` stays out, if it does.
    pub(super) fn refusal(&self, symbol: &Symbol) -> Option<&'static str> {
        if self.scope.additions == Additions::Nothing {
            return Some("nothing is to be added");
        }
        if self.is_wanted(symbol) || self.scope.additions == Additions::Everything {
            return None;
        }
        if symbol.name == "main" && symbol.kind.is_callable() && !self.is_used_by_definitions(symbol) {
            return Some("a `main` nobody asked for");
        }
        if is_test(self.reply.language(), symbol)
            && !self
                .original
                .symbols()
                .iter()
                .any(|other| is_test(self.original.language(), other))
        {
            return Some("a test nobody asked for");
        }
        if matches!(symbol.kind, SymbolKind::Variable | SymbolKind::Constant)
            && symbol.parent.is_none()
            && self.is_example(symbol)
        {
            return Some("example usage");
        }
        None
    }

    /// An assignment that calls what the reply defines, and that nothing else needs.
    fn is_example(&self, symbol: &Symbol) -> bool {
        if self.is_used_by_definitions(symbol) {
            return false;
        }
        let references = self.reply.references();
        references
            .iter()
            .filter(|reference| symbol.span.covers(reference.span))
            .any(|reference| {
                let defined = |other: &Symbol| other.name == reference.name && other.body_span.is_some();
                self.reply.symbols().iter().any(defined) || self.original.symbols().iter().any(defined)
            })
    }

    /// Whether a function or type of the reply uses `symbol`.
    fn is_used_by_definitions(&self, symbol: &Symbol) -> bool {
        let bodies: Vec<Span> = self
            .reply
            .symbols()
            .iter()
            .filter(|other| other.body_span.is_some() && other.span != symbol.span)
            .filter(|other| !is_test(self.reply.language(), other) && other.name != "main")
            .map(|other| other.span)
            .collect();
        self.reply.references().iter().any(|reference| {
            reference.name == symbol.name && bodies.iter().any(|body| body.covers(reference.span))
        })
    }
}

pub(super) fn is_test(language: Language, symbol: &Symbol) -> bool {
    let name = symbol.name.as_str();
    match symbol.kind {
        SymbolKind::Function | SymbolKind::Method if symbol.parent.is_none() => match language {
            Language::Go => {
                name.starts_with("Test") || name.starts_with("Benchmark") || name.starts_with("Example")
            }
            _ => {
                name.starts_with("test_")
                    || name == "test"
                    || name.ends_with("_test")
                    || name.starts_with("test") && name.chars().nth(4).is_some_and(char::is_uppercase)
            }
        },
        SymbolKind::Class => {
            name.starts_with("Test")
                || name.ends_with("Test")
                || name.ends_with("Tests")
                || name.ends_with("TestCase")
        }
        SymbolKind::Module => name == "tests" || name == "test",
        _ => false,
    }
}
