//! A host that no upstream governs is open to a run while something that was granted to it says so. Each connection is on record before
//! it is opened, and carries no credential.

use super::cut::Cuts;
use super::granted::Granted;
use super::refusal::Refusal;
use super::{Broker, no_randomness, unavailable};
use crate::base::id::{ApprovalId, ConnectionId};
use crate::domain::approval::Approval;
use crate::domain::connection::{ConnectionEnd, ConnectionStart};
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::run::Rung;
use crate::domain::scope::{NetworkTarget, ScopeItem, Target};
use crate::planes::network::proxy::gate::{Caller, Grant, Opening, Passage};
use crate::store::{OpenConnection, StoreError};

/// The connections under way.
pub(super) type Passages = Cuts<ConnectionId, OpenConnection>;

impl Broker {
    /// What opens the host to the caller's run: what it was started with, or its newest live approval that says so.
    pub(super) async fn opens(&self, caller: &Caller, to: &NetworkTarget) -> Result<Option<Grant>, Problem> {
        let Some(run) = caller.run.and_then(|run| self.live_run(caller.agent, run).ok()) else {
            return Ok(None);
        };
        let target = Target::Network(to.clone());
        if run.run.rung >= Rung::Networked && run.run.network.iter().any(|item| item.allows(&target)) {
            return Ok(Some(Grant { approval: None, until: run.run.expires_at }));
        }
        let allows = |approval: &Approval| {
            approval.grant().is_some_and(|grant| grant.items.iter().any(|item| item.allows(&target)))
        };
        let by = |granted: &Granted| {
            granted.approvals(self.now()).find(|approval| allows(approval)).map(|approval| Grant {
                approval: Some(approval.statement.approval),
                until: approval.statement.expires_at,
            })
        };
        if let Some(grant) = self.known_granted(&run).and_then(|known| by(&known)) {
            return Ok(Some(grant));
        }
        let granted = self.read_granted(&run).await?;
        if let Some(grant) = by(&granted) {
            return Ok(Some(grant));
        }
        // Nothing is asked here on the run's behalf: nobody has said as whom (I4). What the run has asked itself is waited for.
        let agent = self.active_agent(caller.agent)?;
        let asked = |approval: &Approval| approval.statement.items.iter().any(|item| item.allows(&target));
        if self.held_until_decided((&agent, &run, &granted), asked, None).await? {
            return Ok(by(&*self.read_granted(&run).await?));
        }
        Ok(None)
    }

    /// Puts a connection on record. Whether what opens the host still stands is checked in the step that writes it.
    pub(super) async fn open_passage(&self, opening: Opening) -> Result<Passage, Problem> {
        let Opening { caller, to, grant, address } = opening;
        let agent = self.active_agent(caller.agent)?;
        let refused = async |reason| {
            let (kind, host) = (ProblemKind::NotPermitted, host_of(&to));
            let missing = host_item(&to);
            let refusal =
                Refusal { kind, reason, upstream: None, target: Some(host), missing, identity: None };
            Err(self.refuse_use(&agent, &caller, None, refusal).await)
        };
        let Some(run) = caller.run.and_then(|run| self.live_run(caller.agent, run).ok()) else {
            return refused("run_has_ended").await;
        };
        if let Some(approval) = grant.approval {
            self.reach_rung(&run, Rung::Networked, approval).await?;
        }
        let (clock, random) = (self.parts.clock.as_ref(), self.parts.random.as_ref());
        let id = ConnectionId::new(clock, random).map_err(no_randomness)?;
        let (at, host, agent, approval) = (self.now(), host_of(&to), caller.agent, grant.approval);
        let open = OpenConnection { id, at, run: run.run.id, agent, approval, host: host.clone() };
        let step = self.step_of(&caller);
        let start =
            ConnectionStart { connection: id, run: run.run.id, agent, approval, host, address, at, step };
        let beginning = self.passages.begin(id, open);
        match self.parts.store.open_connection(start).await {
            Ok(_) => {
                self.count_allowed(None);
                Ok(Passage { id, life: self.now().until(grant.until), cut: beginning.keep() })
            }
            Err(StoreError::Conflict) => refused("no_longer_granted").await,
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Writes how a connection ended, once.
    pub(super) async fn close_passage(&self, id: ConnectionId, end: ConnectionEnd) {
        let Some(open) = self.passages.end(id) else { return };
        if let Err(error) = self.parts.store.close_connection(open, Some(end), self.now()).await {
            tracing::warn!(error = %error, "the end of a connection is not on record");
        }
    }

    /// Cuts what an approval that has ended had opened.
    pub(super) fn cut_passages(&self, approval: ApprovalId) {
        self.passages.cut(|passage| passage.approval == Some(approval));
    }
}

pub(super) fn host_of(to: &NetworkTarget) -> String {
    format!("{}:{}", to.host(), to.port())
}

/// The smallest item that opens the host.
pub(super) fn host_item(to: &NetworkTarget) -> Option<ScopeItem> {
    ScopeItem::parse(&serde_json::json!({"type": "network", "hosts": [host_of(to)]})).ok()
}
