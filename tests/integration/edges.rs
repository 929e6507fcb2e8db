//! The two listeners, driven in this process over a real broker and a real store.

mod access;
mod bodies;
mod job;
mod openapi;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use exeat::base::clock::{Clock, SystemClock, Timestamp};
use exeat::base::id::PersonId;
use exeat::base::random::SystemRandomness;
use exeat::base::tasks::Tasks;
use exeat::broker::{Broker, NewAgent, NewLayer, NewUpstream, Parts, Signing, new_key, open_key};
use exeat::domain::approval::{Limits, Policy};
use exeat::domain::key::{KeyKind, PlainKey};
use exeat::domain::layer::LayerForm;
use exeat::domain::ledger::{Entry, Event, KeyPurpose};
use exeat::domain::principal::{Person, Role};
use exeat::edges::hosts::Hosts;
use exeat::edges::metrics::HttpMetrics;
use exeat::edges::state::{self, Edge, Listener};
use exeat::edges::{api, review};
use exeat::planes::secrets::vault::Vault;
use exeat::store::sqlite::{Signer, SqliteFile};
use exeat::store::{Change, Store};
use prometheus_client::registry::Registry;
use serde_json::Value;
use tower::ServiceExt as _;

const POLICY: Policy = Policy {
    required_approvers: 1,
    ceiling: Limits { expires_in: 86_400, max_uses: 10_000, max_tokens: 1_000 },
    defaults: Limits { expires_in: 3_600, max_uses: 100, max_tokens: 10 },
    longest_token: 3_600,
    token_lifetime: 300,
    max_pending: 20,
    unsafe_no_sandbox: false,
    signature_for: exeat::domain::approval::SignatureFor::Nothing,
};

/// An installation with two listeners, one agent, and one person of each kind.
struct House {
    agent: Router,
    review: Router,
    agent_key: String,
    layer_key: String,
    operator: String,
    reviewer: String,
    auditor: String,
    broker: Arc<Broker>,
    tasks: Tasks,
    _directory: tempfile::TempDir,
}

/// An answer, read to its end.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| unreachable!("not JSON: {}", self.body))
    }

    /// The end of the problem's type.
    fn problem(&self) -> String {
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json", "{}", self.body);
        self.json()["type"].as_str().unwrap().trim_start_matches("urn:exeat:problem:").to_owned()
    }
}

impl House {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::starting_at(Timestamp::from_micros(0)));
        let random = Arc::new(SystemRandomness::default());
        let vault =
            Vault::init(&directory.path().join("key"), None, clock.as_ref(), random.as_ref()).unwrap();
        let key = |purpose| new_key(purpose, &vault, clock.as_ref(), random.as_ref()).unwrap();
        let (ledger, token) = (key(KeyPurpose::Ledger), key(KeyPurpose::Token));
        let file = SqliteFile::in_memory().await.unwrap();
        let origin: exeat::domain::ledger::note::Origin = "exeat/test".parse().unwrap();
        file.install(&origin, &[ledger.clone(), token.clone()]).await.unwrap();
        let tasks = Tasks::new();
        let signer = Signer { origin, key: open_key(KeyPurpose::Ledger, &[ledger], &vault).unwrap() };
        let store = Arc::new(file.start(signer, &tasks).await.unwrap());
        let (first, operator) = first_operator(store.as_ref(), clock.as_ref(), random.as_ref()).await;
        let issuer = "http://127.0.0.1:1".parse().unwrap();
        let signing = Signing::of(&[token], &vault, issuer, "urn:exeat:proxy".to_owned()).unwrap();
        let pages = vec!["http://localhost:2".parse().unwrap()];
        let party = exeat::domain::webauthn::RelyingParty::new("localhost", pages).unwrap();
        let parts = Parts { store, vault: Arc::new(vault), policy: POLICY, clock, random, signing, party };
        let broker = Arc::new(Broker::open(parts).await.unwrap());
        broker.settle().await.unwrap();
        let (agent_key, reviewer, auditor) = furnish(&broker, &first).await;
        let layer_key = layer(&broker, &first).await;
        let (agent, review) = listeners(&broker);
        Self {
            agent,
            review,
            agent_key,
            layer_key,
            operator,
            reviewer,
            auditor,
            broker,
            tasks,
            _directory: directory,
        }
    }

    async fn asks(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        json_request(&self.agent, Some(&self.agent_key), method, path, body).await
    }

    async fn form(&self, path: &str, form: &str) -> Answer {
        let request = request(Some(&self.agent_key), Method::POST, path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        send(&self.agent, request.body(Body::from(form.to_owned())).unwrap()).await
    }

    async fn person(&self, key: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
        json_request(&self.review, Some(key), method, path, body).await
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.tasks.stop();
    }
}

