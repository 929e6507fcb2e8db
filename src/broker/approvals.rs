//! Looking at approvals: the asker at its own, people at all; waiting for a decision; taking a request back.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::Instant;

use super::runs::OPENING;
use super::{Broker, not_found, unavailable};
use crate::base::id::ApprovalId;
use crate::domain::approval::{Approval, History};
use crate::domain::ledger::Event;
use crate::domain::principal::Agent;
use crate::domain::problem::{Problem, ProblemKind};
use crate::store::{ApprovalQuery, StoreError};

/// An approval and the name of its state at the moment it was looked at.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The approval.
    pub approval: Approval,
    /// `pending`, `approved`, `denied`, `expired`, `cancelled`, `spent` or `revoked`.
    pub state: &'static str,
}

impl Broker {
    /// One of the agent's own approvals. With `wait`, returns when it is no longer pending or the time is up. Files that were granted
    /// to a run get a moment to be opened, so that the answer says what came of it.
    ///
    /// # Errors
    /// `not_found` for what is not there and for what is another agent's.
    pub async fn own_approval(&self, agent: &Agent, id: ApprovalId, wait: Duration) -> Result<Seen, Problem> {
        let mine = |seen: Seen| if seen.approval.is_of(agent.id) { Ok(seen) } else { Err(not_found()) };
        let mut changes = self.changes.subscribe();
        let mut seen = mine(self.approval(id).await?)?;
        let deadline = tokio::time::sleep(wait.min(self.now().until(seen.approval.statement.expires_at)));
        tokio::pin!(deadline);
        let mut decided = seen.state != "pending";
        while !wait.is_zero() && (!decided || self.opens_files(&seen)) {
            tokio::select! {
                () = &mut deadline => return mine(self.approval(id).await?),
                changed = changes.recv() => match changed {
                    Ok(other) if other != id => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => seen = mine(self.approval(id).await?)?,
                    Err(RecvError::Closed) => return Ok(seen),
                },
            }
            if !decided && seen.state != "pending" {
                decided = true;
                let end = deadline.deadline().min(Instant::now() + OPENING);
                deadline.as_mut().reset(end);
            }
        }
        Ok(seen)
    }

    /// The agent's own approvals, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn own_approvals(&self, agent: &Agent, limit: u32) -> Result<Vec<Seen>, Problem> {
        self.list(ApprovalQuery { agent: Some(agent.id), limit, ..ApprovalQuery::default() }).await
    }

    /// One approval, for a person.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn approval(&self, id: ApprovalId) -> Result<Seen, Problem> {
        let approval = self.parts.store.approval(id).await.map_err(unavailable)?.ok_or_else(not_found)?;
        Ok(self.seen(approval))
    }

    /// Approvals, for a person, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn approvals(&self, state: Option<String>, limit: u32) -> Result<Vec<Seen>, Problem> {
        let wanted = state.clone();
        let mut found = self.list(ApprovalQuery { state, limit, ..ApprovalQuery::default() }).await?;
        // Time may have run out since the state was written.
        found.retain(|seen| wanted.as_ref().is_none_or(|wanted| seen.state == wanted));
        Ok(found)
    }

    /// What a reviewer wants to know before they decide about `seen`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn history(&self, seen: &Approval) -> Result<History, Problem> {
        let query = ApprovalQuery { agent: Some(seen.statement.agent.id), ..ApprovalQuery::default() };
        let earlier = self.parts.store.approvals(query).await.map_err(unavailable)?;
        Ok(History::of(&seen.statement, &earlier, self.now()))
    }

    /// The approvals that are asked for from now on, and those that change.
    #[must_use]
    pub fn news(&self) -> Receiver<ApprovalId> {
        self.changes.subscribe()
    }

    /// The agent takes its request back.
    ///
    /// # Errors
    /// `not_found`, or `approval_not_pending`.
    pub async fn cancel(&self, agent: &Arc<Agent>, id: ApprovalId) -> Result<Seen, Problem> {
        let found = self.parts.store.approval(id).await.map_err(unavailable)?;
        let approval = found.filter(|approval| approval.is_of(agent.id)).ok_or_else(not_found)?;
        let not_pending = |what: String| Problem::new(ProblemKind::ApprovalNotPending, what);
        let run = approval.statement.run;
        let next = approval.cancel(self.now()).map_err(|error| not_pending(format!("{error}.")))?;
        let event = Event::Cancelled { approval: id, agent: agent.id, run };
        let written =
            self.parts.store.transition(next, self.entry(event)).await.map_err(|error| match error {
                StoreError::Conflict => not_pending("It was decided meanwhile. Look at it again.".to_owned()),
                other => unavailable(other),
            })?;
        self.changed(id);
        Ok(self.seen(written.into_value()))
    }

    async fn list(&self, query: ApprovalQuery) -> Result<Vec<Seen>, Problem> {
        let found = self.parts.store.approvals(query).await.map_err(unavailable)?;
        Ok(found.into_iter().map(|approval| self.seen(approval)).collect())
    }

    fn opens_files(&self, seen: &Seen) -> bool {
        self.files_of(&seen.approval).iter().any(|grant| grant.widened.is_none())
    }

    fn seen(&self, approval: Approval) -> Seen {
        Seen { state: approval.state_name(self.now()), approval }
    }
}
