//! What layers report: each event once, by its source and id, and a use closed once.

use sqlx::SqliteConnection;

use super::line::{Line, Lines};
use crate::base::id::LayerId;
use crate::store::{Noted, OpenUse, StoreError};

/// A report with the line that it becomes.
pub(super) struct Prepared {
    pub(super) layer: LayerId,
    pub(super) source: String,
    pub(super) id: String,
    pub(super) closes: Option<OpenUse>,
    pub(super) line: Option<Line>,
}

/// Takes reports in their order.
pub(super) async fn note(
    db: &mut SqliteConnection,
    reports: Vec<Prepared>,
    lines: &mut Lines,
) -> Result<Vec<Noted>, StoreError> {
    let mut noted = Vec::with_capacity(reports.len());
    for report in reports {
        noted.push(one(db, report, lines).await?);
    }
    Ok(noted)
}

async fn one(db: &mut SqliteConnection, report: Prepared, lines: &mut Lines) -> Result<Noted, StoreError> {
    let Prepared { layer, source, id, closes, line } = report;
    let known: Option<i64> = sqlx::query_scalar(
        "SELECT 1 FROM layer_events WHERE layer_id = ?1 AND source = ?2 AND event_id = ?3",
    )
    .bind(layer.to_string())
    .bind(&source)
    .bind(&id)
    .fetch_optional(&mut *db)
    .await?;
    if known.is_some() {
        return Ok(Noted::Repeated);
    }
    let Some(line) = line else { return Ok(Noted::Unknown) };
    if let Some(open) = closes
        && !close(db, &open).await?
    {
        return Ok(Noted::Unknown);
    }
    sqlx::query("INSERT INTO layer_events (layer_id, source, event_id) VALUES (?1, ?2, ?3)")
        .bind(layer.to_string())
        .bind(source)
        .bind(id)
        .execute(db)
        .await?;
    lines.push(line);
    Ok(Noted::Recorded)
}

async fn close(db: &mut SqliteConnection, open: &OpenUse) -> Result<bool, StoreError> {
    let closed = sqlx::query(
        "DELETE FROM open_uses WHERE id = ?1 AND token_id = ?2 AND approval_id = ?3 AND agent_id = ?4",
    )
    .bind(open.id.to_string())
    .bind(open.token.to_string())
    .bind(open.approval.to_string())
    .bind(open.agent.to_string())
    .execute(db)
    .await?;
    Ok(closed.rows_affected() == 1)
}
