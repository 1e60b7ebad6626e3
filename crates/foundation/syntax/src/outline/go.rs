use tree_sitter::Node;

use super::{Item, Name, Outline, Place, Scope};
use crate::{Span, SymbolKind};

impl<'file> Outline<'file> {
    pub(super) fn go_item(&mut self, node: Node<'file>, place: Place<'file, '_>) {
        match node.kind() {
            "function_declaration" => {
                if let Some(name) = node.child_by_field_name("name") {
                    self.go_callable(SymbolKind::Function, Name::Node(name), node, place);
                }
            }
            "method_declaration" => self.go_method(node, place),
            "method_elem" => {
                if let Some(name) = node.child_by_field_name("name") {
                    self.go_callable(SymbolKind::Method, Name::Node(name), node, place);
                }
            }
            "type_declaration" => self.go_group(node, place, &["type_spec", "type_alias"]),
            "const_declaration" => self.go_group(node, place, &["const_spec"]),
            "var_declaration" => {
                let mut cursor = node.walk();
                let list = node
                    .named_children(&mut cursor)
                    .find(|child| child.kind() == "var_spec_list");
                self.go_group(list.unwrap_or(node), place, &["var_spec"]);
            }
            "type_spec" | "type_alias" => self.go_type(node, place),
            "const_spec" => self.go_names(SymbolKind::Constant, node, place),
            "var_spec" => self.go_names(SymbolKind::Variable, node, place),
            _ => {}
        }
    }

    /// One declaration with one specification is the item; the members of a parenthesised group are items each.
    fn go_group(&mut self, declaration: Node<'file>, place: Place<'file, '_>, kinds: &[&str]) {
        let mut cursor = declaration.walk();
        let grouped = declaration.children(&mut cursor).any(|child| child.kind() == "(");
        if grouped {
            let scope = Scope {
                depth: place.scope.depth + 1,
                ..place.scope
            };
            return self.visit_items(declaration, scope);
        }
        let mut cursor = declaration.walk();
        for specification in declaration.named_children(&mut cursor) {
            if kinds.contains(&specification.kind()) {
                self.go_item(specification, place);
            }
        }
    }

    fn go_type(&mut self, node: Node<'file>, place: Place<'file, '_>) {
        let (Some(name), Some(definition)) =
            (node.child_by_field_name("name"), node.child_by_field_name("type"))
        else {
            return;
        };
        let kind = match definition.kind() {
            "struct_type" => SymbolKind::Struct,
            "interface_type" => SymbolKind::Interface,
            _ => SymbolKind::TypeAlias,
        };
        let body = (kind != SymbolKind::TypeAlias).then_some(definition);
        let item = Item {
            kind,
            name: Name::Node(name),
            body,
            // `type Name struct`: the word belongs to the body's node, and to the signature.
            signature_end: body
                .and_then(|body| body.child(0))
                .map(|keyword| keyword.end_byte()),
            parameters: Vec::new(),
            doc: None,
            exported: is_exported(self.text(name)),
        };
        let inside = self.add(place, item);
        if kind == SymbolKind::Interface {
            self.visit_items(definition, inside);
        }
    }

    fn go_names(&mut self, kind: SymbolKind, node: Node<'file>, place: Place<'file, '_>) {
        let mut cursor = node.walk();
        for name in node.children_by_field_name("name", &mut cursor) {
            if name.kind() != "identifier" || self.text(name) == "_" {
                continue;
            }
            let item = Item {
                kind,
                name: Name::Node(name),
                body: None,
                signature_end: None,
                parameters: Vec::new(),
                doc: None,
                exported: is_exported(self.text(name)),
            };
            self.add(place, item);
        }
    }

    fn go_method(&mut self, node: Node<'file>, place: Place<'file, '_>) {
        let Some(name) = node.child_by_field_name("name") else {
            return;
        };
        let receiver = node
            .child_by_field_name("receiver")
            .and_then(|list| list.named_child(0))
            .and_then(|receiver| receiver.child_by_field_name("type"))
            .map(|receiver| self.text(receiver))
            .map(|text| text.trim_start_matches(['*', '(', ' ']))
            .map(|text| text.split(['[', ')']).next().unwrap_or(text).trim().to_owned());
        let name = Name::Given {
            name: self.text(name).to_owned(),
            prefix: receiver,
            span: Span::of(name),
        };
        self.go_callable(SymbolKind::Method, name, node, place);
    }

    fn go_callable(
        &mut self,
        kind: SymbolKind,
        name: Name<'file>,
        node: Node<'file>,
        place: Place<'file, '_>,
    ) {
        let exported = match &name {
            Name::Node(node) => is_exported(self.text(*node)),
            Name::Given { name, .. } => is_exported(name),
        };
        let item = Item {
            kind,
            name,
            body: node.child_by_field_name("body"),
            signature_end: None,
            parameters: node
                .child_by_field_name("parameters")
                .map(|parameters| self.go_parameters(parameters))
                .unwrap_or_default(),
            doc: None,
            exported,
        };
        self.add(place, item);
    }

    fn go_parameters(&self, parameters: Node<'file>) -> Vec<String> {
        let mut names = Vec::new();
        let mut cursor = parameters.walk();
        for parameter in parameters.named_children(&mut cursor) {
            let mut cursor = parameter.walk();
            for name in parameter.children_by_field_name("name", &mut cursor) {
                names.push(self.text(name).to_owned());
            }
        }
        names
    }
}

fn is_exported(name: &str) -> bool {
    name.chars().next().is_some_and(char::is_uppercase)
}
