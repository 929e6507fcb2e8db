//! Uses: begun and ended for a whole batch at once. A use counts only against a token that is live in the same transaction,
//! which is why revocation needs no propagation (I9).

use std::collections::{HashMap, HashSet};

use sqlx::{Row as _, SqliteConnection};

use super::answers::{Answers, Reply};
use super::error::rows;
use super::line::{Line, Lines};
use crate::domain::ledger::Recorded;
use crate::domain::usage::UseStart;
use crate::store::{OpenUse, StoreError, UseDenied};

/// A use that is to begin.
pub(super) struct Start {
    pub(super) begun: UseStart,
    pub(super) line: Line,
    pub(super) reply: Reply<Recorded<UseStart>, UseDenied>,
}

/// A use that has ended.
pub(super) struct Finish {
    pub(super) open: OpenUse,
    pub(super) line: Line,
    pub(super) reply: Reply<Recorded<()>>,
}

/// A token that is live, its time apart.
struct Live {
    approval: String,
    agent: String,
    ends: i64,
}

/// What uses an approval has left as the batch goes on, and how many the batch took.
struct Left {
    uses: i64,
    taken: i64,
}

/// Puts the beginning of uses on record. The number of statements does not depend on the number of uses.
///
/// # Errors
/// When the whole batch is in doubt.
pub(super) async fn start(
    db: &mut SqliteConnection,
    starts: Vec<Start>,
    lines: &mut Lines,
    answers: &mut Answers,
) -> Result<(), StoreError> {
    if starts.is_empty() {
        return Ok(());
    }
    let (live, mut left) = liveness(db, &starts).await?;
    let mut seen = known(db, &starts).await?;
    let mut opened = Vec::with_capacity(starts.len());
    for Start { begun: start, line, reply } in starts {
        let approval = start.approval.to_string();
        let fits = |live: &&Live| {
            start.at.as_micros() < live.ends
                && live.approval == approval
                && live.agent == start.agent.to_string()
        };
        let is_live = live.get(&start.token.to_string()).as_ref().is_some_and(fits);
        let Some(left) = left.get_mut(&approval).filter(|_| is_live && seen.insert(start.id.to_string()))
        else {
            answers.found(reply, Err(UseDenied::NotLive));
            continue;
        };
        if left.uses == 0 {
            answers.found(reply, Err(UseDenied::UsedUp));
            continue;
        }
        left.uses -= 1;
        left.taken += 1;
        opened.push((start.id, start.at.as_micros(), start.token, approval, start.agent, start.run));
        let index = lines.push(line);
        answers.recorded(reply, start, index);
    }
    let taken = left.iter().filter(|(_, left)| left.taken > 0);
    write(db, rows(&opened)?, rows(taken.map(|(id, left)| (id, left.taken)))?).await
}

/// Closes uses, each once.
///
/// # Errors
/// When the whole batch is in doubt.
pub(super) async fn finish(
    db: &mut SqliteConnection,
    finishes: Vec<Finish>,
    lines: &mut Lines,
    answers: &mut Answers,
) -> Result<(), StoreError> {
    if finishes.is_empty() {
        return Ok(());
    }
    let closed: Vec<(String,)> = sqlx::query_as(
        "DELETE FROM open_uses
         WHERE (id, token_id, approval_id, agent_id) IN
               (SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1))
         RETURNING id",
    )
    .bind(rows(finishes.iter().map(|Finish { open, .. }| (open.id, open.token, open.approval, open.agent)))?)
    .fetch_all(db)
    .await?;
    let mut closed: HashSet<String> = closed.into_iter().map(|(id,)| id).collect();
    for Finish { open, line, reply } in finishes {
        if closed.remove(&open.id.to_string()) {
            let index = lines.push(line);
            answers.recorded(reply, (), index);
        } else {
            answers.found(reply, Err(StoreError::Conflict));
        }
    }
    Ok(())
}

async fn liveness(
    db: &mut SqliteConnection,
    starts: &[Start],
) -> Result<(HashMap<String, Live>, HashMap<String, Left>), StoreError> {
    let wanted: HashSet<_> = starts.iter().map(|start| start.begun.token).collect();
    let found = sqlx::query(
        "SELECT t.id, t.approval_id, t.agent_id, min(t.expires_at, a.expires_at), a.max_uses - a.uses
         FROM tokens t JOIN approvals a ON a.id = t.approval_id JOIN agents g ON g.id = t.agent_id
         WHERE t.id IN (SELECT value FROM json_each(?1)) AND t.revoked_at IS NULL
           AND +a.state IN ('approved', 'spent') AND a.stale = 0 AND g.removed_at IS NULL",
    )
    .bind(rows(wanted)?)
    .fetch_all(db)
    .await?;
    let (mut live, mut left) = (HashMap::with_capacity(found.len()), HashMap::with_capacity(found.len()));
    for row in found {
        let approval: String = row.try_get(1)?;
        left.insert(approval.clone(), Left { uses: row.try_get(4)?, taken: 0 });
        live.insert(row.try_get(0)?, Live { approval, agent: row.try_get(2)?, ends: row.try_get(3)? });
    }
    Ok((live, left))
}

/// The uses of this batch whose ids the log knows already.
async fn known(db: &mut SqliteConnection, starts: &[Start]) -> Result<HashSet<String>, StoreError> {
    let known: Vec<(String,)> =
        sqlx::query_as("SELECT usage FROM entries WHERE usage IN (SELECT value FROM json_each(?1))")
            .bind(rows(starts.iter().map(|start| start.begun.id))?)
            .fetch_all(db)
            .await?;
    Ok(known.into_iter().map(|(id,)| id).collect())
}

async fn write(db: &mut SqliteConnection, opened: String, taken: String) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO open_uses (id, at, token_id, approval_id, agent_id, run_id)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each(?1);
         UPDATE approvals SET uses = uses + taken.n
         FROM (SELECT value ->> 0 AS id, value ->> 1 AS n FROM json_each(?2)) AS taken
         WHERE approvals.id = taken.id",
    )
    .bind(opened)
    .bind(taken)
    .execute(db)
    .await?;
    Ok(())
}
