//! The state machine: consuming transitions, data only in the states where it is true.

use serde::{Deserialize, Serialize};

use super::decision::{Decision, ItemDecision, Verdict};
use super::statement::Statement;
use crate::base::clock::Timestamp;
use crate::base::crypto::hash::Digest;
use crate::base::id::{AgentId, PersonId};
use crate::domain::principal::{Person, Role};
use crate::domain::scope::{ScopeItem, subset};

/// An approval: the statement, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// What was asked.
    pub statement: Statement,
    /// Counts up with every transition; a write names the one it follows.
    pub revision: u64,
    /// How far it has come.
    pub state: State,
}

/// The states of design §2, each with what is true in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum State {
    /// Waiting for people; some may have approved already.
    Pending {
        /// The approvals so far.
        decisions: Vec<Decision>,
    },
    /// Tokens may be had.
    Approved(Grant),
    /// All its tokens have been had; those that live still work.
    Spent(Grant),
    /// A person said no.
    Denied {
        /// Who, and why.
        decision: Decision,
    },
    /// The agent took it back.
    Cancelled {
        /// When.
        at: Timestamp,
    },
    /// Its time ran out, decided or not.
    Expired {
        /// What had been granted, if it was.
        grant: Option<Grant>,
    },
    /// A person ended it.
    Revoked {
        /// What had been granted.
        grant: Grant,
        /// Who.
        by: PersonId,
        /// When.
        at: Timestamp,
    },
}

/// What was granted, by whom, and how much of it is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The items, narrowed by every approver.
    pub items: Vec<ScopeItem>,
    /// The approvals, at least one.
    pub decisions: Vec<Decision>,
    /// Tokens made from it.
    pub tokens_issued: u32,
    /// Uses begun under it.
    pub uses: u32,
}

/// The transition does not exist from this state.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the approval is {0}")]
pub struct NotPossible(pub &'static str);

/// Why a decision was not taken.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DecideRefused {
    /// Somebody else was quicker, or time ran out.
    #[error("the approval is not pending")]
    NotPending(#[source] NotPossible),
    /// Nobody decides their own request (I7).
    #[error("nobody decides their own request")]
    SelfApproval,
    /// The person does not hold the role.
    #[error("deciding takes the role `reviewer`")]
    NotReviewer,
    /// The decision is over another statement than this one (F04).
    #[error("the statement is not the one that was shown")]
    StatementChanged,
    /// The person has already decided.
    #[error("this person has approved already")]
    AlreadyDecided,
    /// The answers do not match the items one to one.
    #[error("answer each item of the statement once, in order")]
    Incomplete,
    /// An item was to be widened (I3).
    #[error("item {0} may be narrowed, never widened")]
    Widened(usize),
}

impl Approval {
    /// A new request.
    #[must_use]
    pub const fn asked(statement: Statement) -> Self {
        Self { statement, revision: 0, state: State::Pending { decisions: Vec::new() } }
    }

    /// The name of the state at `now`: time that has run out shows even before it is written down.
    #[must_use]
    pub fn state_name(&self, now: Timestamp) -> &'static str {
        match &self.state {
            State::Pending { .. } | State::Approved(_) | State::Spent(_) if self.is_over(now) => "expired",
            State::Pending { .. } => "pending",
            State::Approved(_) => "approved",
            State::Spent(_) => "spent",
            State::Denied { .. } => "denied",
            State::Cancelled { .. } => "cancelled",
            State::Expired { .. } => "expired",
            State::Revoked { .. } => "revoked",
        }
    }

    /// Whether its time has run out.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.statement.expires_at
    }

    /// What was granted, whatever became of it.
    #[must_use]
    pub const fn grant(&self) -> Option<&Grant> {
        match &self.state {
            State::Approved(grant) | State::Spent(grant) | State::Revoked { grant, .. } => Some(grant),
            State::Expired { grant } => grant.as_ref(),
            State::Pending { .. } | State::Denied { .. } | State::Cancelled { .. } => None,
        }
    }

    /// Who decided what so far.
    #[must_use]
    pub fn decisions(&self) -> &[Decision] {
        match &self.state {
            State::Pending { decisions } => decisions,
            State::Denied { decision } => std::slice::from_ref(decision),
            State::Cancelled { .. } | State::Expired { grant: None } => &[],
            State::Approved(grant)
            | State::Spent(grant)
            | State::Revoked { grant, .. }
            | State::Expired { grant: Some(grant) } => &grant.decisions,
        }
    }

    /// A person decides. One "no" to every item ends it; a "yes" counts towards the required number of approvers.
    ///
    /// # Errors
    /// When the person may not, the state does not allow it, or the answers do not fit the statement.
    pub fn decide(self, by: &Person, decision: Decision, now: Timestamp) -> Result<Self, DecideRefused> {
        let state = self.state_name(now);
        let State::Pending { mut decisions } = self.state else {
            return Err(DecideRefused::NotPending(NotPossible(state)));
        };
        if state != "pending" {
            return Err(DecideRefused::NotPending(NotPossible(state)));
        }
        check_decider(&self.statement, &decisions, by)?;
        check_answers(&self.statement, &decision)?;
        let revision = self.revision + 1;
        let statement = self.statement;
        if decision.granted().is_empty() {
            return Ok(Self { statement, revision, state: State::Denied { decision } });
        }
        decisions.push(decision);
        let Some(items) = intersection(&statement, &decisions) else {
            let decision = decisions.pop().ok_or(DecideRefused::Incomplete)?;
            return Ok(Self { statement, revision, state: State::Denied { decision } });
        };
        if decisions.len() < usize::from(statement.required_approvers.max(1)) {
            return Ok(Self { statement, revision, state: State::Pending { decisions } });
        }
        let grant = Grant { items, decisions, tokens_issued: 0, uses: 0 };
        Ok(Self { statement, revision, state: State::Approved(grant) })
    }

    /// The agent that asked takes it back.
    ///
    /// # Errors
    /// When it is no longer pending.
    pub fn cancel(self, now: Timestamp) -> Result<Self, NotPossible> {
        let state = self.state_name(now);
        if state != "pending" {
            return Err(NotPossible(state));
        }
        Ok(Self { revision: self.revision + 1, state: State::Cancelled { at: now }, ..self })
    }

    /// Writes down that time ran out.
    ///
    /// # Errors
    /// When it has not, or the approval had ended before.
    pub fn expire(self, now: Timestamp) -> Result<Self, NotPossible> {
        let (state, over) = (self.state_name(now), self.is_over(now));
        let grant = match self.state {
            State::Pending { .. } if over => None,
            State::Approved(grant) | State::Spent(grant) if over => Some(grant),
            _ => return Err(NotPossible(state)),
        };
        Ok(Self { revision: self.revision + 1, state: State::Expired { grant }, statement: self.statement })
    }

    /// A person ends an approval; its tokens end with it.
    ///
    /// # Errors
    /// When there is nothing to end.
    pub fn revoke(self, by: PersonId, now: Timestamp) -> Result<Self, NotPossible> {
        let state = self.state_name(now);
        let (State::Approved(grant) | State::Spent(grant)) = self.state else {
            return Err(NotPossible(state));
        };
        Ok(Self {
            revision: self.revision + 1,
            state: State::Revoked { grant, by, at: now },
            statement: self.statement,
        })
    }

    /// Whether `agent` is the one that asked.
    #[must_use]
    pub fn is_of(&self, agent: AgentId) -> bool {
        self.statement.agent.id == agent
    }

    /// The digest of the statement.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.statement.digest()
    }
}

