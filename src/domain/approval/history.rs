//! What a reviewer wants to know before they decide: what of this the agent has already, and what became of the same before.

use super::{Approval, State, Statement};
use crate::base::clock::Timestamp;
use crate::base::id::ApprovalId;
use crate::domain::scope::covers;

/// What an agent's earlier requests say about a new one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// For each item, the approval under which the agent has it now; none for what is new.
    pub held: Vec<Option<ApprovalId>>,
    /// How often the same items were asked for before, as the same identity.
    pub asked: u32,
    /// How often that was approved, at least in part.
    pub approved: u32,
    /// How often it was denied.
    pub denied: u32,
    /// How many uses were made of what was approved.
    pub uses: u64,
    /// How many of these approvals were never used.
    pub never_used: u32,
}

impl History {
    /// Of `statement` among the earlier requests of the same agent.
    #[must_use]
    pub fn of(statement: &Statement, earlier: &[Approval], now: Timestamp) -> Self {
        let others = || earlier.iter().filter(|other| other.statement.approval != statement.approval);
        let same = |other: &&Approval| {
            other.statement.items == statement.items && other.statement.identity == statement.identity
        };
        let held = statement.items.iter().map(|item| {
            let live = others().filter(|other| {
                matches!(other.state_name(now), "approved" | "spent")
                    && other.statement.identity == statement.identity
                    && other.statement.run == statement.run
            });
            let mut live = live.filter_map(|other| Some((other.statement.approval, other.grant()?)));
            live.find(|(_, grant)| covers(&grant.items, item).is_some()).map(|(id, _)| id)
        });
        let mut history = Self { held: held.collect(), ..Self::default() };
        for other in others().filter(same) {
            history.asked += 1;
            match other.grant() {
                Some(grant) => {
                    history.approved += 1;
                    history.uses += u64::from(grant.uses);
                    history.never_used += u32::from(grant.uses == 0);
                }
                None => history.denied += u32::from(matches!(other.state, State::Denied { .. })),
            }
        }
        history
    }

    /// Whether every item is new to the agent.
    #[must_use]
    pub fn is_all_new(&self) -> bool {
        self.held.iter().all(Option::is_none)
    }
}
