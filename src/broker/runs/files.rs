//! Files that are granted to a run while it goes on. Only what keeps the run can open them: it is told, and tells what came of it.
//!
//! Nothing is opened before the approval is on record, and a write on a run that only reads is a climb, on record before it is opened.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::LiveRun;
use crate::base::id::{ApprovalId, RunId};
use crate::broker::request::invalid;
use crate::broker::{Broker, not_found, unavailable};
use crate::domain::approval::Approval;
use crate::domain::ledger::Event;
use crate::domain::principal::Agent;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::run::Rung;
use crate::domain::scope::{Access, ScopeItem};
use crate::domain::widening::{Closing, FileGrant, KeeperLine, Widened};

/// How long an asker who waits is kept for what keeps the run to open what was granted.
pub(in crate::broker) const OPENING: Duration = Duration::from_secs(5);

/// Why files stay closed in a run that nobody keeps.
const NOBODY: &str =
    "nothing that could open files keeps this run; start the next one with a profile that grants them";

/// What the keeper of a run tells of one granted item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeeperTold {
    /// It is about to open it.
    Opening,
    /// What came of it.
    Widened(Widened),
}

impl Broker {
    /// Has the run of an approval that was just granted open the files in it.
    pub(in crate::broker) fn offer_files(&self, approval: &Approval) {
        let items = granted_files(approval);
        let run = approval.statement.run.and_then(|run| self.runs.find(run));
        if let (Some(run), false) = (run, items.is_empty()) {
            let ends = approval.statement.expires_at;
            run.offer(approval.statement.approval, items, self.now().until(ends).as_secs());
        }
    }

    /// Has a run close what an approval had opened.
    pub(in crate::broker) fn withdraw_files(&self, run: Option<RunId>, approval: ApprovalId, cause: Closing) {
        if let Some(run) = run.and_then(|run| self.runs.find(run)) {
            run.say(KeeperLine::Close { approval, cause });
        }
    }

    /// The files that an approval grants to a run under way, and what came of each; nothing for anything else.
    #[must_use]
    pub fn files_of(&self, approval: &Approval) -> Vec<FileGrant> {
        let run = approval.statement.run.and_then(|run| self.runs.find(run));
        run.map(|run| run.files(approval.statement.approval)).unwrap_or_default()
    }

    /// Puts on record what the keeper of a run of `agent` tells of granted files.
    ///
    /// # Errors
    /// `not_found` for a run that is not the agent's or has ended, `approval_not_pending` when nothing is granted any more.
    pub async fn tell_files(
        &self,
        agent: &Agent,
        id: RunId,
        (approval, index): (ApprovalId, usize),
        told: KeeperTold,
    ) -> Result<(), Problem> {
        let run = self.live_run(agent.id, id)?;
        let item = run.files(approval).into_iter().nth(index).map(|grant| grant.item);
        let item =
            item.ok_or_else(|| invalid("/index", "not an item that this approval grants to the run"))?;
        let widened = match told {
            KeeperTold::Opening => return self.about_to_open(&run, approval, &item).await,
            KeeperTold::Widened(widened) => widened,
        };
        let event = Event::RunWidened { run: id, agent: agent.id, approval, item, widened: widened.clone() };
        self.record(event).await?;
        run.came_of(approval, index, widened);
        self.changed(approval);
        Ok(())
    }

    async fn about_to_open(
        &self,
        run: &LiveRun,
        approval: ApprovalId,
        item: &ScopeItem,
    ) -> Result<(), Problem> {
        let found = self.parts.store.approval(approval).await.map_err(unavailable)?.ok_or_else(not_found)?;
        if !matches!(found.state_name(self.now()), "approved" | "spent") {
            let detail = "It is not granted any more; leave the files closed.";
            return Err(Problem::new(ProblemKind::ApprovalNotPending, detail));
        }
        match item {
            ScopeItem::Filesystem(item) if item.access() == Access::Write => {
                self.reach_rung(run, Rung::WorkspaceWrite, approval).await
            }
            _ => Ok(()),
        }
    }
}

fn granted_files(approval: &Approval) -> Vec<ScopeItem> {
    let granted = approval.grant().map(|grant| grant.items.as_slice()).unwrap_or_default();
    granted.iter().filter(|item| matches!(item, ScopeItem::Filesystem(_))).cloned().collect()
}

impl LiveRun {
    /// From here on `keeper` is told of granted files.
    pub(super) fn keeps(&self, keeper: UnboundedSender<KeeperLine>) {
        self.lock().keeper = Some(keeper);
    }

    fn offer(&self, approval: ApprovalId, items: Vec<ScopeItem>, seconds: u64) {
        let mut state = self.lock();
        let line = KeeperLine::Open { approval, items: items.clone(), seconds };
        let heard = state.keeper.as_ref().is_some_and(|keeper| keeper.send(line).is_ok());
        let widened =
            if heard { None } else { NOBODY.parse().ok().map(|reason| Widened::NextStart { reason }) };
        let grants = items.into_iter().map(|item| FileGrant { item, widened: widened.clone() });
        drop(state.files.insert(approval, grants.collect()));
    }

    fn say(&self, line: KeeperLine) {
        // Nobody who could have opened anything is no error.
        drop(self.lock().keeper.as_ref().map(|keeper| keeper.send(line)));
    }

    fn files(&self, approval: ApprovalId) -> Vec<FileGrant> {
        self.lock().files.get(&approval).cloned().unwrap_or_default()
    }

    fn came_of(&self, approval: ApprovalId, index: usize, widened: Widened) {
        let mut state = self.lock();
        if let Some(grant) = state.files.get_mut(&approval).and_then(|grants| grants.get_mut(index)) {
            grant.widened = Some(widened);
        }
    }
}
