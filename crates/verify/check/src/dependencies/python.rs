//! Python imports.

use std::collections::BTreeSet;

use tenon_domain::{Finding, Severity};
use tenon_syntax::Import;

use super::near::imitated;
use super::{Imports, Touched, Tree, Undeclared, at};
use crate::names::{nearest_name, python_module_names};
use crate::project::{Project, normalised};
use crate::tables::packages::{PYPI, alternative_distributions, distribution_of};
use crate::tables::{python_builtins, python_modules};

pub(super) fn judge(tree: &mut Tree<'_>, file: &Touched<'_>, import: &Import, found: &mut Imports) {
    let optional = is_guarded(file, import);
    if import.relative_level > 0 {
        relative(tree, file, import, optional, found);
        return;
    }
    let top = import.module.split('.').next().unwrap_or(&import.module);
    if let Some(place) = local_place(tree, file, &import.module, top) {
        if let Place::Missing { folder, part } = place {
            if !python_modules::is_standard(top) && !is_declared(tree, top) {
                found
                    .findings
                    .push(missing_module(tree, file, import, &folder, &part, optional));
            }
        } else if let Place::Module(module) = place {
            members(tree, file, import, &module, optional, found);
        }
        return;
    }
    if python_modules::is_standard(top) {
        if python_modules::is_removed(top) && !optional {
            let message = format!("`{top}` is no longer part of Python's standard library (removed by 3.13)");
            found
                .findings
                .push(at(file, import, "removed", Severity::Warning, message, None));
        }
        return;
    }
    if is_declared(tree, top) {
        return;
    }
    found.undeclared.push(Undeclared {
        module: top.to_owned(),
        path: file.change.path.clone(),
        line: import.line,
        optional,
    });
}

/// The finding about a package that is neither local nor declared.
pub(super) fn settled(
    project: &Project,
    import: &Undeclared,
    installed: Option<&BTreeSet<String>>,
) -> Option<Finding> {
    let module = import.module.as_str();
    let distribution = distribution_of(module);
    let manifest = project.declared.python_manifest.as_deref();
    let finding = |rule: &str, severity, message: String, help: Option<String>| Finding {
        rule: format!("dependencies/{rule}"),
        severity,
        path: Some(import.path.clone()),
        line: Some(import.line),
        column: None,
        message,
        help,
        replacements: Vec::new(),
    };
    if installed.is_some_and(|installed| installed.contains(module)) {
        let manifest = manifest?;
        let message = format!("`{module}` is installed but not declared");
        return Some(finding(
            "undeclared",
            Severity::Warning,
            message,
            Some(format!("add `{distribution}` to {manifest}")),
        ));
    }
    let severity = if import.optional {
        Severity::Warning
    } else {
        Severity::Error
    };
    let declared = project.declared.python.iter().map(String::as_str);
    let known = python_modules::common_modules().chain(declared);
    if let Some(nearest) = nearest_name(module, known) {
        let message = format!("`{module}` is neither part of Python, nor declared, nor installed");
        return Some(finding(
            "unknown",
            severity,
            message,
            Some(format!("the nearest known name is `{nearest}`")),
        ));
    }
    if let Some(popular) = imitated(&distribution, PYPI) {
        let message =
            format!("`{module}` is not known and looks like `{popular}`: it may be an imitation of it");
        return Some(finding(
            "typosquat",
            severity,
            message,
            Some(format!("use `{popular}` if that is what is meant")),
        ));
    }
    let message = format!("`{module}` is neither part of Python, nor declared, nor installed");
    let help = if PYPI.binary_search(&distribution.as_str()).is_ok() {
        let place = manifest.unwrap_or("requirements.txt");
        format!("do without it, or add `{distribution}` to {place}")
    } else {
        "do without it: no package of this name is known here".to_owned()
    };
    Some(finding("unknown", severity, message, Some(help)))
}

enum Place {
    /// The file of the module.
    Module(String),
    /// A folder without `__init__.py`, or something that cannot be looked into.
    Opaque,
    /// The first part exists here, a later one does not.
    Missing { folder: String, part: String },
}

/// Where a local module lies; `None` when its first part is not local.
fn local_place(tree: &Tree<'_>, file: &Touched<'_>, module: &str, top: &str) -> Option<Place> {
    let mut missing = None;
    for base in search_path(file) {
        let start = join(&base, top);
        if !is_module(tree, &start) {
            continue;
        }
        match resolve(tree, &base, module) {
            Place::Missing { folder, part } => missing = Some(Place::Missing { folder, part }),
            place => return Some(place),
        }
    }
    if missing.is_some() {
        return missing;
    }
    // A path set by configuration may make any folder a root: good enough to accept, not to judge by.
    let anywhere = [format!("/{top}.py"), format!("/{top}/")];
    let mut paths = tree.project.files.paths().filter(|path| path.ends_with(".py"));
    paths
        .any(|path| anywhere.iter().any(|mark| path.contains(mark.as_str())))
        .then_some(Place::Opaque)
}

/// The folders that are usually on the path, nearest first.
fn search_path(file: &Touched<'_>) -> Vec<String> {
    let mut folders = Vec::new();
    let mut folder = file.change.path.folder();
    loop {
        folders.push(folder.to_owned());
        if folder.is_empty() {
            break;
        }
        folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
    }
    folders.extend(["src", "lib", "python"].map(str::to_owned));
    folders
}

