use std::path::PathBuf;

use crate::Origin;

/// Why there are no settings. Every variant names the place, and the key where there is one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A file is there but cannot be read.
    #[error("cannot read `{}`: {reason}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file is not TOML.
    #[error("{origin}: not valid TOML: {reason}")]
    Syntax {
        /// The line.
        origin: Origin,
        /// What the parser says.
        reason: String,
    },
    /// A key or variable that does not exist.
    #[error("{origin}: there is no setting `{key}`{}", suggestion(.nearest.as_deref()))]
    Unknown {
        /// Where it is stated.
        origin: Origin,
        /// The key, with the tables above it.
        key: String,
        /// The setting that was probably meant.
        nearest: Option<String>,
    },
    /// A value that cannot be used.
    #[error("{} {reason}", stated(.origin, .key))]
    Value {
        /// Where it is stated.
        origin: Origin,
        /// The key, with the tables above it.
        key: String,
        /// What is wrong, and what is accepted.
        reason: String,
    },
    /// A repository states what only its user may.
    #[error(
        "{origin}: a repository may not set `{key}`: {reason}; put it in your own configuration file, or remove the line"
    )]
    NotForRepositories {
        /// The line.
        origin: Origin,
        /// The key.
        key: String,
        /// What could go wrong.
        reason: &'static str,
    },
    /// There is no place for Tenon's folders.
    #[error("there is no home folder to keep {what} in: set HOME, or {variable} to an absolute path")]
    NoHome {
        /// What needs a place.
        what: &'static str,
        /// What can be set instead.
        variable: &'static str,
    },
}

/// A file's key needs its place; a variable or flag is its own.
fn stated(origin: &Origin, key: &str) -> String {
    match origin {
        Origin::File { .. } => format!("{origin}: `{key}`"),
        Origin::Default | Origin::Variable { .. } | Origin::Flag { .. } => format!("`{key}`"),
    }
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map_or_else(
        || "; `tenon config` lists all settings".to_owned(),
        |nearest| format!(": did you mean `{nearest}`?"),
    )
}

impl ConfigError {
    pub(crate) fn unknown<'a>(
        origin: Origin,
        prefix: &str,
        name: &str,
        known: impl Iterator<Item = &'a str>,
    ) -> Self {
        let nearest = known
            .map(|known| (strsim::damerau_levenshtein(known, name), known))
            .filter(|(distance, known)| *distance <= 2.max(known.len() / 3))
            .min()
            .map(|(_, known)| format!("{prefix}{known}"));
        Self::Unknown {
            origin,
            key: format!("{prefix}{name}"),
            nearest,
        }
    }
}
