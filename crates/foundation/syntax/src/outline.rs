//! The outline of a file: one pass over the items of the file and of its types, never into function bodies.

mod documentation;
mod ecmascript;
mod go;
mod java;
mod leading;
mod python;
mod rust;

use tree_sitter::Node;

use self::leading::Leading;
use crate::{Language, SourceFile, Span, Symbol, SymbolKind};

/// Containers nested deeper than this are not looked into.
const MAX_DEPTH: usize = 40;

const MAX_SIGNATURE_CHARACTERS: usize = 400;

pub(crate) fn collect(file: &SourceFile) -> Vec<Symbol> {
    let mut outline = Outline {
        file,
        symbols: Vec::new(),
    };
    outline.visit_items(file.tree().root_node(), Scope::default());
    if file.language().is_ecmascript() {
        ecmascript::mark_export_clauses(file, &mut outline.symbols);
    }
    outline.symbols
}

/// Where an item stands.
#[derive(Debug, Clone, Copy, Default)]
struct Scope {
    parent: Option<usize>,
    depth: usize,
}

/// An item's outer node, `export` and decorators included, with what leads up to it.
#[derive(Clone, Copy)]
struct Place<'tree, 'run> {
    outer: Node<'tree>,
    leading: &'run Leading<'tree>,
    scope: Scope,
    exported: bool,
}

/// What a language says about an item.
struct Item<'tree> {
    kind: SymbolKind,
    name: Name<'tree>,
    body: Option<Node<'tree>>,
    signature_end: Option<usize>,
    parameters: Vec<String>,
    doc: Option<String>,
    exported: bool,
}

enum Name<'tree> {
    Node(Node<'tree>),
    /// The name is only part of a node's text, or qualified by something that is not a container.
    Given {
        name: String,
        prefix: Option<String>,
        span: Span,
    },
}

struct Outline<'file> {
    file: &'file SourceFile,
    symbols: Vec<Symbol>,
}

impl<'file> Outline<'file> {
    fn text(&self, node: Node<'_>) -> &'file str {
        self.file.slice(Span::of(node))
    }

    fn visit_items(&mut self, container: Node<'file>, scope: Scope) {
        if scope.depth > MAX_DEPTH {
            return;
        }
        let language = self.file.language();
        let mut leading = Leading::default();
        let mut cursor = container.walk();
        for child in container.children(&mut cursor) {
            if leading.take(child, self.file) {
                continue;
            }
            if child.is_named() && !child.is_error() {
                leading.detach_if_apart(child);
                let place = Place {
                    outer: child,
                    leading: &leading,
                    scope,
                    exported: false,
                };
                match language {
                    Language::Python => self.python_item(child, place),
                    Language::Rust => self.rust_item(child, place),
                    Language::JavaScript | Language::TypeScript | Language::Tsx => {
                        self.ecmascript_item(child, place);
                    }
                    Language::Go => self.go_item(child, place),
                    Language::Java => self.java_item(child, place),
                }
            } else if child.kind() == ";" {
                self.extend_last(child);
            }
            leading.start_after(child);
        }
    }

    /// The semicolon behind a class field belongs to it.
    fn extend_last(&mut self, semicolon: Node<'_>) {
        if let Some(last) = self.symbols.last_mut()
            && last.kind == SymbolKind::Variable
            && last.span.end == semicolon.start_byte()
        {
            last.span.end = semicolon.end_byte();
            last.definition_span.end = semicolon.end_byte();
        }
    }

    fn add(&mut self, place: Place<'file, '_>, item: Item<'file>) -> Scope {
        let parent = place.scope.parent.and_then(|parent| self.symbols.get(parent));
        let (name, prefix, name_span) = match item.name {
            Name::Node(node) => (self.text(node).to_owned(), None, Span::of(node)),
            Name::Given { name, prefix, span } => (name, prefix, span),
        };
        let qualified_name = match prefix
            .as_deref()
            .or(parent.map(|parent| parent.qualified_name.as_str()))
        {
            Some(prefix) => format!("{prefix}.{name}"),
            None => name.clone(),
        };
        let item_node = leading::first_plain(place.outer);
        let end = end_of(self.file.text(), place.outer);
        let span = Span::new(place.leading.start().unwrap_or(place.outer.start_byte()), end);
        let definition_start = place
            .leading
            .attributes_start()
            .unwrap_or(place.outer.start_byte());
        let signature_end = item
            .signature_end
            .or(item.body.map(|body| body.start_byte()))
            .unwrap_or(end);
        let signature = self.signature(item_node.start_byte(), signature_end, item.kind);
        let index = self.symbols.len();
        self.symbols.push(Symbol {
            name,
            qualified_name,
            kind: item.kind,
            span,
            definition_span: Span::new(definition_start, end),
            item_start: item_node.start_byte(),
            name_span,
            body_span: item.body.map(Span::of),
            signature,
            doc: item
                .doc
                .or_else(|| documentation::of_comments(self.file, place.leading)),
            parameters: item.parameters,
            line: row_number(item_node.start_position().row),
            end_line: row_number(place.outer.end_position().row),
            parent: place.scope.parent,
            exported: item.exported || place.exported,
        });
        Scope {
            parent: Some(index),
            depth: place.scope.depth + 1,
        }
    }

    fn signature(&self, start: usize, end: usize, kind: SymbolKind) -> String {
        let text = self.file.text().get(start..end).unwrap_or_default();
        let text = match kind {
            // The value of a constant may be a table of a thousand lines.
            SymbolKind::Constant | SymbolKind::Variable => text.lines().next().unwrap_or_default(),
            _ => text,
        };
        let mut line = String::new();
        for word in text.split_whitespace() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
            if line.len() > MAX_SIGNATURE_CHARACTERS * 4 {
                break;
            }
        }
        let line: String = line.chars().take(MAX_SIGNATURE_CHARACTERS).collect();
        line.trim_end_matches([' ', '{', ';']).to_owned()
    }
}

/// The end of an item without the newline that some grammars count in.
fn end_of(text: &str, node: Node<'_>) -> usize {
    let range = node.byte_range();
    let start = range.start;
    text.get(range)
        .map_or(node.end_byte(), |text| start + text.trim_end().len())
}

fn row_number(row: usize) -> u32 {
    u32::try_from(row + 1).unwrap_or(u32::MAX)
}

fn has_child(node: Node<'_>, kind: &str) -> bool {
    let mut cursor = node.walk();
    node.children(&mut cursor).any(|child| child.kind() == kind)
}
