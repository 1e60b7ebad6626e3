//! JavaScript and TypeScript imports.

use tenon_domain::{Finding, Severity};
use tenon_syntax::{Import, ImportKind};

use super::near::imitated;
use super::{Imports, Touched, Tree, at};
use crate::names::{exported_names, nearest_name};
use crate::project::{Declared, read_text};
use crate::tables::packages::{NODE_BUILTINS, NPM};

pub(super) fn judge(tree: &mut Tree<'_>, file: &Touched<'_>, import: &Import, found: &mut Imports) {
    let specifier = import.module.split(['?', '#']).next().unwrap_or("");
    if import.module.starts_with('.') {
        relative(tree, file, import, specifier, found);
        return;
    }
    if let Some(mut finding) = package(tree, file, import, &import.module) {
        if is_guarded(file, import) {
            finding.severity = Severity::Warning;
        }
        found.findings.push(finding);
    }
}

/// `try { require("x") } catch {}`: the author knows that it may be missing.
fn is_guarded(file: &Touched<'_>, import: &Import) -> bool {
    let root = file.after.tree().root_node();
    let mut node = root.descendant_for_byte_range(import.span.start, import.span.end);
    while let Some(current) = node {
        if current.kind() == "try_statement" {
            return true;
        }
        node = current.parent();
    }
    false
}

fn relative(tree: &mut Tree<'_>, file: &Touched<'_>, import: &Import, specifier: &str, found: &mut Imports) {
    let Some(place) = join(file.change.path.folder(), specifier) else {
        return;
    };
    let Some(target) = candidates(&place)
        .into_iter()
        .find(|candidate| tree.exists(candidate))
    else {
        // Bundlers resolve styles, images and the like by rules of their own.
        let other = specifier
            .rsplit('/')
            .next()
            .and_then(|name| name.rsplit_once('.'))
            .is_some_and(|(_, extension)| {
                !matches!(
                    extension,
                    "js" | "mjs" | "cjs" | "jsx" | "ts" | "mts" | "cts" | "tsx" | "json"
                ) && extension.len() <= 5
            });
        if !other && !tree.has_folder(&place) {
            let (folder, name) = place.rsplit_once('/').unwrap_or(("", &place));
            let stem = name.split('.').next().unwrap_or(name);
            let siblings = tree.siblings(folder);
            let help = nearest_name(stem, siblings.iter().map(String::as_str))
                .map(|nearest| format!("the nearest file there is `{nearest}`"));
            let message = format!("there is no file for `{specifier}`");
            found
                .findings
                .push(at(file, import, "missing-module", Severity::Error, message, help));
        }
        return;
    };
    if import.kind == ImportKind::Require || import.names.is_empty() || target == file.change.path.as_str() {
        return;
    }
    let Some(names) = tree.parse(&target).and_then(|source| exported_names(&source)) else {
        return;
    };
    for imported in &import.names {
        if names.contains(&imported.name) {
            continue;
        }
        let help = nearest_name(&imported.name, names.iter().map(String::as_str))
            .map(|nearest| format!("the nearest export there is `{nearest}`"));
        let message = if imported.name == "default" {
            format!("`{target}` has no default export")
        } else {
            format!("`{target}` does not export `{}`", imported.name)
        };
        found
            .findings
            .push(at(file, import, "missing-member", Severity::Error, message, help));
    }
}

