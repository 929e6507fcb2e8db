//! A running proxy with one governed upstream, and clients for it.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use exeat::base::clock::{Clock, SystemClock, Timestamp};
use exeat::base::tasks::Tasks;
use exeat::domain::upstream::{Cookies, Origin, Scheme};
use exeat::domain::usage::Outcome;
use exeat::planes::network::addresses::Resolver;
use exeat::planes::network::authority::{self, Authority};
use exeat::planes::network::proxy::counters::Counters;
use exeat::planes::network::proxy::{Keeping, Limits, Parts, Proxy, Settings};
use futures_util::future::BoxFuture;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;

use super::gate::{AGENT_KEY, Script, TOKEN};
use super::upstream::Upstream;
use super::wire::{Answer, Wire};

/// The governed host.
pub(super) const HOST: &str = "api.example.test";

/// Everything a test needs.
pub(super) struct Stage {
    pub proxy: SocketAddr,
    pub gate: Arc<Script>,
    pub names: Arc<Names>,
    pub upstream: Upstream,
    pub counters: Arc<Counters>,
    pub tasks: Tasks,
    outcomes: mpsc::UnboundedReceiver<Outcome>,
    root: String,
}

/// Names answered from a list: one answer for each question, the last one for all further ones.
pub(super) struct Names {
    answers: Mutex<Vec<Vec<String>>>,
    asked: AtomicUsize,
}

impl Names {
    pub(super) fn set(&self, answers: &[&[&str]]) {
        let owned = |answer: &&[&str]| answer.iter().map(|&ip| ip.to_owned()).collect();
        *self.answers.lock().unwrap() = answers.iter().map(owned).collect();
    }

    pub(super) fn times_asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Resolver for Names {
    fn resolve<'a>(&'a self, _: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        let at = self.asked.fetch_add(1, Ordering::SeqCst);
        let answers = self.answers.lock().unwrap();
        let answer = answers.get(at).or(answers.last()).cloned().unwrap_or_default();
        let addresses = answer.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), port)).collect();
        Box::pin(async move { Ok(addresses) })
    }
}

/// What a stage is built with.
pub(super) struct Plan {
    pub slot: &'static str,
    pub life: Duration,
    pub allow: &'static [&'static str],
    pub limits: Limits,
    pub keeping: Keeping,
    pub tls: bool,
    /// What the upstream speaks, when it says so.
    pub alpn: &'static [&'static str],
    pub cookies: Cookies,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            slot: "bearer",
            life: Duration::from_hours(1),
            allow: &["127.0.0.0/8"],
            limits: Limits::default(),
            keeping: Keeping::default(),
            tls: true,
            alpn: &[],
            cookies: Cookies::Drop,
        }
    }
}

impl Stage {
    /// The usual stage: a TLS upstream with a bearer slot.
    pub(super) async fn new() -> Self {
        Self::with(Plan::default()).await
    }

