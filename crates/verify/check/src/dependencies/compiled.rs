//! Rust, Go and Java: the compiler has the last word; here only what is certain beforehand.

use tenon_domain::Severity;
use tenon_syntax::Import;

use super::near::imitated;
use super::{Imports, Touched, Tree, at};
use crate::names::nearest_name;
use crate::project::Declared;
use crate::tables::packages::{CRATES, GO_STANDARD};

pub(super) fn judge_rust(tree: &Tree<'_>, file: &Touched<'_>, import: &Import, found: &mut Imports) {
    let module = import.module.trim_start_matches("::").trim_start_matches("r#");
    let first = match module.split("::").next() {
        Some(first) if !first.is_empty() => first,
        _ => return,
    };
    if matches!(
        first,
        "crate" | "self" | "super" | "Self" | "std" | "core" | "alloc" | "proc_macro" | "test"
    ) {
        return;
    }
    let Some((folder, declared)) = Declared::governing(&tree.declared.rust, &file.change.path) else {
        return;
    };
    let symbols = file.after.symbols();
    let local = symbols.iter().any(|symbol| symbol.name == first)
        || file.after.imports().iter().filter(|other| other.span != import.span).any(|other| other.bound_names().contains(&first))
        || is_module_of_crate(tree, folder, first)
        // Macros define what no syntax tree shows.
        || file.after.text().contains("macro_rules!")
        || first.starts_with(|letter: char| letter.is_uppercase());
    // The library of a package may have another name than the package: `redox_syscall` is `syscall`.
    let is_declared = declared.iter().any(|name| name == first || name.contains(first));
    if local || is_declared || may_be_defined_elsewhere(file, import) {
        return;
    }
    let help = match (
        nearest_name(first, declared.iter().map(String::as_str)),
        imitated(first, CRATES),
    ) {
        (Some(nearest), _) => format!("the nearest declared crate is `{nearest}`"),
        (None, Some(popular)) => format!("it looks like `{popular}`, which is not declared either"),
        (None, None) if CRATES.binary_search(&first).is_ok() => format!(
            "do without it, or add `{}` to Cargo.toml",
            first.replace('_', "-")
        ),
        (None, None) => "do without it: no crate of this name is known here".to_owned(),
    };
    let message = format!("the crate `{first}` is not declared in Cargo.toml");
    found
        .findings
        .push(at(file, import, "unknown", Severity::Error, message, Some(help)));
}

/// A bare item, or a file with glob imports: the name may come from where no manifest says. Cargo will tell.
fn may_be_defined_elsewhere(file: &Touched<'_>, import: &Import) -> bool {
    let is_bare = !import.module.contains("::") && import.names.is_empty();
    is_bare
        || file.after.imports().iter().any(|import| import.wildcard)
        || file.after.text().contains("extern crate")
}

fn is_module_of_crate(tree: &Tree<'_>, folder: &str, name: &str) -> bool {
    let prefix = if folder.is_empty() {
        String::new()
    } else {
        format!("{folder}/")
    };
    let file = format!("{name}.rs");
    let changed = tree
        .change
        .files
        .iter()
        .filter(|file| file.after.is_some())
        .map(|file| file.path.as_str());
    tree.project
        .files
        .paths()
        .chain(changed)
        .filter_map(|path| path.strip_prefix(prefix.as_str()))
        .any(|path| {
            path.rsplit('/').next() == Some(file.as_str()) || path.split('/').any(|part| part == name)
        })
}

pub(super) fn judge_go(tree: &Tree<'_>, file: &Touched<'_>, import: &Import, found: &mut Imports) {
    let module = import.module.as_str();
    let first = module.split('/').next().unwrap_or(module);
    if tree.declared.go.is_empty() || (!first.contains('.') && GO_STANDARD.binary_search(&first).is_ok()) {
        return;
    }
    let covered = |declared: &String| {
        module == declared
            || module
                .strip_prefix(declared.as_str())
                .is_some_and(|rest| rest.starts_with('/'))
    };
    if tree.declared.go.iter().any(covered) {
        return;
    }
    let (message, help) = if first.contains('.') {
        (
            format!("`{module}` is not required in go.mod"),
            nearest_name(module, tree.declared.go.iter().map(String::as_str)),
        )
    } else {
        (
            format!("`{module}` is not part of Go's standard library"),
            nearest_name(first, GO_STANDARD.iter().copied()),
        )
    };
    let help = help.map(|nearest| format!("the nearest known name is `{nearest}`"));
    found
        .findings
        .push(at(file, import, "unknown", Severity::Error, message, help));
}

pub(super) fn judge_java(tree: &Tree<'_>, file: &Touched<'_>, import: &Import, found: &mut Imports) {
    let module = import.module.as_str();
    let platform = [
        "java.",
        "javax.",
        "jdk.",
        "sun.",
        "org.w3c.",
        "org.xml.",
        "org.ietf.",
    ];
    let dotted = format!("{module}.");
    if platform.iter().any(|prefix| dotted.starts_with(prefix)) || tree.declared.java_groups.is_empty() {
        return;
    }
    let folder = format!("{}/", module.replace('.', "/"));
    let changed = tree.change.files.iter().map(|file| file.path.as_str());
    let local = tree
        .project
        .files
        .paths()
        .chain(changed)
        .any(|path| path.ends_with(".java") && path.contains(&folder));
    let head = |name: &str| name.split('.').take(2).collect::<Vec<_>>().join(".");
    // Group ids and packages agree by convention only.
    if local
        || tree
            .declared
            .java_groups
            .iter()
            .any(|group| head(group) == head(module))
    {
        return;
    }
    let message = format!("no dependency in pom.xml seems to provide `{module}`");
    found
        .findings
        .push(at(file, import, "unknown", Severity::Warning, message, None));
}
