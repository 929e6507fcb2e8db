//! Runs and their connections. What is granted to a run ends in the step that ends the run.

use sqlx::sqlite::SqliteRow;
use sqlx::{SqliteConnection, SqlitePool};

use super::changes::json;
use super::error::{corrupt, signed};
use super::line::{Line, Lines};
use super::row::Cells;
use crate::base::clock::Timestamp;
use crate::base::id::{ConnectionId, RunId};
use crate::domain::connection::ConnectionStart;
use crate::domain::ledger::{Entry, Event};
use crate::domain::run::{Run, RunRecord, RunState};
use crate::store::{OpenConnection, StoreError};

/// The columns that [`record`] reads.
const RUN: &str = "id, agent_id, record, revision, state";

/// The most rows of one answer.
const LONGEST_LIST: u32 = 1000;

pub(super) async fn find(pool: &SqlitePool, id: RunId) -> Result<Option<RunRecord>, StoreError> {
    let found = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT {RUN} FROM runs WHERE id = ?1")))
        .bind(id.to_string())
        .fetch_optional(pool)
        .await?;
    found.as_ref().map(record).transpose()
}

pub(super) async fn open(pool: &SqlitePool) -> Result<Vec<RunRecord>, StoreError> {
    let found = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {RUN} FROM runs WHERE ended_at IS NULL ORDER BY began_at, rowid LIMIT {LONGEST_LIST}"
    )))
    .fetch_all(pool)
    .await?;
    found.iter().map(record).collect()
}

pub(super) async fn open_connections(
    pool: &SqlitePool,
    before: Timestamp,
) -> Result<Vec<OpenConnection>, StoreError> {
    let found = sqlx::query(
        "SELECT id, at, run_id, agent_id, approval_id, host FROM open_connections WHERE at < ?1 ORDER BY at LIMIT ?2",
    )
    .bind(before.as_micros())
    .bind(LONGEST_LIST)
    .fetch_all(pool)
    .await?;
    found.iter().map(open_connection_row).collect()
}

/// Begins a run, if its agent is there.
pub(super) async fn start(db: &mut SqliteConnection, record: &RunRecord) -> Result<(), StoreError> {
    if record.revision != 0 || !record.is_running() {
        return Err(StoreError::Conflict);
    }
    let written = sqlx::query(
        "INSERT INTO runs (id, agent_id, record, revision, state, began_at)
         SELECT ?1, id, ?3, 0, ?4, ?5 FROM agents WHERE id = ?2 AND removed_at IS NULL",
    )
    .bind(record.run.id.to_string())
    .bind(record.run.agent.to_string())
    .bind(json(&record.run)?)
    .bind(json(&record.state)?)
    .bind(record.run.began_at.as_micros())
    .execute(db)
    .await?;
    if written.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Conflict) }
}

/// Writes the next state of a run, over the one it follows.
pub(super) async fn advance(
    db: &mut SqliteConnection,
    next: &RunRecord,
    lines: &mut Lines,
) -> Result<(), StoreError> {
    let found = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT {RUN} FROM runs WHERE id = ?1")))
        .bind(next.run.id.to_string())
        .fetch_optional(&mut *db)
        .await?;
    let before = record(&found.ok_or(StoreError::Conflict)?)?;
    if !next.follows(&before) {
        return Err(StoreError::Conflict);
    }
    let ended_at = match next.state {
        RunState::Running { .. } => None,
        RunState::Ended { at, .. } => Some(at),
    };
    sqlx::query("UPDATE runs SET state = ?2, revision = ?3, ended_at = ?4 WHERE id = ?1")
        .bind(next.run.id.to_string())
        .bind(json(&next.state)?)
        .bind(signed(next.revision))
        .bind(ended_at.map(Timestamp::as_micros))
        .execute(&mut *db)
        .await?;
    match ended_at {
        Some(at) => end_grants(db, next, at, lines).await,
        None => Ok(()),
    }
}

/// Cancels what nobody has decided, and makes stale what was granted: nothing is given from it any more, and its tokens are dead.
async fn end_grants(
    db: &mut SqliteConnection,
    ended: &RunRecord,
    at: Timestamp,
    lines: &mut Lines,
) -> Result<(), StoreError> {
    let (agent, run) = (ended.run.agent, Some(ended.run.id));
    let cancelled: Vec<(String,)> = sqlx::query_as(
        "UPDATE approvals
         SET state = 'cancelled', record = json_object('state', 'cancelled', 'at', ?2), revision = revision + 1
         WHERE run = ?1 AND state = 'pending' RETURNING id",
    )
    .bind(ended.run.id.to_string())
    .bind(at.to_string())
    .fetch_all(&mut *db)
    .await?;
    for (id,) in cancelled {
        let approval = id.parse().map_err(|_| corrupt("approvals", &id))?;
        lines.push(Line::of(&Entry { at, event: Event::Cancelled { approval, agent, run } }));
    }
    sqlx::query(
        "UPDATE approvals SET stale = 1 WHERE run = ?1 AND stale = 0 AND state IN ('approved', 'spent')",
    )
    .bind(ended.run.id.to_string())
    .execute(db)
    .await?;
    Ok(())
}

/// Puts a connection on record, if its run is under way and what opened the host still stands.
pub(super) async fn open_connection(
    db: &mut SqliteConnection,
    start: ConnectionStart,
) -> Result<ConnectionStart, StoreError> {
    let written = sqlx::query(
        "INSERT INTO open_connections (id, at, run_id, agent_id, approval_id, host)
         SELECT ?1, ?2, r.id, r.agent_id, ?5, ?6 FROM runs r JOIN agents g ON g.id = r.agent_id
         WHERE r.id = ?3 AND r.agent_id = ?4 AND r.ended_at IS NULL AND g.removed_at IS NULL
           AND (?5 IS NULL OR EXISTS (SELECT 1 FROM approvals a WHERE a.id = ?5 AND a.run = r.id
                AND a.state IN ('approved', 'spent') AND a.stale = 0 AND a.expires_at > ?2))",
    )
    .bind(start.connection.to_string())
    .bind(start.at.as_micros())
    .bind(start.run.to_string())
    .bind(start.agent.to_string())
    .bind(start.approval.map(|id| id.to_string()))
    .bind(&start.host)
    .execute(db)
    .await?;
    if written.rows_affected() == 1 { Ok(start) } else { Err(StoreError::Conflict) }
}

/// Closes a connection, once.
pub(super) async fn close_connection(db: &mut SqliteConnection, id: ConnectionId) -> Result<(), StoreError> {
    let closed =
        sqlx::query("DELETE FROM open_connections WHERE id = ?1").bind(id.to_string()).execute(db).await?;
    if closed.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Conflict) }
}

fn record(row: &SqliteRow) -> Result<RunRecord, StoreError> {
    let cells = Cells::of(row, "runs");
    let run: Run = cells.json("record")?;
    cells.check(run.id == cells.text("id")? && run.agent == cells.text("agent_id")?)?;
    Ok(RunRecord { run, revision: cells.number("revision")?, state: cells.json("state")? })
}

fn open_connection_row(row: &SqliteRow) -> Result<OpenConnection, StoreError> {
    let cells = Cells::of(row, "open_connections");
    Ok(OpenConnection {
        id: cells.text("id")?,
        at: cells.time("at")?,
        run: cells.text("run_id")?,
        agent: cells.text("agent_id")?,
        approval: cells.optional("approval_id")?,
        host: cells.raw("host")?,
    })
}
