use tenon_syntax::{Import, ImportKind};

use super::{block, top_level_imports};
use crate::splice::Splicer;
use crate::splice::exports::Modules;

/// Names join an import of their module where there is one; the rest becomes lines, in the file's kind of modules.
pub(super) fn add(splicer: &mut Splicer<'_>, missing: &[Import]) -> Vec<String> {
    let modules = match Modules::of(splicer.original) {
        Modules::Unknown => Modules::of(splicer.reply),
        known => known,
    };
    let mut added = Vec::new();
    let mut lines = Vec::new();
    for import in missing
        .iter()
        .filter(|import| import.kind != ImportKind::Reexport)
    {
        let line = match import_statement(splicer, import).filter(|_| modules == Modules::Standard) {
            Some(statement) => statement,
            None => line(import, modules, &quote(splicer), TypeNames::of(splicer, import)),
        };
        if extend(splicer, import) {
            added.push(line);
        } else {
            lines.push(line);
        }
    }
    added.extend(block::add_lines(splicer, lines));
    added
}

/// The reply's own statement, if all of it is wanted: it may import types only.
fn import_statement(splicer: &Splicer<'_>, import: &Import) -> Option<String> {
    let whole = splicer.reply.imports().contains(import);
    let text = splicer.reply.slice(import.span);
    (whole && text.starts_with("import ") && !text.contains('\n')).then(|| {
        let quote = quote(splicer);
        text.replace(['"', '\''], &quote)
    })
}

/// Names of which the reply says that they are types: to import them as values may fail when the code runs.
#[derive(Debug, Clone, Copy)]
struct TypeNames<'reply> {
    statement: &'reply str,
}

impl<'reply> TypeNames<'reply> {
    fn of(splicer: &Splicer<'reply>, import: &Import) -> Self {
        Self {
            statement: splicer.reply.slice(import.span),
        }
    }

    fn all(self) -> bool {
        self.statement.starts_with("import type ")
    }

    fn has(self, name: &str) -> bool {
        let marked = format!("type {name}");
        self.statement.match_indices(&marked).any(|(start, _)| {
            let rest = self.statement.get(start + marked.len()..).unwrap_or_default();
            !rest.starts_with(|character: char| character.is_alphanumeric() || character == '_')
        })
    }
}

/// The quotes the file writes around modules.
fn quote(splicer: &Splicer<'_>) -> String {
    let imports = top_level_imports(splicer.original);
    let file = imports.first().map(|import| splicer.original.slice(import.span));
    let text = file.unwrap_or(splicer.original.text());
    let single = text.matches('\'').count();
    let double = text.matches('"').count();
    if single > double { "'" } else { "\"" }.to_owned()
}

fn line(import: &Import, modules: Modules, quote: &str, types: TypeNames<'_>) -> String {
    let module = format!("{quote}{}{quote}", import.module);
    let common =
        modules == Modules::Common || (modules == Modules::Unknown && import.kind == ImportKind::Require);
    let default = import
        .names
        .iter()
        .find(|name| name.name == "default")
        .and_then(|name| name.alias.clone());
    let marker = |name: &str| {
        if !common && !types.all() && types.has(name) {
            "type "
        } else {
            ""
        }
    };
    let named: Vec<String> = import
        .names
        .iter()
        .filter(|name| name.name != "default")
        .map(|name| match &name.alias {
            Some(alias) if common => format!("{}: {alias}", name.name),
            Some(alias) => format!("{}{} as {alias}", marker(&name.name), name.name),
            None => format!("{}{}", marker(&name.name), name.name),
        })
        .collect();
    let whole = import.alias.clone();
    if common {
        let mut lines = Vec::new();
        if let Some(name) = whole.or(default) {
            lines.push(format!("const {name} = require({module});"));
        }
        if !named.is_empty() {
            lines.push(format!("const {{ {} }} = require({module});", named.join(", ")));
        }
        if lines.is_empty() {
            lines.push(format!("require({module});"));
        }
        return lines.join("\n");
    }
    let mut parts: Vec<String> = default.into_iter().collect();
    if let Some(name) = whole {
        parts.push(match import.kind {
            ImportKind::Require => name,
            _ => format!("* as {name}"),
        });
    }
    if !named.is_empty() {
        parts.push(format!("{{ {} }}", named.join(", ")));
    }
    if parts.is_empty() {
        return format!("import {module};");
    }
    let word = if types.all() { "import type" } else { "import" };
    format!("{word} {} from {module};", parts.join(", "))
}

/// Adds names between the braces of the file's import of the same module.
fn extend(splicer: &mut Splicer<'_>, import: &Import) -> bool {
    if import.names.is_empty()
        || import.alias.is_some()
        || import.names.iter().any(|name| name.name == "default")
    {
        return false;
    }
    let file = splicer.original;
    let Some(own) = top_level_imports(file).into_iter().find(|own| {
        own.module == import.module
            && own.names.iter().any(|name| name.name != "default")
            && own.kind != ImportKind::Reexport
    }) else {
        return false;
    };
    let text = file.slice(own.span);
    let (Some(open), Some(close)) = (text.find('{'), text.find('}')) else {
        return false;
    };
    // Type-only imports take no values, and a statement with two lists is not guessed at.
    let types = TypeNames::of(splicer, import);
    if text.starts_with("import type") != types.all() || text.matches('{').count() > 1 {
        return false;
    }
    let inner = text.get(open + 1..close).unwrap_or_default();
    let content = inner.trim_end();
    let at = own.span.start + open + 1 + content.len();
    let separator = if own.kind == ImportKind::Require {
        ": "
    } else {
        " as "
    };
    let standard = own.kind != ImportKind::Require;
    let marker = |name: &str| {
        if standard && !types.all() && types.has(name) {
            "type "
        } else {
            ""
        }
    };
    let names: Vec<String> = import
        .names
        .iter()
        .map(|name| match &name.alias {
            Some(alias) => format!("{}{}{separator}{alias}", marker(&name.name), name.name),
            None => format!("{}{}", marker(&name.name), name.name),
        })
        .collect();
    let trailing = content.ends_with(',');
    let inserted = if content.contains('\n') {
        let white = crate::style::indentation(content.rsplit('\n').next().unwrap_or_default()).to_owned();
        let newline = splicer.style.newline;
        let lines: Vec<String> = names
            .iter()
            .map(|name| format!("{newline}{white}{name}"))
            .collect();
        format!(
            "{}{}{}",
            if trailing { "" } else { "," },
            lines.join(","),
            if trailing { "," } else { "" }
        )
    } else {
        format!("{} {}", if trailing { "" } else { "," }, names.join(", "))
    };
    splicer.edits.insert_import(at, inserted);
    true
}
