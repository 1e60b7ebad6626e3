//! Proves that the workspace stands as `ARCHITECTURE.md` draws it. Every rule is a function from plain data to findings.

mod arrows;
mod code;
mod crates;
mod documents;
mod files;
mod finding;
mod machine;
mod names;
mod plan;
mod prompts;
mod sources;
mod workspace;

use std::collections::BTreeSet;
use std::path::Path;

use files::RepositoryFiles;
pub use finding::Finding;
use workspace::Workspace;

/// Everything that is not as drawn, in the order of the files.
///
/// # Errors
/// When the workspace cannot be read at all.
pub fn tidy(root: &Path) -> Result<Vec<Finding>, String> {
    let workspace = Workspace::read(root)?;
    let files = RepositoryFiles::read(root)?;
    let plan = files.text("ARCHITECTURE.md")?;
    let mut findings = Vec::new();
    findings.extend(arrows::check(&workspace));
    findings.extend(crates::check(&workspace));
    findings.extend(documents::check_dependencies(
        &files.text("Cargo.toml")?,
        &files.text("docs/dependencies.md")?,
        &workspace.used,
    )?);
    findings.extend(documents::check_rooms(&workspace, &plan));
    findings.extend(names::check(&files));
    findings.extend(files::check_sizes(&files));
    findings.extend(prompts::check(&files));
    let mut functions = BTreeSet::new();
    for (path, text) in files.texts() {
        findings.extend(machine::check(path, &text));
        if path.starts_with("crates/") && path.ends_with(".rs") {
            findings.extend(sources::check(path, &text));
            functions.extend(documents::functions(&text));
        }
    }
    findings.extend(documents::check_proofs(&plan, &functions));
    findings.sort();
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_repository_is_tidy() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let findings = tidy(root).unwrap();
        let report: String = findings.iter().map(|finding| format!("{finding}\n")).collect();
        assert!(findings.is_empty(), "{report}");
    }
}
