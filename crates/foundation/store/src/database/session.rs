//! One connection to either database, with the few words that statements need.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Postgres, Row as _, Sqlite, Transaction};
use tokio::sync::broadcast;

use super::durability::Checkpointer;
use super::{DatabaseError, Notice};

/// A connection for reading, or a transaction.
pub(super) enum Session {
    SqliteRead(PoolConnection<Sqlite>),
    PostgresRead(PoolConnection<Postgres>),
    Sqlite {
        transaction: Transaction<'static, Sqlite>,
        notices: broadcast::Sender<Notice>,
        pending: Vec<Notice>,
        checkpointer: Arc<Checkpointer>,
    },
    Postgres {
        transaction: Transaction<'static, Postgres>,
        pending: Vec<Notice>,
    },
}

/// A value that a statement is given.
#[derive(Clone)]
pub(super) enum Value {
    Text(String),
    OptionalText(Option<String>),
    Integer(i64),
    OptionalInteger(Option<i64>),
    Boolean(bool),
    Bytes(Vec<u8>),
}

macro_rules! value_from {
    ($($from:ty => $variant:ident $convert:expr),* $(,)?) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Self {
                let convert: fn($from) -> _ = $convert;
                Self::$variant(convert(value))
            }
        })*
    };
}

value_from! {
    &str => Text |text| text.to_owned(),
    String => Text |text| text,
    &String => Text |text| text.clone(),
    Option<String> => OptionalText |text| text,
    Option<&str> => OptionalText |text| text.map(str::to_owned),
    i64 => Integer |number| number,
    u32 => Integer |number| i64::from(number),
    Option<i64> => OptionalInteger |number| number,
    bool => Boolean |truth| truth,
    Vec<u8> => Bytes |bytes| bytes,
}

/// The values of a statement, in the order of `$1`, `$2`, …
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::database::session::Value::from($value)),*] };
}
pub(super) use values;

/// A row of either database.
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

type SqliteQuery = Query<'static, Sqlite, SqliteArguments>;
type PostgresQuery = Query<'static, Postgres, PgArguments>;

fn sqlite_query(statement: &'static str, values: &[Value]) -> SqliteQuery {
    let query = sqlx::query(statement);
    values.iter().cloned().fold(query, |query, value| match value {
        Value::Text(text) => query.bind(text),
        Value::OptionalText(text) => query.bind(text),
        Value::Integer(number) => query.bind(number),
        Value::OptionalInteger(number) => query.bind(number),
        Value::Boolean(truth) => query.bind(truth),
        Value::Bytes(bytes) => query.bind(bytes),
    })
}

fn postgres_query(statement: &'static str, values: &[Value]) -> PostgresQuery {
    let query = sqlx::query(statement);
    values.iter().cloned().fold(query, |query, value| match value {
        Value::Text(text) => query.bind(without_zero(text)),
        Value::OptionalText(text) => query.bind(text.map(without_zero)),
        Value::Integer(number) => query.bind(number),
        Value::OptionalInteger(number) => query.bind(number),
        Value::Boolean(truth) => query.bind(truth),
        Value::Bytes(bytes) => query.bind(bytes),
    })
}

/// PostgreSQL keeps no text with a zero in it, and people and models may say anything.
fn without_zero(text: String) -> String {
    match text.contains('\0') {
        true => text.replace('\0', "\u{fffd}"),
        false => text,
    }
}

/// Every row, outside of any transaction.
pub(super) async fn sqlite_rows(
    connection: &mut PoolConnection<Sqlite>,
    statement: &'static str,
    values: &[Value],
) -> Result<Vec<Row>, DatabaseError> {
    let rows = sqlite_query(statement, values).fetch_all(&mut **connection);
    Ok(sqlite(rows.await?))
}

impl Session {
    /// Every row.
    pub async fn all(
        &mut self,
        statement: &'static str,
        values: &[Value],
    ) -> Result<Vec<Row>, DatabaseError> {
        Ok(match self {
            Self::SqliteRead(connection) => sqlite_rows(connection, statement, values).await?,
            Self::Sqlite { transaction, .. } => sqlite(
                sqlite_query(statement, values)
                    .fetch_all(&mut **transaction)
                    .await?,
            ),
            Self::PostgresRead(connection) => postgres(
                postgres_query(statement, values)
                    .fetch_all(&mut **connection)
                    .await?,
            ),
            Self::Postgres { transaction, .. } => postgres(
                postgres_query(statement, values)
                    .fetch_all(&mut **transaction)
                    .await?,
            ),
        })
    }