fn check_decider(statement: &Statement, before: &[Decision], by: &Person) -> Result<(), DecideRefused> {
    if !by.holds(Role::Reviewer) {
        return Err(DecideRefused::NotReviewer);
    }
    if statement.on_behalf_of == Some(by.id) {
        return Err(DecideRefused::SelfApproval);
    }
    if before.iter().any(|decision| decision.person == by.id) {
        return Err(DecideRefused::AlreadyDecided);
    }
    Ok(())
}

fn check_answers(statement: &Statement, decision: &Decision) -> Result<(), DecideRefused> {
    if decision.statement_digest != statement.digest() {
        return Err(DecideRefused::StatementChanged);
    }
    if decision.items.len() != statement.items.len() {
        return Err(DecideRefused::Incomplete);
    }
    for (index, (answer, asked)) in decision.items.iter().zip(&statement.items).enumerate() {
        check_answer(index, answer, asked)?;
    }
    Ok(())
}

fn check_answer(index: usize, answer: &ItemDecision, asked: &ScopeItem) -> Result<(), DecideRefused> {
    match (&answer.verdict, &answer.granted) {
        _ if answer.index != index => Err(DecideRefused::Incomplete),
        (Verdict::Approve, Some(granted)) if subset(granted, asked) => Ok(()),
        (Verdict::Approve, Some(_)) => Err(DecideRefused::Widened(index)),
        (Verdict::Deny, None) => Ok(()),
        _ => Err(DecideRefused::Incomplete),
    }
}

/// What every approver granted, in the order of the statement.
fn intersection(statement: &Statement, decisions: &[Decision]) -> Option<Vec<ScopeItem>> {
    let decisions: Vec<&Decision> = decisions.iter().collect();
    let items: Vec<ScopeItem> =
        (0..statement.items.len()).filter_map(|index| narrowest(index, &decisions)).collect();
    (!items.is_empty()).then_some(items)
}

/// What every approver granted of one item: the narrowest answer, if the answers lie inside one another.
/// Answers that only overlap cannot be joined without making up words nobody approved: that item is not granted.
pub(in crate::domain) fn narrowest(index: usize, decisions: &[&Decision]) -> Option<ScopeItem> {
    let answers: Vec<_> =
        decisions.iter().map(|d| d.items.get(index)?.granted.as_ref()).collect::<Option<_>>()?;
    answers.iter().find(|a| answers.iter().all(|b| subset(a, b))).map(|item| (*item).clone())
}
