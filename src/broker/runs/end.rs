//! A run ends: nothing goes through its socket any more, and nothing granted to it is worth anything.

use std::time::Duration;

use super::LiveRun;
use crate::base::id::{AgentId, RunId};
use crate::broker::{Broker, not_found, unavailable};
use crate::domain::files::UsedFiles;
use crate::domain::ledger::Event;
use crate::domain::principal::Agent;
use crate::domain::problem::Problem;
use crate::domain::run::{EndCause, RunEnd, RunRecord};
use crate::store::StoreError;

/// How often an end is tried again when a climb came between.
const ATTEMPTS: usize = 8;
/// A run that is open in the store and not here, or that nobody keeps who said so, is left alone so long: it may be about to begin.
const BEGINNING: Duration = Duration::from_mins(1);

impl Broker {
    /// A run of `agent` ends; `files` are what was seen of its opens. Ending what has ended is no error, and changes nothing.
    ///
    /// # Errors
    /// `not_found`, or that nothing can be put on record; the run's socket is gone even then.
    pub async fn end_run(
        &self,
        agent: &Agent,
        id: RunId,
        end: RunEnd,
        files: Option<UsedFiles>,
    ) -> Result<(), Problem> {
        let record = self.parts.store.run(id).await.map_err(unavailable)?;
        let record = record.filter(|record| record.run.agent == agent.id).ok_or_else(not_found)?;
        self.close_run(record, end, files).await
    }

    /// Every run that is under way ends, because the broker does.
    pub async fn end_all_runs(&self) {
        let end = RunEnd::of(EndCause::BrokerStopped);
        for run in self.runs.all() {
            self.end_live(&run, end).await;
        }
    }

    pub(in crate::broker) async fn end_runs_of(&self, agent: AgentId) {
        let end = RunEnd::of(EndCause::AgentRemoved);
        for run in self.runs.of_agent(agent) {
            self.end_live(&run, end).await;
        }
    }

    /// Ends what ran out of time, and what nobody here knows.
    pub(in crate::broker) async fn sweep_runs(&self) -> Result<usize, Problem> {
        let now = self.now();
        let mut ended = 0;
        for record in self.parts.store.open_runs().await.map_err(unavailable)? {
            let known = self.runs.find(record.run.id);
            let cause = match known {
                _ if record.run.expires_at <= now => EndCause::Timeout,
                _ if now < record.run.began_at.plus(BEGINNING) => continue,
                None => EndCause::Unknown,
                Some(run) if run.awaits_keeper() => EndCause::Abandoned,
                Some(_) => continue,
            };
            self.close_run(record, RunEnd::of(cause), None).await?;
            ended += 1;
        }
        Ok(ended)
    }

    /// Closes every run and connection that a broker before this one left open. Called once, before anything is served.
    pub(in crate::broker) async fn close_abandoned_runs(&self) -> Result<(), Problem> {
        loop {
            let open = self.parts.store.open_runs().await.map_err(unavailable)?;
            if open.is_empty() {
                break;
            }
            for record in open {
                self.close_run(record, RunEnd::of(EndCause::Unknown), None).await?;
            }
        }
        self.close_connections_before(self.now()).await.map(drop)
    }

    async fn end_live(&self, run: &LiveRun, end: RunEnd) {
        let record = RunRecord::started(run.run.clone());
        if let Err(problem) = self.close_run(record, end, None).await {
            tracing::warn!(%problem, run = %run.run.id, "the end of a run is not on record; it will be");
        }
    }

    /// Closes the door first: whatever becomes of the record, nothing goes through any more.
    pub(super) async fn close_run(
        &self,
        mut record: RunRecord,
        end: RunEnd,
        files: Option<UsedFiles>,
    ) -> Result<(), Problem> {
        let (id, agent) = (record.run.id, record.run.agent);
        self.runs.end(id);
        for _ in 0..ATTEMPTS {
            let Ok(next) = record.end(end, self.now()) else { return Ok(()) };
            let event = Event::RunEnded { run: id, agent, end, files: files.clone() };
            match self.parts.store.advance_run(next, self.entry(event)).await {
                Ok(_) => {
                    self.cuts.cut(|under_way| under_way.run == Some(id));
                    self.passages.cut(|passage| passage.run == id);
                    return Ok(());
                }
                Err(StoreError::Conflict) => {
                    record = self.parts.store.run(id).await.map_err(unavailable)?.ok_or_else(not_found)?;
                }
                Err(error) => return Err(unavailable(error)),
            }
        }
        Err(unavailable(StoreError::Conflict))
    }
}
