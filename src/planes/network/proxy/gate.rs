//! The one door between the proxy and the broker.
//!
//! The proxy knows bytes, places and addresses; whether something was granted is asked here. What an agent may learn of a
//! decision comes back ready made, as a [`Problem`]. The broker implements [`Gate`]; the proxy's phases call it.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::reason::Refused;
use crate::base::clock::Timestamp;
use crate::base::id::{AgentId, ApprovalId, ConnectionId, CredentialId, RunId, UseId};
use crate::base::secret::Secret;
use crate::domain::connection::ConnectionEnd;
use crate::domain::layer::Via;
use crate::domain::problem::Problem;
use crate::domain::scope::{BodyFacts, HttpTarget, NetworkTarget};
use crate::domain::step::ObservedStep;
use crate::domain::upstream::{Origin, Upstream};
use crate::domain::usage::Outcome;

/// What the proxy asks of the broker.
pub trait Gate: Send + Sync + 'static {
    /// Whose agent key this is; `None` when it is nobody's.
    ///
    /// # Errors
    /// A refusal when that cannot be found out.
    fn identify(&self, key: Secret) -> BoxFuture<'_, Result<Option<Caller>, Problem>>;

    /// The upstream this origin belongs to; `None` when it is not governed.
    ///
    /// # Errors
    /// A refusal when that cannot be found out.
    fn governed<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Option<Arc<Upstream>>, Problem>>;

    /// Decides one request. An `Ok` means that the use is durably on record (I2); from then on
    /// [`Gate::finish`] is called exactly once for it, whatever happens.
    ///
    /// # Errors
    /// The refusal, on record, in the words the agent may read.
    fn admit(&self, asked: Asked) -> BoxFuture<'_, Result<Admitted, Problem>>;

    /// Puts a refusal on record that the proxy decided by its own rules, and gives it the words the agent may read.
    fn refuse(&self, attempt: Attempt, refused: Refused) -> BoxFuture<'_, Problem>;

    /// Counts a refusal of a caller that nobody knows (J12), and gives it its words.
    fn refuse_stranger(&self, refused: Refused) -> BoxFuture<'_, Problem>;

    /// What opens this host to the caller's run; `None` when nothing does. Asked before the host's name is looked up anywhere.
    ///
    /// # Errors
    /// A refusal when that cannot be found out.
    fn opens<'a>(
        &'a self,
        caller: &'a Caller,
        to: &'a NetworkTarget,
    ) -> BoxFuture<'a, Result<Option<Grant>, Problem>>;

    /// Puts a connection to an open host on record. From an `Ok` on [`Gate::close`] is called exactly once for it, whatever happens.
    ///
    /// # Errors
    /// The refusal, on record, in the words the agent may read.
    fn open(&self, opening: Opening) -> BoxFuture<'_, Result<Passage, Problem>>;

    /// Records how a connection ended.
    fn close(&self, id: ConnectionId, end: ConnectionEnd) -> BoxFuture<'_, ()>;

    /// Records how a use ended.
    fn finish(&self, use_id: UseId, outcome: Outcome) -> BoxFuture<'_, ()>;
}

/// Who is on the other end of a connection. A tunnel keeps its caller; `admit` has to look again whether the key is
/// still good, or the run under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The agent.
    pub agent: AgentId,
    /// The run whose socket the connection came through.
    pub run: Option<RunId>,
    /// The process behind the connection, as the run's shim saw it.
    pub observed: Option<Arc<ObservedStep>>,
    /// The layer that asks on the agent's behalf, and makes the request itself.
    pub via: Option<Via>,
}

impl Caller {
    /// An agent that has shown its key.
    #[must_use]
    pub const fn agent(agent: AgentId) -> Self {
        Self { agent, run: None, observed: None, via: None }
    }

    /// An agent whose token a layer shows.
    #[must_use]
    pub const fn through(agent: AgentId, via: Via) -> Self {
        Self { agent, run: None, observed: None, via: Some(via) }
    }

    /// A run, known by its socket.
    #[must_use]
    pub const fn run(agent: AgentId, run: RunId) -> Self {
        Self { agent, run: Some(run), observed: None, via: None }
    }
}

/// One request that carries a token in its upstream's slot.
#[derive(Debug)]
pub struct Asked {
    /// Who asks.
    pub caller: Caller,
    /// The upstream, as it was when the destination was looked up.
    pub upstream: Arc<Upstream>,
    /// What is asked for: exactly what would be sent.
    pub target: HttpTarget,
    /// What stood in the slot. Perhaps a token of ours, perhaps not.
    pub token: Secret,
    /// The checked address that is dialled first.
    pub address: SocketAddr,
    /// The body, for a decision that depends on it. It goes on unread otherwise.
    pub body: Arc<dyn Sent>,
}

/// The body of a request that is about to be decided.
pub trait Sent: Send + Sync {
    /// Whether there is none.
    fn is_empty(&self) -> bool;

    /// Reads it, bounded, and says what it says. What is sent are the bytes that were read.
    ///
    /// # Errors
    /// Why it has not one reading, or is too long.
    fn facts(&self) -> BoxFuture<'_, Result<BodyFacts, Refused>>;
}

impl fmt::Debug for dyn Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sent").field("empty", &self.is_empty()).finish()
    }
}

/// What opens a host to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The approval; `None` when the run was started with the host open.
    pub approval: Option<ApprovalId>,
    /// When it ends.
    pub until: Timestamp,
}

/// A connection to an open host that is to be made.
#[derive(Debug)]
pub struct Opening {
    /// Whose.
    pub caller: Caller,
    /// Where to.
    pub to: NetworkTarget,
    /// What opens it.
    pub grant: Grant,
    /// The checked address that is dialled first.
    pub address: SocketAddr,
}

/// A connection on record, ready to be made.
#[derive(Debug)]
pub struct Passage {
    /// Its id.
    pub id: ConnectionId,
    /// How long what opens the host still lives; what is still open then is cut.
    pub life: Duration,
    /// Cuts it at once, for a revocation (I9).
    pub cut: CancellationToken,
}

/// A use on record, ready to be made.
pub struct Admitted {
    /// Its id.
    pub use_id: UseId,
    /// What goes into the slot.
    pub credential: Secret,
    /// The private key of the client certificate, where the upstream is shown one (DER).
    pub client_key: Option<Secret>,
    /// Which credential that is and its version; an upstream connection is never shared between two.
    pub credential_version: (CredentialId, u64),
    /// How long the token still lives; what is still open then is cut (G06).
    pub life: Duration,
    /// Cuts the use at once, for a revocation (I9).
    pub cut: CancellationToken,
}

impl fmt::Debug for Admitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admitted").field("use_id", &self.use_id).finish_non_exhaustive()
    }
}

/// What an agent tried when the proxy refused it.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Who tried.
    pub caller: Caller,
    /// Where to, when that could be read.
    pub origin: Option<Origin>,
    /// The upstream, when the origin is governed.
    pub upstream: Option<Arc<Upstream>>,
    /// The request, when it has exactly one reading.
    pub target: Option<HttpTarget>,
}
