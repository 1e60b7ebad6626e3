use std::collections::HashSet;

use tree_sitter::Node;

use super::{Item, Name, Outline, Place};
use crate::{SourceFile, Span, Symbol, SymbolKind};

impl<'file> Outline<'file> {
    pub(super) fn ecmascript_item(&mut self, node: Node<'file>, place: Place<'file, '_>) {
        match node.kind() {
            "export_statement" => self.ecmascript_export(node, place),
            "ambient_declaration" => {
                let mut cursor = node.walk();
                for declaration in node.named_children(&mut cursor) {
                    self.ecmascript_item(declaration, place);
                }
            }
            "lexical_declaration" | "variable_declaration" => self.ecmascript_variables(node, place),
            "expression_statement" => self.ecmascript_expression(node, place),
            "field_definition" | "public_field_definition" => self.ecmascript_field(node, place),
            _ => self.ecmascript_definition(node, place),
        }
    }

    fn ecmascript_export(&mut self, node: Node<'file>, place: Place<'file, '_>) {
        let exported = Place {
            exported: true,
            ..place
        };
        if let Some(declaration) = node.child_by_field_name("declaration") {
            self.ecmascript_item(declaration, exported);
        } else if let Some(value) = node.child_by_field_name("value")
            && is_function_or_class(value)
        {
            let name = match value.child_by_field_name("name") {
                Some(name) => Name::Node(name),
                None => Name::Given {
                    name: "default".to_owned(),
                    prefix: None,
                    span: Span::new(value.start_byte(), value.start_byte()),
                },
            };
            self.ecmascript_value(name, value, exported);
        }
    }

    fn ecmascript_definition(&mut self, node: Node<'file>, place: Place<'file, '_>) {
        let kind = match node.kind() {
            "function_declaration" | "generator_function_declaration" | "function_signature" => {
                SymbolKind::Function
            }
            "method_definition" | "method_signature" | "abstract_method_signature" => SymbolKind::Method,
            "class_declaration" | "abstract_class_declaration" => SymbolKind::Class,
            "interface_declaration" => SymbolKind::Interface,
            "enum_declaration" => SymbolKind::Enum,
            "type_alias_declaration" => SymbolKind::TypeAlias,
            "internal_module" | "module" => SymbolKind::Module,
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
            parameters: self.ecmascript_parameters(node),
            doc: None,
            exported: false,
        };
        let inside = self.add(place, item);
        if let Some(body) = body.filter(|_| kind.is_container()) {
            self.visit_items(body, inside);
        }
    }

    fn ecmascript_variables(&mut self, node: Node<'file>, place: Place<'file, '_>) {
        let mut cursor = node.walk();
        let declarators: Vec<Node<'file>> = node
            .named_children(&mut cursor)
            .filter(|child| child.kind() == "variable_declarator")
            .collect();
        let alone = declarators.len() == 1;
        let constant = node
            .child_by_field_name("kind")
            .is_some_and(|kind| kind.kind() == "const");
        for declarator in declarators {
            let place = Place {
                outer: if alone { place.outer } else { declarator },
                ..place
            };
            let Some(name) = declarator
                .child_by_field_name("name")
                .filter(|name| name.kind() == "identifier")
            else {
                continue;
            };
            match declarator.child_by_field_name("value") {
                Some(value) if is_function_or_class(value) => {
                    self.ecmascript_value(Name::Node(name), value, place);
                }
                Some(value) if is_require(value, self.file) => {}
                _ => {
                    let kind = if constant {
                        SymbolKind::Constant
                    } else {
                        SymbolKind::Variable
                    };
                    self.add(place, plain(kind, Name::Node(name)));
                }
            }
        }
    }

    /// `exports.name = function …` and `Type.prototype.name = function …` define functions.
    fn ecmascript_expression(&mut self, node: Node<'file>, place: Place<'file, '_>) {
        let Some(inner) = node.named_child(0) else {
            return;
        };
        if inner.kind() == "internal_module" {
            return self.ecmascript_definition(inner, place);
        }
        if inner.kind() != "assignment_expression" {
            return;
        }
        let (Some(left), Some(right)) = (
            inner.child_by_field_name("left"),
            inner.child_by_field_name("right"),
        ) else {
            return;
        };
        if !is_function_or_class(right) || left.kind() != "member_expression" {
            return;
        }
        let (Some(object), Some(property)) = (
            left.child_by_field_name("object"),
            left.child_by_field_name("property"),
        ) else {
            return;
        };
        let object = self.text(object);
        let exports = matches!(object, "exports" | "module.exports");
        let name = if object == "module" && self.text(property) == "exports" {
            match right.child_by_field_name("name") {
                Some(name) => Name::Node(name),
                None => return,
            }
        } else {
            Name::Given {
                name: self.text(property).to_owned(),
                prefix: (!exports).then(|| object.trim_end_matches(".prototype").to_owned()),
                span: Span::of(property),
            }
        };
        let place = Place {
            exported: exports || object == "module",
            ..place
        };
        self.ecmascript_value(name, right, place);
    }

