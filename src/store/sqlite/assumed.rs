//! A batch in one trip to the database: written as if all of it will be, in words that fail if not. Then nothing is decided yet, and the
//! batch takes two trips. So it goes with uses alone, and with one token alone; what is not to be is rare.

use std::sync::Arc;

use sqlx::{Executor as _, SqliteConnection};

use super::answers::Answers;
use super::file::Signer;
use super::line::{Lines, Tree};
use super::script::Script;
use super::writer::Batch;
use super::{tokens, uses};
use crate::store::StoreError;

/// What became of a batch.
pub(super) enum Assumed {
    Durable(Tree),
    /// Something is not as assumed, or never is; nothing was written.
    Undecided(Batch),
}

/// Writes the batch after `tree`, if it is one of those.
///
/// # Errors
/// When the whole batch is in doubt.
pub(super) async fn write(
    db: &mut SqliteConnection,
    (tree, signer): (&Tree, &Signer),
    batch: Batch,
    answers: &mut Answers,
) -> Result<Assumed, StoreError> {
    let mut script = Script::default();
    script.add("BEGIN IMMEDIATE");
    match (&batch.singles[..], &batch.issues[..]) {
        ([], []) => uses::assume(&batch.starts, &batch.finishes, &mut script)?,
        ([], [issue])
            if batch.starts.is_empty()
                && batch.finishes.is_empty()
                && issue.exchange.approvers().len() == 1 =>
        {
            tokens::assume(&issue.exchange, &mut script)?;
        }
        _ => return Ok(Assumed::Undecided(batch)),
    }
    let (starts, finishes) = (batch.starts.iter(), batch.finishes.iter());
    let kept = batch.issues.iter().map(|issue| &issue.line);
    let kept = kept.chain(starts.map(|start| &start.line)).chain(finishes.map(|finish| &finish.line));
    let mut lines = Lines::after(tree);
    let mut places = kept.map(|line| lines.push(Arc::clone(line))).collect::<Vec<_>>().into_iter();
    let next = lines.write(tree, signer, &mut script)?;
    script.add("COMMIT");
    match script.run(db).await {
        Err(StoreError::Conflict) => {
            db.execute("ROLLBACK").await?;
            return Ok(Assumed::Undecided(batch));
        }
        written => drop(written?),
    }
    for (issue, place) in batch.issues.into_iter().zip(&mut places) {
        answers.recorded(issue.reply, issue.exchange, place);
    }
    for (start, place) in batch.starts.into_iter().zip(&mut places) {
        answers.recorded(start.reply, start.begun, place);
    }
    for (finish, place) in batch.finishes.into_iter().zip(&mut places) {
        answers.recorded(finish.reply, (), place);
    }
    Ok(Assumed::Durable(next))
}