    /// The first row, if there is one.
    pub async fn first(
        &mut self,
        statement: &'static str,
        values: &[Value],
    ) -> Result<Option<Row>, DatabaseError> {
        Ok(match self {
            Self::SqliteRead(connection) => {
                let row = sqlite_query(statement, values)
                    .fetch_optional(&mut **connection)
                    .await?;
                row.map(Row::Sqlite)
            }
            Self::Sqlite { transaction, .. } => {
                let row = sqlite_query(statement, values)
                    .fetch_optional(&mut **transaction)
                    .await?;
                row.map(Row::Sqlite)
            }
            Self::PostgresRead(connection) => {
                let row = postgres_query(statement, values)
                    .fetch_optional(&mut **connection)
                    .await?;
                row.map(Row::Postgres)
            }
            Self::Postgres { transaction, .. } => {
                let row = postgres_query(statement, values)
                    .fetch_optional(&mut **transaction)
                    .await?;
                row.map(Row::Postgres)
            }
        })
    }

    /// The one row of a statement that always has one.
    pub async fn one(&mut self, statement: &'static str, values: &[Value]) -> Result<Row, DatabaseError> {
        let row = self.first(statement, values).await?;
        row.ok_or_else(|| DatabaseError::Statement {
            source: "a row was expected, and none came".into(),
        })
    }

    /// How many rows were changed.
    pub async fn run(&mut self, statement: &'static str, values: &[Value]) -> Result<u64, DatabaseError> {
        Ok(match self {
            Self::SqliteRead(connection) => sqlite_query(statement, values)
                .execute(&mut **connection)
                .await?
                .rows_affected(),
            Self::Sqlite { transaction, .. } => sqlite_query(statement, values)
                .execute(&mut **transaction)
                .await?
                .rows_affected(),
            Self::PostgresRead(connection) => postgres_query(statement, values)
                .execute(&mut **connection)
                .await?
                .rows_affected(),
            Self::Postgres { transaction, .. } => postgres_query(statement, values)
                .execute(&mut **transaction)
                .await?
                .rows_affected(),
        })
    }

    /// The statement that the database at hand understands, where the two differ.
    pub fn either(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::SqliteRead(_) | Self::Sqlite { .. } => sqlite,
            Self::PostgresRead(_) | Self::Postgres { .. } => postgres,
        }
    }

    /// Tells everybody who listens, once the transaction is through.
    pub fn tell(&mut self, notice: Notice) {
        match self {
            Self::Sqlite { pending, .. } | Self::Postgres { pending, .. } => pending.push(notice),
            Self::SqliteRead(_) | Self::PostgresRead(_) => {}
        }
    }

    pub async fn commit(self) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite {
                transaction,
                notices,
                pending,
                checkpointer,
            } => {
                transaction.commit().await?;
                checkpointer.wake();
                for notice in pending {
                    // Nobody listening is no failure.
                    let _ = notices.send(notice);
                }
            }
            Self::Postgres {
                mut transaction,
                pending,
            } => {
                for notice in pending {
                    postgres_query(Notice::STATEMENT, values![notice.to_string()])
                        .execute(&mut *transaction)
                        .await?;
                }
                transaction.commit().await?;
            }
            Self::SqliteRead(_) | Self::PostgresRead(_) => {}
        }
        Ok(())
    }
}

fn sqlite(rows: Vec<SqliteRow>) -> Vec<Row> {
    rows.into_iter().map(Row::Sqlite).collect()
}

fn postgres(rows: Vec<PgRow>) -> Vec<Row> {
    rows.into_iter().map(Row::Postgres).collect()
}

macro_rules! column {
    ($name:ident, $type:ty) => {
        pub fn $name(&self, column: &'static str) -> Result<$type, DatabaseError> {
            let read = match self {
                Self::Sqlite(row) => row.try_get(column),
                Self::Postgres(row) => row.try_get(column),
            };
            read.map_err(|error| unreadable(column, error))
        }
    };
}

impl Row {
    column!(text, String);
    column!(optional_text, Option<String>);
    column!(integer, i64);
    column!(optional_integer, Option<i64>);
    column!(bytes, Vec<u8>);
    column!(boolean, bool);

    /// A number that is small and never negative.
    pub fn count(&self, column: &'static str) -> Result<u32, DatabaseError> {
        u32::try_from(self.integer(column)?).map_err(|error| unreadable(column, error))
    }

    /// Text that is a word of ours.
    pub fn parsed<T: FromStr<Err: Display>>(&self, column: &'static str) -> Result<T, DatabaseError> {
        let text = self.text(column)?;
        text.parse().map_err(|error| unreadable(column, error))
    }

    /// Text that is JSON.
    pub fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, DatabaseError> {
        let text = self.text(column)?;
        serde_json::from_str(&text).map_err(|error| unreadable(column, error))
    }
}

pub(super) fn unreadable(column: &'static str, reason: impl Display) -> DatabaseError {
    DatabaseError::Row {
        column,
        reason: reason.to_string(),
    }
}

/// A value of ours as JSON for a column.
pub(super) fn json<T: serde::Serialize>(column: &'static str, value: &T) -> Result<String, DatabaseError> {
    serde_json::to_string(value).map_err(|error| unreadable(column, error))
}
