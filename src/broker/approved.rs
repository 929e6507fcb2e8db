//! Approvals that give tokens, kept from decision to exchange, so that an exchange need not read one.
//!
//! Of an approval that was once approved, the statement and the grant never change. Whether it still gives tokens does, and
//! that the store checks in the transaction that writes the token: what is kept here can be behind, never wrong.

use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::base::id::ApprovalId;
use crate::domain::approval::{Approval, State};

/// How many are kept; the least used make room.
const MOST: usize = 1024;

/// Approvals that were approved when they were last seen.
pub(super) struct Approved(Cache<ApprovalId, Arc<Approval>>);

impl Default for Approved {
    fn default() -> Self {
        Self(Cache::new(MOST))
    }
}

impl Approved {
    /// The approval as it was approved.
    pub(super) fn get(&self, id: &ApprovalId) -> Option<Arc<Approval>> {
        self.0.get(id)
    }

    /// Keeps an approval, if it is approved.
    pub(super) fn keep(&self, approval: &Approval) {
        if matches!(approval.state, State::Approved(_)) {
            self.0.insert(approval.statement.approval, Arc::new(approval.clone()));
        }
    }

    /// Forgets an approval.
    pub(super) fn remove(&self, id: &ApprovalId) {
        self.0.remove(id);
    }
}
