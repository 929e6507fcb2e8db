//! What the reviewer sees and decides over: a canonical JSON document (RFC 8785) and its SHA-256.

use serde::{Deserialize, Serialize};

use super::limits::Limits;
use crate::base::clock::Timestamp;
use crate::base::crypto::hash::{Digest, sha256};
use crate::base::id::{AgentId, ApprovalId, PersonId, RunId};
use crate::domain::canonical::canonical;
use crate::domain::identity::Identity;
use crate::domain::inert::Inert;
use crate::domain::principal::Label;
use crate::domain::scope::ScopeItem;
use crate::domain::step::Step;
use crate::domain::upstream::Bound;

/// Why somebody asks or decides, in their words.
pub type Reason = Inert<1000>;

/// The agent that asks: its id decides, its name is for reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentRef {
    /// The agent's id.
    pub id: AgentId,
    /// Its name when it asked.
    pub name: Label,
}

/// Everything a decision is about. Two statements that differ in anything differ in their digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The approval.
    pub approval: ApprovalId,
    /// Who asks.
    pub agent: AgentRef,
    /// The person whose automation the agent is.
    pub on_behalf_of: Option<PersonId>,
    /// The run it asks in.
    pub run: Option<RunId>,
    /// Whom the upstreams will see.
    pub identity: Identity,
    /// What would be granted, item by item.
    pub items: Vec<ScopeItem>,
    /// Why, in the agent's words.
    pub reason: Reason,
    /// What the agent was doing.
    pub step: Step,
    /// How much.
    pub limits: Limits,
    /// The versions of the upstreams and credentials it is about.
    pub bound: Vec<Bound>,
    /// The version of the review policy.
    pub policy: Digest,
    /// How many different people must approve.
    pub required_approvers: u8,
    /// The digest of the request as it came in.
    pub request: Digest,
    /// When it was asked.
    pub created_at: Timestamp,
    /// When everything that follows from it ends.
    pub expires_at: Timestamp,
}

impl Statement {
    /// The canonical bytes (RFC 8785).
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        canonical(self)
    }

    /// SHA-256 of the canonical bytes: what a decision names.
    #[must_use]
    pub fn digest(&self) -> Digest {
        sha256(&[&self.canonical()])
    }
}
