//! What can be asked of a store, and what comes back.

use crate::base::clock::Timestamp;
use crate::base::crypto::hash::Digest;
use crate::base::id::{AgentId, ApprovalId, RunId, TokenId, UseId};
use crate::domain::ledger::Entry;

/// Which entries to read. Filters are joined by "and"; the order is always by index.
#[derive(Clone, Debug, Default)]
pub struct EntryQuery {
    /// Only entries after this index.
    pub after: Option<u64>,
    /// Only entries before this index, and of them the newest ones.
    pub before: Option<u64>,
    /// At most this many; 0 means the store's own bound, which is never exceeded (1000 in SQLite).
    pub limit: u32,
    /// Only this event.
    pub event: Option<String>,
    /// Only about this approval.
    pub approval: Option<ApprovalId>,
    /// Only about this token.
    pub token: Option<TokenId>,
    /// Only about this agent.
    pub agent: Option<AgentId>,
    /// Only about this run.
    pub run: Option<RunId>,
    /// Only about this use or refusal.
    pub usage: Option<UseId>,
    /// Only at or after.
    pub since: Option<Timestamp>,
    /// Only before.
    pub until: Option<Timestamp>,
}

/// Which approvals to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct ApprovalQuery {
    /// Only in this state, by its stored name.
    pub state: Option<String>,
    /// Only of this agent.
    pub agent: Option<AgentId>,
    /// Only of this run.
    pub run: Option<RunId>,
    /// Only what still stands as it was approved: nothing it names has changed since.
    pub current: bool,
    /// Only whose time runs out at or before this moment.
    pub expires_by: Option<Timestamp>,
    /// At most this many; 0 means the store's own bound, which is never exceeded (1000 in SQLite).
    pub limit: u32,
}

/// An entry as it stands in the log.
#[derive(Clone, Debug)]
pub struct StoredEntry {
    /// Its place.
    pub index: u64,
    /// Its leaf hash (RFC 6962 §2.1).
    pub leaf: Digest,
    /// The canonical bytes, as they were hashed.
    pub bytes: Vec<u8>,
    /// What they say.
    pub entry: Entry,
}

/// A head of the log that was signed when it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// The number of entries it covers.
    pub size: u64,
    /// The signed note (C2SP signed-note).
    pub note: String,
}
