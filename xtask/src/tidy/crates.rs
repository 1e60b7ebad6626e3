use crate::tidy::Finding;
use crate::tidy::finding::line_of;
use crate::tidy::plan::{CRATES_ONLY_IN, FORBIDDEN_CRATES};
use crate::tidy::workspace::Workspace;

/// Third-party crates stay in the rooms that exist to know them, and some stay out altogether.
pub(crate) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for room in &workspace.rooms {
        for (name, rooms) in CRATES_ONLY_IN {
            if room.dependencies.iter().any(|dependency| dependency == name)
                && !rooms.contains(&room.name.as_str())
            {
                findings.push(Finding::new(
                    &room.manifest,
                    line_of(&room.manifest_text, |line| line.starts_with(name)),
                    format!("`{name}` may be known only to {}", rooms.join(", ")),
                    "do this in one of those rooms, behind a type of ours",
                ));
            }
        }
    }
    for (name, reason) in FORBIDDEN_CRATES {
        if workspace.packages.iter().any(|package| package == name) {
            findings.push(Finding::new(
                "Cargo.lock",
                0,
                format!("`{name}` is in the tree: {reason}"),
                format!("`cargo tree --invert {name}` names who brings it; switch off the feature that does"),
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::workspace::Room;

    fn workspace(name: &str, dependency: &str, package: &str) -> Workspace {
        let room = Room {
            name: name.into(),
            manifest: format!("crates/x/{name}/Cargo.toml"),
            manifest_text: format!("[dependencies]\n{dependency}.workspace = true\n"),
            dependencies: vec![dependency.into()],
            ..Room::default()
        };
        Workspace {
            rooms: vec![room],
            packages: vec![package.into()],
            ..Workspace::default()
        }
    }

    #[test]
    fn a_crate_outside_its_room_is_named_with_its_line() {
        let findings = check(&workspace("engine", "axum", "axum"));
        assert_eq!(findings.len(), 1);
        assert!(
            findings[0]
                .to_string()
                .starts_with("crates/x/engine/Cargo.toml:2: `axum`"),
            "{findings:?}"
        );
        assert_eq!(check(&workspace("server", "axum", "axum")), []);
    }

    #[test]
    fn a_forbidden_crate_is_found_wherever_it_comes_from() {
        let findings = check(&workspace("runtime", "reqwest", "native-tls"));
        assert_eq!(findings.len(), 1);
        assert!(findings[0].message.contains("native-tls"), "{findings:?}");
    }
}
