//! Statements that go to the database together: a trip to its thread costs more than most statements.

use futures_util::TryStreamExt as _;
use sqlx::encode::Encode;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments as _, AssertSqlSafe, Either, Executor as _, Sqlite, SqliteConnection, Type};

use crate::store::StoreError;

/// Statements in the order they will run, and their values.
#[derive(Default)]
pub(super) struct Script {
    sql: String,
    values: SqliteArguments,
    statements: usize,
}

/// The database stopped in the middle.
const ENDED: StoreError = StoreError::Unavailable("the database ended before its answer");

/// Where the rows of a statement will be.
#[derive(Clone, Copy)]
pub(super) struct Place(usize);

/// The rows of every statement of a script.
pub(super) struct Found(Vec<Vec<SqliteRow>>);

impl Script {
    /// Adds one statement. Its parameters are each `?`, bound in their order with [`Script::bind`].
    pub(super) fn add(&mut self, statement: &'static str) -> Place {
        self.sql.push_str(statement);
        self.sql.push_str(";\n");
        self.statements += 1;
        Place(self.statements - 1)
    }

    /// The value of the next parameter.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub(super) fn bind<'v, T>(&mut self, value: T) -> Result<(), StoreError>
    where
        T: Encode<'v, Sqlite> + Type<Sqlite>,
    {
        self.values.add(value).map_err(StoreError::Engine)
    }

    /// Runs the statements, each after the one before, up to the first that fails. An empty script makes no trip.
    ///
    /// # Errors
    /// That of the first statement that failed.
    pub(super) async fn run(self, db: &mut SqliteConnection) -> Result<Found, StoreError> {
        let mut found = Vec::with_capacity(self.statements);
        if self.statements == 0 {
            return Ok(Found(found));
        }
        // Safe: every part of it is a literal of this program; values are bound.
        let query = sqlx::query_with(AssertSqlSafe(self.sql), self.values);
        let mut results = db.fetch_many(query);
        let mut rows = Vec::new();
        // Not until the end is told too: that would be one more waking, after there is nothing left to know.
        while found.len() < self.statements {
            match results.try_next().await?.ok_or(ENDED)? {
                Either::Right(row) => rows.push(row),
                Either::Left(_) => found.push(std::mem::take(&mut rows)),
            }
        }
        Ok(Found(found))
    }
}

impl Found {
    /// The rows of one statement; none the second time.
    pub(super) fn take(&mut self, place: Place) -> Vec<SqliteRow> {
        self.0.get_mut(place.0).map(std::mem::take).unwrap_or_default()
    }
}
