use std::fmt;
use std::io;
use std::path::PathBuf;

use cedar_policy::ffi::DetailedError;

/// Why there are no policies to decide by. Nothing is decided by a part of them.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The folder or a file in it.
    #[error("`{}` cannot be read, and without it nothing is permitted: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A folder without policies: most likely another one was meant.
    #[error(
        "there is no file that ends in `.cedar` in `{}`: name the folder that holds the policies, or none",
        folder.display()
    )]
    Empty {
        /// Which.
        folder: PathBuf,
    },
    /// A policy that cannot be understood or does not fit the schema.
    #[error("{file}:{line}:{column}: {reason}")]
    Invalid {
        /// The name of its file.
        file: String,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What is wrong, and how to mend it where that is known.
        reason: String,
    },
    /// A policy with a gap that nothing fills, so that it would never apply.
    #[error(
        "{file}: a policy leaves {slot} open, and nothing fills it: name the entity, or leave the condition out"
    )]
    Template {
        /// The name of its file.
        file: String,
        /// The gap.
        slot: String,
    },
    /// Two policies of one name.
    #[error("{file}: the name `{id}` is taken: give the policy another `@id`")]
    IdTaken {
        /// The name of the file of the later one.
        file: String,
        /// The name.
        id: String,
    },
    /// What is built in is broken.
    #[error(
        "the built-in schema of policies is broken: {reason}; this is a fault of Tenon, please report it"
    )]
    Schema {
        /// Why.
        reason: String,
    },
}

impl PolicyError {
    pub(crate) fn schema(error: &impl fmt::Display) -> Self {
        Self::Schema {
            reason: error.to_string(),
        }
    }

    pub(super) fn invalid(file: &str, text: &str, fault: DetailedError) -> Self {
        let place = fault.source_locations.first();
        let (line, column) = position(text, place.map_or(0, |place| place.loc.start));
        let label = fault.source_locations.into_iter().find_map(|place| place.label);
        let told = [Some(fault.message), label, fault.help];
        let told: Vec<_> = told
            .into_iter()
            .flatten()
            .filter(|part| !part.is_empty())
            .collect();
        Self::Invalid {
            file: file.to_owned(),
            line,
            column,
            reason: told.join(": "),
        }
    }
}

/// Line and column of a byte, both from 1.
fn position(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
