//! What SQLite's errors mean to a caller. The library's own text stays a source and reaches no agent.

use sqlx::error::ErrorKind;

use crate::store::StoreError;

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(database) = &error else {
            return match error {
                sqlx::Error::ColumnDecode { index, .. } => Self::Corrupt { table: "a row", row: index },
                sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => {
                    Self::Unavailable("the database cannot be reached")
                }
                other => Self::Engine(Box::new(other)),
            };
        };
        if !matches!(database.kind(), ErrorKind::Other) {
            return Self::Conflict;
        }
        // The low byte is the primary result code (https://www.sqlite.org/rescode.html).
        let code = database.code().and_then(|code| code.parse::<i32>().ok()).map(|code| code & 0xff);
        match code {
            Some(5 | 6) => Self::Unavailable("the database is locked by another process"),
            Some(8) => Self::Unavailable("the database is read-only"),
            Some(10 | 14) => Self::Unavailable("the database cannot be read or written"),
            Some(13) => Self::Unavailable("the disk is full"),
            Some(19) => Self::Conflict,
            _ => Self::Engine(Box::new(error)),
        }
    }
}

/// Whether the whole transaction is in doubt: SQLite may have rolled it back by itself, and a statement that followed would
/// commit alone.
pub(super) const fn ends_batch(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable(_) | StoreError::Engine(_))
}

/// The row of `table` cannot have been written by the domain.
pub(super) fn corrupt(table: &'static str, row: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt { table, row: row.to_string() }
}

/// A number for SQLite, which has no unsigned ones.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Many rows as one parameter, for `json_each`: a statement costs far more than a row.
pub(super) fn rows<T: serde::Serialize>(rows: impl IntoIterator<Item = T>) -> Result<String, StoreError> {
    let rows: Vec<T> = rows.into_iter().collect();
    serde_json::to_string(&rows).map_err(|error| StoreError::Engine(Box::new(error)))
}
