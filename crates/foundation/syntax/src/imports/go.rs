use tree_sitter::Node;

use super::{Import, ImportKind, field_text, unquoted};
use crate::{Descend, SourceFile};

pub(super) fn visit(file: &SourceFile, node: Node<'_>, imports: &mut Vec<Import>) -> Descend {
    match node.kind() {
        "source_file" | "import_declaration" | "import_spec_list" => Descend::Into,
        "import_spec" => {
            imports.extend(specification(file, node));
            Descend::Over
        }
        // Imports come before everything else, and only at the top.
        _ => Descend::Over,
    }
}

fn specification(file: &SourceFile, node: Node<'_>) -> Option<Import> {
    let path = node.child_by_field_name("path")?;
    let mut import = Import::new(node, unquoted(file, path), ImportKind::Module);
    match field_text(file, node, "name").as_deref() {
        None => {}
        Some(".") => {
            import.kind = ImportKind::Names;
            import.wildcard = true;
        }
        Some("_") => {
            import.kind = ImportKind::SideEffect;
            import.alias = Some("_".to_owned());
        }
        Some(alias) => import.alias = Some(alias.to_owned()),
    }
    if import.module.starts_with('.') {
        let up = import.module.split('/').take_while(|part| *part == "..").count();
        import.relative_level = u32::try_from(up + 1).unwrap_or(u32::MAX);
    }
    Some(import)
}
