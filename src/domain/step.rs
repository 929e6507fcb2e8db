//! What the agent was doing when it asked.

use serde::{Deserialize, Serialize};

use super::inert::Inert;
use crate::base::id::UseId;

/// The step that led to a request. What the harness *claims* is never taken for what a layer *observed* (H09).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What the harness says it was doing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<ClaimedStep>,
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
