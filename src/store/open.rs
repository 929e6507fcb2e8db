//! What has begun and not ended: each is closed once, by who began it or by a sweep.

use crate::base::clock::Timestamp;
use crate::base::id::{AgentId, ApprovalId, ConnectionId, RunId, TokenId, UseId};

/// A use that has begun and not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenUse {
    /// The use.
    pub id: UseId,
    /// When it began.
    pub at: Timestamp,
    /// Its approval.
    pub approval: ApprovalId,
    /// Its token.
    pub token: TokenId,
    /// Its agent.
    pub agent: AgentId,
    /// Its run.
    pub run: Option<RunId>,
}

/// A connection that has been opened and not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenConnection {
    /// The connection.
    pub id: ConnectionId,
    /// When it was opened.
    pub at: Timestamp,
    /// Its run.
    pub run: RunId,
    /// Its agent.
    pub agent: AgentId,
    /// The approval that opened the host.
    pub approval: Option<ApprovalId>,
    /// The host.
    pub host: String,
}
