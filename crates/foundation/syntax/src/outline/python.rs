use tree_sitter::Node;

use super::{Item, Name, Outline, Place, documentation};
use crate::{Span, SymbolKind};

impl<'file> Outline<'file> {
    pub(super) fn python_item(&mut self, node: Node<'file>, place: Place<'file, '_>) {
        match node.kind() {
            "decorated_definition" => {
                if let Some(definition) = node.child_by_field_name("definition") {
                    self.python_item(definition, place);
                }
            }
            "function_definition" => self.python_function(node, place),
            "class_definition" => self.python_class(node, place),
            "expression_statement" => self.python_assignment(node, place),
            "type_alias_statement" => {
                if let Some(name) = node.child_by_field_name("left") {
                    self.python_plain(SymbolKind::TypeAlias, name, place);
                }
            }
            // Definitions behind a version or platform test are the module's own.
            "if_statement" | "try_statement" | "else_clause" | "elif_clause" | "except_clause"
            | "finally_clause" | "with_statement" | "block"
                if place.scope.depth < super::MAX_DEPTH =>
            {
                let mut scope = place.scope;
                scope.depth += 1;
                self.visit_items(node, scope);
            }
            _ => {}
        }
    }

    fn python_function(&mut self, node: Node<'file>, place: Place<'file, '_>) {
        let (Some(name), Some(parameters)) = (
            node.child_by_field_name("name"),
            node.child_by_field_name("parameters"),
        ) else {
            return;
        };
        let body = node.child_by_field_name("body");
        let end = node.child_by_field_name("return_type").unwrap_or(parameters);
        let item = Item {
            kind: self.callable_kind(place),
            name: Name::Node(name),
            body,
            signature_end: Some(end.end_byte()),
            parameters: self.python_parameters(parameters),
            doc: body.and_then(|body| self.python_docstring(body)),
            exported: !self.text(name).starts_with('_'),
        };
        self.add(place, item);
    }

    fn python_class(&mut self, node: Node<'file>, place: Place<'file, '_>) {
        let Some(name) = node.child_by_field_name("name") else {
            return;
        };
        let body = node.child_by_field_name("body");
        let end = node.child_by_field_name("superclasses").unwrap_or(name);
        let item = Item {
            kind: SymbolKind::Class,
            name: Name::Node(name),
            body,
            signature_end: Some(end.end_byte()),
            parameters: Vec::new(),
            doc: body.and_then(|body| self.python_docstring(body)),
            exported: !self.text(name).starts_with('_'),
        };
        let inside = self.add(place, item);
        if let Some(body) = body {
            self.visit_items(body, inside);
        }
    }

    fn python_assignment(&mut self, node: Node<'file>, place: Place<'file, '_>) {
        let Some(assignment) = node.named_child(0).filter(|child| child.kind() == "assignment") else {
            return;
        };
        let Some(name) = assignment
            .child_by_field_name("left")
            .filter(|left| left.kind() == "identifier")
        else {
            return;
        };
        let text = self.text(name);
        let constant = !text.chars().any(char::is_lowercase) && text.chars().any(char::is_alphabetic);
        let kind = if constant {
            SymbolKind::Constant
        } else {
            SymbolKind::Variable
        };
        self.python_plain(kind, name, place);
    }

    fn python_plain(&mut self, kind: SymbolKind, name: Node<'file>, place: Place<'file, '_>) {
        let item = Item {
            kind,
            name: Name::Node(name),
            body: None,
            signature_end: None,
            parameters: Vec::new(),
            doc: None,
            exported: !self.text(name).starts_with('_'),
        };
        self.add(place, item);
    }

    fn python_parameters(&self, parameters: Node<'file>) -> Vec<String> {
        let mut cursor = parameters.walk();
        parameters
            .named_children(&mut cursor)
            .filter_map(|parameter| {
                let named = match parameter.kind() {
                    "identifier" => parameter,
                    "typed_parameter" => parameter.named_child(0)?,
                    "default_parameter" | "typed_default_parameter" => {
                        parameter.child_by_field_name("name")?
                    }
                    "list_splat_pattern" | "dictionary_splat_pattern" => parameter,
                    _ => return None,
                };
                Some(self.text(named).trim_start_matches('*').to_owned())
            })
            .collect()
    }

    fn python_docstring(&self, body: Node<'file>) -> Option<String> {
        let mut cursor = body.walk();
        let first = body
            .named_children(&mut cursor)
            // Python itself asks for the docstring to come first; people also import before it.
            .find(|child| {
                !matches!(
                    child.kind(),
                    "comment" | "import_statement" | "import_from_statement"
                )
            })?;
        let string = match first.kind() {
            "expression_statement" => first.named_child(0)?,
            "string" => first,
            _ => return None,
        };
        if string.kind() != "string" {
            return None;
        }
        documentation::of_docstring(self.file.slice(Span::of(string)))
    }

    /// Whether a function that stands at `place` belongs to a type.
    pub(super) fn callable_kind(&self, place: Place<'file, '_>) -> SymbolKind {
        let parent = place.scope.parent.and_then(|parent| self.symbols.get(parent));
        match parent.map(|parent| parent.kind) {
            None | Some(SymbolKind::Module) => SymbolKind::Function,
            Some(_) => SymbolKind::Method,
        }
    }
}
