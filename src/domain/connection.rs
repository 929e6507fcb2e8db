//! Connections of a run to hosts that no upstream governs: opened only where something granted it, and never with a credential.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::step::SeenStep;
use crate::base::clock::Timestamp;
use crate::base::id::{AgentId, ApprovalId, ConnectionId, RunId};

/// A connection that is about to be opened: what the ledger says before the first byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionStart {
    /// Its id.
    pub connection: ConnectionId,
    /// The run.
    pub run: RunId,
    /// The agent.
    pub agent: AgentId,
    /// The approval that opened the host; `None` when the run was started with it.
    pub approval: Option<ApprovalId>,
    /// Where to, as it was asked for: `host:port`.
    pub host: String,
    /// The address that is dialled.
    pub address: SocketAddr,
    /// When.
    pub at: Timestamp,
    /// What the agent was doing, as far as anybody knew.
    #[serde(default, skip_serializing_if = "SeenStep::is_empty")]
    pub step: SeenStep,
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionEnd {
    /// Bytes sent to the host.
    pub bytes_up: u64,
    /// Bytes received from it.
    pub bytes_down: u64,
    /// Why it ended early, in a fixed word.
    pub broken: Option<String>,
}
