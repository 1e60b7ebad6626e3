use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;

/// The environment variables that settings are read from: the process's own, or a test's.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
}

impl Environment {
    /// The variables of this process. The one place that reads them.
    ///
    /// `HOME` is filled in from the user database where it is not set.
    pub fn from_process() -> Self {
        let mut variables: BTreeMap<_, _> = std::env::vars_os().collect();
        if let Some(home) = std::env::home_dir() {
            variables
                .entry("HOME".into())
                .or_insert_with(|| home.into_os_string());
        }
        Self { variables }
    }

    /// These variables and no others.
    pub fn of<N: Into<OsString>, V: Into<OsString>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Self { variables }
    }

    /// A variable's value; a variable that is set to nothing counts as not set.
    pub(crate) fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }

    /// An absolute path; as the XDG rules have it, a relative one does not count.
    pub(crate) fn absolute_path(&self, name: &str) -> Option<PathBuf> {
        self.get(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    }

    /// Tenon's folder below an XDG base folder.
    pub(crate) fn base_folder(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        let base = self
            .absolute_path(variable)
            .or_else(|| Some(self.absolute_path("HOME")?.join(below_home)));
        Some(base?.join("tenon"))
    }

    /// The folders of a `PATH`-like variable. Relative ones would depend on where Tenon is started, and are left out.
    pub(crate) fn folders(&self, name: &str) -> Vec<PathBuf> {
        let value = self.get(name).unwrap_or_default();
        std::env::split_paths(value)
            .filter(|path| path.is_absolute())
            .collect()
    }

    /// The names that start with `prefix` and have a value, as text.
    pub(crate) fn names_with_prefix(&self, prefix: &str) -> impl Iterator<Item = String> {
        self.variables
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, _)| name.to_string_lossy().into_owned())
            .filter(move |name| name.starts_with(prefix))
    }
}

impl fmt::Debug for Environment {
    /// Names only: values may be credentials.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.variables.keys()).finish()
    }
}
