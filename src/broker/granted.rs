//! What is granted to a run, as it was last read. Memory only opens, and what it opens the store checks again in the step that writes
//! it; before anything is refused for want of an approval, it is read anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::runs::LiveRun;
use super::{Broker, unavailable};
use crate::base::clock::Timestamp;
use crate::base::id::ApprovalId;
use crate::domain::approval::Approval;
use crate::domain::problem::Problem;
use crate::domain::scope::ScopeItem;
use crate::store::ApprovalQuery;

/// Goes on with each change of an approval or of what is installed: what was read before it is not used any more.
#[derive(Debug, Default)]
pub(super) struct Epoch(AtomicU64);

impl Epoch {
    pub(super) fn ends(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    fn now(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// The approvals of a run that had been approved when they were read, the newest first.
#[derive(Debug)]
pub(super) struct Granted {
    epoch: u64,
    approvals: Vec<(Approval, AtomicU32)>,
}

impl Granted {
    /// Those that are in force now.
    pub(super) fn approvals(&self, now: Timestamp) -> impl Iterator<Item = &Approval> + Clone {
        let all = self.approvals.iter().map(|(approval, _)| approval);
        all.filter(move |approval| is_granted(approval, now))
    }

    /// What they grant.
    pub(super) fn items(&self, now: Timestamp) -> impl Iterator<Item = &ScopeItem> + Clone {
        self.approvals(now).filter_map(Approval::grant).flat_map(|grant| &grant.items)
    }

    /// An approval that is in force now and was not among `older`: granted since those were read.
    pub(super) fn since(&self, older: &Self, now: Timestamp) -> Option<ApprovalId> {
        let mut ids = self.approvals(now).map(|approval| approval.statement.approval);
        ids.find(|id| older.of(*id).is_none())
    }

    /// Whether this approval has uses left, with those that were made since it was read.
    pub(super) fn has_uses_left(&self, approval: &Approval) -> bool {
        let used = approval.grant().map_or(u32::MAX, |grant| grant.uses);
        let since = self.of(approval.statement.approval).map_or(0, |used| used.load(Ordering::Acquire));
        used.saturating_add(since) < approval.statement.limits.max_uses
    }

    /// One more use was made.
    pub(super) fn count_use(&self, approval: ApprovalId) {
        if let Some(used) = self.of(approval) {
            used.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn of(&self, id: ApprovalId) -> Option<&AtomicU32> {
        let found = self.approvals.iter().find(|(approval, _)| approval.statement.approval == id);
        found.map(|(_, used)| used)
    }
}

/// Whether it was approved and is in force.
fn is_granted(approval: &Approval, now: Timestamp) -> bool {
    matches!(approval.state_name(now), "approved" | "spent")
}

impl Broker {
    /// What is known to be granted to a run, if anything is.
    pub(super) fn known_granted(&self, run: &LiveRun) -> Option<Arc<Granted>> {
        run.granted().filter(|granted| granted.epoch == self.epoch.now())
    }

    /// What is granted to a run now.
    pub(super) async fn read_granted(&self, run: &LiveRun) -> Result<Arc<Granted>, Problem> {
        let epoch = self.epoch.now();
        let (agent, id) = (Some(run.run.agent), Some(run.run.id));
        let query = ApprovalQuery { agent, run: id, current: true, ..ApprovalQuery::default() };
        let found = self.parts.store.approvals(query).await.map_err(unavailable)?;
        let now = self.now();
        let granted = found.into_iter().filter(|approval| is_granted(approval, now));
        let approvals = granted.map(|approval| (approval, AtomicU32::new(0))).collect();
        let granted = Arc::new(Granted { epoch, approvals });
        run.keep_granted(Arc::clone(&granted));
        Ok(granted)
    }
}
