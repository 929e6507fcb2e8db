//! The writer: the one task that writes. It takes what is waiting, writes it in one transaction with one sync, and only then
//! answers anybody (group commit, design §11).
//!
//! A batch that cannot be made durable is refused whole; the next one starts from what the database says.

use std::fs::File;
use std::sync::Arc;

use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqliteConnection, SqlitePool};
use tokio::sync::mpsc;

use super::answers::Answers;
use super::assumed::{self, Assumed};
use super::file::Signer;
use super::line::{Lines, Tree};
use super::script::Script;
use super::single::{self, Single};
use super::step::Step;
use super::{tokens, uses};
use crate::base::tasks::Tasks;
use crate::store::StoreError;

/// The most steps of one transaction.
const LARGEST_BATCH: usize = 512;

/// What writing takes.
pub(super) struct Writer {
    pub(super) pool: SqlitePool,
    pub(super) signer: Signer,
    pub(super) queue: mpsc::Receiver<Step>,
    /// What the database is known to say; unknown after a failure.
    pub(super) tree: Option<Tree>,
    /// The connection of the batch before; none after a failure, and none in memory, where readers want it too.
    pub(super) db: Option<PoolConnection<Sqlite>>,
    /// The lock on the file, kept until the last batch; none in memory.
    pub(super) lock: Option<Arc<File>>,
}

/// Steps of one transaction, by kind. None of them has been answered, so any order of them is a right one; ends and changes
/// come first, so that what is revoked is not used.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) singles: Vec<Single>,
    pub(super) issues: Vec<tokens::Issue>,
    pub(super) starts: Vec<uses::Start>,
    pub(super) finishes: Vec<uses::Finish>,
}

impl Writer {
    /// Writes until shutdown, and then what is still waiting.
    pub(super) async fn run(mut self, tasks: Tasks) {
        loop {
            let first = tokio::select! {
                biased;
                first = self.queue.recv() => first,
                () = tasks.stopping(), if !self.queue.is_closed() => {
                    self.queue.close();
                    continue;
                }
            };
            let Some(first) = first else { break };
            let mut batch = Batch::default();
            batch.take(first);
            for _ in 1..LARGEST_BATCH {
                let Ok(step) = self.queue.try_recv() else { break };
                batch.take(step);
            }
            if !batch.is_empty() {
                self.write(batch).await;
            }
        }
        self.db = None;
        self.pool.close().await;
    }

    async fn write(&mut self, batch: Batch) {
        let mut answers = Answers::default();
        let known = self.tree.take();
        match self.commit(batch, known, &mut answers).await {
            Ok(tree) => {
                self.tree = Some(tree);
                answers.settle();
            }
            // The answers are dropped, and everyone in the batch is refused.
            Err(error) => tracing::error!(error = %error, "a batch could not be written"),
        }
    }

    async fn commit(
        &mut self,
        batch: Batch,
        known: Option<Tree>,
        answers: &mut Answers,
    ) -> Result<Tree, StoreError> {
        let mut db = match self.db.take() {
            Some(db) => db,
            None => self.pool.acquire().await?,
        };
        let written = self.transact(&mut db, batch, known, answers).await;
        let in_memory = self.lock.is_none();
        match &written {
            Ok(_) if in_memory => {}
            Ok(_) => self.db = Some(db),
            // The connection is the database; what fails here is that there was no transaction left to end.
            Err(_) if in_memory => drop(sqlx::query("ROLLBACK").execute(&mut *db).await),
            // What failed may have ended the transaction behind the driver's back.
            Err(_) => drop(db.close().await),
        }
        written
    }

    async fn transact(
        &self,
        db: &mut SqliteConnection,
        mut batch: Batch,
        known: Option<Tree>,
        answers: &mut Answers,
    ) -> Result<Tree, StoreError> {
        if let Some(tree) = &known {
            match assumed::write(db, (tree, &self.signer), batch, answers).await? {
                Assumed::Durable(next) => return Ok(next),
                Assumed::Undecided(undecided) => batch = undecided,
            }
        }
        self.decide(db, batch, known, answers).await
    }

    /// A batch in two trips to the database: one asks for all it rests on, one writes. Steps of their own kind come between.
    async fn decide(
        &self,
        db: &mut SqliteConnection,
        batch: Batch,
        known: Option<Tree>,
        answers: &mut Answers,
    ) -> Result<Tree, StoreError> {
        let Batch { singles, issues, starts, finishes } = batch;
        let mut asks = Script::default();
        asks.add("BEGIN IMMEDIATE");
        if known.is_none() || !singles.is_empty() {
            std::mem::take(&mut asks).run(db).await?;
        }
        let tree = match known {
            Some(tree) => tree,
            None => Tree::load(db).await?,
        };
        let mut lines = Lines::after(&tree);
        for single in singles {
            single::apply(db, single, &mut lines, answers).await?;
        }
        let issues = tokens::ask(issues, &mut asks)?;
        let starts = uses::ask(starts, &mut asks)?;
        let finishes = uses::close(finishes, &mut asks)?;
        let mut found = asks.run(db).await?;
        let mut writes = Script::default();
        tokens::issue(issues, &mut found, &mut lines, answers, &mut writes)?;
        uses::start(starts, &mut found, &mut lines, answers, &mut writes)?;
        uses::finish(finishes, &mut found, &mut lines, answers)?;
        let next = lines.write(&tree, &self.signer, &mut writes)?;
        writes.add("COMMIT");
        writes.run(db).await?;
        Ok(next)
    }
}

impl Batch {
    fn take(&mut self, step: Step) {
        match step {
            // Its caller was told that it may not have happened; then it had better not.
            step if step.is_abandoned() => {}
            Step::Single(single) => self.singles.push(single),
            Step::Issue(issue) => self.issues.push(issue),
            Step::Start(start) => self.starts.push(start),
            Step::Finish(finish) => self.finishes.push(finish),
        }
    }

    /// Whether everybody gave up.
    const fn is_empty(&self) -> bool {
        self.singles.is_empty()
            && self.issues.is_empty()
            && self.starts.is_empty()
            && self.finishes.is_empty()
    }
}
