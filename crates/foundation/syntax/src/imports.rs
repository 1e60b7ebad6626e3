//! What a file imports, in one shape for every language.

mod ecmascript;
mod go;
mod java;
mod python;
mod rust;

use serde::{Deserialize, Serialize};
use tree_sitter::Node;

use crate::{Descend, Language, SourceFile, Span, walk};

/// One module that a statement imports.
///
/// A statement that names several modules (`import a, b`, a Rust use tree, a Go import group) gives several
/// entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// The module as written: `os.path`, `std::collections`, `./text.js`, `net/http`, `java.util`. For Python
    /// without the leading dots; for Rust and Java without the imported item.
    pub module: String,
    /// The names taken out of the module. Empty: the module itself is imported.
    pub names: Vec<ImportedName>,
    /// Whether everything is imported.
    pub wildcard: bool,
    /// The name given to the module itself.
    pub alias: Option<String>,
    /// How many steps up a relative import goes: Python's dots; 1 for `./`, 2 for `../`; 0 when absolute.
    pub relative_level: u32,
    /// The whole statement (for Go the specification).
    pub span: Span,
    /// 1-based line of the statement.
    pub line: u32,
    /// How it is imported.
    pub kind: ImportKind,
}

/// A name taken out of a module.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ImportedName {
    /// Its name in the module; `default` for a default import.
    pub name: String,
    /// The name it gets here, if another.
    pub alias: Option<String>,
}

/// How something is imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportKind {
    /// The module itself: `import a`, `use a;`, `import "a"`, `import * as a from "a"`.
    Module,
    /// Names out of the module, or all of them.
    Names,
    /// For its effects only: `import "./a"`, `import _ "a"`.
    SideEffect,
    /// `require("a")` or `import("a")`.
    Require,
    /// Java's `import static`.
    Static,
    /// Imported and handed on: `export … from`, `pub use`.
    Reexport,
}

impl Import {
    /// The names that are in scope because of this import.
    pub fn bound_names(&self) -> Vec<&str> {
        let mut bound: Vec<&str> = self
            .names
            .iter()
            .map(|name| name.alias.as_deref().unwrap_or(&name.name))
            .collect();
        match &self.alias {
            Some(alias) if self.kind != ImportKind::SideEffect => bound.push(alias),
            None if self.binds_module() => bound.push(last_part(&self.module)),
            _ => {}
        }
        bound
    }

    fn binds_module(&self) -> bool {
        self.kind == ImportKind::Module && self.names.is_empty() && !self.wildcard
    }
}

/// What a module is called where it is imported without an alias.
fn last_part(module: &str) -> &str {
    let module = module.rsplit("::").next().unwrap_or(module);
    let mut parts = module.rsplit('/');
    let last = parts.next().unwrap_or(module);
    // Go's major versions are no part of the name: `example.com/text/v2` binds `text`.
    let version = last
        .strip_prefix('v')
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()));
    let name = if version {
        parts.next().unwrap_or(last)
    } else {
        last
    };
    // Python's `import a.b` binds `a`.
    name.split('.').next().unwrap_or(name)
}

pub(crate) fn collect(file: &SourceFile) -> Vec<Import> {
    let mut imports = Vec::new();
    walk(file.tree().root_node(), |node| {
        if !node.is_named() {
            return Descend::Over;
        }
        match file.language() {
            Language::Python => python::visit(file, node, &mut imports),
            Language::Rust => rust::visit(file, node, &mut imports),
            Language::JavaScript | Language::TypeScript | Language::Tsx => {
                ecmascript::visit(file, node, &mut imports)
            }
            Language::Go => go::visit(file, node, &mut imports),
            Language::Java => java::visit(file, node, &mut imports),
        }
    });
    imports
}

impl Import {
    fn new(statement: Node<'_>, module: impl Into<String>, kind: ImportKind) -> Self {
        Self {
            module: module.into(),
            names: Vec::new(),
            wildcard: false,
            alias: None,
            relative_level: 0,
            span: Span::of(statement),
            line: u32::try_from(statement.start_position().row + 1).unwrap_or(u32::MAX),
            kind,
        }
    }
}

fn text<'file>(file: &'file SourceFile, node: Node<'_>) -> &'file str {
    file.slice(Span::of(node))
}

fn field_text(file: &SourceFile, node: Node<'_>, field: &str) -> Option<String> {
    node.child_by_field_name(field)
        .map(|child| text(file, child).to_owned())
}

/// A string literal without its quotes.
fn unquoted<'file>(file: &'file SourceFile, node: Node<'_>) -> &'file str {
    text(file, node).trim_matches(['"', '\'', '`'])
}
