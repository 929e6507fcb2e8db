//! The application: the only place where rules, store, vault and planes meet. One file per verb.
//!
//! Every verb takes who calls, checks with a pure rule, takes one step of the store, and answers with a domain value or a
//! [`Problem`]. No verb holds a lock or a secret over an `await`.

mod approvals;
mod approved;
mod authenticate;
mod authorize;
mod body;
mod catalog;
mod connect;
mod cut;
mod decide;
mod exchange;
mod export;
mod gate;
mod granted;
mod hold;
mod introspect;
mod layers;
mod log;
mod passkeys;
mod placeholder;
mod refusal;
mod report;
mod request;
mod revoke;
mod runs;
mod sessions;
mod setup;
mod signing;
mod strangers;
mod sweep;
mod teach;
pub mod verdicts;
mod why;
mod windows;

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::broadcast;

pub use approvals::Seen;
pub use catalog::Catalog;
pub use decide::{Answer, Answers};
pub use exchange::Issued;
pub use export::Exporting;
pub use layers::{LayerAnswer, LayerTold, Said};
pub use log::{ConsistencyProof, InclusionProof};
pub use report::Subject;
pub use request::{Ask, Asked, AskedLimits};
pub use runs::{KeeperTold, Keeping, NewRun, StartedRun, Told};
pub use setup::{NewAgent, NewClientCertificate, NewLayer, NewUpstream, VaultRotated};
pub use signing::{KeyError, Signing, new_key, open_key, open_sealed, public_key, seal_key};
pub use why::{Asker, Why};

use crate::base::clock::{Clock, Timestamp};
use crate::base::id::{ApprovalId, LayerId, UseId};
use crate::base::random::Random;
use crate::domain::approval::Policy;
use crate::domain::ledger::{Entry, Event};
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::webauthn::RelyingParty;
use crate::planes::secrets::vault::Vault;
use crate::store::{Change, Store, StoreError};

/// Failed authentications that are put on record a minute, for each listener.
const FAILURES: usize = 30;
/// Events that are put on record a minute, for each layer.
const REPORTS: usize = 6_000;

/// What a broker is made of.
pub struct Parts {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// What seals and opens.
    pub vault: Arc<Vault>,
    /// The review policy.
    pub policy: Policy,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Unpredictable bytes.
    pub random: Arc<dyn Random>,
    /// What signs tokens.
    pub signing: Signing,
    /// Whose pages ask for passkeys.
    pub party: RelyingParty,
}

/// The broker.
pub struct Broker {
    parts: Shared,
    catalog: RwLock<Arc<Catalog>>,
    signing: RwLock<Arc<Signing>>,
    changes: broadcast::Sender<ApprovalId>,
    approved: approved::Approved,
    cuts: cut::Cuts<UseId, cut::UnderWay>,
    passages: connect::Passages,
    failures: windows::Windows<&'static str>,
    reports: windows::Windows<LayerId>,
    runs: runs::Runs,
    strangers: strangers::Strangers,
    verdicts: verdicts::Verdicts,
    epoch: granted::Epoch,
    links: sessions::Links,
    challenges: passkeys::Challenges,
}

/// What every verb reaches for.
struct Shared {
    store: Arc<dyn Store>,
    vault: Arc<Vault>,
    policy: Policy,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    party: RelyingParty,
}

