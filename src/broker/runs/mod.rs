//! Runs that are under way: what of them is not in the store, because it ends with this process anyway.

mod end;
mod files;
mod keep;
mod start;
mod steps;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedSender;

pub use files::KeeperTold;
pub(super) use files::OPENING;
pub use keep::Keeping;
pub use start::{NewRun, StartedRun};
pub use steps::Told;

use super::granted::Granted;
use super::{Broker, not_found};
use crate::base::clock::Timestamp;
use crate::base::crypto::hash::Digest;
use crate::base::id::{AgentId, ApprovalId, RunId};
use crate::domain::principal::Agent;
use crate::domain::problem::Problem;
use crate::domain::run::{Run, RunRecord, Rung, StandIn};
use crate::domain::step::{ClaimedStep, LatestClaim};
use crate::domain::token::PlainToken;
use crate::domain::widening::{FileGrant, KeeperLine};
use crate::planes::network::proxy::door::{Door, Doors};

/// Claimed steps that one run may put on record in a minute: what is inside may fill the log only so fast (J12).
const CLAIMS_A_MINUTE: u32 = 600;

/// Requests that are held at once, over all runs; further ones are refused at once.
const HELD_AT_ONCE: usize = 256;

/// The runs under way, and where their doors are made.
pub(super) struct Runs {
    live: Mutex<HashMap<RunId, Arc<LiveRun>>>,
    doors: OnceLock<(Doors, PathBuf)>,
    lost: keep::Lost,
    /// Places for requests that are held while a person decides.
    pub(super) holding: Semaphore,
}

impl Default for Runs {
    fn default() -> Self {
        Self {
            live: Mutex::default(),
            doors: OnceLock::new(),
            lost: keep::Lost::default(),
            holding: Semaphore::new(HELD_AT_ONCE),
        }
    }
}

/// One run under way.
pub(super) struct LiveRun {
    pub(super) run: Run,
    /// Closed when the last holder of this value lets go; [`Runs::end`] closes its connections before.
    door: Door,
    placeholders: HashMap<Digest, StandIn>,
    /// Whose turn it is to exchange an approval on the run's behalf.
    pub(super) exchanging: Semaphore,
    /// Whose turn it is to ask on the run's behalf.
    pub(super) asking: Semaphore,
    state: Mutex<Progress>,
}

/// A token that was made on the run's behalf, and when it ends.
struct Held {
    token: Arc<PlainToken>,
    until: Timestamp,
}

/// What changes while a run goes on.
struct Progress {
    rung: Rung,
    /// What started it is yet to come and keep it.
    awaits_keeper: bool,
    claim: Option<LatestClaim>,
    claims: (Timestamp, u32),
    held: HashMap<ApprovalId, Held>,
    granted: Option<Arc<Granted>>,
    /// Who opens files that are granted meanwhile, and what came of them.
    keeper: Option<UnboundedSender<KeeperLine>>,
    files: HashMap<ApprovalId, Vec<FileGrant>>,
}

impl Runs {
    fn insert(&self, run: LiveRun) {
        drop(self.lock().insert(run.run.id, Arc::new(run)));
    }

    /// One run, if it is under way.
    pub(super) fn find(&self, id: RunId) -> Option<Arc<LiveRun>> {
        self.lock().get(&id).cloned()
    }

    fn of_agent(&self, agent: AgentId) -> Vec<Arc<LiveRun>> {
        self.lock().values().filter(|run| run.run.agent == agent).cloned().collect()
    }

    fn all(&self) -> Vec<Arc<LiveRun>> {
        self.lock().values().cloned().collect()
    }

    /// Forgets a run: its socket goes, and with it every connection.
    fn end(&self, id: RunId) {
        if let Some(run) = self.lock().remove(&id) {
            run.door.close();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RunId, Arc<LiveRun>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LiveRun {
    /// The newest step that its harness has claimed.
    pub(super) fn claim(&self) -> Option<LatestClaim> {
        self.lock().claim.clone()
    }

    /// Where it stands.
    pub(super) fn rung(&self) -> Rung {
        self.lock().rung
    }

    /// What a placeholder of this run stands for, by its hash.
    pub(super) fn stand_in(&self, placeholder: &Digest) -> Option<&StandIn> {
        self.placeholders.get(placeholder)
    }

    /// The token that is held from this approval, while it lives.
    pub(super) fn held(&self, approval: ApprovalId, now: Timestamp) -> Option<Arc<PlainToken>> {
        let mut state = self.lock();
        state.held.retain(|_, held| now < held.until);
        state.held.get(&approval).map(|held| Arc::clone(&held.token))
    }

    /// Holds a token until it ends.
    pub(super) fn hold(&self, approval: ApprovalId, token: PlainToken, until: Timestamp) -> Arc<PlainToken> {
        let token = Arc::new(token);
        drop(self.lock().held.insert(approval, Held { token: Arc::clone(&token), until }));
        token
    }

    /// What was granted to it when that was last read.
    pub(super) fn granted(&self) -> Option<Arc<Granted>> {
        self.lock().granted.clone()
    }

    pub(super) fn keep_granted(&self, granted: Arc<Granted>) {
        self.lock().granted = Some(granted);
    }

    fn awaits_keeper(&self) -> bool {
        self.lock().awaits_keeper
    }

    fn kept(&self) {
        self.lock().awaits_keeper = false;
    }

    fn climbed(&self, to: Rung) {
        let mut state = self.lock();
        state.rung = state.rung.max(to);
    }

    fn claimed(&self, step: ClaimedStep, at: Timestamp) {
        self.lock().claim = Some(LatestClaim { step, at, ended: None });
    }

    /// The newest claim is over, if it is this one.
    fn claim_over(&self, step: &ClaimedStep, at: Timestamp) {
        if let Some(claim) = self.lock().claim.as_mut().filter(|claim| claim.step == *step) {
            claim.ended.get_or_insert(at);
        }
    }

    /// Whether one more claim may be put on record at `now`.
    fn admits_claim(&self, now: Timestamp) -> bool {
        let claims = &mut self.lock().claims;
        if claims.0.plus(Duration::from_mins(1)) <= now {
            *claims = (now, 0);
        }
        claims.1 = claims.1.saturating_add(1);
        claims.1 <= CLAIMS_A_MINUTE
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Broker {
    /// Lets runs be started: their sockets are made by `doors`, and their clients are told of the root certificate at `ca`. Called once.
    pub fn open_doors(&self, doors: Doors, ca: PathBuf) {
        drop(self.runs.doors.set((doors, ca)));
    }

    /// A run of this agent that is under way. Another agent's looks like one that is not there.
    pub(super) fn live_run(&self, agent: AgentId, id: RunId) -> Result<Arc<LiveRun>, Problem> {
        let mine = self.runs.find(id).filter(|run| run.run.agent == agent && self.now() < run.run.expires_at);
        mine.ok_or_else(not_found)
    }

    /// A run, for a person: under way or ended.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn run_record(&self, id: RunId) -> Result<RunRecord, Problem> {
        self.parts.store.run(id).await.map_err(super::unavailable)?.ok_or_else(not_found)
    }

    /// The agent of a run that is under way.
    ///
    /// # Errors
    /// When either has ended.
    pub fn agent_of_run(&self, agent: AgentId, run: RunId) -> Result<Arc<Agent>, Problem> {
        self.live_run(agent, run)?;
        self.active_agent(agent)
    }

    /// The run of an approval, for the record of a refusal.
    pub(super) async fn run_of(&self, approval: Option<ApprovalId>) -> Option<RunId> {
        self.parts.store.approval(approval?).await.ok().flatten()?.statement.run
    }
}
