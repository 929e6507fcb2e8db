//! The exchange of an approval id for a token: the plan, checked here, made durable by a store, minted after that.

use std::time::Duration;

use super::policy::Policy;
use super::state::{Approval, NotPossible, State};
use crate::base::clock::Timestamp;
use crate::base::crypto::hash::Digest;
use crate::base::id::{AgentId, ApprovalId, PersonId, RunId, TokenId};
use crate::domain::identity::Identity;
use crate::domain::scope::{ScopeItem, covers};
use crate::domain::upstream::Bound;

/// A token that may be made, once the store has it on record.
///
/// Made by [`Approval::exchange`] alone; `domain::token::mint` takes only `Recorded<Exchange>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    token: TokenId,
    approval: ApprovalId,
    agent: AgentId,
    on_behalf_of: Option<PersonId>,
    run: Option<RunId>,
    identity: Identity,
    items: Vec<ScopeItem>,
    approvers: Vec<PersonId>,
    statement_digest: Digest,
    bound: Vec<Bound>,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

/// What the agent asks the token to be, within the grant.
#[derive(Clone, Debug, Default)]
pub struct Narrowing {
    /// Narrower items; none means all that was granted.
    pub items: Option<Vec<ScopeItem>>,
    /// A shorter life.
    pub lifetime: Option<Duration>,
}

/// Why an approval gives no token. The agent learns only `invalid_grant` or `scope_exceeds`; the entry has the reason.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ExchangeRefused {
    /// Not approved, or ended.
    #[error("no token can be had from it")]
    NotApproved(#[source] NotPossible),
    /// It is another agent's.
    #[error("the approval belongs to another agent")]
    Foreign,
    /// Something it named has changed since (I6).
    #[error("changed since it was approved: {0}")]
    Stale(&'static str),
    /// Item number so-and-so is not within the grant (I3).
    #[error("item {0} is not within what was approved")]
    ScopeExceeds(usize),
}

impl Approval {
    /// Plans a token for `agent`. `current` gives the versions in force of what the statement named.
    ///
    /// # Errors
    /// When the approval gives no token to this agent now.
    pub fn exchange(
        &self,
        token: TokenId,
        agent: AgentId,
        narrowing: Narrowing,
        policy: &Policy,
        current: impl Fn(&Bound) -> bool,
        now: Timestamp,
    ) -> Result<Exchange, ExchangeRefused> {
        if !self.is_of(agent) {
            return Err(ExchangeRefused::Foreign);
        }
        let grant = match &self.state {
            State::Approved(grant) if !self.is_over(now) => grant,
            _ => return Err(ExchangeRefused::NotApproved(NotPossible(self.state_name(now)))),
        };
        let statement = &self.statement;
        if !policy.is_of(statement) {
            return Err(ExchangeRefused::Stale("review policy"));
        }
        if !statement.bound.iter().all(current) {
            return Err(ExchangeRefused::Stale("upstream or credential"));
        }
        // What they signed: every decision was checked to be over this statement.
        let Some(statement_digest) = grant.decisions.first().map(|decision| decision.statement_digest) else {
            return Err(ExchangeRefused::NotApproved(NotPossible("approved by nobody")));
        };
        let items = narrowed(&grant.items, narrowing.items)?;
        let longest = Duration::from_secs(u64::from(policy.longest_token));
        let lifetime =
            narrowing.lifetime.unwrap_or(Duration::from_secs(u64::from(policy.token_lifetime))).min(longest);
        Ok(Exchange {
            token,
            approval: statement.approval,
            agent,
            on_behalf_of: statement.on_behalf_of,
            run: statement.run,
            identity: statement.identity.clone(),
            items,
            approvers: grant.decisions.iter().map(|decision| decision.person).collect(),
            statement_digest,
            bound: statement.bound.clone(),
            issued_at: now,
            expires_at: now.plus(lifetime).min(statement.expires_at),
        })
    }
}

fn narrowed(granted: &[ScopeItem], asked: Option<Vec<ScopeItem>>) -> Result<Vec<ScopeItem>, ExchangeRefused> {
    let Some(asked) = asked else { return Ok(granted.to_vec()) };
    if asked.is_empty() {
        return Err(ExchangeRefused::ScopeExceeds(0));
    }
    match asked.iter().position(|item| covers(granted, item).is_none()) {
        Some(index) => Err(ExchangeRefused::ScopeExceeds(index)),
        None => Ok(asked),
    }
}

impl Exchange {
    /// The token's id, its `jti`.
    pub const fn token(&self) -> TokenId {
        self.token
    }

    /// The approval it comes from.
    pub const fn approval(&self) -> ApprovalId {
        self.approval
    }

    /// The agent that may use it.
    pub const fn agent(&self) -> AgentId {
        self.agent
    }

    /// The person whose automation the agent is.
    pub const fn on_behalf_of(&self) -> Option<PersonId> {
        self.on_behalf_of
    }

    /// The run it belongs to.
    pub const fn run(&self) -> Option<RunId> {
        self.run
    }

    /// Whom the upstreams will see.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What it allows.
    pub fn items(&self) -> &[ScopeItem] {
        &self.items
    }

    /// The people who approved, at least one (I1).
    pub fn approvers(&self) -> &[PersonId] {
        &self.approvers
    }

    /// What they approved.
    pub const fn statement_digest(&self) -> Digest {
        self.statement_digest
    }

    /// The versions it was approved for.
    pub fn bound(&self) -> &[Bound] {
        &self.bound
    }

    /// When it is made.
    pub const fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// When it ends.
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}
