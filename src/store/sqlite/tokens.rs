//! Tokens: put on record for a whole batch at once, each against what its approval still gives (J09, J11).

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use sqlx::{Row as _, SqliteConnection};

use super::answers::{Answers, Reply};
use super::error::rows;
use super::line::{Line, Lines};
use crate::base::clock::Timestamp;
use crate::base::id::TokenId;
use crate::domain::approval::Exchange;
use crate::domain::ledger::Recorded;
use crate::store::{IssueRefused, StoreError};

/// No token lives longer (I8); the database refuses it too, but then for everyone in the batch.
const LONGEST_LIFE: Duration = Duration::from_hours(1);

/// A token to be put on record.
pub(super) struct Issue {
    pub(super) exchange: Exchange,
    pub(super) line: Line,
    pub(super) reply: Reply<Recorded<Exchange>, IssueRefused>,
}

/// What an approval gives as the batch goes on.
struct Source {
    left: i64,
    ends: Timestamp,
    digest: Vec<u8>,
    approvers: String,
    taken: i64,
}

impl Source {
    /// Whether everything the exchange was planned on still holds, but for the count.
    fn admits(&self, exchange: &Exchange) -> bool {
        let named = |person: &_| self.approvers.contains(&format!("\"{person}\""));
        let (from, to) = (exchange.issued_at(), exchange.expires_at());
        from < self.ends
            && from < to
            && from.until(to) <= LONGEST_LIFE
            && to <= self.ends
            && self.digest == exchange.statement_digest().as_bytes()
            && !exchange.approvers().is_empty()
            && exchange.approvers().iter().all(named)
    }
}

/// Puts tokens on record. The number of statements does not depend on the number of tokens.
///
/// # Errors
/// When the whole batch is in doubt.
pub(super) async fn issue(
    db: &mut SqliteConnection,
    issues: Vec<Issue>,
    lines: &mut Lines,
    answers: &mut Answers,
) -> Result<(), StoreError> {
    if issues.is_empty() {
        return Ok(());
    }
    let mut sources = sources(db, &issues).await?;
    let mut seen = known(db, &issues).await?;
    let mut tokens = Vec::with_capacity(issues.len());
    for Issue { exchange, line, reply } in issues {
        let id = exchange.approval().to_string();
        let source = sources.get_mut(&id).filter(|source| source.left > 0 && source.admits(&exchange));
        let (Some(source), Some(approver), true) =
            (source, exchange.approvers().first(), seen.insert(exchange.token().to_string()))
        else {
            answers.found(reply, Err(IssueRefused::NotNow));
            continue;
        };
        source.left -= 1;
        source.taken += 1;
        tokens.push((
            exchange.token(),
            id,
            exchange.agent(),
            exchange.identity().clone(),
            *approver,
            exchange.issued_at().as_micros(),
            exchange.expires_at().as_micros(),
        ));
        let index = lines.push(line);
        answers.recorded(reply, exchange, index);
    }
    let taken = sources.iter().filter(|(_, source)| source.taken > 0);
    write(db, rows(&tokens)?, rows(taken.map(|(id, source)| (id, source.taken)))?).await
}

/// Ends a token.
///
/// # Errors
/// `Conflict` when it had ended before or there is none such.
pub(super) async fn revoke(db: &mut SqliteConnection, id: TokenId, at: Timestamp) -> Result<(), StoreError> {
    let ended = sqlx::query("UPDATE tokens SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL")
        .bind(id.to_string())
        .bind(at.as_micros())
        .execute(db)
        .await?;
    if ended.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Conflict) }
}

/// The approvals that give tokens at all.
async fn sources(db: &mut SqliteConnection, issues: &[Issue]) -> Result<HashMap<String, Source>, StoreError> {
    let wanted: HashSet<_> = issues.iter().map(|issue| issue.exchange.approval()).collect();
    let found = sqlx::query(
        "SELECT a.id, a.max_tokens - a.tokens_issued, a.expires_at, a.digest,
                (SELECT json_group_array(person_id) FROM approvers WHERE approval_id = a.id)
         FROM approvals a JOIN agents g ON g.id = a.agent_id
         WHERE a.id IN (SELECT value FROM json_each(?1))
           AND +a.state = 'approved' AND a.stale = 0 AND g.removed_at IS NULL",
    )
    .bind(rows(wanted)?)
    .fetch_all(db)
    .await?;
    let source = |row: sqlx::sqlite::SqliteRow| {
        let ends = Timestamp::from_micros(row.try_get(2)?);
        let source = Source {
            left: row.try_get(1)?,
            ends,
            digest: row.try_get(3)?,
            approvers: row.try_get(4)?,
            taken: 0,
        };
        Ok((row.try_get(0)?, source))
    };
    found.into_iter().map(source).collect()
}

/// The tokens of this batch that are on record already.
async fn known(db: &mut SqliteConnection, issues: &[Issue]) -> Result<HashSet<String>, StoreError> {
    let known: Vec<(String,)> =
        sqlx::query_as("SELECT id FROM tokens WHERE id IN (SELECT value FROM json_each(?1))")
            .bind(rows(issues.iter().map(|issue| issue.exchange.token()))?)
            .fetch_all(db)
            .await?;
    Ok(known.into_iter().map(|(id,)| id).collect())
}

async fn write(db: &mut SqliteConnection, tokens: String, taken: String) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO tokens (id, approval_id, agent_id, identity, approver_id, issued_at, expires_at)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
         FROM json_each(?1);
         UPDATE approvals
         SET tokens_issued = tokens_issued + taken.n,
             state = iif(tokens_issued + taken.n = max_tokens, 'spent', state),
             record = iif(tokens_issued + taken.n = max_tokens, json_set(record, '$.state', 'spent'), record)
         FROM (SELECT value ->> 0 AS id, value ->> 1 AS n FROM json_each(?2)) AS taken
         WHERE approvals.id = taken.id",
    )
    .bind(tokens)
    .bind(taken)
    .execute(db)
    .await?;
    Ok(())
}