    pub(super) async fn with(plan: Plan) -> Self {
        let tasks = Tasks::new();
        let upstream = Upstream::start(&tasks, plan.tls.then_some(HOST), plan.alpn).await;
        let (gate, outcomes) = Script::new(plan.life);
        let names = Arc::new(Names { answers: Mutex::default(), asked: AtomicUsize::new(0) });
        names.set(&[&["127.0.0.1"]]);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::starting_at(Timestamp::from_micros(0)));
        let new = authority::create(clock.now()).unwrap();
        let authority = Authority::load(&new.certificate_pem, &new.key, clock).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let parts = Parts {
            gate: Arc::<Script>::clone(&gate),
            authority,
            resolver: Arc::<Names>::clone(&names),
            tasks: tasks.clone(),
        };
        let (limits, keeping) = (plan.limits, plan.keeping);
        let settings = Settings { limits, keeping, own: vec![address], ..Settings::default() };
        let proxy = Arc::new(Proxy::new(parts, settings).unwrap());
        let counters = proxy.counters();
        tasks.spawn(proxy.serve(listener));
        let root = new.certificate_pem;
        gate.let_cookies(plan.cookies);
        let stage = Self { proxy: address, gate, names, upstream, counters, tasks, outcomes, root };
        stage.govern("api", &stage.origin(), plan.slot, plan.allow);
        stage
    }

    fn govern(&self, name: &str, origin: &Origin, slot: &str, allow: &[&str]) {
        self.gate.govern(name, origin, slot, (allow, self.upstream.certificate.clone()));
    }

    /// Governs one more origin, with the upstream's certificate.
    pub(super) fn also_govern(&self, name: &str, host: &str, port: u16) {
        let origin = Origin { scheme: Scheme::Https, host: host.to_owned(), port };
        self.govern(name, &origin, "bearer", &["127.0.0.0/8"]);
    }

    /// The governed origin.
    pub(super) fn origin(&self) -> Origin {
        let scheme = if self.upstream.certificate.is_some() { Scheme::Https } else { Scheme::Http };
        Origin { scheme, host: HOST.to_owned(), port: self.upstream.address.port() }
    }

    /// `host:port` of the governed origin.
    pub(super) fn authority(&self) -> String {
        format!("{HOST}:{}", self.upstream.address.port())
    }

    /// A connection to the proxy.
    pub(super) async fn client(&self) -> Wire {
        Wire::new(TcpStream::connect(self.proxy).await.unwrap())
    }

    /// A client that has said `CONNECT authority` with its key, and the answer.
    pub(super) async fn connect(&self, authority: &str) -> (Wire, Answer) {
        let mut wire = self.client().await;
        wire.send(&format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{}\r\n", key_line())).await;
        let answer = wire.answer().await;
        (wire, answer)
    }

    /// A tunnel to the governed upstream of the agent with this key.
    pub(super) async fn tunnel_of(&self, key: &str) -> Wire {
        let (mut wire, authority) = (self.client().await, self.authority());
        let line = key_line().replace(
            &STANDARD.encode(format!("agent:{AGENT_KEY}")),
            &STANDARD.encode(format!("agent:{key}")),
        );
        wire.send(&format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{line}\r\n")).await;
        assert_eq!(wire.answer().await.status, 200);
        self.tls_in(wire, HOST, &[]).await.unwrap()
    }

    /// TLS through a tunnel to `authority`, asking for `name`.
    pub(super) async fn tls(&self, authority: &str, name: &str) -> io::Result<Wire> {
        let (wire, answer) = self.connect(authority).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.tls_in(wire, name, &[]).await
    }

    async fn tls_in(&self, wire: Wire, name: &str, alpn: &[&str]) -> io::Result<Wire> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.root.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config.enable_sni = !name.is_empty();
        let name = if name.is_empty() { HOST } else { name };
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, wire.into_inner()).await?;
        Ok(Wire::new(stream))
    }

    /// A tunnel to the governed upstream.
    pub(super) async fn tunnel(&self) -> Wire {
        self.tls(&self.authority(), HOST).await.unwrap()
    }

    /// A tunnel to the governed upstream, in which HTTP/2 was agreed on.
    pub(super) async fn tunnel_of_frames(&self) -> Wire {
        let (wire, answer) = self.connect(&self.authority()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.tls_in(wire, HOST, &["h2"]).await.unwrap()
    }

    /// The root that vouches for what the proxy terminates, in PEM.
    pub(super) fn root(&self) -> &str {
        &self.root
    }

    /// A request for `path` with the good token, without the final empty line.
    pub(super) fn request(&self, method: &str, path: &str) -> String {
        format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {TOKEN}\r\n", self.authority())
    }

    /// How the next use ended.
    pub(super) async fn outcome(&mut self) -> Outcome {
        self.outcomes.recv().await.unwrap()
    }

    /// Whether an outcome is there that nobody took yet.
    pub(super) fn has_outcome(&mut self) -> bool {
        self.outcomes.try_recv().is_ok()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.tasks.stop();
    }
}

/// The agent's key, as curl sends it.
pub(super) fn key_line() -> String {
    format!("Proxy-Authorization: Basic {}\r\n", STANDARD.encode(format!("agent:{AGENT_KEY}")))
}