/// What a specifier may stand for, in the order in which it is looked up.
fn candidates(place: &str) -> Vec<String> {
    const EXTENSIONS: [&str; 9] = ["js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "json"];
    let mut found = vec![place.to_owned()];
    // TypeScript names the file that will be emitted.
    for (emitted, sources) in [
        (".js", &[".ts", ".tsx", ".jsx"][..]),
        (".mjs", &[".mts"]),
        (".cjs", &[".cts"]),
        (".jsx", &[".tsx"]),
    ] {
        if let Some(stem) = place.strip_suffix(emitted) {
            found.extend(sources.iter().map(|source| format!("{stem}{source}")));
        }
    }
    found.extend(EXTENSIONS.iter().map(|extension| format!("{place}.{extension}")));
    found.push(format!("{place}.d.ts"));
    let inside = if place.is_empty() {
        String::new()
    } else {
        format!("{place}/")
    };
    found.extend(
        EXTENSIONS
            .iter()
            .map(|extension| format!("{inside}index.{extension}")),
    );
    // Its `main` may be anywhere; that it names something is its author's business.
    found.push(format!("{inside}package.json"));
    found
}

fn package(tree: &Tree<'_>, file: &Touched<'_>, import: &Import, specifier: &str) -> Option<Finding> {
    if let Some(builtin) = specifier.strip_prefix("node:") {
        let top = builtin.split('/').next().unwrap_or(builtin);
        if NODE_BUILTINS.binary_search(&top).is_ok() {
            return None;
        }
        let help = nearest_name(top, NODE_BUILTINS.iter().copied())
            .map(|nearest| format!("the nearest is `node:{nearest}`"));
        return Some(at(
            file,
            import,
            "unknown",
            Severity::Error,
            format!("Node.js has no module `{specifier}`"),
            help,
        ));
    }
    let aliased = specifier.is_empty()
        || specifier.contains(':')
        || specifier.starts_with(['#', '~', '$', '/'])
        || specifier.starts_with("@/");
    if aliased {
        return None;
    }
    let mut parts = specifier.split('/');
    let first = parts.next()?;
    let name = if first.starts_with('@') {
        format!("{first}/{}", parts.next()?)
    } else {
        first.to_owned()
    };
    if NODE_BUILTINS.binary_search(&first).is_ok()
        || tree.declared.node_own.contains(&name)
        || is_declared(tree, file, &name)
    {
        return None;
    }
    if is_mapped(tree, first) {
        return None;
    }
    if is_installed(tree, file, &name) {
        let help = Some(format!("add `{name}` to package.json"));
        return Some(at(
            file,
            import,
            "undeclared",
            Severity::Warning,
            format!("`{name}` is installed but not declared"),
            help,
        ));
    }
    if let Some(popular) = imitated(&name, NPM) {
        let message =
            format!("`{name}` is not declared and looks like `{popular}`: it may be an imitation of it");
        return Some(at(
            file,
            import,
            "typosquat",
            Severity::Error,
            message,
            Some(format!("use `{popular}` if that is what is meant")),
        ));
    }
    let declared = tree.declared.node.values().flatten().map(String::as_str);
    let help = match nearest_name(&name, declared.chain(NODE_BUILTINS.iter().copied())) {
        Some(nearest) => format!("the nearest known name is `{nearest}`"),
        None if NPM.binary_search(&name.as_str()).is_ok() => {
            format!("do without it, or add `{name}` to package.json")
        }
        None => "do without it: no package of this name is known here".to_owned(),
    };
    Some(at(
        file,
        import,
        "unknown",
        Severity::Error,
        format!("`{name}` is neither declared nor installed"),
        Some(help),
    ))
}

fn is_declared(tree: &Tree<'_>, file: &Touched<'_>, name: &str) -> bool {
    let types = format!("@types/{}", name.trim_start_matches('@').replace('/', "__"));
    let root = tree.declared.node.get("");
    let nearest = Declared::governing(&tree.declared.node, &file.change.path).map(|(_, names)| names);
    [root, nearest]
        .into_iter()
        .flatten()
        .any(|names| names.contains(name) || names.contains(&types))
}

/// `paths` and `baseUrl` of the TypeScript configuration, and folders that bundlers treat as roots.
fn is_mapped(tree: &Tree<'_>, first: &str) -> bool {
    let configured = ["tsconfig.json", "jsconfig.json", "tsconfig.base.json"]
        .iter()
        .filter_map(|name| read_text(tree.project.root(), name))
        .any(|text| {
            text.contains(&format!("\"{first}/"))
                || text.contains(&format!("\"{first}\""))
                || (text.contains("\"baseUrl\"")
                    && (tree.has_folder(first) || tree.has_folder(&format!("src/{first}"))))
        });
    configured
        || ["vite.config.js", "vite.config.ts", "webpack.config.js"]
            .iter()
            .any(|name| {
                read_text(tree.project.root(), name)
                    .is_some_and(|text| text.contains("alias") && text.contains(first))
            })
}

fn is_installed(tree: &Tree<'_>, file: &Touched<'_>, name: &str) -> bool {
    let mut folder = file.change.path.folder();
    loop {
        if tree
            .project
            .root()
            .join(folder)
            .join("node_modules")
            .join(name)
            .is_dir()
        {
            return true;
        }
        if folder.is_empty() {
            return false;
        }
        folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
    }
}

/// `folder/specifier` without `.` and `..`; `None` when it leaves the repository.
fn join(folder: &str, specifier: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in specifier.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
