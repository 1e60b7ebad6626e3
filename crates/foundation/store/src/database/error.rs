use tenon_domain::{JobId, StepError};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// Text that names no database.
    #[error("the database is named as sqlite:FILE or postgres://USER:PASSWORD@HOST/DATABASE")]
    Url,
    /// It cannot be opened.
    #[error("cannot open the database `{url}`: {source}")]
    Connect {
        /// Which, without its password.
        url: String,
        /// Why.
        source: Source,
    },
    /// The schema could not be brought up to date.
    #[error("cannot bring the database up to date: {source}; nothing was changed")]
    Migration {
        /// Why.
        source: Source,
    },
    /// It does not answer now; later it may.
    #[error("the database does not answer: {source}")]
    Unavailable {
        /// Why.
        source: Source,
    },
    /// Something of that name is there already.
    #[error("there is one already ({constraint})")]
    Conflict {
        /// The rule that it breaks.
        constraint: String,
    },
    /// It refused a statement.
    #[error("the database refused a statement: {source}")]
    Statement {
        /// Why.
        source: Source,
    },
    /// A row holds what cannot be read.
    #[error("cannot read the column `{column}`: {reason}")]
    Row {
        /// The column.
        column: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The event does not fit where the job stands.
    #[error(transparent)]
    Step(#[from] StepError),
    /// No job has this id.
    #[error("there is no job `{0}`")]
    UnknownJob(JobId),
    /// Somebody else holds the job by now.
    #[error("the job `{0}` is no longer held by this worker")]
    Fenced(JobId),
}

impl DatabaseError {
    /// The same for another who waited for the same.
    pub(super) fn again(&self) -> Self {
        let source = self.to_string().into();
        match self.is_temporary() {
            true => Self::Unavailable { source },
            false => Self::Statement { source },
        }
    }

    /// Whether the same may succeed later.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Connect { .. })
    }
}

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error::{Io, PoolClosed, PoolTimedOut, Protocol, Tls, WorkerCrashed};
        let is_down = match &error {
            Io(_) | PoolTimedOut | PoolClosed | Tls(_) | WorkerCrashed | Protocol(_) => true,
            sqlx::Error::Database(said) => {
                // PostgreSQL: connection, resources, operator intervention, serialisation. SQLite: busy, I/O, full.
                let code = said.code().unwrap_or_default();
                let is_postgres = code.len() == 5;
                let classes = ["08", "53", "57", "40"];
                let primary: Option<i64> = code.parse().ok().map(|code: i64| code & 0xff);
                match is_postgres {
                    true => classes.iter().any(|class| code.starts_with(class)),
                    false => matches!(primary, Some(5 | 6 | 10 | 13)),
                }
            }
            _ => false,
        };
        if let sqlx::Error::Database(said) = &error
            && said.is_unique_violation()
        {
            return Self::Conflict {
                constraint: said
                    .constraint()
                    .map_or_else(|| said.message().to_owned(), str::to_owned),
            };
        }
        let source = error.into();
        match is_down {
            true => Self::Unavailable { source },
            false => Self::Statement { source },
        }
    }
}
