//! Uses: begun and ended for a whole batch at once. A use counts only against a token that is live in the same transaction,
//! which is why revocation needs no propagation (I9).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::answers::{Answers, Reply};
use super::error::rows;
use super::line::{Line, Lines};
use super::script::{Found, Place, Script};
use crate::domain::ledger::Recorded;
use crate::domain::usage::UseStart;
use crate::store::{OpenUse, StoreError, UseDenied};

/// A use that is to begin.
pub(super) struct Start {
    pub(super) begun: UseStart,
    pub(super) line: Arc<Line>,
    pub(super) reply: Reply<Recorded<UseStart>, UseDenied>,
}

/// A use that has ended.
pub(super) struct Finish {
    pub(super) open: OpenUse,
    pub(super) line: Arc<Line>,
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

/// What a batch of uses rests on: tokens by id, approvals by id.
struct Ground {
    live: HashMap<String, Live>,
    left: HashMap<String, Left>,
}

impl Ground {
    fn of(rows: &[SqliteRow]) -> Result<Self, StoreError> {
        let (mut live, mut left) = (HashMap::with_capacity(rows.len()), HashMap::with_capacity(rows.len()));
        for row in rows {
            let approval: String = row.try_get(1)?;
            left.insert(approval.clone(), Left { uses: row.try_get(4)?, taken: 0 });
            live.insert(row.try_get(0)?, Live { approval, agent: row.try_get(2)?, ends: row.try_get(3)? });
        }
        Ok(Self { live, left })
    }
}

/// Uses whose liveness has been asked for.
pub(super) struct Asked {
    starts: Vec<Start>,
    places: Option<Places>,
}

#[derive(Clone, Copy)]
struct Places {
    live: Place,
    known: Place,
}

/// Uses that are being closed.
pub(super) struct Closing {
    finishes: Vec<Finish>,
    closed: Option<Place>,
}

/// Adds to `asks` what decides about the uses. The number of statements does not depend on the number of uses.
///
/// # Errors
/// When the whole batch is in doubt, here and below.
pub(super) fn ask(starts: Vec<Start>, asks: &mut Script) -> Result<Asked, StoreError> {
    if starts.is_empty() {
        return Ok(Asked { starts, places: None });
    }
    let wanted: HashSet<_> = starts.iter().map(|start| start.begun.token).collect();
    let live = asks.add(
        "SELECT t.id, t.approval_id, t.agent_id, min(t.expires_at, a.expires_at), a.max_uses - a.uses
         FROM tokens t JOIN approvals a ON a.id = t.approval_id JOIN agents g ON g.id = t.agent_id
         WHERE t.id IN (SELECT value FROM json_each(?)) AND t.revoked_at IS NULL
           AND +a.state IN ('approved', 'spent') AND a.stale = 0 AND g.removed_at IS NULL",
    );
    asks.bind(rows(wanted)?)?;
    // The uses of this batch whose ids the log knows already.
    let known = asks.add("SELECT usage FROM entries WHERE usage IN (SELECT value FROM json_each(?))");
    asks.bind(rows(starts.iter().map(|start| start.begun.id))?)?;
    Ok(Asked { starts, places: Some(Places { live, known }) })
}

/// Decides about the uses and adds to `writes` those that begin.
pub(super) fn start(
    asked: Asked,
    found: &mut Found,
    lines: &mut Lines,
    answers: &mut Answers,
    writes: &mut Script,
) -> Result<(), StoreError> {
    let Asked { starts, places: Some(places) } = asked else { return Ok(()) };
    let Ground { live, mut left } = Ground::of(&found.take(places.live))?;
    let mut seen = texts(&found.take(places.known))?;
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
    if opened.is_empty() {
        return Ok(());
    }
    let taken = left.iter().filter(|(_, left)| left.taken > 0);
    write(rows(&opened)?, rows(taken.map(|(id, left)| (id, left.taken)))?, writes)
}

/// Adds to `asks` the closing of uses, each once.
pub(super) fn close(finishes: Vec<Finish>, asks: &mut Script) -> Result<Closing, StoreError> {
    if finishes.is_empty() {
        return Ok(Closing { finishes, closed: None });
    }
    let closed = remove(&finishes, asks)?;
    Ok(Closing { finishes, closed: Some(closed) })
}

/// Tells each whether it was the one that closed its use.
pub(super) fn finish(
    closing: Closing,
    found: &mut Found,
    lines: &mut Lines,
    answers: &mut Answers,
) -> Result<(), StoreError> {
    let Closing { finishes, closed: Some(closed) } = closing else { return Ok(()) };
    let mut closed = texts(&found.take(closed))?;
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

/// Adds to `writes` what begins and ends all of these, so that the script fails if one of them is not to.
pub(super) fn assume(starts: &[Start], finishes: &[Finish], writes: &mut Script) -> Result<(), StoreError> {
    if !finishes.is_empty() {
        remove(finishes, writes)?;
        all_of(finishes.len(), writes)?;
    }
    if starts.is_empty() {
        return Ok(());
    }
    writes.add(
        "INSERT INTO open_uses (id, at, token_id, approval_id, agent_id, run_id)
         SELECT s.value ->> 0, s.value ->> 1, t.id, t.approval_id, t.agent_id, s.value ->> 5
         FROM json_each(?) s
         CROSS JOIN tokens t ON t.id = s.value ->> 2
         CROSS JOIN approvals a ON a.id = t.approval_id
         CROSS JOIN agents g ON g.id = t.agent_id
         WHERE t.approval_id = s.value ->> 3 AND t.agent_id = s.value ->> 4 AND t.revoked_at IS NULL
           AND s.value ->> 1 < min(t.expires_at, a.expires_at)
           AND +a.state IN ('approved', 'spent') AND a.stale = 0 AND g.removed_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM entries WHERE usage = s.value ->> 0)",
    );
    let begun = starts.iter().map(|Start { begun, .. }| {
        (begun.id, begun.at.as_micros(), begun.token, begun.approval, begun.agent, begun.run)
    });
    writes.bind(rows(begun)?)?;
    all_of(starts.len(), writes)?;
    let mut taken: BTreeMap<_, i64> = BTreeMap::new();
    for start in starts {
        *taken.entry(start.begun.approval).or_default() += 1;
    }
    // More than there are left, the table does not take.
    count(rows(taken)?, writes)
}

/// Fails the script where the statement before did not reach so many rows: a use without an id is none.
fn all_of(count: usize, writes: &mut Script) -> Result<(), StoreError> {
    writes.add(
        "INSERT INTO open_uses (id, at, token_id, approval_id, agent_id)
         SELECT NULL, 0, '', '', '' WHERE changes() <> ?",
    );
    writes.bind(i64::try_from(count).unwrap_or(i64::MAX))
}

/// Closes those of the uses that are open; says which.
fn remove(finishes: &[Finish], script: &mut Script) -> Result<Place, StoreError> {
    let removed = script.add(
        "DELETE FROM open_uses
         WHERE (id, token_id, approval_id, agent_id) IN
               (SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?))
         RETURNING id",
    );
    let open = finishes.iter().map(|Finish { open, .. }| (open.id, open.token, open.approval, open.agent));
    script.bind(rows(open)?)?;
    Ok(removed)
}

fn texts(rows: &[SqliteRow]) -> Result<HashSet<String>, StoreError> {
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, sqlx::Error>>()?)
}

fn write(opened: String, taken: String, writes: &mut Script) -> Result<(), StoreError> {
    writes.add(
        "INSERT INTO open_uses (id, at, token_id, approval_id, agent_id, run_id)
         SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each(?)",
    );
    writes.bind(opened)?;
    count(taken, writes)
}

/// Counts the uses that were taken, by approval.
fn count(taken: String, writes: &mut Script) -> Result<(), StoreError> {
    writes.add(
        "UPDATE approvals SET uses = uses + taken.n
         FROM (SELECT value ->> 0 AS id, value ->> 1 AS n FROM json_each(?)) AS taken
         WHERE approvals.id = taken.id",
    );
    writes.bind(taken)
}
