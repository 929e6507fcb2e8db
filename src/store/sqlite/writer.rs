//! The writer: the one task that writes. It takes what is waiting, writes it in one transaction with one sync, and only then
//! answers anybody (group commit, design §11).
//!
//! A batch that cannot be made durable is refused whole; the next one starts from what the database says.

use std::fs::File;
use std::sync::Arc;

use sqlx::{Connection as _, SqliteConnection, SqlitePool};
use tokio::sync::mpsc;

use super::answers::Answers;
use super::file::Signer;
use super::line::{Lines, Tree};
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
    /// The lock on the file, kept until the last batch; none in memory.
    pub(super) lock: Option<Arc<File>>,
}

/// Steps of one transaction, by kind. None of them has been answered, so any order of them is a right one; ends and changes
/// come first, so that what is revoked is not used.
#[derive(Default)]
struct Batch {
    singles: Vec<Single>,
    issues: Vec<tokens::Issue>,
    starts: Vec<uses::Start>,
    finishes: Vec<uses::Finish>,
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
            self.write(batch).await;
        }
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
        &self,
        batch: Batch,
        known: Option<Tree>,
        answers: &mut Answers,
    ) -> Result<Tree, StoreError> {
        let mut db = self.pool.acquire().await?;
        let written = self.transact(&mut db, batch, known, answers).await;
        if written.is_err() && self.lock.is_some() {
            // What failed may have ended the transaction behind the driver's back. In memory there is no other connection.
            drop(db.close().await);
        }
        written
    }

    async fn transact(
        &self,
        db: &mut SqliteConnection,
        batch: Batch,
        known: Option<Tree>,
        answers: &mut Answers,
    ) -> Result<Tree, StoreError> {
        let mut transaction = db.begin_with("BEGIN IMMEDIATE").await?;
        let tree = match known {
            Some(tree) => tree,
            None => Tree::load(&mut transaction).await?,
        };
        let mut lines = Lines::after(&tree);
        batch.apply(&mut transaction, &mut lines, answers).await?;
        let next = lines.write(&mut transaction, &tree, &self.signer).await?;
        transaction.commit().await?;
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

    async fn apply(
        self,
        db: &mut SqliteConnection,
        lines: &mut Lines,
        answers: &mut Answers,
    ) -> Result<(), StoreError> {
        for single in self.singles {
            single::apply(db, single, lines, answers).await?;
        }
        tokens::issue(db, self.issues, lines, answers).await?;
        uses::start(db, self.starts, lines, answers).await?;
        uses::finish(db, self.finishes, lines, answers).await
    }
}
