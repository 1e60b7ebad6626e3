use tree_sitter::Node;

use super::{Item, Name, Outline, Place, has_child};
use crate::SymbolKind;

impl<'file> Outline<'file> {
    pub(super) fn java_item(&mut self, node: Node<'file>, place: Place<'file, '_>) {
        let kind = match node.kind() {
            "class_declaration" | "record_declaration" => SymbolKind::Class,
            "interface_declaration" | "annotation_type_declaration" => SymbolKind::Interface,
            "enum_declaration" => SymbolKind::Enum,
            "method_declaration" | "constructor_declaration" | "compact_constructor_declaration" => {
                SymbolKind::Method
            }
            "field_declaration" | "constant_declaration" => return self.java_fields(node, place),
            "enum_body_declarations" => return self.visit_items(node, place.scope),
            _ => return,
        };
        let Some(name) = node.child_by_field_name("name") else {
            return;
        };
        let body = node.child_by_field_name("body");
        let item = Item {
            kind,
            name: Name::Node(name),
            body,
            signature_end: None,
            parameters: node
                .child_by_field_name("parameters")
                .map(|parameters| self.java_parameters(parameters))
                .unwrap_or_default(),
            doc: None,
            exported: self.java_modifier(node, "public"),
        };
        let inside = self.add(place, item);
        if let Some(body) = body.filter(|_| kind.is_container()) {
            self.visit_items(body, inside);
        }
    }

    fn java_fields(&mut self, node: Node<'file>, place: Place<'file, '_>) {
        let constant = node.kind() == "constant_declaration"
            || (self.java_modifier(node, "static") && self.java_modifier(node, "final"));
        let kind = if constant {
            SymbolKind::Constant
        } else {
            SymbolKind::Variable
        };
        let mut cursor = node.walk();
        for declarator in node.children_by_field_name("declarator", &mut cursor) {
            let Some(name) = declarator.child_by_field_name("name") else {
                continue;
            };
            let item = Item {
                kind,
                name: Name::Node(name),
                body: None,
                signature_end: None,
                parameters: Vec::new(),
                doc: None,
                exported: self.java_modifier(node, "public"),
            };
            self.add(place, item);
        }
    }

    fn java_modifier(&self, node: Node<'file>, modifier: &str) -> bool {
        let mut cursor = node.walk();
        node.children(&mut cursor)
            .find(|child| child.kind() == "modifiers")
            .is_some_and(|modifiers| has_child(modifiers, modifier))
    }

    fn java_parameters(&self, parameters: Node<'file>) -> Vec<String> {
        let mut cursor = parameters.walk();
        parameters
            .named_children(&mut cursor)
            .filter_map(|parameter| {
                let name = match parameter.kind() {
                    "formal_parameter" => parameter.child_by_field_name("name")?,
                    "spread_parameter" => {
                        let mut cursor = parameter.walk();
                        parameter
                            .named_children(&mut cursor)
                            .find(|child| child.kind() == "variable_declarator")?
                            .child_by_field_name("name")?
                    }
                    _ => return None,
                };
                Some(self.text(name).to_owned())
            })
            .collect()
    }
}
