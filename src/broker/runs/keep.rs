//! What started a run keeps it: as long as it holds on to a [`Keeping`]. When it is gone without a word, killed or cut off, so is the
//! run: nobody would close it, and nobody would see to what runs in it.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_util::sync::CancellationToken;

use super::LiveRun;
use crate::base::id::RunId;
use crate::broker::{Broker, not_found, unavailable};
use crate::domain::principal::Agent;
use crate::domain::problem::Problem;
use crate::domain::run::{EndCause, RunEnd};
use crate::domain::widening::KeeperLine;

/// Runs whose keepers went, until somebody ends them.
#[derive(Clone, Default)]
pub(super) struct Lost(Arc<Waiting>);

#[derive(Default)]
struct Waiting {
    runs: Mutex<Vec<RunId>>,
    news: Notify,
    stopping: CancellationToken,
}

/// Somebody keeps a run. Dropped before the run has ended, it ends the run.
pub struct Keeping {
    run: Arc<LiveRun>,
    lost: Lost,
    lines: UnboundedReceiver<KeeperLine>,
}

impl Keeping {
    /// The next thing that the keeper has to do. None when the run has ended, or the broker is about to stop.
    pub async fn next(&mut self) -> Option<KeeperLine> {
        let ended = self.run.door.closing();
        tokio::select! {
            () = ended.cancelled() => None,
            () = self.lost.0.stopping.cancelled() => None,
            line = self.lines.recv() => line,
        }
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        if self.run.door.closing().is_cancelled() || self.lost.0.stopping.is_cancelled() {
            return;
        }
        self.lost.0.runs.lock().unwrap_or_else(PoisonError::into_inner).push(self.run.run.id);
        self.lost.0.news.notify_one();
    }
}

impl Broker {
    /// Keeps a run of `agent`: when what this returns goes before the run has ended, the run ends as abandoned.
    ///
    /// # Errors
    /// `not_found` for a run that is not the agent's or has ended.
    pub fn keep_run(&self, agent: &Agent, id: RunId) -> Result<Keeping, Problem> {
        let run = self.live_run(agent.id, id)?;
        let (keeper, lines) = unbounded_channel();
        run.keeps(keeper);
        run.kept();
        Ok(Keeping { run, lost: self.runs.lost.clone(), lines })
    }

    /// Ends every run whose keeper goes, as it goes. Never returns.
    pub async fn end_abandoned_runs(&self) {
        loop {
            self.runs.lost.0.news.notified().await;
            let lost =
                std::mem::take(&mut *self.runs.lost.0.runs.lock().unwrap_or_else(PoisonError::into_inner));
            for id in lost {
                if let Err(problem) = self.abandon(id).await {
                    tracing::warn!(%problem, run = %id, "the end of a run is not on record; it will be");
                }
            }
        }
    }

    /// Whoever keeps a run is let go: the broker stops, and ends the runs itself.
    pub fn let_keepers_go(&self) {
        self.runs.lost.0.stopping.cancel();
    }

    async fn abandon(&self, id: RunId) -> Result<(), Problem> {
        let record = self.parts.store.run(id).await.map_err(unavailable)?.ok_or_else(not_found)?;
        self.close_run(record, RunEnd::of(EndCause::Abandoned), None).await
    }
}
