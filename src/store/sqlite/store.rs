//! The store over SQLite: reads go to the readers, steps to the writer's queue.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use sqlx::SqlitePool;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::answers::Reply;
use super::approvals::Request;
use super::line::Line;
use super::lookup::Lookup;
use super::reports::Prepared;
use super::single::Single;
use super::step::Step;
use super::tokens::Issue;
use super::uses::{Finish, Start};
use super::{read, runs};
use crate::base::clock::Timestamp;
use crate::base::crypto::hash::Digest;
use crate::base::id::{ApprovalId, RunId, TokenId};
use crate::domain::approval::{Approval, Exchange};
use crate::domain::connection::{ConnectionEnd, ConnectionStart};
use crate::domain::ledger::{Entry, Event, KeyPurpose, Recorded};
use crate::domain::run::RunRecord;
use crate::domain::usage::{Outcome, UseStart};
use crate::store::{
    ApprovalQuery, Change, CreateRefused, Created, EntryQuery, Head, Installed, IssueRefused, Later, Noted,
    OpenConnection, OpenUse, Report, SealedKey, Store, StoreError, StoredCheckpoint, StoredEntry,
    TokenRecord, UseDenied,
};

/// How long a step may take, from asking to durable (I2).
const PATIENCE: Duration = Duration::from_secs(1);

/// A store in one SQLite file, or in memory.
pub struct SqliteStore {
    reader: SqlitePool,
    lookup: Lookup,
    steps: mpsc::Sender<Step>,
    /// Held as long as the store is.
    _lock: Option<Arc<File>>,
}

impl SqliteStore {
    pub(super) const fn new(
        reader: SqlitePool,
        lookup: Lookup,
        steps: mpsc::Sender<Step>,
        lock: Option<Arc<File>>,
    ) -> Self {
        Self { reader, lookup, steps, _lock: lock }
    }

    async fn ask<T, E>(&self, step: impl FnOnce(Reply<T, E>) -> Step) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        let (reply, answer) = oneshot::channel();
        let asked = async {
            let stopped = |_| StoreError::Unavailable("the store has stopped");
            self.steps.send(step(reply)).await.map_err(stopped)?;
            answer.await.map_err(|_| StoreError::Unavailable("the batch could not be written"))
        };
        match timeout(PATIENCE, asked).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(StoreError::Unavailable("writing takes too long").into()),
        }
    }

    /// Reads within the time that writing has.
    async fn read<T>(&self, read: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        timeout(PATIENCE, read).await.unwrap_or(Err(StoreError::Unavailable("reading takes too long")))
    }
}

