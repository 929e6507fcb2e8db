//! The egress proxy: the one way out for an agent, and the one place where a credential enters a request.
//!
//! A request goes through named phases, one file each: [`accept`] a connection, or [`attend`] the door of a run, [`identify`] the agent, find and check
//! its [`destination`], [`intercept`] TLS, [`read`] one request, make its [`target`], find the token in its [`slot`], ask
//! the broker through the [`gate`], which may have the body [`inspect`]ed, [`place`] the credential, [`forward`], [`mask`] the
//! answer, [`record`]. Under all of them the [`guard`] lets
//! no byte through that was not checked. The proxy never sees the store, the vault or an issuer, never follows a
//! redirect, never buffers a body but one that a rule is about, and tunnels nothing it cannot read.

mod accept;
mod attend;
mod carried;
mod clear;
pub mod counters;
mod credentialed;
mod destination;
mod dial;
pub mod door;
mod fit;
pub mod form;
mod forward;
mod frames;
mod framing;
pub mod gate;
mod guard;
mod handed;
pub mod head;
mod hop;
pub mod host;
mod identify;
pub mod inside;
mod inspect;
mod intercept;
mod limits;
mod link;
mod mask;
mod multiplex;
mod outgoing;
mod passage;
pub(super) mod place;
mod pool;
pub mod preface;
mod push;
mod read;
pub mod reason;
mod record;
mod respond;
pub(super) mod slot;
mod socket_mask;
pub mod sockets;
mod stream;
pub(super) mod target;
mod trailers;
mod trust;
mod unpack;
mod upgrade;
mod verdicts;
mod way;
pub mod weave;

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use self::counters::Counters;
use self::door::Openings;
use self::gate::Gate;
use self::inside::Inside;
pub use self::limits::Limits;
pub use self::multiplex::Streams;
pub use self::pool::Keeping;
use self::pool::Pool;
use self::trust::Trust;
pub use self::trust::are_roots;
use super::addresses::Resolver;
use super::authority::Authority;
use crate::base::tasks::Tasks;

/// The proxy's numbers.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long clients may take.
    pub limits: Limits,
    /// How many connections are open at once; more wait to be accepted.
    pub max_connections: usize,
    /// How long an upstream may take to accept a connection, and again for its TLS handshake.
    pub dial: Duration,
    /// What a client may have under way over HTTP/2.
    pub streams: Streams,
    /// How long upstream connections wait for their next request.
    pub keeping: Keeping,
    /// Exeat's own listeners, which are never dialled (B11).
    pub own: Vec<SocketAddr>,
    /// Loopback and private ranges where a host may be that was granted to a run.
    pub allow_addresses: Vec<IpNet>,
    /// The longest body that is read for a rule about it, in bytes.
    pub inspect_bytes: usize,
}

/// How many bodies are kept for a rule about them at once.
const MAX_INSPECTIONS: usize = 32;

impl Default for Settings {
    fn default() -> Self {
        let dial = Duration::from_secs(10);
        Self {
            limits: Limits::default(),
            max_connections: 1024,
            dial,
            streams: Streams::default(),
            keeping: Keeping::default(),
            own: Vec::new(),
            allow_addresses: Vec::new(),
            inspect_bytes: 1024 * 1024,
        }
    }
}

/// What the proxy stands on.
pub struct Parts {
    /// The broker.
    pub gate: Arc<dyn Gate>,
    /// Who vouches for governed hosts towards agents.
    pub authority: Authority,
    /// Who answers names with addresses.
    pub resolver: Arc<dyn Resolver>,
    /// Where connections run.
    pub tasks: Tasks,
}

/// The egress proxy.
pub struct Proxy {
    parts: Parts,
    settings: Settings,
    trust: Trust,
    pool: Pool,
    counters: Arc<Counters>,
    inspections: Arc<Semaphore>,
    inside: OnceLock<Arc<dyn Inside>>,
}

impl Proxy {
    /// A proxy that trusts the system's roots for upstreams that name no other.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(parts: Parts, settings: Settings) -> Result<Self, rustls::Error> {
        let (trust, pool) = (Trust::new()?, Pool::new(settings.keeping));
        let inspections = Arc::new(Semaphore::new(MAX_INSPECTIONS));
        let (counters, inside) = (Arc::default(), OnceLock::new());
        Ok(Self { parts, settings, trust, pool, counters, inspections, inside })
    }

    /// Serves `listener` until shutdown begins.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) {
        accept::run(self, listener).await;
    }

    /// Serves the doors of runs as they open, until shutdown begins.
    pub async fn attend(self: Arc<Self>, openings: Openings) {
        attend::run(self, openings).await;
    }

    /// Has `inside` answer what runs say to Exeat itself. Called once.
    pub fn answer_inside(&self, inside: Arc<dyn Inside>) {
        drop(self.inside.set(inside));
    }

    /// What is counted.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("settings", &self.settings).finish_non_exhaustive()
    }
}
