//! `exeat serve`: everything opened in order, three listeners, and a shutdown that waits for what is under way.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use zeroize::Zeroizing;

use super::config::{Config, Listen};
use super::open::{Opened, open};
use super::{BootError, DataDir, DataDirError, metrics};
use crate::base::secret::Secret;
use crate::base::tasks::Tasks;
use crate::broker::Broker;
use crate::domain::ledger::Event;
use crate::domain::webauthn::RelyingParty;
use crate::edges::hosts::Hosts;
use crate::edges::inside::Doorway;
use crate::edges::listen::listen;
use crate::edges::metrics::HttpMetrics;
use crate::edges::state::{Edge, Listener, Parts, login_url};
use crate::edges::{api, review};
use crate::planes::network::addresses::SystemResolver;
use crate::planes::network::proxy::door::{Doors, Openings};
use crate::planes::network::proxy::inside::HOST;
use crate::planes::network::proxy::{self, Proxy};

/// The name by which people reach the pages.
const PAGES: &str = "localhost";
/// How often time is looked after.
const SWEEP: Duration = Duration::from_secs(5);
/// How long what is under way may take after shutdown began.
const GRACE: Duration = Duration::from_secs(10);

/// Where Exeat listens.
#[derive(Clone, Debug)]
pub struct Ready {
    /// For agents.
    pub agent: SocketAddr,
    /// For people.
    pub review: SocketAddr,
    /// For agents' requests.
    pub proxy: SocketAddr,
    /// The root certificate for agents.
    pub ca: PathBuf,
}

impl Ready {
    /// Where the pages are. By this name browsers keep a session and passkeys, which they do not for an address (WebAuthn §5.1.2).
    #[must_use]
    pub fn pages(&self) -> String {
        format!("http://{PAGES}:{}", self.review.port())
    }

    /// Whose passkeys the pages ask for.
    fn party(&self) -> Result<RelyingParty, BootError> {
        let pages = self.pages();
        let party = pages.parse().ok().and_then(|origin| RelyingParty::new(PAGES, vec![origin]).ok());
        party.ok_or(BootError::Name { name: pages, why: "passkeys need a named origin".to_owned() })
    }
}

/// A running Exeat.
pub struct Serving {
    /// Where it listens.
    pub ready: Ready,
    broker: Arc<Broker>,
    connections: Tasks,
    storing: Tasks,
    stops: [Signal; 2],
}

/// Where to listen instead of where the settings say.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListenOn {
    /// For agents.
    pub agent: Option<SocketAddr>,
    /// For people.
    pub review: Option<SocketAddr>,
    /// For agents' requests.
    pub proxy: Option<SocketAddr>,
}

/// Opens the installation at `path` and begins to serve it.
///
/// # Errors
/// Says which file, setting or address is at fault, and what to do.
pub async fn serve(path: &Path, on: ListenOn, passphrase: Option<Secret>) -> Result<Serving, BootError> {
    // Heard from now on: who is told that Exeat is ready may stop it at once.
    let stops = stops().map_err(BootError::Signals)?;
    let dir = DataDir::open(path)?;
    let config = Config::load(&dir.config_file())?;
    super::telemetry::start(&config.log);
    let listeners = Listeners::bind(config.listen, on).await?;
    let (connections, storing) = (Tasks::new(), Tasks::new());
    let (issuer, ready) = (listeners.issuer()?, listeners.ready(dir.ca_file())?);
    let opened = open(&dir, &config, passphrase, (issuer, ready.party()?), &storing).await?;
    let broker = Arc::clone(&opened.broker);
    let runs = dir.runs();
    let (doors, openings) =
        Doors::under(&runs).map_err(|source| DataDirError::Io { path: runs.clone(), source })?;
    let ca = std::path::absolute(&ready.ca)
        .map_err(|source| DataDirError::Io { path: ready.ca.clone(), source })?;
    broker.open_doors(doors, ca);
    start(listeners, openings, opened, &config, &ready, &connections)?;
    broker
        .record(Event::Started {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            policy: broker.policy().version(),
        })
        .await
        .map_err(BootError::Record)?;
    Ok(Serving { ready, broker, connections, storing, stops })
}

impl Serving {
    /// A link with which the one person there is signs in once; none where there are more. It is for their terminal alone.
    #[must_use]
    pub fn login_link(&self) -> Option<Zeroizing<String>> {
        let key = self.broker.login_link(self.broker.only_person()?.id).ok()?;
        Some(Zeroizing::new(login_url(&self.ready.pages(), &key)))
    }

    /// Serves until SIGINT or SIGTERM, then lets what is under way end and writes that it did.
    pub async fn until_stopped(mut self) {
        let [interrupt, terminate] = &mut self.stops;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        self.stop().await;
    }

    /// Stops now.
    pub async fn stop(self) {
        self.connections.stop();
        self.broker.let_keepers_go();
        if tokio::time::timeout(GRACE, self.connections.ended()).await.is_err() {
            tracing::warn!("some connections were still open when the time for them was up");
        }
        self.broker.end_all_runs().await;
        if let Err(problem) = self.broker.stopped().await {
            tracing::warn!(%problem, "the stop is not on record");
        }
        self.storing.stop();
        drop(self.broker);
        self.storing.ended().await;
    }
}

