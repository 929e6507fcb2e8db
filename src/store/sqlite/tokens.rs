//! Tokens: put on record for a whole batch at once, each against what its approval still gives (J09, J11).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::answers::{Answers, Reply};
use super::error::rows;
use super::line::{Line, Lines};
use super::script::{Found, Place, Script};
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
    pub(super) line: Arc<Line>,
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

/// Tokens whose sources have been asked for.
pub(super) struct Asked {
    issues: Vec<Issue>,
    places: Option<Places>,
}

#[derive(Clone, Copy)]
struct Places {
    sources: Place,
    known: Place,
}

/// Adds to `asks` what decides about the tokens. The number of statements does not depend on the number of tokens.
///
/// # Errors
/// When the whole batch is in doubt, here and below.
pub(super) fn ask(issues: Vec<Issue>, asks: &mut Script) -> Result<Asked, StoreError> {
    if issues.is_empty() {
        return Ok(Asked { issues, places: None });
    }
    let wanted: HashSet<_> = issues.iter().map(|issue| issue.exchange.approval()).collect();
    // The approvals that give tokens at all.
    let sources = asks.add(
        "SELECT a.id, a.max_tokens - a.tokens_issued, a.expires_at, a.digest,
                (SELECT json_group_array(person_id) FROM approvers WHERE approval_id = a.id)
         FROM approvals a JOIN agents g ON g.id = a.agent_id
         WHERE a.id IN (SELECT value FROM json_each(?))
           AND +a.state = 'approved' AND a.stale = 0 AND g.removed_at IS NULL",
    );
    asks.bind(rows(wanted)?)?;
    // The tokens of this batch that are on record already.
    let known = asks.add("SELECT id FROM tokens WHERE id IN (SELECT value FROM json_each(?))");
    asks.bind(rows(issues.iter().map(|issue| issue.exchange.token()))?)?;
    Ok(Asked { issues, places: Some(Places { sources, known }) })
}

/// Decides about the tokens and adds to `writes` those that are given.
pub(super) fn issue(
    asked: Asked,
    found: &mut Found,
    lines: &mut Lines,
    answers: &mut Answers,
    writes: &mut Script,
) -> Result<(), StoreError> {
    let Asked { issues, places: Some(places) } = asked else { return Ok(()) };
    let mut sources = found.take(places.sources).iter().map(source).collect::<Result<HashMap<_, _>, _>>()?;
    let mut seen =
        found.take(places.known).iter().map(|row| row.try_get(0)).collect::<Result<HashSet<String>, _>>()?;
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
    if tokens.is_empty() {
        return Ok(());
    }
    let taken = sources.iter().filter(|(_, source)| source.taken > 0);
    write(rows(&tokens)?, rows(taken.map(|(id, source)| (id, source.taken)))?, writes)
}

/// Adds to `writes` one token approved by one person, so that the script fails if it is not to be given: the trigger of the table
/// sees to the approval's state, its keys to the approver, and a null to the statement.
pub(super) fn assume(exchange: &Exchange, writes: &mut Script) -> Result<(), StoreError> {
    let approval = exchange.approval().to_string();
    writes.add(
        "INSERT INTO tokens (id, approval_id, agent_id, identity, approver_id, issued_at, expires_at)
         VALUES (?, (SELECT id FROM approvals WHERE id = ? AND digest = ?), ?, ?, ?, ?, ?)",
    );
    writes.bind(exchange.token().to_string())?;
    writes.bind(approval.clone())?;
    writes.bind(exchange.statement_digest().as_bytes().to_vec())?;
    writes.bind(exchange.agent().to_string())?;
    writes.bind(exchange.identity().to_string())?;
    writes.bind(exchange.approvers().first().map(ToString::to_string))?;
    writes.bind(exchange.issued_at().as_micros())?;
    writes.bind(exchange.expires_at().as_micros())?;
    count(rows([(approval, 1)])?, writes)
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

fn source(row: &SqliteRow) -> Result<(String, Source), StoreError> {
    let ends = Timestamp::from_micros(row.try_get(2)?);
    let (left, digest, approvers) = (row.try_get(1)?, row.try_get(3)?, row.try_get(4)?);
    Ok((row.try_get(0)?, Source { left, ends, digest, approvers, taken: 0 }))
}

fn write(tokens: String, taken: String, writes: &mut Script) -> Result<(), StoreError> {
    writes.add(
        "INSERT INTO tokens (id, approval_id, agent_id, identity, approver_id, issued_at, expires_at)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
         FROM json_each(?)",
    );
    writes.bind(tokens)?;
    count(taken, writes)
}

/// Counts the tokens given, by approval; the last one spends it. That is a statement of its own, because setting a state, be it to
/// what it was, writes every index that has it.
fn count(taken: String, writes: &mut Script) -> Result<(), StoreError> {
    writes.add(
        "UPDATE approvals SET tokens_issued = tokens_issued + taken.n
         FROM (SELECT value ->> 0 AS id, value ->> 1 AS n FROM json_each(?)) AS taken
         WHERE approvals.id = taken.id",
    );
    writes.bind(taken.clone())?;
    writes.add(
        "UPDATE approvals SET state = 'spent', record = json_set(record, '$.state', 'spent')
         WHERE id IN (SELECT value ->> 0 FROM json_each(?)) AND tokens_issued = max_tokens",
    );
    writes.bind(taken)
}
