//! Readers of manifests: text in, names out. Best effort; what a manifest computes is not followed.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;
use tenon_domain::RepoPath;

/// Whether a file declares dependencies.
pub(crate) fn is_manifest(path: &RepoPath) -> bool {
    let name = path.file_name();
    matches!(
        name,
        "pyproject.toml"
            | "setup.cfg"
            | "setup.py"
            | "Pipfile"
            | "package.json"
            | "Cargo.toml"
            | "go.mod"
            | "pom.xml"
    ) || is_requirements(path)
}

fn is_requirements(path: &RepoPath) -> bool {
    let name = path.file_name();
    let folder = path.folder().rsplit('/').next().unwrap_or("");
    let listed = name.ends_with(".txt") || name.ends_with(".in");
    listed && (name.contains("requirements") || folder == "requirements" || name.starts_with("constraints"))
}

/// PEP 503: lower case, runs of `-_.` become `-`.
pub(crate) fn normalised(name: &str) -> String {
    let mut result = String::with_capacity(name.len());
    for letter in name.trim().chars() {
        if matches!(letter, '-' | '_' | '.') {
            if !result.ends_with('-') {
                result.push('-');
            }
        } else {
            result.extend(letter.to_lowercase());
        }
    }
    result
}

/// The distribution at the start of a requirement such as `requests[socks]>=2; python_version > "3"`.
fn requirement(line: &str) -> Option<String> {
    static NAME: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)").ok());
    let found = NAME.as_ref()?.captures(line)?.get(1)?.as_str();
    Some(normalised(found))
}

/// `requirements.txt`, with `-e` and URLs that carry `#egg=`.
pub(crate) fn requirements(text: &str) -> BTreeSet<String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter_map(|line| match line.split_once("#egg=") {
            Some((_, egg)) => requirement(egg),
            None if line.starts_with('-') || line.contains("://") && !line.contains(" @ ") => None,
            None => requirement(line),
        })
        .collect()
}

/// `pyproject.toml`: PEP 621, PEP 735 groups, poetry, build requirements.
pub(crate) fn pyproject(text: &str) -> BTreeSet<String> {
    let Ok(table) = text.parse::<toml::Table>() else {
        return BTreeSet::new();
    };
    let root = toml::Value::Table(table);
    let at = |path: &[&str]| path.iter().try_fold(&root, |value, key| value.get(key));
    let mut names = BTreeSet::new();
    names.extend(
        at(&["project", "name"])
            .and_then(|name| name.as_str())
            .map(normalised),
    );
    names.extend(
        at(&["tool", "poetry", "name"])
            .and_then(|name| name.as_str())
            .map(normalised),
    );
    for path in [
        &["project", "dependencies"][..],
        &["build-system", "requires"],
        &["tool", "uv", "dev-dependencies"],
    ] {
        names.extend(at(path).map(requirement_list).unwrap_or_default());
    }
    for path in [&["project", "optional-dependencies"][..], &["dependency-groups"]] {
        let groups = at(path).and_then(toml::Value::as_table);
        names.extend(
            groups
                .into_iter()
                .flat_map(|groups| groups.values())
                .flat_map(requirement_list),
        );
    }
    let poetry = [
        &["tool", "poetry", "dependencies"][..],
        &["tool", "poetry", "dev-dependencies"],
    ];
    for path in poetry {
        names.extend(at(path).map(table_keys).unwrap_or_default());
    }
    let groups = at(&["tool", "poetry", "group"]).and_then(toml::Value::as_table);
    for group in groups.into_iter().flat_map(|groups| groups.values()) {
        names.extend(group.get("dependencies").map(table_keys).unwrap_or_default());
    }
    names
}

/// `Pipfile`.
pub(crate) fn pipfile(text: &str) -> BTreeSet<String> {
    let Ok(table) = text.parse::<toml::Table>() else {
        return BTreeSet::new();
    };
    ["packages", "dev-packages"]
        .iter()
        .filter_map(|key| table.get(*key))
        .flat_map(table_keys)
        .collect()
}

