//! Steps that are applied one by one, each under a savepoint: one that is refused leaves nothing.

use sqlx::{Executor as _, SqliteConnection};

use super::answers::{Answers, Reply};
use super::error::ends_batch;
use super::line::{Line, Lines};
use super::{approvals, changes, reports, runs, tokens};
use crate::base::clock::Timestamp;
use crate::base::id::{ConnectionId, TokenId};
use crate::domain::approval::Approval;
use crate::domain::connection::ConnectionStart;
use crate::domain::ledger::Recorded;
use crate::domain::run::RunRecord;
use crate::store::{Change, CreateRefused, Created, Noted, StoreError};

/// A step of its own kind.
pub(super) enum Single {
    Change {
        change: Box<Change>,
        line: Line,
        reply: Reply<Recorded<()>>,
    },
    Create {
        request: Box<approvals::Request>,
        line: Line,
        reply: Reply<Created, CreateRefused>,
    },
    Transition {
        next: Box<Approval>,
        line: Line,
        reply: Reply<Recorded<Approval>>,
    },
    RevokeToken {
        id: TokenId,
        at: Timestamp,
        line: Line,
        reply: Reply<Recorded<()>>,
    },
    StartRun {
        record: Box<RunRecord>,
        line: Line,
        reply: Reply<Recorded<()>>,
    },
    AdvanceRun {
        next: Box<RunRecord>,
        line: Line,
        reply: Reply<Recorded<()>>,
    },
    OpenConnection {
        start: Box<ConnectionStart>,
        line: Line,
        reply: Reply<Recorded<ConnectionStart>>,
    },
    CloseConnection {
        id: ConnectionId,
        line: Line,
        reply: Reply<Recorded<()>>,
    },
    Report {
        reports: Vec<reports::Prepared>,
        reply: Reply<Vec<Noted>>,
    },
    /// Only lines: nothing is asked of the database.
    Append {
        lines: Vec<Line>,
        reply: Reply<Recorded<()>>,
    },
}

impl Single {
    /// Whether the caller has given up waiting.
    pub(super) fn is_abandoned(&self) -> bool {
        match self {
            Self::Create { reply, .. } => reply.is_closed(),
            Self::Transition { reply, .. } => reply.is_closed(),
            Self::OpenConnection { reply, .. } => reply.is_closed(),
            Self::Report { reply, .. } => reply.is_closed(),
            Self::Change { reply, .. }
            | Self::RevokeToken { reply, .. }
            | Self::StartRun { reply, .. }
            | Self::AdvanceRun { reply, .. }
            | Self::CloseConnection { reply, .. }
            | Self::Append { reply, .. } => reply.is_closed(),
        }
    }
}

/// Applies one step. Its refusal is its caller's alone.
///
/// # Errors
/// When the whole batch is in doubt.
pub(super) async fn apply(
    db: &mut SqliteConnection,
    single: Single,
    lines: &mut Lines,
    answers: &mut Answers,
) -> Result<(), StoreError> {
    if matches!(single, Single::Append { .. }) {
        return take(db, single, lines, answers).await.map(drop);
    }
    let before = lines.len();
    db.execute("SAVEPOINT step").await?;
    let taken = take(db, single, lines, answers).await?;
    if taken {
        db.execute("RELEASE step").await?;
    } else {
        lines.truncate(before);
        db.execute("ROLLBACK TO step; RELEASE step").await?;
    }
    Ok(())
}

/// Whether the step was taken; its answer is held either way.
async fn take(
    db: &mut SqliteConnection,
    single: Single,
    lines: &mut Lines,
    answers: &mut Answers,
) -> Result<bool, StoreError> {
    match single {
        Single::Change { change, line, reply } => {
            let index = lines.push(line);
            let done = changes::apply(db, *change, lines).await;
            conclude(answers, reply, done, index)
        }
        Single::Create { request, line, reply } => create(db, *request, line, reply, lines, answers).await,
        Single::Transition { next, line, reply } => {
            let done = approvals::transition(db, *next).await;
            conclude(answers, reply, done, lines.push(line))
        }
        Single::RevokeToken { id, at, line, reply } => {
            let done = tokens::revoke(db, id, at).await;
            conclude(answers, reply, done, lines.push(line))
        }
        Single::StartRun { record, line, reply } => {
            let done = runs::start(db, &record).await;
            conclude(answers, reply, done, lines.push(line))
        }
        Single::AdvanceRun { next, line, reply } => {
            let index = lines.push(line);
            let done = runs::advance(db, &next, lines).await;
            conclude(answers, reply, done, index)
        }
        Single::OpenConnection { start, line, reply } => {
            let done = runs::open_connection(db, *start).await;
            conclude(answers, reply, done, lines.push(line))
        }
        Single::CloseConnection { id, line, reply } => {
            let done = runs::close_connection(db, id).await;
            conclude(answers, reply, done, lines.push(line))
        }
        Single::Report { reports, reply } => match reports::note(db, reports, lines).await {
            Err(error) if ends_batch(&error) => Err(error),
            noted => {
                let taken = noted.is_ok();
                answers.found(reply, noted);
                Ok(taken)
            }
        },
        Single::Append { lines: more, reply } => {
            let last = more.into_iter().map(|line| lines.push(line)).last();
            conclude(answers, reply, last.map(drop).ok_or(StoreError::Conflict), last.unwrap_or_default())
        }
    }
}

async fn create(
    db: &mut SqliteConnection,
    request: approvals::Request,
    line: Line,
    reply: Reply<Created, CreateRefused>,
    lines: &mut Lines,
    answers: &mut Answers,
) -> Result<bool, StoreError> {
    match approvals::create(db, request).await {
        Ok(approvals::Outcome::New(approval)) => {
            answers.recorded_as(reply, *approval, lines.push(line), Created::New);
            Ok(true)
        }
        Ok(approvals::Outcome::Existing(approval)) => {
            answers.found(reply, Ok(Created::Existing(*approval)));
            Ok(true)
        }
        Err(CreateRefused::Store(error)) if ends_batch(&error) => Err(error),
        Err(refused) => {
            answers.found(reply, Err(refused));
            Ok(false)
        }
    }
}

fn conclude<T: Send + 'static>(
    answers: &mut Answers,
    reply: Reply<Recorded<T>>,
    done: Result<T, StoreError>,
    index: u64,
) -> Result<bool, StoreError> {
    match done {
        Ok(value) => {
            answers.recorded(reply, value, index);
            Ok(true)
        }
        Err(error) if ends_batch(&error) => Err(error),
        Err(refused) => {
            answers.found(reply, Err(refused));
            Ok(false)
        }
    }
}
