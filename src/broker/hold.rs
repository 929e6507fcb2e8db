//! A run may have its refused requests held while a person decides. Holding asks for nothing that could not have been asked for, and
//! when the time is up the refusal is told as it would have been.

use std::time::Duration;

use super::granted::Granted;
use super::request::{Ask, AskedLimits};
use super::runs::LiveRun;
use super::{Broker, unavailable};
use crate::base::id::{ApprovalId, UseId};
use crate::domain::approval::Approval;
use crate::domain::principal::Agent;
use crate::domain::problem::Problem;
use crate::domain::run::StandIn;
use crate::domain::scope::ScopeItem;
use crate::domain::step::AskedStep;
use crate::store::ApprovalQuery;

/// What the reviewer reads where nobody gave a reason.
const REASON: &str = "The proxy holds a request of this run until you decide. Nobody gave a reason.";

impl Broker {
    /// Waits for the decision over an undecided request of the run that `covers`; `ask` makes one where there is none. Whether somebody
    /// was asked and has decided, be it since what was refused was looked for in `granted`.
    pub(super) async fn held_until_decided(
        &self,
        (agent, run, granted): (&Agent, &LiveRun, &Granted),
        covers: impl Fn(&Approval) -> bool,
        ask: Option<Ask>,
    ) -> Result<bool, Problem> {
        let wait = Duration::from_secs(u64::from(run.run.wait_seconds));
        if wait.is_zero() {
            return Ok(false);
        }
        let Ok(_place) = self.runs.holding.try_acquire() else { return Ok(false) };
        let Some(id) = self.asked_for((agent, run, granted), covers, ask).await? else { return Ok(false) };
        let seen = self.own_approval(agent, id, wait).await?;
        Ok(seen.state != "pending")
    }

    async fn asked_for(
        &self,
        (agent, run, granted): (&Agent, &LiveRun, &Granted),
        covers: impl Fn(&Approval) -> bool,
        ask: Option<Ask>,
    ) -> Result<Option<ApprovalId>, Problem> {
        // One at a time, so that requests at the same moment ask once.
        let Ok(_turn) = run.asking.acquire().await else { return Ok(None) };
        let (state, id) = (Some("pending".to_owned()), Some(run.run.id));
        let query = ApprovalQuery {
            state,
            run: id,
            agent: Some(agent.id),
            current: true,
            ..ApprovalQuery::default()
        };
        let found = self.parts.store.approvals(query).await.map_err(unavailable)?;
        let mut pending = found.iter().filter(|one| one.state_name(self.now()) == "pending");
        if let Some(one) = pending.find(|one| covers(one)) {
            return Ok(Some(one.statement.approval));
        }
        // Somebody may have decided since the refusal: asking then would be asking for what is granted, and wait for nobody.
        if let Some(decided) = self.read_granted(run).await?.since(granted, self.now()) {
            return Ok(Some(decided));
        }
        let Some(ask) = ask else { return Ok(None) };
        Ok(self.request(agent, ask, None).await.ok().map(|asked| asked.approval.statement.approval))
    }
}

/// What is asked on the run's behalf for what was refused: the smallest item, as the identity its placeholder stands for.
pub(super) fn ask(
    run: &LiveRun,
    stand_in: &StandIn,
    missing: &ScopeItem,
    refusal: Option<UseId>,
) -> Option<Ask> {
    let item = serde_json::to_value(missing).ok()?;
    let claimed = run.claim().filter(|claim| claim.ended.is_none()).map(|claim| claim.step);
    Some(Ask {
        identity: Some(stand_in.identity.to_string()),
        items: vec![item],
        reason: REASON.to_owned(),
        step: AskedStep { claimed, refusal },
        limits: AskedLimits::default(),
        run: Some(run.run.id),
    })
}
