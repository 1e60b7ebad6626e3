//! What a module offers to those who import it.

use tenon_syntax::SourceFile;
use tree_sitter::Node;

/// The names that a module exports; `None` when they cannot be known (`export *`, CommonJS, patterns).
pub(crate) fn exported_names(file: &SourceFile) -> Option<Vec<String>> {
    let root = file.tree().root_node();
    let text = file.text();
    if root.has_error()
        || text.contains("module.exports")
        || text.contains("exports.")
        || text.contains("export =")
    {
        return None;
    }
    let slice = |node: Node<'_>| {
        text.get(node.byte_range())
            .unwrap_or("")
            .trim_matches(['"', '\''])
            .to_owned()
    };
    let mut names = Vec::new();
    let mut exports_anything = false;
    let mut cursor = root.walk();
    for statement in root
        .named_children(&mut cursor)
        .filter(|child| child.kind() == "export_statement")
    {
        exports_anything = true;
        let mut cursor = statement.walk();
        let tokens: Vec<Node<'_>> = statement.children(&mut cursor).collect();
        if tokens.iter().any(|token| token.kind() == "default") {
            names.push("default".to_owned());
            continue;
        }
        if tokens.iter().any(|token| token.kind() == "*") {
            return None;
        }
        for token in tokens {
            match token.kind() {
                "namespace_export" => names.extend(token.named_child(0).map(slice)),
                "export_clause" => {
                    let mut cursor = token.walk();
                    for specifier in token.named_children(&mut cursor) {
                        let name = specifier
                            .child_by_field_name("alias")
                            .or_else(|| specifier.child_by_field_name("name"));
                        names.extend(name.map(slice));
                    }
                }
                "lexical_declaration" | "variable_declaration" => {
                    let mut cursor = token.walk();
                    for declarator in token.named_children(&mut cursor) {
                        let name = declarator.child_by_field_name("name")?;
                        if name.kind() != "identifier" {
                            return None;
                        }
                        names.push(slice(name));
                    }
                }
                "ambient_declaration" => return None,
                _ => names.extend(token.child_by_field_name("name").map(slice)),
            }
        }
    }
    exports_anything.then_some(names)
}
