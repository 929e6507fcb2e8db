//! What a run's harness says it is doing, and the climbs of a run. Both are put on record; neither grants anything.

use super::LiveRun;
use crate::base::id::{ApprovalId, RunId};
use crate::broker::request::invalid;
use crate::broker::{Broker, not_found, unavailable};
use crate::domain::ledger::Event;
use crate::domain::principal::Agent;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::run::{Claim, ClimbCause, RunRefused, Rung};
use crate::domain::step::ClaimedStep;
use crate::store::{EntryQuery, StoreError};

/// How often a climb is tried again when another one came between.
const ATTEMPTS: usize = 8;

/// What is told of a run.
#[derive(Clone, Debug)]
pub enum Told {
    /// Its harness claims a step.
    Claimed(ClaimedStep),
    /// Its harness says that a step is over.
    Over(ClaimedStep),
    /// It climbs.
    Climb {
        /// To where.
        to: Rung,
        /// Why.
        cause: ClimbCause,
    },
}

impl Broker {
    /// Puts on record what is told of a run of `agent`.
    ///
    /// # Errors
    /// `not_found` for a run that is not the agent's or has ended, `rate_limited`, `request_invalid` for a climb whose cause is not there
    /// or that is none.
    pub async fn tell_run(&self, agent: &Agent, id: RunId, told: Told) -> Result<(), Problem> {
        let run = self.live_run(agent.id, id)?;
        match told {
            Told::Claimed(step) => self.claim(&run, Claim { claimed: step, over: false }).await,
            Told::Over(step) => self.claim(&run, Claim { claimed: step, over: true }).await,
            Told::Climb { to, cause } => {
                self.check_cause(&run, &cause).await?;
                self.climb(&run, to, cause).await.map(drop)
            }
        }
    }

    async fn claim(&self, run: &LiveRun, claim: Claim) -> Result<(), Problem> {
        let now = self.now();
        if !run.admits_claim(now) {
            let detail = "The run has claimed too many steps this minute; this one is not on record.";
            return Err(Problem::new(ProblemKind::RateLimited, detail));
        }
        let event = Event::RunStep { run: run.run.id, agent: run.run.agent, claim: claim.clone() };
        self.record(event).await?;
        if claim.over {
            run.claim_over(&claim.claimed, now);
        } else {
            run.claimed(claim.claimed, now);
        }
        Ok(())
    }

    /// Sees that the run stands at least on `rung` before something of that rung happens, on record. Its cause is the refusal that led
    /// to the approval, or the approval itself where nothing had been refused.
    pub(in crate::broker) async fn reach_rung(
        &self,
        run: &LiveRun,
        rung: Rung,
        approval: ApprovalId,
    ) -> Result<(), Problem> {
        if run.rung() >= rung {
            return Ok(());
        }
        let found = self.parts.store.approval(approval).await.map_err(unavailable)?;
        let refusal = found.and_then(|approval| approval.statement.step.refusal);
        let cause = refusal.map_or(ClimbCause::Approval(approval), ClimbCause::Refusal);
        match self.climb(run, rung, cause).await {
            Err(problem) if problem.kind == ProblemKind::RequestInvalid => Ok(()),
            done => done,
        }
    }

    async fn climb(&self, run: &LiveRun, to: Rung, cause: ClimbCause) -> Result<(), Problem> {
        let (id, agent) = (run.run.id, run.run.agent);
        for _ in 0..ATTEMPTS {
            let record = self.parts.store.run(id).await.map_err(unavailable)?.ok_or_else(not_found)?;
            let from = record.rung();
            let next = record.climb(to).map_err(|refused| match refused {
                RunRefused::Ended => not_found(),
                RunRefused::NotHigher(rung) => {
                    run.climbed(rung);
                    invalid("/climb/to", &refused.to_string())
                }
            })?;
            let event = Event::RunClimbed { run: id, agent, from, to, cause: cause.clone() };
            match self.parts.store.advance_run(next, self.entry(event)).await {
                Ok(_) => {
                    run.climbed(to);
                    return Ok(());
                }
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(unavailable(error)),
            }
        }
        Err(unavailable(StoreError::Conflict))
    }

    /// A cause must be the run's own; a path cannot be checked from here, and stands as it was said.
    async fn check_cause(&self, run: &LiveRun, cause: &ClimbCause) -> Result<(), Problem> {
        let theirs = match cause {
            ClimbCause::RefusedWrite(_) => true,
            ClimbCause::Approval(id) => {
                let found = self.parts.store.approval(*id).await.map_err(unavailable)?;
                found.is_some_and(|approval| {
                    approval.statement.run == Some(run.run.id)
                        && matches!(approval.state_name(self.now()), "approved" | "spent")
                })
            }
            ClimbCause::Refusal(id) => {
                let query = EntryQuery {
                    usage: Some(*id),
                    run: Some(run.run.id),
                    event: Some("use_refused".to_owned()),
                    limit: 1,
                    ..EntryQuery::default()
                };
                !self.parts.store.entries(query).await.map_err(unavailable)?.is_empty()
            }
        };
        if theirs { Ok(()) } else { Err(invalid("/climb/cause", "not a refusal or an approval of this run")) }
    }
}