impl Store for SqliteStore {
    fn installed(&self) -> Later<'_, Installed> {
        Box::pin(read::installed(&self.reader))
    }

    fn keys(&self, purpose: KeyPurpose) -> Later<'_, Vec<SealedKey>> {
        Box::pin(read::keys(&self.reader, purpose))
    }

    fn approval(&self, id: ApprovalId) -> Later<'_, Option<Approval>> {
        Box::pin(self.read(read::approval(&self.reader, id)))
    }

    fn approvals(&self, query: ApprovalQuery) -> Later<'_, Vec<Approval>> {
        Box::pin(read::approvals(&self.reader, query))
    }

    fn token(&self, id: TokenId) -> Later<'_, Option<TokenRecord>> {
        Box::pin(self.read(self.lookup.token(id)))
    }

    fn entries(&self, query: EntryQuery) -> Later<'_, Vec<StoredEntry>> {
        Box::pin(read::entries(&self.reader, query))
    }

    fn checkpoints(&self, after: u64, limit: u32) -> Later<'_, Vec<StoredCheckpoint>> {
        Box::pin(read::checkpoints(&self.reader, after, limit))
    }

    fn nodes(&self, wanted: Vec<(u8, u64)>) -> Later<'_, Vec<Digest>> {
        Box::pin(read::nodes(&self.reader, wanted))
    }

    fn head(&self) -> Later<'_, Head> {
        Box::pin(async {
            let mut db = self.reader.acquire().await?;
            read::head(&mut db).await
        })
    }

    fn open_uses(&self, before: Timestamp) -> Later<'_, Vec<OpenUse>> {
        Box::pin(read::open_uses(&self.reader, before))
    }

    fn run(&self, id: RunId) -> Later<'_, Option<RunRecord>> {
        Box::pin(self.read(runs::find(&self.reader, id)))
    }

    fn open_runs(&self) -> Later<'_, Vec<RunRecord>> {
        Box::pin(runs::open(&self.reader))
    }

    fn open_connections(&self, before: Timestamp) -> Later<'_, Vec<OpenConnection>> {
        Box::pin(runs::open_connections(&self.reader, before))
    }

    fn change(&self, change: Change, entry: Entry) -> Later<'_, Recorded<()>> {
        let (change, line) = (Box::new(change), Line::of(&entry));
        Box::pin(self.ask(|reply| Step::Single(Single::Change { change, line, reply })))
    }

    fn create(
        &self,
        approval: Approval,
        idempotency: Option<String>,
        max_pending: u32,
        entry: Entry,
    ) -> Later<'_, Created, CreateRefused> {
        let line = Line::of(&entry);
        let request = Box::new(Request { approval, idempotency, max_pending });
        Box::pin(self.ask(|reply| Step::Single(Single::Create { request, line, reply })))
    }

    fn transition(&self, next: Approval, entry: Entry) -> Later<'_, Recorded<Approval>> {
        let (next, line) = (Box::new(next), Line::of(&entry));
        Box::pin(self.ask(|reply| Step::Single(Single::Transition { next, line, reply })))
    }

    fn issue(&self, exchange: Exchange) -> Later<'_, Recorded<Exchange>, IssueRefused> {
        let entry = Entry { at: exchange.issued_at(), event: Event::token_issued(&exchange) };
        let line = Line::of(&entry);
        Box::pin(self.ask(|reply| Step::Issue(Issue { exchange, line: line.into(), reply })))
    }

    fn start_use(&self, start: UseStart) -> Later<'_, Recorded<UseStart>, UseDenied> {
        let line = Line::of(&Entry { at: start.at, event: Event::UseStarted(start.clone()) });
        Box::pin(self.ask(|reply| Step::Start(Start { begun: start, line: line.into(), reply })))
    }

    fn finish_use(&self, open: OpenUse, outcome: Option<Outcome>, at: Timestamp) -> Later<'_, Recorded<()>> {
        let OpenUse { id, token, approval, agent, run, .. } = open.clone();
        let event = match outcome {
            Some(outcome) => Event::UseFinished { id, token, approval, agent, run, outcome },
            None => Event::UseUnfinished { id, token, approval, agent, run },
        };
        let line = Line::of(&Entry { at, event });
        Box::pin(self.ask(|reply| Step::Finish(Finish { open, line: line.into(), reply })))
    }

    fn report(&self, reports: Vec<Report>) -> Later<'_, Vec<Noted>> {
        let prepared = |Report { layer, source, id, closes, entry }| {
            let line = entry.as_ref().map(Line::of);
            Prepared { layer, source, id, closes, line }
        };
        let reports = reports.into_iter().map(prepared).collect();
        Box::pin(self.ask(|reply| Step::Single(Single::Report { reports, reply })))
    }

    fn start_run(&self, record: RunRecord, entry: Entry) -> Later<'_, Recorded<()>> {
        let (record, line) = (Box::new(record), Line::of(&entry));
        Box::pin(self.ask(|reply| Step::Single(Single::StartRun { record, line, reply })))
    }

    fn advance_run(&self, next: RunRecord, entry: Entry) -> Later<'_, Recorded<()>> {
        let (next, line) = (Box::new(next), Line::of(&entry));
        Box::pin(self.ask(|reply| Step::Single(Single::AdvanceRun { next, line, reply })))
    }

    fn open_connection(&self, start: ConnectionStart) -> Later<'_, Recorded<ConnectionStart>> {
        let line = Line::of(&Entry { at: start.at, event: Event::ConnectionOpened(start.clone()) });
        let start = Box::new(start);
        Box::pin(self.ask(|reply| Step::Single(Single::OpenConnection { start, line, reply })))
    }

    fn close_connection(
        &self,
        open: OpenConnection,
        end: Option<ConnectionEnd>,
        at: Timestamp,
    ) -> Later<'_, Recorded<()>> {
        let OpenConnection { id, run, agent, approval, host, .. } = open;
        let event = match end {
            Some(ConnectionEnd { bytes_up, bytes_down, broken }) => Event::ConnectionClosed {
                connection: id,
                run,
                agent,
                approval,
                host,
                bytes_up,
                bytes_down,
                broken,
            },
            None => Event::ConnectionUnfinished { connection: id, run, agent, approval, host },
        };
        let line = Line::of(&Entry { at, event });
        Box::pin(self.ask(move |reply| Step::Single(Single::CloseConnection { id, line, reply })))
    }

    fn revoke_token(&self, id: TokenId, entry: Entry) -> Later<'_, Recorded<()>> {
        let line = Line::of(&entry);
        Box::pin(self.ask(move |reply| Step::Single(Single::RevokeToken { id, at: entry.at, line, reply })))
    }

    fn append(&self, entries: Vec<Entry>) -> Later<'_, Recorded<()>> {
        let lines = entries.iter().map(Line::of).collect();
        Box::pin(self.ask(|reply| Step::Single(Single::Append { lines, reply })))
    }
}