    fn ecmascript_field(&mut self, node: Node<'file>, place: Place<'file, '_>) {
        let Some(name) = node
            .child_by_field_name("name")
            .or_else(|| node.child_by_field_name("property"))
        else {
            return;
        };
        match node.child_by_field_name("value") {
            Some(value) if is_function_or_class(value) => {
                self.ecmascript_value(Name::Node(name), value, place)
            }
            _ => {
                self.add(place, plain(SymbolKind::Variable, Name::Node(name)));
            }
        }
    }

    fn ecmascript_value(&mut self, name: Name<'file>, value: Node<'file>, place: Place<'file, '_>) {
        let class = value.kind() == "class";
        let kind = if class {
            SymbolKind::Class
        } else {
            self.callable_kind(place)
        };
        let body = value.child_by_field_name("body");
        let item = Item {
            kind,
            name,
            body,
            signature_end: None,
            parameters: self.ecmascript_parameters(value),
            doc: None,
            exported: false,
        };
        let inside = self.add(place, item);
        if let Some(body) = body.filter(|_| class) {
            self.visit_items(body, inside);
        }
    }

    fn ecmascript_parameters(&self, node: Node<'file>) -> Vec<String> {
        if let Some(only) = node.child_by_field_name("parameter") {
            return vec![self.text(only).to_owned()];
        }
        let Some(parameters) = node.child_by_field_name("parameters") else {
            return Vec::new();
        };
        let mut cursor = parameters.walk();
        parameters
            .named_children(&mut cursor)
            .filter(|parameter| parameter.kind() != "comment")
            .map(|parameter| {
                let named = match parameter.kind() {
                    "required_parameter" | "optional_parameter" => parameter.child_by_field_name("pattern"),
                    "assignment_pattern" => parameter.child_by_field_name("left"),
                    _ => None,
                };
                self.text(named.unwrap_or(parameter))
                    .trim_start_matches('.')
                    .to_owned()
            })
            .collect()
    }
}

fn plain(kind: SymbolKind, name: Name<'_>) -> Item<'_> {
    Item {
        kind,
        name,
        body: None,
        signature_end: None,
        parameters: Vec::new(),
        doc: None,
        exported: false,
    }
}

fn is_function_or_class(value: Node<'_>) -> bool {
    matches!(
        value.kind(),
        "arrow_function" | "function_expression" | "generator_function" | "class"
    )
}

fn is_require(value: Node<'_>, file: &SourceFile) -> bool {
    value.kind() == "call_expression"
        && value
            .child_by_field_name("function")
            .is_some_and(|function| file.slice(Span::of(function)) == "require")
}

/// `export { a, b }`, `export default a` and `module.exports = { a, b }` export what is defined elsewhere in the file.
pub(super) fn mark_export_clauses(file: &SourceFile, symbols: &mut [Symbol]) {
    let mut names = HashSet::new();
    let root = file.tree().root_node();
    let mut cursor = root.walk();
    for statement in root.named_children(&mut cursor) {
        match statement.kind() {
            "export_statement" if statement.child_by_field_name("source").is_none() => {
                export_names(statement, file, &mut names);
            }
            "expression_statement" => common_js_names(statement, file, &mut names),
            _ => {}
        }
    }
    for symbol in symbols {
        if symbol.parent.is_none() && names.contains(symbol.name.as_str()) {
            symbol.exported = true;
        }
    }
}

fn export_names<'file>(statement: Node<'file>, file: &'file SourceFile, names: &mut HashSet<&'file str>) {
    if let Some(value) = statement
        .child_by_field_name("value")
        .filter(|value| value.kind() == "identifier")
    {
        names.insert(file.slice(Span::of(value)));
    }
    let mut cursor = statement.walk();
    for clause in statement
        .named_children(&mut cursor)
        .filter(|child| child.kind() == "export_clause")
    {
        let mut cursor = clause.walk();
        for specifier in clause.named_children(&mut cursor) {
            if let Some(name) = specifier.child_by_field_name("name") {
                names.insert(file.slice(Span::of(name)));
            }
        }
    }
}

fn common_js_names<'file>(statement: Node<'file>, file: &'file SourceFile, names: &mut HashSet<&'file str>) {
    let Some(assignment) = statement
        .named_child(0)
        .filter(|inner| inner.kind() == "assignment_expression")
    else {
        return;
    };
    let left = assignment.child_by_field_name("left").map(Span::of);
    if left.map(|left| file.slice(left)) != Some("module.exports") {
        return;
    }
    let Some(value) = assignment.child_by_field_name("right") else {
        return;
    };
    if value.kind() == "identifier" {
        names.insert(file.slice(Span::of(value)));
        return;
    }
    let mut cursor = value.walk();
    for member in value.named_children(&mut cursor) {
        let named = match member.kind() {
            "shorthand_property_identifier" => Some(member),
            "pair" => member.child_by_field_name("value"),
            _ => None,
        };
        if let Some(named) = named {
            names.insert(file.slice(Span::of(named)));
        }
    }
}
