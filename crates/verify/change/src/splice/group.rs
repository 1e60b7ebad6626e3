//! Declarations that hold several symbols: `const ( … )`, `let a = 1, b = 2`.

use tenon_syntax::{Language, SourceFile, Span, Symbol, tree_sitter::Node};

use super::Splicer;
use super::compose::body_node;

impl Splicer<'_> {
    /// Whether both stand in a group of one kind: `const ( … )` takes in another constant.
    pub(super) fn joins_group(&self, symbol: &Symbol, anchor: &Symbol) -> bool {
        self.original.language() == Language::Go
            && group_keyword(self.original, anchor)
                .is_some_and(|word| group_keyword(self.reply, symbol) == Some(word))
    }

    /// The statement or member of its container that holds `symbol`: a group of constants counts as one.
    pub(super) fn unit(&self, symbol: &Symbol) -> Option<Span> {
        let root = self.original.tree().root_node();
        let container = symbol
            .parent
            .and_then(|parent| self.original_symbol(parent))
            .and_then(|parent| body_node(self.original, parent))
            .unwrap_or(root);
        let mut node: Node<'_> =
            root.descendant_for_byte_range(symbol.definition_span.start, symbol.definition_span.end)?;
        while let Some(parent) = node.parent() {
            if parent == container || parent.kind() == "enum_body_declarations" {
                let own = Span::of(node);
                return Some(Span::new(
                    own.start.min(symbol.span.start),
                    own.end.max(symbol.span.end),
                ));
            }
            node = parent;
        }
        None
    }
}

/// The word that a symbol shares with others of one declaration: `const` in `const ( A = 1; B = 2 )`, `let` in
/// `let a = 1, b = 2`. Without it the symbol's own text declares nothing.
pub(super) fn group_keyword<'file>(file: &'file SourceFile, symbol: &Symbol) -> Option<&'file str> {
    let grouping = file.language() == Language::Go || file.language().is_ecmascript();
    let root = file.tree().root_node();
    let span = symbol.definition_span;
    let mut node = root
        .descendant_for_byte_range(span.start, span.end)
        .filter(|_| grouping)?;
    while node.start_byte() == symbol.item_start && !node.kind().ends_with("_declaration") {
        node = node.parent()?;
    }
    while !node.kind().ends_with("_declaration") {
        node = node.parent()?;
    }
    let declares = matches!(
        node.kind(),
        "const_declaration"
            | "var_declaration"
            | "type_declaration"
            | "lexical_declaration"
            | "variable_declaration"
    );
    let inside = node.start_byte() < symbol.item_start;
    (declares && inside).then(|| node.child(0).map(|word| file.slice(Span::of(word))))?
}
