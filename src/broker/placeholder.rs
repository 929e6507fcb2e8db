//! A placeholder means: the run's newest live approval that covers this, exchanged on the run's behalf. What comes of it is an ordinary
//! token, on record before it is made, and goes the ordinary way (I1–I3); the run never sees it.

use std::sync::Arc;

use serde_json::Value;

use super::Broker;
use super::body::seen;
use super::granted::Granted;
use super::hold;
use super::refusal::Refusal;
use super::runs::LiveRun;
use crate::domain::access::{nearest, smallest_item, smallest_item_near};
use crate::domain::approval::{Approval, Statement};
use crate::domain::key::{KeyKind, presented};
use crate::domain::principal::Agent;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::run::StandIn;
use crate::domain::scope::{HttpTarget, Target};
use crate::domain::token::PlainToken;
use crate::domain::upstream::Upstream;
use crate::planes::network::proxy::gate::{Caller, Sent};

impl Broker {
    /// The token that what was presented stands for. `None` when it is no placeholder of this run for this upstream: then it is judged as
    /// the token it is not (A13).
    ///
    /// # Errors
    /// The refusal, on record, that says what to ask for.
    pub(super) async fn stood_for(
        &self,
        caller: &Caller,
        (upstream, target, body): (&Upstream, &mut HttpTarget, &dyn Sent),
        shown: &str,
    ) -> Result<Option<Arc<PlainToken>>, Problem> {
        let Some(hash) = presented(KeyKind::Placeholder, shown) else { return Ok(None) };
        let Some(run) = caller.run.and_then(|run| self.runs.find(run)) else { return Ok(None) };
        let Some(stand_in) = run.stand_in(&hash).filter(|known| known.upstream == upstream.name) else {
            return Ok(None);
        };
        let agent = self.active_agent(caller.agent)?;
        let request = (caller, body);
        if let Some(known) = self.known_granted(&run)
            && let Some(token) = self.token((&agent, &run, stand_in), request, target, &known).await?
        {
            return Ok(Some(token));
        }
        let granted = self.read_granted(&run).await?;
        if let Some(token) = self.token((&agent, &run, stand_in), request, target, &granted).await? {
            return Ok(Some(token));
        }
        let identity = Some(stand_in.identity.clone());
        let near = nearest(granted.items(self.now()), target);
        let missing = match near {
            Some(item) => smallest_item_near(target, identity.as_ref(), item),
            None => smallest_item(target, identity.as_ref()),
        };
        let refusal = Refusal {
            missing: missing.clone(),
            identity,
            ..Refusal::of(ProblemKind::NotPermitted, "placeholder_without_approval", target)
        };
        let problem = self.refuse_use(&agent, caller, None, refusal).await;
        let problem = match near.and_then(|item| item.body_lacks(target)) {
            Some(lacks) => problem.with("body", lacks),
            None => problem,
        };
        let refused = problem.more.get("use").and_then(Value::as_str).and_then(|id| id.parse().ok());
        let ask = missing.and_then(|missing| hold::ask(&run, stand_in, &missing, refused));
        let asked = |approval: &Approval| would_cover(&approval.statement, stand_in, target);
        if self.held_until_decided((&agent, &run, &granted), asked, ask).await? {
            let granted = self.read_granted(&run).await?;
            if let Some(token) = self.token((&agent, &run, stand_in), request, target, &granted).await? {
                return Ok(Some(token));
            }
        }
        Err(problem)
    }

    /// A token of the newest of the approvals that allows `target` as this identity: the one the run has, or a new one. The body is
    /// looked into where one of them makes that matter.
    async fn token(
        &self,
        (agent, run, stand_in): (&Agent, &LiveRun, &StandIn),
        (caller, body): (&Caller, &dyn Sent),
        target: &mut HttpTarget,
        granted: &Granted,
    ) -> Result<Option<Arc<PlainToken>>, Problem> {
        match seen(granted.items(self.now()), target.clone(), body).await {
            Ok(seen) => *target = seen,
            Err((_, refused)) => return Err(self.unclear(agent, caller, None, (target, refused)).await),
        }
        // One at a time, so that requests at the same moment share a token and do not spend two.
        let Ok(_turn) = run.exchanging.acquire().await else { return Ok(None) };
        for approval in granted.approvals(self.now()) {
            if !granted.has_uses_left(approval) || !covers(approval, stand_in, target) {
                continue;
            }
            let id = approval.statement.approval;
            if let Some(held) = run.held(id, self.now()) {
                return Ok(Some(held));
            }
            if approval.state_name(self.now()) != "approved" {
                continue;
            }
            match self.exchange(agent, &id.to_string(), None).await {
                Ok(issued) => return Ok(Some(run.hold(id, issued.token, self.now().plus(issued.lifetime)))),
                Err(problem) if problem.kind == ProblemKind::LedgerUnavailable => return Err(problem),
                Err(_) => {}
            }
        }
        Ok(None)
    }
}

/// Whether the approval is for this identity and this target.
fn covers(approval: &Approval, stand_in: &StandIn, target: &HttpTarget) -> bool {
    let target = Target::Http(target.clone());
    approval.statement.identity == stand_in.identity
        && approval.grant().is_some_and(|grant| grant.items.iter().any(|item| item.allows(&target)))
}

/// Whether the request, were it granted as it was asked, would be one for this.
fn would_cover(asked: &Statement, stand_in: &StandIn, target: &HttpTarget) -> bool {
    let target = Target::Http(target.clone());
    asked.identity == stand_in.identity && asked.items.iter().any(|item| item.allows(&target))
}
