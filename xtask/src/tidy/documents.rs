use std::collections::BTreeSet;

use crate::tidy::Finding;
use crate::tidy::code::is_name;
use crate::tidy::finding::line_of;
use crate::tidy::workspace::Workspace;

/// Every third-party crate of the workspace is used and has a line that says why, and no line outlives its crate.
pub(crate) fn check_dependencies(
    manifest: &str,
    document: &str,
    used: &BTreeSet<String>,
) -> Result<Vec<Finding>, String> {
    const DOCUMENT: &str = "docs/dependencies.md";
    let table: toml::Table = manifest
        .parse()
        .map_err(|error| format!("cannot read `Cargo.toml`: {error}"))?;
    let declared: BTreeSet<&str> = table
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies")?.as_table())
        .into_iter()
        .flat_map(toml::Table::keys)
        .map(String::as_str)
        .filter(|name| !name.starts_with("tenon-"))
        .collect();
    let explained = explained(document);
    let mut findings = Vec::new();
    for name in declared
        .iter()
        .filter(|name| !explained.iter().any(|(_, known)| known == *name))
    {
        let line = line_of(manifest, |line| line.starts_with(&format!("{name} =")));
        let message = format!("nothing says why `{name}` is here");
        findings.push(Finding::new(
            "Cargo.toml",
            line,
            message,
            format!("add a row for it to {DOCUMENT}, or do without it"),
        ));
    }
    for name in declared.iter().filter(|name| !used.contains(**name)) {
        let line = line_of(manifest, |line| line.starts_with(&format!("{name} =")));
        let message = format!("no crate of ours uses `{name}`");
        findings.push(Finding::new(
            "Cargo.toml",
            line,
            message,
            "delete the line, and its row in the document",
        ));
    }
    for (line, name) in explained
        .iter()
        .filter(|(_, name)| !declared.contains(name.as_str()))
    {
        let message = format!("`{name}` is no dependency of the workspace");
        findings.push(Finding::new(
            DOCUMENT,
            *line,
            message,
            "delete the row, or mend the name",
        ));
    }
    Ok(findings)
}

/// The crates in the first column of the tables, each with its line.
fn explained(document: &str) -> Vec<(usize, String)> {
    let mut names = Vec::new();
    for (index, line) in document.lines().enumerate() {
        let Some(cell) = line.strip_prefix('|').and_then(|row| row.split('|').next()) else {
            continue;
        };
        if cell.trim() == "crate" || cell.trim().starts_with("---") {
            continue;
        }
        let cell = cell.replace('`', "");
        names.extend(cell.split(',').map(|name| (index + 1, name.trim().to_owned())));
    }
    names
}

/// Every test that the plan names as a proof exists.
pub(crate) fn check_proofs(plan: &str, functions: &BTreeSet<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in plan.lines().enumerate() {
        // Names of tests are sentences; other names in the plan have fewer words.
        let quoted = line.split('`').skip(1).step_by(2);
        for name in quoted.filter(|name| name.matches('_').count() >= 2 && name.chars().all(is_name)) {
            if !functions.contains(name) {
                let message = format!("there is no test `{name}`");
                findings.push(Finding::new(
                    "ARCHITECTURE.md",
                    index + 1,
                    message,
                    "name the test that proves the line, or write it",
                ));
            }
        }
    }
    findings
}

/// The functions that a file of Rust defines.
pub(crate) fn functions(text: &str) -> impl Iterator<Item = String> {
    text.split("fn ")
        .skip(1)
        .map(|rest| rest.chars().take_while(|character| is_name(*character)).collect())
}

/// Every room that is built has a line in the plan.
pub(crate) fn check_rooms(workspace: &Workspace, plan: &str) -> Vec<Finding> {
    let described = |name: &str| {
        plan.lines()
            .any(|line| line.split_whitespace().next() == Some(name))
    };
    workspace
        .rooms
        .iter()
        .filter(|room| !described(&room.name))
        .map(|room| {
            let message = format!("the room `{}` is not in ARCHITECTURE.md", room.name);
            Finding::new(&room.manifest, 0, message, "say under \"Rooms\" what it is for")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::workspace::Room;

    const MANIFEST: &str =
        "[workspace.dependencies]\ntenon-domain = { path = \"x\" }\nserde = \"1\"\nregex = \"1\"\n";

    #[test]
    fn a_crate_without_a_reason_and_a_reason_without_a_crate_are_named() {
        let document = "# Dependencies\n\n| crate | why |\n|---|---|\n| serde, `gone` | data |\n";
        let used = ["serde".to_owned()].into();
        let findings = check_dependencies(MANIFEST, document, &used).unwrap();
        let said: Vec<String> = findings
            .iter()
            .map(|finding| format!("{}:{} {}", finding.path, finding.line, finding.message))
            .collect();
        assert_eq!(
            said,
            [
                "Cargo.toml:4 nothing says why `regex` is here",
                "Cargo.toml:4 no crate of ours uses `regex`",
                "docs/dependencies.md:5 `gone` is no dependency of the workspace",
            ]
        );
        let whole = "| crate | why |\n|---|---|\n| serde, regex | data |\n";
        let used = ["serde".to_owned(), "regex".to_owned()].into();
        assert_eq!(check_dependencies(MANIFEST, whole, &used).unwrap(), []);
    }

    #[test]
    fn a_proof_that_does_not_exist_is_named() {
        let functions: BTreeSet<String> =
            functions("#[test]\nfn it_holds_always() {}\nasync fn b<'a>() {}").collect();
        assert_eq!(functions.iter().collect::<Vec<_>>(), ["b", "it_holds_always"]);
        let plan = "1. It holds: `it_holds_always` (`tenon_check`),\n`it_also_shines` (`a b_c_d`).";
        let said: Vec<String> = check_proofs(plan, &functions)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(
            said[0].starts_with("ARCHITECTURE.md:2: there is no test `it_also_shines`"),
            "{said:?}"
        );
    }

    #[test]
    fn a_room_that_is_not_in_the_plan_is_named() {
        let room = Room {
            name: "attic".into(),
            manifest: "crates/x/attic/Cargo.toml".into(),
            ..Room::default()
        };
        let workspace = Workspace {
            rooms: vec![room],
            ..Workspace::default()
        };
        assert_eq!(check_rooms(&workspace, "    domain    words\n").len(), 1);
        assert_eq!(check_rooms(&workspace, "    attic     what nobody needs\n"), []);
    }
}
