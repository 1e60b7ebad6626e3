use tree_sitter::Node;

use super::{Import, ImportKind, ImportedName, text};
use crate::{Descend, SourceFile};

pub(super) fn visit(file: &SourceFile, node: Node<'_>, imports: &mut Vec<Import>) -> Descend {
    match node.kind() {
        "program" => Descend::Into,
        "import_declaration" => {
            imports.extend(declaration(file, node));
            Descend::Over
        }
        // Imports stand at the top only.
        _ => Descend::Over,
    }
}

fn declaration(file: &SourceFile, node: Node<'_>) -> Option<Import> {
    let mut cursor = node.walk();
    let children: Vec<Node<'_>> = node.children(&mut cursor).collect();
    let is_static = children.iter().any(|child| child.kind() == "static");
    let wildcard = children.iter().any(|child| child.kind() == "asterisk");
    let path = children
        .iter()
        .find(|child| matches!(child.kind(), "identifier" | "scoped_identifier"))?;
    let path: String = text(file, *path)
        .chars()
        .filter(|character| !character.is_whitespace())
        .collect();
    let kind = if is_static {
        ImportKind::Static
    } else {
        ImportKind::Names
    };
    if wildcard {
        let mut import = Import::new(node, path, kind);
        import.wildcard = true;
        return Some(import);
    }
    let (module, name) = path.rsplit_once('.').unwrap_or(("", &path));
    let mut import = Import::new(node, module, kind);
    import.names.push(ImportedName {
        name: name.to_owned(),
        alias: None,
    });
    Some(import)
}
