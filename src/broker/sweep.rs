//! What time does: approvals expire, uses that nobody finished are closed and shown as unfinished.

use std::time::Duration;

use super::{Broker, unavailable};
use crate::base::clock::Timestamp;
use crate::domain::ledger::Event;
use crate::domain::problem::Problem;
use crate::domain::widening::Closing;
use crate::store::{ApprovalQuery, StoreError};

/// A use that has not ended after this long is closed as unfinished. Longer than any token lives (I8).
const UNFINISHED_AFTER: Duration = Duration::from_hours(2);

impl Broker {
    /// Writes down what time has done. Called now and then; doing it late changes nothing that is decided.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn sweep(&self) -> Result<usize, Problem> {
        self.tell_strangers().await;
        let ended = self.expire_approvals().await?;
        let before =
            self.now().as_micros().saturating_sub(i64::try_from(UNFINISHED_AFTER.as_micros()).unwrap_or(0));
        let closed = self.close_uses_before(Timestamp::from_micros(before)).await?;
        Ok(ended + closed + self.sweep_runs().await?)
    }

    /// Closes every use that a broker before this one left open. Called once, before anything is served: on one machine, nobody
    /// else can still be using them.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn close_abandoned_uses(&self) -> Result<usize, Problem> {
        self.close_uses_before(self.now()).await
    }

    async fn expire_approvals(&self) -> Result<usize, Problem> {
        let mut ended = 0;
        for state in ["pending", "approved", "spent"] {
            let query = ApprovalQuery {
                state: Some(state.to_owned()),
                expires_by: Some(self.now()),
                ..ApprovalQuery::default()
            };
            for approval in self.parts.store.approvals(query).await.map_err(unavailable)? {
                let (id, agent) = (approval.statement.approval, approval.statement.agent.id);
                let run = approval.statement.run;
                let decided = approval.grant().is_some();
                let Ok(next) = approval.expire(self.now()) else { continue };
                let event = Event::Expired { approval: id, agent, decided, run };
                match self.parts.store.transition(next, self.entry(event)).await {
                    Ok(_) => {
                        ended += 1;
                        self.withdraw_files(run, id, Closing::Expired);
                        self.changed(id);
                    }
                    Err(StoreError::Conflict) => {}
                    Err(error) => return Err(unavailable(error)),
                }
            }
        }
        Ok(ended)
    }

    pub(super) async fn close_connections_before(&self, before: Timestamp) -> Result<usize, Problem> {
        let mut closed = 0;
        loop {
            let before_page = closed;
            for open in self.parts.store.open_connections(before).await.map_err(unavailable)? {
                match self.parts.store.close_connection(open, None, self.now()).await {
                    Ok(_) => closed += 1,
                    Err(StoreError::Conflict) => {}
                    Err(error) => return Err(unavailable(error)),
                }
            }
            if closed == before_page {
                return Ok(closed);
            }
        }
    }

    async fn close_uses_before(&self, before: Timestamp) -> Result<usize, Problem> {
        let mut closed = 0;
        // A store answers in pages; a page of which nothing could be closed is the last.
        loop {
            let before_page = closed;
            for open in self.parts.store.open_uses(before).await.map_err(unavailable)? {
                match self.parts.store.finish_use(open, None, self.now()).await {
                    Ok(_) => closed += 1,
                    Err(StoreError::Conflict) => {}
                    Err(error) => return Err(unavailable(error)),
                }
            }
            if closed == before_page {
                return Ok(closed);
            }
        }
    }
}
