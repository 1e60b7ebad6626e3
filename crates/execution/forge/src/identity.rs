use std::ffi::OsStr;

use crate::{ForgeError, GitRepository};

/// In whose name a commit is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// The person's, from their Git settings.
    Configured {
        /// `user.name`.
        name: String,
        /// `user.email`.
        email: String,
    },
    /// Tenon's own, because `user.name` or `user.email` is not set.
    Fallback,
}

const FALLBACK_NAME: &str = "Tenon";
/// An address in a domain that is reserved for addresses that reach nobody.
const FALLBACK_EMAIL: &str = "tenon@localhost.invalid";

impl Identity {
    /// The name in the commit.
    pub fn name(&self) -> &str {
        match self {
            Self::Configured { name, .. } => name,
            Self::Fallback => FALLBACK_NAME,
        }
    }

    /// The address in the commit.
    pub fn email(&self) -> &str {
        match self {
            Self::Configured { email, .. } => email,
            Self::Fallback => FALLBACK_EMAIL,
        }
    }

    pub(crate) fn of(repository: &GitRepository) -> Result<Self, ForgeError> {
        let name = setting(repository, "user.name")?;
        let email = setting(repository, "user.email")?;
        Ok(match (name, email) {
            (Some(name), Some(email)) => Self::Configured { name, email },
            _ => Self::Fallback,
        })
    }

    pub(crate) fn variables(&self) -> [(&'static str, &OsStr); 4] {
        let (name, email) = (OsStr::new(self.name()), OsStr::new(self.email()));
        [
            ("GIT_AUTHOR_NAME", name),
            ("GIT_AUTHOR_EMAIL", email),
            ("GIT_COMMITTER_NAME", name),
            ("GIT_COMMITTER_EMAIL", email),
        ]
    }
}

fn setting(repository: &GitRepository, key: &str) -> Result<Option<String>, ForgeError> {
    let output = repository.run(&["config", "--get", key], &[], &[])?;
    if !output.succeeded() {
        return Ok(None);
    }
    let value = output.into_stdout("config")?;
    let value = String::from_utf8_lossy(&value).trim().to_owned();
    Ok(Some(value).filter(|value| !value.is_empty()))
}
