use tree_sitter::Node;

use super::{Import, ImportKind, ImportedName, field_text, text};
use crate::{Descend, SourceFile};

pub(super) fn visit(file: &SourceFile, node: Node<'_>, imports: &mut Vec<Import>) -> Descend {
    match node.kind() {
        "import_statement" => modules(file, node, imports),
        "import_from_statement" => imports.push(names(file, node)),
        "future_import_statement" => {
            let mut import = Import::new(node, "__future__", ImportKind::Names);
            import.names = imported_names(file, node);
            imports.push(import);
        }
        // No import hides inside an expression.
        "expression_statement"
        | "return_statement"
        | "parameters"
        | "argument_list"
        | "string"
        | "comment" => {}
        _ => return Descend::Into,
    }
    Descend::Over
}

fn modules(file: &SourceFile, statement: Node<'_>, imports: &mut Vec<Import>) {
    for ImportedName { name, alias } in imported_names(file, statement) {
        let mut import = Import::new(statement, name, ImportKind::Module);
        import.alias = alias;
        imports.push(import);
    }
}

fn names(file: &SourceFile, statement: Node<'_>) -> Import {
    let written = field_text(file, statement, "module_name").unwrap_or_default();
    let module = written.trim_start_matches(['.', ' ']);
    let dots = written
        .chars()
        .take_while(|character| matches!(character, '.' | ' '));
    let level = dots.filter(|character| *character == '.').count();
    let mut import = Import::new(statement, module, ImportKind::Names);
    import.relative_level = u32::try_from(level).unwrap_or(u32::MAX);
    import.names = imported_names(file, statement);
    let mut cursor = statement.walk();
    import.wildcard = statement
        .named_children(&mut cursor)
        .any(|child| child.kind() == "wildcard_import");
    import
}

fn imported_names(file: &SourceFile, statement: Node<'_>) -> Vec<ImportedName> {
    let mut cursor = statement.walk();
    statement
        .children_by_field_name("name", &mut cursor)
        .filter_map(|name| match name.kind() {
            "aliased_import" => Some(ImportedName {
                name: field_text(file, name, "name")?,
                alias: field_text(file, name, "alias"),
            }),
            "dotted_name" => Some(ImportedName {
                name: text(file, name).to_owned(),
                alias: None,
            }),
            _ => None,
        })
        .collect()
}
