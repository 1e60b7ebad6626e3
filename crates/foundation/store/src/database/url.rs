use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tenon_domain::Secret;

use super::DatabaseError;

/// Where a database is. Shown without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file.
    Sqlite(PathBuf),
    /// A server, as `postgres://user:password@host/database`.
    Postgres(Secret),
}

impl DatabaseUrl {
    /// The database in the file at `path`.
    pub fn file(path: impl AsRef<Path>) -> Self {
        Self::Sqlite(path.as_ref().to_owned())
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(Secret::new(text)));
        }
        let path = text
            .strip_prefix("sqlite:")
            .map(|rest| rest.strip_prefix("//").unwrap_or(rest));
        match path {
            Some(path) if !path.is_empty() => Ok(Self::file(path)),
            _ => Err(DatabaseError::Url),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(formatter, "sqlite:{}", path.display()),
            Self::Postgres(secret) => {
                let url = secret.expose();
                let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
                let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
                // Parameters may hold a password, too.
                let host = host.split(['?', '#']).next().unwrap_or_default();
                write!(formatter, "{scheme}://{host}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let url: DatabaseUrl = "postgres://tenon:hunter2@db.internal/tenon?password=hunter2"
            .parse()
            .unwrap();
        assert_eq!(url.to_string(), "postgres://db.internal/tenon");
        assert!(!format!("{url:?}").contains("hunter2"));
    }

    #[test]
    fn what_is_no_database_is_refused() {
        assert_eq!(
            "sqlite:/tmp/a.db".parse::<DatabaseUrl>().unwrap(),
            DatabaseUrl::file("/tmp/a.db")
        );
        assert_eq!(
            "sqlite://a.db".parse::<DatabaseUrl>().unwrap(),
            DatabaseUrl::file("a.db")
        );
        for wrong in ["", "mysql://x", "sqlite:", "a.db"] {
            assert!(wrong.parse::<DatabaseUrl>().is_err(), "{wrong}");
        }
    }
}
