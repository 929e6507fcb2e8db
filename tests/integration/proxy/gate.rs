//! A broker that does as it is told and remembers what it was asked.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use exeat::base::clock::{ManualClock, Timestamp};
use exeat::base::id::{AgentId, ConnectionId, CredentialId, UpstreamId, UseId};
use exeat::base::random::SystemRandomness;
use exeat::base::secret::Secret;
use exeat::domain::connection::ConnectionEnd;
use exeat::domain::problem::{Problem, ProblemKind};
use exeat::domain::scope::NetworkTarget;
use exeat::domain::upstream::{Cookies, Origin, Upstream};
use exeat::domain::usage::Outcome;
use exeat::planes::network::proxy::gate::{Admitted, Asked, Attempt, Caller, Gate, Grant, Opening, Passage};
use exeat::planes::network::proxy::reason::Refused;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The agent key that is known.
pub(super) const AGENT_KEY: &str = "agent-key";
/// The key of another agent, for which the same token is good.
pub(super) const OTHER_KEY: &str = "other-key";
/// The token that is good, at the upstream named `api`.
pub(super) const TOKEN: &str = "good-header.good-payload.good-signature";
/// What is placed in its stead.
pub(super) const CREDENTIAL: &str = "the-real-credential";

/// The scripted broker.
pub(super) struct Script {
    upstreams: Mutex<HashMap<Origin, Arc<Upstream>>>,
    admitted: Mutex<Vec<String>>,
    refused: Mutex<Vec<(String, &'static str)>>,
    strangers: Mutex<Vec<&'static str>>,
    outcomes: mpsc::UnboundedSender<Outcome>,
    version: AtomicU64,
    cookies: Mutex<Cookies>,
    agent: AgentId,
    other: AgentId,
    credential: CredentialId,
    /// How long tokens live.
    pub life: Duration,
    /// Cuts every use.
    pub cut: CancellationToken,
}

fn clock() -> ManualClock {
    ManualClock::at(Timestamp::from_seconds(1_795_000_000))
}

impl Script {
    /// A broker that governs nothing yet, and where its outcomes arrive.
    pub(super) fn new(life: Duration) -> (Arc<Self>, mpsc::UnboundedReceiver<Outcome>) {
        let (outcomes, receiver) = mpsc::unbounded_channel();
        let script = Self {
            upstreams: Mutex::default(),
            admitted: Mutex::default(),
            refused: Mutex::default(),
            strangers: Mutex::default(),
            outcomes,
            version: AtomicU64::new(1),
            cookies: Mutex::default(),
            agent: AgentId::new(&clock(), &SystemRandomness::default()).unwrap(),
            other: AgentId::new(&clock(), &SystemRandomness::default()).unwrap(),
            credential: CredentialId::new(&clock(), &SystemRandomness::default()).unwrap(),
            life,
            cut: CancellationToken::new(),
        };
        (Arc::new(script), receiver)
    }

    /// Governs `origin` as the upstream `name`.
    pub(super) fn govern(
        &self,
        name: &str,
        origin: &Origin,
        slot: &str,
        (allow, ca_pem): (&[&str], Option<String>),
    ) {
        let upstream = Upstream {
            id: UpstreamId::new(&clock(), &SystemRandomness::default()).unwrap(),
            name: name.parse().unwrap(),
            version: 1,
            origins: vec![origin.clone()],
            slot: slot.parse().unwrap(),
            ca_pem,
            client_certificate: None,
            allow_addresses: allow.iter().map(|range| range.parse().unwrap()).collect(),
            cookies: *self.cookies.lock().unwrap(),
        };
        self.upstreams.lock().unwrap().insert(origin.clone(), Arc::new(upstream));
    }

    /// What becomes of cookies at upstreams that are governed from now on.
    pub(super) fn let_cookies(&self, cookies: Cookies) {
        *self.cookies.lock().unwrap() = cookies;
    }

    /// The targets that were admitted, without query values.
    pub(super) fn admitted(&self) -> Vec<String> {
        self.admitted.lock().unwrap().clone()
    }

    /// The origins and reasons that were refused by the proxy itself.
    pub(super) fn refused(&self) -> Vec<(String, &'static str)> {
        self.refused.lock().unwrap().clone()
    }

    /// Why callers that nobody knows were refused.
    pub(super) fn strangers(&self) -> Vec<&'static str> {
        self.strangers.lock().unwrap().clone()
    }

    /// The credential gets a new version.
    pub(super) fn rotate(&self) {
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    fn decide(&self, asked: &Asked) -> Result<Admitted, Problem> {
        let good = asked.token.expose_secret() == TOKEN.as_bytes() && asked.upstream.name.as_str() == "api";
        if !good {
            return Err(Problem::new(ProblemKind::ForeignCredential, "Not one of ours."));
        }
        let path = asked.target.path_and_query();
        assert!(!path.starts_with("/panic"), "a request that makes the broker panic");
        if path.starts_with("/secret") {
            return Err(Problem::new(ProblemKind::NotPermitted, "Ask first.").with("ask", "exeat request"));
        }
        self.admitted.lock().unwrap().push(asked.target.to_string());
        Ok(Admitted {
            use_id: UseId::new(&clock(), &SystemRandomness::default()).unwrap(),
            credential: Secret::new(CREDENTIAL.as_bytes().to_vec()),
            client_key: None,
            credential_version: (self.credential, self.version.load(Ordering::SeqCst)),
            life: self.life,
            // What lasts is never cut, so that it can be seen beside what is.
            cut: if path.starts_with("/lasting") { CancellationToken::new() } else { self.cut.clone() },
        })
    }
}

impl Gate for Script {
    fn opens<'a>(
        &'a self,
        _: &'a Caller,
        _: &'a NetworkTarget,
    ) -> BoxFuture<'a, Result<Option<Grant>, Problem>> {
        Box::pin(async { Ok(None) })
    }

    fn open(&self, _: Opening) -> BoxFuture<'_, Result<Passage, Problem>> {
        Box::pin(async { Err(Problem::new(ProblemKind::NotPermitted, "Nothing is open.")) })
    }

    fn close(&self, _: ConnectionId, _: ConnectionEnd) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    fn identify(&self, key: Secret) -> BoxFuture<'_, Result<Option<Caller>, Problem>> {
        let known = [(AGENT_KEY, self.agent), (OTHER_KEY, self.other)];
        let found = known.into_iter().find(|(known, _)| key.expose_secret() == known.as_bytes());
        Box::pin(async move { Ok(found.map(|(_, agent)| Caller::agent(agent))) })
    }

    fn governed<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Option<Arc<Upstream>>, Problem>> {
        Box::pin(async move { Ok(self.upstreams.lock().unwrap().get(origin).cloned()) })
    }

    fn admit(&self, asked: Asked) -> BoxFuture<'_, Result<Admitted, Problem>> {
        Box::pin(async move { self.decide(&asked) })
    }

    fn refuse(&self, attempt: Attempt, refused: Refused) -> BoxFuture<'_, Problem> {
        self.refused
            .lock()
            .unwrap()
            .push((attempt.origin.map_or_else(String::new, |origin| origin.to_string()), refused.name()));
        Box::pin(async move { refused.problem().with("use", "use_recorded") })
    }

    fn refuse_stranger(&self, refused: Refused) -> BoxFuture<'_, Problem> {
        self.strangers.lock().unwrap().push(refused.name());
        Box::pin(async move { refused.problem() })
    }

    fn finish(&self, _: UseId, outcome: Outcome) -> BoxFuture<'_, ()> {
        self.outcomes.send(outcome).unwrap();
        Box::pin(async {})
    }
}