fn requirement_list(value: &toml::Value) -> Vec<String> {
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter()
        .filter_map(toml::Value::as_str)
        .filter_map(requirement)
        .collect()
}

fn table_keys(value: &toml::Value) -> Vec<String> {
    let table = value.as_table();
    table
        .into_iter()
        .flat_map(toml::Table::keys)
        .filter(|key| *key != "python")
        .map(|key| normalised(key))
        .collect()
}

/// `setup.cfg`: indented lists below `install_requires` and extras.
pub(crate) fn setup_cfg(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut listing = false;
    let mut extras = false;
    for line in text.lines() {
        if line.starts_with('[') {
            extras = line.starts_with("[options.extras_require]");
            listing = false;
        } else if !line.starts_with([' ', '\t']) {
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            let key = key.trim();
            listing = extras || matches!(key, "install_requires" | "tests_require" | "setup_requires");
            if listing {
                names.extend(requirement(value));
            } else if key == "name" {
                names.insert(normalised(value));
            }
        } else if listing {
            names.extend(requirement(line));
        }
    }
    names
}

/// `setup.py`: the strings in its requirement lists.
pub(crate) fn setup_py(text: &str) -> BTreeSet<String> {
    static STRING: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"["']([A-Za-z0-9][^"'\n]*)["']"#).ok());
    let mut names = BTreeSet::new();
    for mark in [
        "install_requires",
        "tests_require",
        "extras_require",
        "setup_requires",
    ] {
        for (at, _) in text.match_indices(mark) {
            let Some(open) = text
                .get(at..)
                .and_then(|rest| rest.find(['[', '{']))
                .map(|length| at + length)
            else {
                continue;
            };
            let close = crate::examples::literal::closing_bracket(text, open).unwrap_or(open);
            let inside = text.get(open..close).unwrap_or("");
            let strings = STRING.iter().flat_map(|pattern| pattern.captures_iter(inside));
            names.extend(strings.filter_map(|found| requirement(found.get(1)?.as_str())));
        }
    }
    names
}

/// What a `package.json` says.
#[derive(Debug, Default)]
pub(crate) struct PackageJson {
    pub(crate) name: Option<String>,
    pub(crate) dependencies: BTreeSet<String>,
    pub(crate) scripts: Vec<(String, String)>,
}

pub(crate) fn package_json(text: &str) -> Option<PackageJson> {
    let value: serde_json::Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()?;
    let mut dependencies = BTreeSet::new();
    for key in [
        "dependencies",
        "devDependencies",
        "peerDependencies",
        "optionalDependencies",
    ] {
        let table = value.get(key).and_then(serde_json::Value::as_object);
        dependencies.extend(table.into_iter().flat_map(|table| table.keys().cloned()));
    }
    let scripts = value.get("scripts").and_then(serde_json::Value::as_object);
    Some(PackageJson {
        name: value
            .get("name")
            .and_then(|name| name.as_str())
            .map(str::to_owned),
        dependencies,
        scripts: scripts
            .into_iter()
            .flatten()
            .filter_map(|(name, script)| Some((name.clone(), script.as_str()?.to_owned())))
            .collect(),
    })
}

/// What a `Cargo.toml` says; names with `_`.
#[derive(Debug, Default)]
pub(crate) struct Cargo {
    pub(crate) name: Option<String>,
    pub(crate) library: Option<String>,
    pub(crate) dependencies: BTreeSet<String>,
    pub(crate) configures_clippy: bool,
}

pub(crate) fn cargo(text: &str) -> Cargo {
    let Ok(table) = text.parse::<toml::Table>() else {
        return Cargo::default();
    };
    let root = toml::Value::Table(table);
    let at = |path: &[&str]| path.iter().try_fold(&root, |value, key| value.get(key));
    let name = |path: &[&str]| {
        at(path)
            .and_then(|name| name.as_str())
            .map(|name| name.replace('-', "_"))
    };
    let mut dependencies = BTreeSet::new();
    collect_cargo_dependencies(&root, &mut dependencies);
    let targets = at(&["target"]).and_then(toml::Value::as_table);
    for target in targets.into_iter().flat_map(|targets| targets.values()) {
        collect_cargo_dependencies(target, &mut dependencies);
    }
    Cargo {
        name: name(&["package", "name"]),
        library: name(&["lib", "name"]),
        dependencies,
        configures_clippy: at(&["lints", "clippy"]).is_some()
            || at(&["workspace", "lints", "clippy"]).is_some(),
    }
}

