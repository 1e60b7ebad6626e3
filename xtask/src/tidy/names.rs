use std::collections::BTreeSet;

use crate::tidy::Finding;
use crate::tidy::files::RepositoryFiles;
use crate::tidy::plan::FORBIDDEN_NAMES;

/// No crate, folder or module has a name that could hold anything, and none is a `mod.rs`.
pub(crate) fn check(files: &RepositoryFiles) -> Vec<Finding> {
    let mut found = BTreeSet::new();
    for path in files
        .paths()
        .filter(|path| path.ends_with(".rs") || path.ends_with("Cargo.toml"))
    {
        // Sample repositories and what tests feed to parsers are not ours to name.
        if !path.starts_with("crates/") && !path.starts_with("xtask/") || path.contains("/samples/") {
            continue;
        }
        for part in path.trim_end_matches(".rs").split('/') {
            if FORBIDDEN_NAMES.contains(&part) {
                found.insert((path, part));
            }
        }
        // What several test programs share must lie in a folder, or cargo takes it for a test program.
        if path.ends_with("/mod.rs") && !path.contains("/tests/") {
            found.insert((path, "mod"));
        }
    }
    found
        .into_iter()
        .map(|(path, name)| {
            let mend = match name {
                "mod" => "put it beside its folder: `foo.rs` and `foo/`",
                _ => "name it after what it knows or does",
            };
            Finding::new(
                path,
                0,
                format!("`{name}` is no name for a module, file or crate"),
                mend,
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_say_nothing_are_refused() {
        let paths = [
            "crates/foundation/core/Cargo.toml",
            "crates/verify/check/src/utils/strings.rs",
            "crates/verify/check/tests/common/mod.rs",
            "crates/verify/check/tests/room/mod.rs",
            "crates/verify/check/src/room/mod.rs",
            "crates/verify/check/src/manager.rs",
            "crates/verify/check/src/score.rs",
            "crates/verify/check/tests/samples/utils.rs",
            "examples/shop/src/utils.rs",
            "xtask/src/helpers.rs",
        ];
        let findings = check(&RepositoryFiles::of(paths.map(|path| (path, 1))));
        let said: Vec<String> = findings
            .iter()
            .map(|finding| format!("{} {}", finding.path, finding.message))
            .collect();
        assert_eq!(said.len(), 6, "{said:#?}");
        assert!(
            said.iter()
                .all(|said| !said.contains("score") && !said.contains("samples") && !said.contains("shop"))
        );
    }
}
