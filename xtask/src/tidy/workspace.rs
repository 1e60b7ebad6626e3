use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

/// What `cargo metadata` says about the workspace.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    /// The crates below `crates/`.
    pub(crate) rooms: Vec<Room>,
    /// The names of all packages that are built into or for something of ours.
    pub(crate) packages: Vec<String>,
    /// Whatever a crate of ours depends on, tests included.
    pub(crate) used: BTreeSet<String>,
}

/// A crate of ours.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// `change` for `crates/verify/change`.
    pub(crate) name: String,
    /// `verify` for `crates/verify/change`.
    pub(crate) floor: String,
    /// What cargo calls it.
    pub(crate) package: String,
    /// Its manifest, relative to the root, and its text.
    pub(crate) manifest: String,
    pub(crate) manifest_text: String,
    /// The packages it depends on for building and running; those for tests are free.
    pub(crate) dependencies: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

/// A package with those it needs under the features that are switched on.
#[derive(Deserialize)]
struct Node {
    id: String,
    dependencies: Vec<String>,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

impl Workspace {
    pub(crate) fn read(root: &Path) -> Result<Self, String> {
        let platform = host_platform(root)?;
        let text = output_of(
            root,
            "cargo",
            &[
                "metadata",
                "--format-version",
                "1",
                "--filter-platform",
                &platform,
            ],
        )?;
        let mut workspace = Self::parse(&text, &root.display().to_string())?;
        for room in &mut workspace.rooms {
            room.manifest_text = std::fs::read_to_string(root.join(&room.manifest))
                .map_err(|error| format!("cannot read `{}`: {error}", room.manifest))?;
        }
        Ok(workspace)
    }

    fn parse(text: &str, root: &str) -> Result<Self, String> {
        let metadata: Metadata = serde_json::from_str(text)
            .map_err(|error| format!("cannot read what cargo metadata says: {error}"))?;
        let mut workspace = Self::default();
        let reached = reached(&metadata.resolve.nodes, metadata.workspace_members);
        for package in metadata.packages {
            let place = package
                .manifest_path
                .strip_prefix(root)
                .unwrap_or_default()
                .to_owned();
            if !place.is_empty() {
                let dependencies = package.dependencies.iter();
                workspace
                    .used
                    .extend(dependencies.map(|dependency| dependency.name.clone()));
            }
            if let ["", "crates", floor, name, "Cargo.toml"] = place.split('/').collect::<Vec<_>>().as_slice()
            {
                workspace.rooms.push(Room {
                    name: (*name).to_owned(),
                    floor: (*floor).to_owned(),
                    package: package.name.clone(),
                    manifest: place.trim_start_matches('/').to_owned(),
                    manifest_text: String::new(),
                    dependencies: building(package.dependencies),
                });
            }
            if reached.contains(&package.id) {
                workspace.packages.push(package.name);
            }
        }
        Ok(workspace)
    }

    /// The room that the package is.
    pub(crate) fn room_of(&self, package: &str) -> Option<&Room> {
        self.rooms.iter().find(|room| room.package == package)
    }
}

/// The lock file also holds what no feature of ours asks for; only what the members reach is built.
fn reached(nodes: &[Node], members: Vec<String>) -> BTreeSet<String> {
    let needs: BTreeMap<&str, &[String]> = nodes
        .iter()
        .map(|node| (node.id.as_str(), node.dependencies.as_slice()))
        .collect();
    let mut reached = BTreeSet::new();
    let mut waiting = members;
    while let Some(id) = waiting.pop() {
        if reached.insert(id.clone()) {
            waiting.extend_from_slice(needs.get(id.as_str()).copied().unwrap_or_default());
        }
    }
    reached
}

fn building(dependencies: Vec<Dependency>) -> Vec<String> {
    dependencies
        .into_iter()
        .filter(|dependency| dependency.kind.as_deref() != Some("dev"))
        .map(|dependency| dependency.name)
        .collect()
}

fn host_platform(root: &Path) -> Result<String, String> {
    let version = output_of(root, "rustc", &["-vV"])?;
    version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .ok_or_else(|| "`rustc -vV` names no host".to_owned())
}

/// What a program prints; its own words when it fails.
pub(crate) fn output_of(root: &Path, program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root)
        .output()
        .map_err(|error| format!("cannot start `{program}`: {error}"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        return Err(format!(
            "`{program} {}` failed: {}",
            arguments.join(" "),
            words.trim()
        ));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("`{program}` printed something that is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_are_known_by_their_place_and_dependencies_for_tests_are_free() {
        let text = r#"{"packages": [
            {"id": "1", "name": "tenon-check", "manifest_path": "/r/crates/verify/check/Cargo.toml", "dependencies": [
                {"name": "tenon-change", "kind": null}, {"name": "cc", "kind": "build"}, {"name": "axum", "kind": "dev"}]},
            {"id": "2", "name": "xtask", "manifest_path": "/r/xtask/Cargo.toml", "dependencies": []},
            {"id": "3", "name": "serde", "manifest_path": "/registry/crates/serde/Cargo.toml", "dependencies": []},
            {"id": "4", "name": "ring", "manifest_path": "/registry/crates/ring/Cargo.toml", "dependencies": []}
        ], "workspace_members": ["1", "2"], "resolve": {"nodes": [
            {"id": "1", "dependencies": ["3"]}, {"id": "3", "dependencies": ["3"]}, {"id": "4", "dependencies": ["3"]}]}}"#;
        let workspace = Workspace::parse(text, "/r").unwrap();
        let room = workspace.room_of("tenon-check").unwrap();
        assert_eq!(
            (workspace.rooms.len(), &*room.floor, &*room.name),
            (1, "verify", "check")
        );
        assert_eq!(room.dependencies, ["tenon-change", "cc"]);
        assert_eq!(workspace.packages, ["tenon-check", "xtask", "serde"]);
        assert_eq!(
            workspace.used.iter().collect::<Vec<_>>(),
            ["axum", "cc", "tenon-change"]
        );
    }
}
