//! Imports of the reply that the file lacks and kept code uses.

mod block;
mod ecmascript;
mod go;
mod python;

use std::collections::BTreeSet;

use tenon_syntax::{Import, ImportKind, ImportedName, Language, SourceFile};

use super::Splicer;

pub(super) use self::go::without_unused;

impl Splicer<'_> {
    pub(super) fn merge_imports(&mut self) {
        let imports: Vec<Import> = self
            .reply
            .imports()
            .into_iter()
            .filter(|import| {
                // Imports inside functions travel with them.
                !self
                    .reply
                    .symbols()
                    .iter()
                    .any(|symbol| symbol.body_span.is_some_and(|body| body.covers(import.span)))
            })
            .collect();
        let missing: Vec<Import> = imports
            .iter()
            .filter_map(|import| self.missing_part(import))
            .collect();
        let lines = self.add_imports(&missing);
        self.imports_added.extend(lines);
    }

    /// What of `import` the file needs and has not.
    fn missing_part(&mut self, import: &Import) -> Option<Import> {
        let ours = top_level_imports(self.original);
        let bound: BTreeSet<&str> = ours.iter().flat_map(Import::bound_names).collect();
        let mut wanted = import.clone();
        if import.names.is_empty() {
            let present = ours.iter().any(|own| {
                own.module == import.module
                    && own.relative_level == import.relative_level
                    && own.wildcard == import.wildcard
                    && own.alias == import.alias
                    && own.names.is_empty()
            });
            let names = import.bound_names();
            let taken = !names.is_empty()
                && names
                    .iter()
                    .all(|name| bound.contains(name) || self.defines(name));
            let needed = import.wildcard || import.kind == ImportKind::SideEffect || self.uses_any(&names);
            return (!present && !taken && needed && !self.is_self_import(import)).then_some(wanted);
        }
        wanted.names.retain(|name| {
            let local = name.alias.as_deref().unwrap_or(&name.name);
            !bound.contains(local) && !self.defines(local) && self.uses_any(&[local])
        });
        (!wanted.names.is_empty()).then_some(wanted)
    }

    /// A model imports from the very file it is editing.
    fn is_self_import(&self, import: &Import) -> bool {
        !import.names.is_empty() && import.names.iter().all(|name| self.defines(&name.name))
    }

    fn defines(&self, name: &str) -> bool {
        let top_level = |file: &SourceFile| {
            file.symbols()
                .iter()
                .any(|symbol| symbol.parent.is_none() && symbol.name == name)
        };
        top_level(self.original) || self.added_names.iter().any(|added| added == name)
    }

    /// Whether code that went into the file uses one of `names`. Rust's traits work without being named.
    fn uses_any(&self, names: &[&str]) -> bool {
        if self.original.language() == Language::Rust || names.contains(&"annotations") {
            return !self.kept.is_empty() || self.reply.symbols().is_empty();
        }
        if self.reply.symbols().is_empty() {
            return true;
        }
        self.reply.references().iter().any(|reference| {
            names.contains(&reference.name) && self.kept.iter().any(|kept| kept.covers(reference.span))
        })
    }

    /// A statement of which everything is missing stays one statement.
    fn rust_lines(&self, missing: &[Import]) -> Vec<String> {
        let of_reply = self.reply.imports();
        let mut lines: Vec<String> = Vec::new();
        for import in missing {
            let statement: Vec<&Import> = of_reply
                .iter()
                .filter(|other| other.span == import.span)
                .collect();
            let whole = !statement.is_empty() && statement.iter().all(|other| missing.contains(other));
            let line = if whole {
                self.reply.slice(import.span).to_owned()
            } else {
                rust_line(import)
            };
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        lines
    }

    fn add_imports(&mut self, missing: &[Import]) -> Vec<String> {
        match self.original.language() {
            Language::Python => python::add(self, missing),
            Language::JavaScript | Language::TypeScript | Language::Tsx => ecmascript::add(self, missing),
            Language::Go => go::add(self, missing),
            Language::Rust => {
                let lines = self.rust_lines(missing);
                block::add_lines(self, lines)
            }
            Language::Java => {
                let lines = missing.iter().flat_map(java_lines).collect();
                block::add_lines(self, lines)
            }
        }
    }
}

/// Imports that hold for the whole file.
pub(crate) fn top_level_imports(file: &SourceFile) -> Vec<Import> {
    file.imports()
        .into_iter()
        .filter(|import| {
            !file
                .symbols()
                .iter()
                .any(|symbol| symbol.body_span.is_some_and(|body| body.covers(import.span)))
        })
        .collect()
}

/// The text of an import line for `import`, without its line end.
pub(crate) fn rust_line(import: &Import) -> String {
    let public = if import.kind == ImportKind::Reexport {
        "pub "
    } else {
        ""
    };
    let rename = |alias: &Option<String>| {
        alias
            .as_ref()
            .map(|alias| format!(" as {alias}"))
            .unwrap_or_default()
    };
    if import.wildcard {
        return format!("{public}use {}::*;", import.module);
    }
    let names: Vec<String> = import
        .names
        .iter()
        .map(|name| format!("{}{}", name.name, rename(&name.alias)))
        .collect();
    match names.as_slice() {
        [] => format!("{public}use {}{};", import.module, rename(&import.alias)),
        [name] => format!("{public}use {}::{name};", import.module),
        names => format!("{public}use {}::{{{}}};", import.module, names.join(", ")),
    }
}

fn java_lines(import: &Import) -> Vec<String> {
    let word = if import.kind == ImportKind::Static {
        "import static"
    } else {
        "import"
    };
    if import.wildcard {
        return vec![format!("{word} {}.*;", import.module)];
    }
    let line = |name: &ImportedName| match import.module.as_str() {
        "" => format!("{word} {};", name.name),
        module => format!("{word} {module}.{};", name.name),
    };
    import.names.iter().map(line).collect()
}

/// The text of `file` with imports added: the deterministic fix outside of a splice.
pub(crate) fn with_imports(file: &SourceFile, missing: &[Import]) -> Option<String> {
    let scope = super::SpliceScope::default();
    let mut splicer = Splicer::new(file, file, &scope);
    splicer.add_imports(missing);
    let text = splicer.edits.apply(file.text());
    (text != file.text()).then_some(text)
}