impl Broker {
    /// A broker over what is installed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(parts: Parts) -> Result<Self, StoreError> {
        let catalog = Catalog::of(parts.store.installed().await?);
        let (changes, _) = broadcast::channel(1024);
        let Parts { store, vault, policy, clock, random, signing, party } = parts;
        Ok(Self {
            parts: Shared { store, vault, policy, clock, random, party },
            catalog: RwLock::new(Arc::new(catalog)),
            signing: RwLock::new(Arc::new(signing)),
            changes,
            approved: approved::Approved::default(),
            cuts: cut::Cuts::default(),
            passages: connect::Passages::default(),
            failures: windows::Windows::of(FAILURES),
            reports: windows::Windows::of(REPORTS),
            runs: runs::Runs::default(),
            strangers: strangers::Strangers::default(),
            verdicts: verdicts::Verdicts::default(),
            epoch: granted::Epoch::default(),
            links: sessions::Links::default(),
            challenges: passkeys::Challenges::default(),
        })
    }

    /// What signs and verifies tokens.
    #[must_use]
    pub fn signing(&self) -> Arc<Signing> {
        Arc::clone(&self.signing.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace_signing(&self, signing: Signing) {
        *self.signing.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(signing);
    }

    /// How many uses are under way.
    #[must_use]
    pub fn uses_under_way(&self) -> usize {
        self.cuts.count()
    }

    /// Everything installed, as it was a moment ago. What must be true at the moment of writing, the store checks again.
    #[must_use]
    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The review policy in force.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.parts.policy
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// What has to be true before anything is served: uses that a broker before this one left open are closed, and approvals made
    /// under another policy are stale.
    ///
    /// # Errors
    /// When it cannot be put on record.
    pub async fn settle(&self) -> Result<(), Problem> {
        self.close_abandoned_uses().await?;
        self.close_abandoned_runs().await?;
        let version = self.policy().version();
        if self.catalog().policy() == Some(version) {
            return Ok(());
        }
        let entry = self.entry(Event::PolicyChanged { policy: version });
        self.parts.store.change(Change::SetPolicy { version }, entry).await.map_err(unavailable)?;
        self.reload().await
    }

    /// Puts something on record that changes nothing else.
    ///
    /// # Errors
    /// When it cannot be.
    pub async fn record(&self, event: Event) -> Result<(), Problem> {
        self.parts.store.append(vec![self.entry(event)]).await.map(drop).map_err(unavailable)
    }

    async fn reload(&self) -> Result<(), Problem> {
        let fresh = Arc::new(Catalog::of(self.parts.store.installed().await.map_err(unavailable)?));
        *self.catalog.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        self.epoch.ends();
        Ok(())
    }

    fn entry(&self, event: Event) -> Entry {
        Entry { at: self.now(), event }
    }

    fn changed(&self, id: ApprovalId) {
        self.epoch.ends();
        // Nobody waiting is no error.
        drop(self.changes.send(id));
    }

    /// Puts a refusal on record, then gives it back. A refusal that cannot be recorded is still a refusal.
    async fn refused(&self, event: Event, problem: Problem) -> Problem {
        if let Err(error) = self.parts.store.append(vec![self.entry(event)]).await {
            tracing::error!(error = %error, problem = problem.kind.name(), "refusal is not on record");
        }
        problem
    }
}

/// What a caller is told when the store fails. The cause is logged here, once, and never told.
fn unavailable(error: StoreError) -> Problem {
    match error {
        StoreError::Conflict => {
            Problem::new(ProblemKind::Conflict, "It changed meanwhile, or the name is taken. Read it again.")
        }
        StoreError::Unavailable(_) => {
            tracing::warn!(error = %error, "store unavailable");
            Problem::new(
                ProblemKind::LedgerUnavailable,
                "Nothing can be put on record now, so nothing was done. Try again.",
            )
        }
        StoreError::Engine(_) | StoreError::Corrupt { .. } => {
            tracing::error!(error = &error as &dyn std::error::Error, "store failed");
            Problem::new(
                ProblemKind::LedgerUnavailable,
                "The store failed and nothing was done. An operator finds why in the log of the broker.",
            )
        }
    }
}

/// Nothing there, or nothing this caller may see: one answer for both (design §13).
fn not_found() -> Problem {
    Problem::new(
        ProblemKind::NotFound,
        "Check the id. What belongs to others looks the same as what is not there.",
    )
}

/// No randomness: nothing safe can be made.
fn no_randomness(_: crate::base::random::NoRandomness) -> Problem {
    Problem::new(ProblemKind::Internal, "The machine gave no randomness; try again.")
}
