use tree_sitter::Node;

use super::{Item, Name, Outline, Place, has_child};
use crate::{Span, SymbolKind};

impl<'file> Outline<'file> {
    pub(super) fn rust_item(&mut self, node: Node<'file>, place: Place<'file, '_>) {
        let kind = match node.kind() {
            "function_item" | "function_signature_item" => self.callable_kind(place),
            "struct_item" | "union_item" => SymbolKind::Struct,
            "enum_item" => SymbolKind::Enum,
            "trait_item" => SymbolKind::Trait,
            "impl_item" => SymbolKind::Implementation,
            "type_item" | "associated_type" => SymbolKind::TypeAlias,
            "const_item" => SymbolKind::Constant,
            "static_item" => SymbolKind::Variable,
            "mod_item" => SymbolKind::Module,
            "macro_definition" => SymbolKind::Function,
            _ => return,
        };
        let Some(name) = self.rust_name(node) else {
            return;
        };
        let body = node.child_by_field_name("body");
        let item = Item {
            kind,
            name,
            body,
            signature_end: (node.kind() == "macro_definition")
                .then(|| node.child_by_field_name("name"))
                .flatten()
                .map(|name| name.end_byte()),
            parameters: node
                .child_by_field_name("parameters")
                .map(|parameters| self.rust_parameters(parameters))
                .unwrap_or_default(),
            doc: None,
            exported: has_child(node, "visibility_modifier"),
        };
        let inside = self.add(place, item);
        if let Some(body) = body.filter(|body| body.kind() == "declaration_list") {
            self.visit_items(body, inside);
        }
    }

    fn rust_name(&self, node: Node<'file>) -> Option<Name<'file>> {
        if node.kind() != "impl_item" {
            return node.child_by_field_name("name").map(Name::Node);
        }
        let implemented = node.child_by_field_name("type")?;
        let text = self.text(implemented);
        let bare = text.split('<').next().unwrap_or(text);
        let bare = bare.rsplit("::").next().unwrap_or(bare);
        let bare = bare.trim_start_matches(['&', ' ', '(']).trim();
        let bare = bare.strip_prefix("dyn ").unwrap_or(bare);
        let name = if bare.is_empty() { text } else { bare };
        Some(Name::Given {
            name: name.to_owned(),
            prefix: None,
            span: Span::of(implemented),
        })
    }

    fn rust_parameters(&self, parameters: Node<'file>) -> Vec<String> {
        let mut cursor = parameters.walk();
        parameters
            .named_children(&mut cursor)
            .filter_map(|parameter| match parameter.kind() {
                "self_parameter" => Some("self".to_owned()),
                "parameter" => {
                    let pattern = self.text(parameter.child_by_field_name("pattern")?);
                    let bare = pattern.trim_start_matches("mut ").trim_start_matches("ref ");
                    Some(bare.to_owned())
                }
                _ => None,
            })
            .collect()
    }
}