fn resolve(tree: &Tree<'_>, base: &str, module: &str) -> Place {
    let mut folder = base.to_owned();
    for part in module.split('.').filter(|part| !part.is_empty()) {
        let place = join(&folder, part);
        if !is_module(tree, &place) {
            return Place::Missing {
                folder,
                part: part.to_owned(),
            };
        }
        folder = place;
    }
    for candidate in [format!("{folder}.py"), join(&folder, "__init__.py")] {
        if tree.exists(&candidate) {
            return Place::Module(candidate);
        }
    }
    Place::Opaque
}

/// A module may be a file, a folder, a stub, or compiled.
fn is_module(tree: &Tree<'_>, place: &str) -> bool {
    if tree.exists(&format!("{place}.py")) || tree.has_folder(place) || tree.exists(&format!("{place}.pyi")) {
        return true;
    }
    let (folder, name) = place.rsplit_once('/').unwrap_or(("", place));
    let compiled = |extension: &str| {
        extension.ends_with(".so")
            || extension.ends_with(".pyd")
            || extension == ".pyx"
            || extension == ".pyc"
    };
    let Ok(entries) = std::fs::read_dir(tree.project.root().join(folder)) else {
        return false;
    };
    entries.flatten().any(|entry| {
        entry
            .file_name()
            .to_string_lossy()
            .strip_prefix(name)
            .is_some_and(compiled)
    })
}

fn relative(tree: &mut Tree<'_>, file: &Touched<'_>, import: &Import, optional: bool, found: &mut Imports) {
    let mut folder = file.change.path.folder();
    for _ in 1..import.relative_level {
        if folder.is_empty() {
            let message = "the relative import leaves the repository".to_owned();
            found
                .findings
                .push(at(file, import, "relative", Severity::Error, message, None));
            return;
        }
        folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
    }
    let folder = folder.to_owned();
    match resolve(tree, &folder, &import.module) {
        Place::Missing { folder, part } => found
            .findings
            .push(missing_module(tree, file, import, &folder, &part, optional)),
        Place::Module(module) if import.module.is_empty() => {
            // `from . import x`: `x` is a module of the folder or a name of its `__init__`.
            let package = join(&folder, "__init__.py");
            let module = if tree.exists(&package) { package } else { module };
            members(tree, file, import, &module, optional, found);
        }
        Place::Module(module) => members(tree, file, import, &module, optional, found),
        Place::Opaque => {}
    }
}

fn missing_module(
    tree: &Tree<'_>,
    file: &Touched<'_>,
    import: &Import,
    folder: &str,
    part: &str,
    optional: bool,
) -> Finding {
    let siblings = tree.siblings(folder);
    let nearest = nearest_name(part, siblings.iter().map(String::as_str));
    let place = if folder.is_empty() {
        "the repository".to_owned()
    } else {
        format!("`{folder}`")
    };
    let severity = if optional {
        Severity::Warning
    } else {
        Severity::Error
    };
    let help = nearest.map(|nearest| format!("the nearest module there is `{nearest}`"));
    at(
        file,
        import,
        "missing-module",
        severity,
        format!("there is no module `{part}` in {place}"),
        help,
    )
}

/// `from local import name`: the name must exist there.
fn members(
    tree: &mut Tree<'_>,
    file: &Touched<'_>,
    import: &Import,
    module: &str,
    optional: bool,
    found: &mut Imports,
) {
    if import.names.is_empty() || module == file.change.path.as_str() {
        return;
    }
    let Some(source) = tree.parse(module) else {
        return;
    };
    let Some(names) = python_module_names(&source) else {
        return;
    };
    let folder = module.strip_suffix("/__init__.py").unwrap_or(module);
    for imported in &import.names {
        let name = imported.name.as_str();
        let is_submodule = folder != module && is_module(tree, &join(folder, name));
        if names.contains(&name) || python_builtins::is_module_attribute(name) || is_submodule {
            continue;
        }
        let severity = if optional {
            Severity::Warning
        } else {
            Severity::Error
        };
        let help = nearest_name(name, names.iter().copied())
            .map(|nearest| format!("the nearest name there is `{nearest}`"));
        let message = format!("`{module}` has no `{name}`");
        found
            .findings
            .push(at(file, import, "missing-member", severity, message, help));
    }
}

fn is_declared(tree: &Tree<'_>, top: &str) -> bool {
    let declared = &tree.declared.python;
    declared.contains(&distribution_of(top))
        || declared.contains(&normalised(top))
        || alternative_distributions(top).iter().any(|name| declared.contains(*name))
        // `google.cloud.x`, `azure.x`, `zope.x`: namespaces of many distributions.
        || declared.iter().any(|name| name.strip_prefix(top).is_some_and(|rest| rest.starts_with('-')))
        // `python-foo`, `foo-python`, `pyfoo` commonly provide `foo`.
        || [format!("python-{top}"), format!("{top}-python"), format!("py{top}"), format!("py-{top}")].iter().any(|name| declared.contains(&normalised(name)))
}

/// Inside `try` with a handler for failed imports.
fn is_guarded(file: &Touched<'_>, import: &Import) -> bool {
    let root = file.after.tree().root_node();
    let Some(mut node) = root.descendant_for_byte_range(import.span.start, import.span.end) else {
        return false;
    };
    while let Some(parent) = node.parent() {
        if parent.kind() == "try_statement" {
            let text = file.after.text().get(parent.byte_range()).unwrap_or("");
            return text.contains("ImportError")
                || text.contains("ModuleNotFoundError")
                || text.contains("except Exception")
                || text.contains("except:");
        }
        node = parent;
    }
    false
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}
