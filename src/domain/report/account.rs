//! What a report says about an approval, or about all of them together.

use serde::{Deserialize, Serialize};

use super::denied::Denied;
use super::tighter::Tighter;
use crate::base::clock::Timestamp;
use crate::base::crypto::hash::Digest;
use crate::base::id::{AgentId, ApprovalId, PersonId, RunId, TokenId, UseId};
use crate::domain::approval::{Authentication, Decision};
use crate::domain::identity::Identity;
use crate::domain::principal::Label;
use crate::domain::scope::ScopeItem;
use crate::domain::step::{ClaimedStep, ObservedStep, Step};

/// Granted, used, denied, never used, and who stands for it. `index` and the like are places in the log, for proofs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// What was granted; for a token, what the token carries of it.
    pub granted: Vec<ScopeItem>,
    /// What was used of it.
    pub used: Vec<Used>,
    /// What was tried or asked, and refused.
    pub denied: Vec<Denied>,
    /// How many refusals are not listed, because too many differ.
    #[serde(default)]
    pub denied_further: u64,
    /// What was granted and never used.
    pub never_used: Vec<ScopeItem>,
    /// Uses without a recorded end.
    pub unfinished: Vec<Unfinished>,
    /// What would have been enough. `None` where nothing was used, where no one request could ask for it, where it is all that was granted,
    /// and in the report on a run that has not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tighter: Option<Tighter>,
    /// The step that led to the request; over several approvals, to the first.
    pub trigger: Trigger,
    /// Who approved, when, how they were known, over which words.
    pub approvers: Vec<Approver>,
    /// The acting identity, if there is just one.
    pub identity: Option<Identity>,
    /// The agent, if there is just one.
    pub agent: Option<AgentId>,
    /// The run, if there is just one.
    pub run: Option<RunId>,
}

/// An approval's account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalAccount {
    /// Its id.
    pub id: ApprovalId,
    /// How far it had come with the last entry.
    pub state: Standing,
    /// When it was asked; `None` when the entries begin later.
    pub asked_at: Option<Timestamp>,
    /// Digest of the statement.
    pub statement_digest: Option<Digest>,
    /// How it ended, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ending>,
    /// The tokens made from it; for a token's report, that token.
    #[serde(default)]
    pub tokens: Vec<TokenAccount>,
    /// The same account as the report's, of this approval alone.
    #[serde(flatten)]
    pub account: Account,
}

/// The states of design §2. That nobody answered, that somebody said no and that the agent gave up are three (H08).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Not decided.
    Pending,
    /// Granted.
    Approved,
    /// Granted, and all its tokens were made.
    Spent,
    /// A person said no.
    Denied,
    /// The agent took it back.
    Cancelled,
    /// Time ran out; nothing is granted when nobody had decided.
    Expired,
    /// Granted, and ended by a person.
    Revoked,
}

/// How an approval ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// When.
    pub at: Timestamp,
    /// The person who ended it; `None` for time and for the agent.
    pub by: Option<PersonId>,
    /// Where it stands.
    pub index: u64,
}

/// One granted item and how it was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// The item. `None` when the entries do not hold the token that was used: they began too late.
    pub item: Option<ScopeItem>,
    /// How many uses began.
    pub count: u64,
    /// The first.
    pub first: Timestamp,
    /// The last.
    pub last: Timestamp,
    /// Method and URL, with query values masked; the first [`MAX_TARGETS`](super::MAX_TARGETS) different ones.
    pub targets: Vec<String>,
    /// How many uses had a target that is not listed.
    #[serde(default)]
    pub further: u64,
    /// Where the first stands.
    pub first_index: u64,
    /// Where the last stands.
    pub last_index: u64,
}

/// A use that began and has no recorded end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    /// Its id.
    #[serde(rename = "use")]
    pub id: UseId,
    /// Its token.
    pub token: TokenId,
    /// The granted item it counts for.
    pub item: Option<ScopeItem>,
    /// Method and URL, with query values masked; `None` when the entries begin after it did.
    pub target: Option<String>,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it was given up as never reported. Until then it may still be going on.
    pub given_up: Option<Timestamp>,
    /// Where it stands.
    pub index: u64,
}

/// What the agent was doing when it asked. Claimed and observed are kept apart (H09).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// What its harness said.
    pub claimed: Option<ClaimedStep>,
    /// What a layer saw.
    pub observed: Option<ObservedStep>,
    /// The refused use that it followed.
    pub refusal: Option<UseId>,
    /// What was refused then, if its entry was handed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedStep>,
}

/// The refused use that a request followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedStep {
    /// Where it stands.
    pub index: u64,
    /// When.
    pub at: Timestamp,
    /// The problem's name.
    pub problem: String,
    /// Method and URL, with query values masked.
    pub target: Option<String>,
}

/// A person who approved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approver {
    /// Who.
    pub person: PersonId,
    /// Their name then.
    pub name: Label,
    /// When.
    pub at: Timestamp,
    /// How they were known to be they.
    pub authenticated_by: Authentication,
    /// What they were shown.
    pub statement_digest: Digest,
    /// Which approval.
    pub approval: ApprovalId,
    /// Where the decision stands.
    pub index: u64,
}

/// A token that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenAccount {
    /// Its id.
    pub id: TokenId,
    /// When it was made.
    pub issued_at: Timestamp,
    /// When it ends, if nobody ends it before.
    pub expires_at: Timestamp,
    /// When somebody ended it before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// Where it stands.
    pub index: u64,
}

impl Trigger {
    pub(super) fn of(step: &Step, refused: Option<RefusedStep>) -> Self {
        Self {
            claimed: step.claimed.clone(),
            observed: step.observed.clone(),
            refusal: step.refusal,
            refused,
        }
    }
}

impl Approver {
    pub(super) fn of(approval: ApprovalId, index: u64, decision: &Decision) -> Self {
        Self {
            person: decision.person,
            name: decision.name.clone(),
            at: decision.at,
            authenticated_by: decision.authenticated_by,
            statement_digest: decision.statement_digest,
            approval,
            index,
        }
    }
}
