//! Uses that are under way, and the wire that ends them when what allowed them ends (I9, G04).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::base::id::{AgentId, ApprovalId, CredentialId, TokenId, UseId};
use crate::domain::usage::UseStart;

/// The uses under way.
#[derive(Debug, Default)]
pub(super) struct Cuts(Mutex<HashMap<UseId, UnderWay>>);

/// One use under way.
#[derive(Clone, Debug)]
pub(super) struct UnderWay {
    pub(super) token: TokenId,
    pub(super) approval: ApprovalId,
    pub(super) agent: AgentId,
    pub(super) credential: CredentialId,
    pub(super) run: Option<crate::base::id::RunId>,
    pub(super) since: crate::base::clock::Timestamp,
    cut: CancellationToken,
}

/// A use that is being recorded.
pub(super) struct Beginning<'a> {
    cuts: &'a Cuts,
    id: UseId,
    cut: Option<CancellationToken>,
}

impl Beginning<'_> {
    /// The use is on record: it is under way until it ends.
    pub(super) fn keep(mut self) -> CancellationToken {
        self.cut.take().unwrap_or_default()
    }
}

impl Drop for Beginning<'_> {
    fn drop(&mut self) {
        if self.cut.is_some() {
            drop(self.cuts.end(self.id));
        }
    }
}

impl Cuts {
    /// A use begins. Called before it is recorded: a revocation that comes between the two finds it here. What is given back
    /// forgets the use again unless it is kept: a client may leave while its use is being recorded.
    pub(super) fn begin(&self, start: &UseStart) -> Beginning<'_> {
        let cut = CancellationToken::new();
        let under_way = UnderWay {
            token: start.token,
            approval: start.approval,
            agent: start.agent,
            credential: start.credential,
            run: start.run,
            since: start.at,
            cut: cut.clone(),
        };
        drop(self.lock().insert(start.id, under_way));
        Beginning { cuts: self, id: start.id, cut: Some(cut) }
    }

    /// A use has ended.
    pub(super) fn end(&self, id: UseId) -> Option<UnderWay> {
        self.lock().remove(&id)
    }

    /// Ends every use that `which` says.
    pub(super) fn cut(&self, which: impl Fn(&UnderWay) -> bool) {
        for under_way in self.lock().values().filter(|under_way| which(under_way)) {
            under_way.cut.cancel();
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<UseId, UnderWay>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
