use std::collections::BTreeSet;
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
}

#[derive(Deserialize)]
struct Package {
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
        let metadata = ["metadata", "--no-deps", "--format-version", "1"];
        let text = output_of(root, "cargo", &metadata)?;
        let mut workspace = Self::parse(&text, &root.display().to_string())?;
        let tree = ["tree", "--workspace", "--prefix", "none", "--format", "{p}"];
        workspace.packages = packages(&output_of(root, "cargo", &tree)?);
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
        }
        Ok(workspace)
    }

    /// The room that the package is.
    pub(crate) fn room_of(&self, package: &str) -> Option<&Room> {
        self.rooms.iter().find(|room| room.package == package)
    }
}

/// The names in the lines `name v1.2.3 …` of `cargo tree`. What `cargo metadata` lists is too much: it counts crates
/// that only a feature nobody asks for would bring.
fn packages(tree: &str) -> Vec<String> {
    let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
    tree.lines().filter_map(first).collect()
}

fn building(dependencies: Vec<Dependency>) -> Vec<String> {
    dependencies
        .into_iter()
        .filter(|dependency| dependency.kind.as_deref() != Some("dev"))
        .map(|dependency| dependency.name)
        .collect()
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
            {"name": "tenon-check", "manifest_path": "/r/crates/verify/check/Cargo.toml", "dependencies": [
                {"name": "tenon-change", "kind": null}, {"name": "cc", "kind": "build"}, {"name": "axum", "kind": "dev"}]},
            {"name": "xtask", "manifest_path": "/r/xtask/Cargo.toml", "dependencies": []},
            {"name": "serde", "manifest_path": "/registry/crates/serde/Cargo.toml", "dependencies": []}
        ]}"#;
        let workspace = Workspace::parse(text, "/r").unwrap();
        let room = workspace.room_of("tenon-check").unwrap();
        assert_eq!(
            (workspace.rooms.len(), &*room.floor, &*room.name),
            (1, "verify", "check")
        );
        assert_eq!(room.dependencies, ["tenon-change", "cc"]);
        assert_eq!(
            workspace.used.iter().collect::<Vec<_>>(),
            ["axum", "cc", "tenon-change"]
        );
    }

    #[test]
    fn packages_are_the_first_words_of_the_tree() {
        let tree = "tenon-cli v0.1.0 (/r/crates/interface/cli)\nserde v1.0.229\n\nring v0.17.14\n";
        assert_eq!(packages(tree), ["tenon-cli", "serde", "ring"]);
    }
}
