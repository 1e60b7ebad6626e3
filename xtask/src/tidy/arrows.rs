use crate::tidy::Finding;
use crate::tidy::finding::line_of;
use crate::tidy::plan::{EXCEPTIONS, KNOWN_ONLY_TO, KNOWN_TO_ALL, STOREYS, storey};
use crate::tidy::workspace::{Room, Workspace};

/// Every arrow between rooms goes the way the plan draws it.
pub(crate) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for room in &workspace.rooms {
        findings.extend(check_place(room));
        for dependency in &room.dependencies {
            let known = workspace.room_of(dependency);
            if let Some(reason) = known.and_then(|known| refusal(room, known)) {
                findings.push(Finding::new(
                    &room.manifest,
                    line_of(&room.manifest_text, |line| line.starts_with(dependency)),
                    format!("`{}` may not know `{dependency}`: {reason}", room.package),
                    "move what both need to a lower room or into the words of `domain`, pass it in from above, or draw the \
                     arrow in ARCHITECTURE.md with its reason and in xtask/src/tidy/plan.rs",
                ));
            }
        }
    }
    findings
}

fn check_place(room: &Room) -> Vec<Finding> {
    let mut findings = Vec::new();
    if storey(&room.floor).is_none() {
        findings.push(Finding::new(
            &room.manifest,
            0,
            format!("there is no floor `{}` in the plan", room.floor),
            format!("the floors are {}", STOREYS.concat().join(", ")),
        ));
    }
    if room.package != format!("tenon-{}", room.name) {
        findings.push(Finding::new(
            &room.manifest,
            line_of(&room.manifest_text, |line| line.starts_with("name")),
            format!(
                "the crate of the room `{}` is called `{}`",
                room.name, room.package
            ),
            format!("call it `tenon-{}`", room.name),
        ));
    }
    findings
}

fn refusal(from: &Room, to: &Room) -> Option<String> {
    if let Some((_, allowed)) = KNOWN_ONLY_TO.iter().find(|(name, _)| *name == to.name)
        && !allowed.contains(&from.name.as_str())
        && !EXCEPTIONS.contains(&(&from.name, &to.name))
    {
        return Some(match allowed {
            [] => format!("`{}` is for tests, and belongs under [dev-dependencies]", to.name),
            allowed => format!("only {} may", allowed.join(", ")),
        });
    }
    if KNOWN_TO_ALL.contains(&to.name.as_str()) || EXCEPTIONS.contains(&(&from.name, &to.name)) {
        return None;
    }
    match (storey(&from.floor), storey(&to.floor)) {
        (Some(higher), Some(lower)) if higher > lower => None,
        _ if from.floor == to.floor => Some("rooms on one floor do not know each other".to_owned()),
        _ => Some(format!("arrows do not go from {} to {}", from.floor, to.floor)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(place: &str, dependencies: &[&str]) -> Room {
        let (floor, name) = place.split_once('/').unwrap();
        let lines: String = dependencies
            .iter()
            .map(|name| format!("{name}.workspace = true\n"))
            .collect();
        Room {
            name: name.into(),
            floor: floor.into(),
            package: format!("tenon-{name}"),
            manifest: format!("crates/{place}/Cargo.toml"),
            manifest_text: format!("[dependencies]\n{lines}"),
            dependencies: dependencies.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    /// What is said when `from` depends on `to`.
    fn said(from: &str, to: &str) -> Vec<String> {
        let target = format!("tenon-{}", to.split_once('/').unwrap().1);
        let rooms = vec![room(from, &["serde", &target]), room(to, &[])];
        let workspace = Workspace {
            rooms,
            ..Workspace::default()
        };
        check(&workspace).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn arrows_that_are_drawn_are_silent() {
        for (from, to) in [
            ("foundation/config", "foundation/domain"),
            ("verify/check", "verify/sandbox"),
            ("models/llama", "models/runtime"),
            ("execution/engine", "prompts/template"),
            ("interface/cli", "models/llama"),
            ("interface/eval", "execution/engine"),
            ("foundation/testkit", "models/runtime"),
        ] {
            assert_eq!(said(from, to), [""; 0], "{from} -> {to}");
        }
    }

    #[test]
    fn arrows_that_are_not_drawn_are_named_with_file_and_line() {
        for (from, to, reason) in [
            (
                "prompts/context",
                "prompts/template",
                "rooms on one floor do not know each other",
            ),
            (
                "verify/sandbox",
                "verify/check",
                "rooms on one floor do not know each other",
            ),
            (
                "prompts/template",
                "models/runtime",
                "arrows do not go from prompts to models",
            ),
            (
                "foundation/domain",
                "verify/change",
                "arrows do not go from foundation to verify",
            ),
            (
                "execution/engine",
                "interface/cli",
                "arrows do not go from execution to interface",
            ),
            ("execution/engine", "models/llama", "only cli may"),
            ("interface/server", "models/remote", "only cli may"),
            (
                "execution/engine",
                "foundation/testkit",
                "belongs under [dev-dependencies]",
            ),
        ] {
            let said = said(from, to);
            assert_eq!(said.len(), 1, "{from} -> {to}: {said:?}");
            assert!(
                said[0].starts_with(&format!("crates/{from}/Cargo.toml:3: ")),
                "{said:?}"
            );
            assert!(said[0].contains(reason), "{said:?}");
        }
    }

    #[test]
    fn a_floor_or_a_name_that_is_not_in_the_plan_is_named() {
        let mut attic = room("attic/box", &[]);
        attic.package = "the-box".into();
        let findings = check(&Workspace {
            rooms: vec![attic],
            ..Workspace::default()
        });
        assert_eq!(findings.len(), 2, "{findings:?}");
    }
}
