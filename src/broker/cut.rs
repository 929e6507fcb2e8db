//! What is under way, uses and connections, and the wire that ends it when what allowed it ends (I9, G04).

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::base::clock::Timestamp;
use crate::base::id::{AgentId, ApprovalId, CredentialId, RunId, TokenId, UseId};
use crate::domain::usage::UseStart;
use crate::store::OpenUse;

/// What is under way, by its id.
#[derive(Debug)]
pub(super) struct Cuts<I, W>(Mutex<HashMap<I, (W, CancellationToken)>>);

/// One use under way.
#[derive(Clone, Debug)]
pub(super) struct UnderWay {
    pub(super) token: TokenId,
    pub(super) approval: ApprovalId,
    pub(super) agent: AgentId,
    pub(super) credential: CredentialId,
    pub(super) run: Option<RunId>,
    pub(super) since: Timestamp,
}

impl UnderWay {
    pub(super) const fn of(start: &UseStart) -> Self {
        Self {
            token: start.token,
            approval: start.approval,
            agent: start.agent,
            credential: start.credential,
            run: start.run,
            since: start.at,
        }
    }

    /// As the store knows it.
    pub(super) const fn open(&self, id: UseId) -> OpenUse {
        let Self { token, approval, agent, run, since, .. } = *self;
        OpenUse { id, at: since, approval, token, agent, run }
    }
}

/// Something that is being recorded.
pub(super) struct Beginning<'a, I: Copy + Eq + Hash, W> {
    cuts: &'a Cuts<I, W>,
    id: I,
    cut: Option<CancellationToken>,
}

impl<I: Copy + Eq + Hash, W> Beginning<'_, I, W> {
    /// It is on record: it is under way until it ends.
    pub(super) fn keep(mut self) -> CancellationToken {
        self.cut.take().unwrap_or_default()
    }
}

impl<I: Copy + Eq + Hash, W> Drop for Beginning<'_, I, W> {
    fn drop(&mut self) {
        if self.cut.is_some() {
            drop(self.cuts.end(self.id));
        }
    }
}

impl<I, W> Default for Cuts<I, W> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<I: Copy + Eq + Hash, W> Cuts<I, W> {
    /// It begins. Called before it is recorded: a revocation that comes between the two finds it here. What is given back
    /// forgets it again unless it is kept: a client may leave while its use is being recorded.
    pub(super) fn begin(&self, id: I, what: W) -> Beginning<'_, I, W> {
        let cut = CancellationToken::new();
        drop(self.lock().insert(id, (what, cut.clone())));
        Beginning { cuts: self, id, cut: Some(cut) }
    }

    /// It has ended.
    pub(super) fn end(&self, id: I) -> Option<W> {
        self.lock().remove(&id).map(|(what, _)| what)
    }

    /// Ends everything that `which` says.
    pub(super) fn cut(&self, which: impl Fn(&W) -> bool) {
        for (_, cut) in self.lock().values().filter(|(what, _)| which(what)) {
            cut.cancel();
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<I, (W, CancellationToken)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