fn collect_cargo_dependencies(table: &toml::Value, names: &mut BTreeSet<String>) {
    for key in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let found = table.get(key).and_then(toml::Value::as_table);
        names.extend(
            found
                .into_iter()
                .flat_map(toml::Table::keys)
                .map(|name| name.replace('-', "_")),
        );
    }
}

/// `go.mod`: the module itself and what it requires or replaces.
pub(crate) fn go_mod(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut listing = false;
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or("").trim();
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some("module"), Some(path)) => {
                names.insert(path.trim_matches('"').to_owned());
            }
            (Some("require" | "replace"), Some("(")) => listing = true,
            (Some("require" | "replace"), Some(path)) => {
                names.insert(path.to_owned());
            }
            (Some(")"), _) => listing = false,
            (Some(path), _) if listing => {
                names.insert(path.to_owned());
            }
            _ => {}
        }
    }
    names
}

/// `pom.xml`: every group id.
pub(crate) fn pom_groups(text: &str) -> BTreeSet<String> {
    text.split("<groupId>")
        .skip(1)
        .filter_map(|rest| rest.split("</groupId>").next())
        .map(|group| group.trim().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn python_manifests_of_every_kind_are_read() {
        let text = "# c\nRequests[socks]>=2 ; python_version>'3'\n-r other.txt\n-e git+https://x/y#egg=My_Tool\nruamel.yaml\n";
        assert_eq!(requirements(text), names(&["requests", "my-tool", "ruamel-yaml"]));
        let text = r#"
[project]
name = "mine"
dependencies = ["attrs>=1", "PyYAML"]
[project.optional-dependencies]
dev = ["pytest"]
[dependency-groups]
lint = ["ruff"]
[tool.poetry.dependencies]
python = "^3.10"
httpx = "*"
[tool.poetry.group.test.dependencies]
hypothesis = { version = "*" }
"#;
        assert_eq!(
            pyproject(text),
            names(&["mine", "attrs", "pyyaml", "pytest", "ruff", "httpx", "hypothesis"])
        );
        let text = "[metadata]\nname = a_b\n[options]\ninstall_requires =\n    six\n    flask>2\n[options.extras_require]\nx = lxml\n";
        assert_eq!(setup_cfg(text), names(&["a-b", "six", "flask", "lxml"]));
        let text = "setup(name='x', install_requires=['six>=1', \"click\"], extras_require={'t': ['tox']})";
        assert_eq!(setup_py(text), names(&["six", "click", "t", "tox"]));
    }

    #[test]
    fn other_manifests_are_read() {
        let cargo = cargo(
            "[package]\nname='a-b'\n[dependencies]\nserde-json='1'\n[target.'cfg(unix)'.dependencies]\nlibc='1'\n",
        );
        assert_eq!(cargo.dependencies, names(&["libc", "serde_json"]));
        assert_eq!(cargo.name.as_deref(), Some("a_b"));
        assert_eq!(
            go_mod("module x.y/z\nrequire (\n a.b/c v1 // indirect\n)\nrequire d.e/f v2\n"),
            names(&["x.y/z", "a.b/c", "d.e/f"])
        );
        assert_eq!(
            pom_groups("<groupId> org.junit </groupId>"),
            names(&["org.junit"])
        );
        let package = package_json(r#"{"name":"x","type":"module","dependencies":{"a":"1"},"devDependencies":{"@b/c":"1"},"scripts":{"test":"t"}}"#).unwrap();
        assert_eq!(package.dependencies, names(&["a", "@b/c"]));
        assert!(package_json("{").is_none());
    }

    #[test]
    fn broken_manifests_declare_nothing() {
        assert!(pyproject("[[[").is_empty() && cargo("= =").dependencies.is_empty());
    }
}