async fn first_operator(store: &dyn Store, clock: &dyn Clock, random: &SystemRandomness) -> (Person, String) {
    let id = PersonId::new(clock, random).unwrap();
    let roles = [Role::Operator].into();
    let person = Person { id, name: "Olga".parse().unwrap(), roles, removed_at: None };
    let key = PlainKey::new(KeyKind::Review, random).unwrap();
    let change = Change::AddPerson { person: person.clone(), key: key.hashed() };
    let entry = Entry { at: clock.now(), event: Event::person_added(&person, None) };
    store.change(change, entry).await.unwrap();
    (person, key.shown_once().to_owned())
}

/// An upstream with a credential, an agent that may ask for it, a reviewer and an auditor.
async fn furnish(broker: &Broker, by: &Person) -> (String, String, String) {
    let upstream = NewUpstream {
        name: "github".parse().unwrap(),
        origins: vec!["https://api.github.example".parse().unwrap()],
        slot: "bearer".parse().unwrap(),
        ca_pem: None,
        client_certificate: None,
        allow_addresses: Vec::new(),
        cookies: exeat::domain::upstream::Cookies::Drop,
    };
    let upstream = broker.put_upstream(by, upstream).await.unwrap().name;
    let identity: exeat::domain::identity::Identity = "service:ci-bot".parse().unwrap();
    broker.add_identity(by, identity.clone()).await.unwrap();
    let secret = exeat::base::secret::Secret::new(b"planted-upstream-secret".to_vec());
    broker.put_credential(by, &upstream, &identity, secret).await.unwrap();
    let agent = NewAgent {
        name: "builder".parse().unwrap(),
        identities: [identity].into(),
        upstreams: [upstream].into(),
        on_behalf_of: None,
        expires_in: None,
    };
    let (_, agent) = broker.enrol_agent(by, agent).await.unwrap();
    let mut keys = Vec::new();
    for (name, role) in [("Rita", Role::Reviewer), ("Arthur", Role::Auditor)] {
        let (_, key) = broker.add_person(by, name.parse().unwrap(), [role].into()).await.unwrap();
        keys.push(key.shown_once().to_owned());
    }
    (agent.shown_once().to_owned(), keys[0].clone(), keys[1].clone())
}

/// A layer that may ask about everything there is.
async fn layer(broker: &Broker, by: &Person) -> String {
    let layer = NewLayer {
        name: "gateway".parse().unwrap(),
        form: LayerForm::Nginx,
        upstreams: broker.catalog().upstreams().map(|upstream| upstream.name.clone()).collect(),
        agents: broker.catalog().agents().iter().map(|agent| agent.id).collect(),
        inject: true,
        expires_in: None,
    };
    broker.enrol_layer(by, layer).await.unwrap().1.shown_once().to_owned()
}

fn listeners(broker: &Arc<Broker>) -> (Router, Router) {
    let mut registry = Registry::default();
    let metrics = HttpMetrics::register(&mut registry);
    let registry = Arc::new(registry);
    let edge = |listener| {
        Edge::new(state::Parts {
            listener,
            broker: Arc::clone(broker),
            hosts: Hosts::default(),
            review_url: "http://127.0.0.1:2".to_owned(),
            metrics: metrics.clone(),
            registry: Arc::clone(&registry),
        })
    };
    (api::router(edge(Listener::Agent)), review::router(edge(Listener::Review)))
}

fn request(key: Option<&str>, method: Method, path: &str) -> http::request::Builder {
    let request = Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1:1");
    match key {
        Some(key) => request.header(header::AUTHORIZATION, format!("Bearer {key}")),
        None => request,
    }
}

async fn json_request(
    router: &Router,
    key: Option<&str>,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Answer {
    let request = request(key, method, path);
    let request = match body {
        Some(body) => {
            request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string()))
        }
        None => request.body(Body::empty()),
    };
    send(router, request.unwrap()).await
}

async fn send(router: &Router, request: Request<Body>) -> Answer {
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
}