fn stops() -> std::io::Result<[Signal; 2]> {
    Ok([signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?])
}

struct Listeners {
    agent: TcpListener,
    review: TcpListener,
    proxy: TcpListener,
}

impl Listeners {
    async fn bind(listen: Listen, on: ListenOn) -> Result<Self, BootError> {
        Ok(Self {
            agent: bind(on.agent.unwrap_or(listen.agent)).await?,
            review: bind(on.review.unwrap_or(listen.review)).await?,
            proxy: bind(on.proxy.unwrap_or(listen.proxy)).await?,
        })
    }

    fn ready(&self, ca: PathBuf) -> Result<Ready, BootError> {
        Ok(Ready {
            agent: address(&self.agent)?,
            review: address(&self.review)?,
            proxy: address(&self.proxy)?,
            ca,
        })
    }

    /// Who issues tokens: the agent listener's own origin (RFC 8414 §2).
    fn issuer(&self) -> Result<crate::domain::token::Issuer, BootError> {
        let name = format!("http://{}", address(&self.agent)?);
        name.parse().map_err(|_| BootError::Name {
            name,
            why: "the agent listener needs a loopback origin".to_owned(),
        })
    }
}

/// Exeat speaks in the clear on loopback alone (design §13).
async fn bind(address: SocketAddr) -> Result<TcpListener, BootError> {
    if !address.ip().is_loopback() {
        return Err(BootError::NotLoopback { address });
    }
    TcpListener::bind(address).await.map_err(|source| BootError::Listen { address, source })
}

fn address(listener: &TcpListener) -> Result<SocketAddr, BootError> {
    let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
    listener.local_addr().map_err(|source| BootError::Listen { address: unknown, source })
}

fn start(
    listeners: Listeners,
    openings: Openings,
    opened: Opened,
    config: &Config,
    ready: &Ready,
    tasks: &Tasks,
) -> Result<(), BootError> {
    let Opened { broker, authority } = opened;
    let keeping = proxy::Keeping {
        idle: Duration::from_secs(config.proxy.idle_upstream_seconds),
        total: config.proxy.idle_upstream_connections,
        ..proxy::Keeping::default()
    };
    let settings = proxy::Settings {
        max_connections: config.proxy.max_connections,
        dial: Duration::from_secs(config.proxy.dial_seconds),
        streams: proxy::Streams { concurrent: config.proxy.max_streams, ..proxy::Streams::default() },
        keeping,
        inspect_bytes: config.proxy.inspect_bytes,
        own: vec![ready.agent, ready.review, ready.proxy],
        allow_addresses: config.proxy.allow_addresses.clone(),
        ..proxy::Settings::default()
    };
    let parts = proxy::Parts {
        gate: Arc::clone(&broker) as Arc<dyn proxy::gate::Gate>,
        authority,
        resolver: Arc::new(SystemResolver(Duration::from_secs(config.proxy.dial_seconds))),
        tasks: tasks.clone(),
    };
    let proxy = Arc::new(Proxy::new(parts, settings).map_err(BootError::Tls)?);
    let mut registry = Registry::with_prefix("exeat");
    let http = HttpMetrics::register(&mut registry);
    metrics::register(&mut registry, &proxy.counters(), &broker);
    let registry = Arc::new(registry);
    let review_url = ready.pages();
    let edge = |listener| {
        let (broker, registry) = (Arc::clone(&broker), Arc::clone(&registry));
        let inside = (listener == Listener::Run).then(|| HOST.to_owned());
        let (hosts, review_url, metrics) = (Hosts::and(inside), review_url.clone(), http.clone());
        Edge::new(Parts { listener, broker, hosts, review_url, metrics, registry })
    };
    tasks.spawn(listen(listeners.agent, api::router(edge(Listener::Agent)), tasks.clone()));
    tasks.spawn(listen(listeners.review, review::router(edge(Listener::Review)), tasks.clone()));
    proxy.answer_inside(Arc::new(Doorway::new(edge(Listener::Run))));
    tasks.spawn(Arc::clone(&proxy).attend(openings));
    tasks.spawn(proxy.serve(listeners.proxy));
    tasks.spawn(look_after_runs(Arc::clone(&broker), tasks.clone()));
    tasks.spawn(look_after_time(broker, tasks.clone()));
    Ok(())
}

async fn look_after_runs(broker: Arc<Broker>, tasks: Tasks) {
    tokio::select! {
        () = tasks.stopping() => {}
        () = broker.end_abandoned_runs() => {}
    }
}

async fn look_after_time(broker: Arc<Broker>, tasks: Tasks) {
    let mut tick = tokio::time::interval(SWEEP);
    loop {
        tokio::select! {
            () = tasks.stopping() => return,
            _ = tick.tick() => {}
        }
        if let Err(problem) = broker.sweep().await {
            tracing::warn!(%problem, "time was not written down; it will be");
        }
    }
}
