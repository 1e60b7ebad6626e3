use tree_sitter::Node;

use super::{Import, ImportKind, ImportedName, field_text, text};
use crate::{Descend, SourceFile};

/// Use trees nested deeper than this are not read.
const MAX_DEPTH: usize = 24;

pub(super) fn visit(file: &SourceFile, node: Node<'_>, imports: &mut Vec<Import>) -> Descend {
    match node.kind() {
        "use_declaration" => {
            let public = node
                .named_child(0)
                .is_some_and(|child| child.kind() == "visibility_modifier");
            let kind = if public {
                ImportKind::Reexport
            } else {
                ImportKind::Names
            };
            if let Some(argument) = node.child_by_field_name("argument") {
                let mut tree = UseTree {
                    file,
                    statement: node,
                    kind,
                    imports,
                };
                tree.flatten(argument, "", 0);
            }
            Descend::Over
        }
        "extern_crate_declaration" => {
            let mut import = Import::new(
                node,
                field_text(file, node, "name").unwrap_or_default(),
                ImportKind::Module,
            );
            import.alias = field_text(file, node, "alias");
            imports.push(import);
            Descend::Over
        }
        "token_tree" | "string_literal" | "line_comment" | "block_comment" => Descend::Over,
        _ => Descend::Into,
    }
}

struct UseTree<'file, 'imports> {
    file: &'file SourceFile,
    statement: Node<'file>,
    kind: ImportKind,
    imports: &'imports mut Vec<Import>,
}

impl UseTree<'_, '_> {
    fn flatten(&mut self, node: Node<'_>, prefix: &str, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        match node.kind() {
            "scoped_use_list" => {
                let path = node.child_by_field_name("path");
                let path = path.map(|path| self.path(path)).unwrap_or_default();
                if let Some(list) = node.child_by_field_name("list") {
                    self.flatten(list, &join(prefix, &path), depth + 1);
                }
            }
            "use_list" => {
                let mut cursor = node.walk();
                for child in node.named_children(&mut cursor) {
                    self.flatten(child, prefix, depth + 1);
                }
            }
            "use_wildcard" => {
                let path = node.named_child(0).map(|path| self.path(path));
                let module = join(prefix, &path.unwrap_or_default());
                self.entry(&module).wildcard = true;
            }
            "use_as_clause" => {
                let path = node.child_by_field_name("path");
                let path = path.map(|path| self.path(path)).unwrap_or_default();
                let alias = field_text(self.file, node, "alias");
                self.leaf(prefix, &path, alias);
            }
            "line_comment" | "block_comment" => {}
            _ => {
                let path = self.path(node);
                self.leaf(prefix, &path, None);
            }
        }
    }

    fn leaf(&mut self, prefix: &str, path: &str, alias: Option<String>) {
        if path == "self" && !prefix.is_empty() {
            return self.module(prefix, alias);
        }
        let full = join(prefix, path);
        match full.rsplit_once("::") {
            Some((module, name)) => {
                let name = ImportedName {
                    name: name.to_owned(),
                    alias,
                };
                self.entry(module).names.push(name);
            }
            None => self.module(&full, alias),
        }
    }

    fn module(&mut self, module: &str, alias: Option<String>) {
        let kind = match self.kind {
            ImportKind::Reexport => ImportKind::Reexport,
            _ => ImportKind::Module,
        };
        let mut import = Import::new(self.statement, module, kind);
        import.alias = alias;
        self.imports.push(import);
    }

    /// The entry of this statement for `module`, so that `use a::{B, C}` is one import of two names.
    fn entry(&mut self, module: &str) -> &mut Import {
        let start = self.statement.start_byte();
        let found = self.imports.iter().position(|import| {
            import.span.start == start && import.module == module && import.kind == self.kind
        });
        let index = found.unwrap_or_else(|| {
            self.imports.push(Import::new(self.statement, module, self.kind));
            self.imports.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "the index was found or pushed just above")]
        &mut self.imports[index]
    }

    fn path(&self, node: Node<'_>) -> String {
        let written = text(self.file, node);
        written
            .chars()
            .filter(|character| !character.is_whitespace())
            .collect()
    }
}

fn join(prefix: &str, path: &str) -> String {
    match (prefix.is_empty(), path.is_empty()) {
        (true, _) => path.trim_start_matches("::").to_owned(),
        (_, true) => prefix.to_owned(),
        _ => format!("{prefix}::{path}"),
    }
}
