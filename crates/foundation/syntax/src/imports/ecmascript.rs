use tree_sitter::Node;

use super::{Import, ImportKind, ImportedName, field_text, text, unquoted};
use crate::{Descend, SourceFile};

pub(super) fn visit(file: &SourceFile, node: Node<'_>, imports: &mut Vec<Import>) -> Descend {
    match node.kind() {
        "import_statement" => imports.extend(import(file, node)),
        "export_statement" => match node.child_by_field_name("source") {
            Some(source) => imports.push(reexport(file, node, source)),
            None => return Descend::Into,
        },
        "lexical_declaration" | "variable_declaration" => return required(file, node, imports),
        "call_expression" => {
            // A require that is bound to a name was taken with its declaration.
            if let Some(module) = required_module(file, node)
                && !imports.iter().any(|import| {
                    import.kind == ImportKind::Require
                        && import.module == module
                        && import.span.start <= node.start_byte()
                        && node.end_byte() <= import.span.end
                })
            {
                imports.push(relative(Import::new(node, module, ImportKind::Require)));
            }
            return Descend::Into;
        }
        "string" | "comment" | "template_string" | "regex" | "type_annotation" => {}
        _ => return Descend::Into,
    }
    Descend::Over
}

fn import(file: &SourceFile, statement: Node<'_>) -> Option<Import> {
    let mut cursor = statement.walk();
    let clauses: Vec<Node<'_>> = statement.named_children(&mut cursor).collect();
    if let Some(clause) = clauses
        .iter()
        .find(|clause| clause.kind() == "import_require_clause")
    {
        let source = clause.child_by_field_name("source")?;
        let mut import = Import::new(statement, unquoted(file, source), ImportKind::Require);
        import.alias = clause.named_child(0).map(|name| text(file, name).to_owned());
        return Some(relative(import));
    }
    let source = statement.child_by_field_name("source")?;
    let mut import = Import::new(statement, unquoted(file, source), ImportKind::SideEffect);
    let Some(clause) = clauses.iter().find(|clause| clause.kind() == "import_clause") else {
        return Some(relative(import));
    };
    import.kind = ImportKind::Names;
    let mut cursor = clause.walk();
    for part in clause.named_children(&mut cursor) {
        match part.kind() {
            "identifier" => import.names.push(ImportedName {
                name: "default".to_owned(),
                alias: Some(text(file, part).to_owned()),
            }),
            "namespace_import" => {
                import.kind = ImportKind::Module;
                import.alias = part.named_child(0).map(|name| text(file, name).to_owned());
            }
            "named_imports" => import.names.extend(specifiers(file, part)),
            _ => {}
        }
    }
    Some(relative(import))
}

fn reexport(file: &SourceFile, statement: Node<'_>, source: Node<'_>) -> Import {
    let mut import = Import::new(statement, unquoted(file, source), ImportKind::Reexport);
    import.wildcard = true;
    let mut cursor = statement.walk();
    for part in statement.named_children(&mut cursor) {
        match part.kind() {
            "export_clause" => {
                import.wildcard = false;
                import.names = specifiers(file, part);
            }
            "namespace_export" => import.alias = part.named_child(0).map(|name| text(file, name).to_owned()),
            _ => {}
        }
    }
    relative(import)
}

fn specifiers(file: &SourceFile, list: Node<'_>) -> Vec<ImportedName> {
    let mut cursor = list.walk();
    list.named_children(&mut cursor)
        .filter_map(|specifier| {
            Some(ImportedName {
                name: field_text(file, specifier, "name")?,
                alias: field_text(file, specifier, "alias"),
            })
        })
        .collect()
}

/// `const a = require("a")` and `const { b, c: d } = require("a")`.
fn required(file: &SourceFile, declaration: Node<'_>, imports: &mut Vec<Import>) -> Descend {
    let mut cursor = declaration.walk();
    for declarator in declaration.named_children(&mut cursor) {
        let Some(value) = declarator.child_by_field_name("value") else {
            continue;
        };
        let (call, member) = match value.kind() {
            "member_expression" => (
                value.child_by_field_name("object"),
                field_text(file, value, "property"),
            ),
            "await_expression" => (value.named_child(0), None),
            _ => (Some(value), None),
        };
        let Some(module) = call.and_then(|call| required_module(file, call)) else {
            continue;
        };
        let mut import = Import::new(declaration, module, ImportKind::Require);
        if let Some(bound) = declarator.child_by_field_name("name") {
            bind(file, bound, member, &mut import);
        }
        imports.push(relative(import));
    }
    Descend::Into
}

fn bind(file: &SourceFile, bound: Node<'_>, member: Option<String>, import: &mut Import) {
    match (bound.kind(), member) {
        ("identifier", None) => import.alias = Some(text(file, bound).to_owned()),
        ("identifier", Some(name)) => {
            let alias = Some(text(file, bound).to_owned()).filter(|alias| *alias != name);
            import.names.push(ImportedName { name, alias });
        }
        ("object_pattern", _) => {
            let mut cursor = bound.walk();
            for part in bound.named_children(&mut cursor) {
                let name = match part.kind() {
                    "shorthand_property_identifier_pattern" => Some((text(file, part).to_owned(), None)),
                    "pair_pattern" => {
                        field_text(file, part, "key").map(|key| (key, field_text(file, part, "value")))
                    }
                    _ => None,
                };
                if let Some((name, alias)) = name {
                    import.names.push(ImportedName { name, alias });
                }
            }
        }
        _ => {}
    }
}

/// The module of `require("module")` or `import("module")`.
fn required_module(file: &SourceFile, call: Node<'_>) -> Option<String> {
    if call.kind() != "call_expression" {
        return None;
    }
    let function = call.child_by_field_name("function")?;
    if !matches!(text(file, function), "require" | "import") {
        return None;
    }
    let argument = call.child_by_field_name("arguments")?.named_child(0)?;
    (argument.kind() == "string").then(|| unquoted(file, argument).to_owned())
}

fn relative(mut import: Import) -> Import {
    let up = import.module.split('/').take_while(|part| *part == "..").count();
    import.relative_level = if up > 0 {
        u32::try_from(up + 1).unwrap_or(u32::MAX)
    } else {
        u32::from(import.module.starts_with("./") || import.module == ".")
    };
    import
}
