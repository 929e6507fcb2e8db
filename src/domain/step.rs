//! What the agent was doing. What its harness *claims* is never taken for what a layer *observed* (H09): two types, and two places
//! wherever they are kept.

use serde::{Deserialize, Serialize};

use super::inert::Inert;
use crate::base::clock::Timestamp;
use crate::base::crypto::hash::Digest;
use crate::base::id::UseId;

/// The longest line of processes above one that is kept.
pub const MAX_PARENTS: usize = 32;

/// The step that led to a request, as its asker tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedStep {
    /// What the harness says it was doing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<ClaimedStep>,
    /// The refused use that made the agent ask; it must be the agent's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<UseId>,
}

/// The step that led to a request, as a reviewer sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What the harness says it was doing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<ClaimedStep>,
    /// What a layer saw: the process behind the refused use, or behind the asking itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<ObservedStep>,
    /// The refused use that made the agent ask; it must be the agent's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<UseId>,
}

/// A step as claimed by a harness.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimedStep {
    /// The tool's name.
    pub tool: Inert<128>,
    /// The tool call's id or its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Inert<1000>>,
}

/// A step as observed by the layer between the agent and the network: the process that opened the connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObservedStep {
    /// Its process id, as the layer sees it.
    pub pid: u32,
    /// Its executable.
    pub executable: Inert<1024>,
    /// SHA-256 of its command line; the line itself may hold anything and is never kept.
    pub command: Digest,
    /// The processes above it, nearest first, up to the agent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<ObservedProcess>,
}

/// A process above the observed one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObservedProcess {
    /// Its process id.
    pub pid: u32,
    /// Its executable.
    pub executable: Inert<1024>,
}

/// What was known of the step when a use, a connection or a refusal began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenStep {
    /// The newest step the harness had claimed in this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<LatestClaim>,
    /// The process behind the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<ObservedStep>,
}

/// The newest claim of a run, and whether it still held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatestClaim {
    /// What was claimed.
    pub step: ClaimedStep,
    /// When.
    pub at: Timestamp,
    /// When the harness said that it was over, if it had by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
}

impl SeenStep {
    /// Whether nothing is known.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.claimed.is_none() && self.observed.is_none()
    }

    /// Whether the claim and what was seen cannot both be the whole truth: a process was seen at work after the harness said that the
    /// newest step was over. Nothing more is compared: a tool's name says nothing certain about which processes it starts.
    #[must_use]
    pub fn disagrees(&self) -> bool {
        self.observed.is_some() && self.claimed.as_ref().is_some_and(|claim| claim.ended.is_some())
    }
}
