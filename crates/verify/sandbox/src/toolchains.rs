//! Toolchains that live outside the system folders: found, shown read-only, and put on the inner `PATH`.

use std::path::{Path, PathBuf};

/// What of the person's machine is visible inside, and where programs are looked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Toolchains {
    /// Folders shown read-only at their own place.
    mounts: Vec<PathBuf>,
    search_path: Vec<PathBuf>,
    /// Variables that the toolchains need.
    variables: Vec<(String, PathBuf)>,
    /// Read-only parts of an offline crate cache, by name below `CARGO_HOME`.
    crate_caches: Vec<(PathBuf, &'static str)>,
}

/// Folders below the home folder that hold toolchains or offline package caches, and nothing private.
const HOME_FOLDERS: [&str; 11] = [
    ".cargo/bin",
    ".rustup",
    ".pyenv/versions",
    ".nvm/versions",
    ".local/bin",
    ".local/lib",
    ".local/share/uv/python",
    ".local/share/fnm",
    "go",
    "sdk",
    ".m2/repository",
];

const SYSTEM_FOLDERS: [&str; 6] = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt"];

impl Toolchains {
    pub fn discover(home: Option<&Path>, search_path: &[PathBuf], extra: &[PathBuf]) -> Self {
        let mut found = Self {
            mounts: extra.iter().filter(|path| path.exists()).cloned().collect(),
            ..Self::default()
        };
        if let Some(home) = home {
            found.mounts.extend(
                HOME_FOLDERS
                    .iter()
                    .map(|folder| home.join(folder))
                    .filter(|path| path.is_dir()),
            );
            if home.join(".rustup").is_dir() {
                found
                    .variables
                    .push(("RUSTUP_HOME".to_owned(), home.join(".rustup")));
            }
            for part in ["registry", "git"] {
                let cache = home.join(".cargo").join(part);
                if cache.is_dir() {
                    found.crate_caches.push((cache, part));
                }
            }
            // Version managers put shims on the path: scripts that need the manager. The interpreters themselves do not.
            found.search_path.extend(pyenv_binaries(&home.join(".pyenv")));
        }
        for folder in search_path {
            let visible = SYSTEM_FOLDERS
                .iter()
                .map(Path::new)
                .chain(found.mounts.iter().map(PathBuf::as_path));
            if folder.is_dir()
                && visible.into_iter().any(|mount| folder.starts_with(mount))
                && !found.search_path.contains(folder)
            {
                found.search_path.push(folder.clone());
            }
        }
        for folder in ["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from) {
            if !found.search_path.contains(&folder) {
                found.search_path.push(folder);
            }
        }
        found
    }

    pub fn mounts(&self) -> &[PathBuf] {
        &self.mounts
    }

    pub fn search_path(&self) -> &[PathBuf] {
        &self.search_path
    }

    pub fn variables(&self) -> &[(String, PathBuf)] {
        &self.variables
    }

    pub fn crate_caches(&self) -> &[(PathBuf, &'static str)] {
        &self.crate_caches
    }
}

/// The folders of the versions that `pyenv global` names.
fn pyenv_binaries(pyenv: &Path) -> Vec<PathBuf> {
    let names = std::fs::read_to_string(pyenv.join("version")).unwrap_or_default();
    names
        .split_whitespace()
        .filter(|name| !name.contains('/') && *name != "..")
        .map(|name| pyenv.join("versions").join(name).join("bin"))
        .filter(|path| path.is_dir())
        .collect()
}
