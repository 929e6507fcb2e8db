//! What the handlers and layers of one listener share.

use std::sync::Arc;

use prometheus_client::registry::Registry;
use tokio::sync::Semaphore;

use super::hosts::Hosts;
use super::metrics::HttpMetrics;
use crate::base::id::ApprovalId;
use crate::broker::Broker;
use crate::domain::key::PlainKey;

/// Which of the listeners with an API of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Listener {
    /// For agents and layers.
    Agent,
    /// For people.
    Review,
    /// For runs, through their own sockets.
    Run,
}

impl Listener {
    /// Its name in entries, metrics and spans.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Review => "review",
            Self::Run => "run",
        }
    }
}

/// What a listener needs to be told.
pub struct Parts {
    /// Which it is.
    pub listener: Listener,
    /// The application.
    pub broker: Arc<Broker>,
    /// The names it answers to, loopback apart.
    pub hosts: Hosts,
    /// Where people decide: an absolute URL without a final slash.
    pub review_url: String,
    /// What is counted about requests.
    pub metrics: HttpMetrics,
    /// Everything that is counted, for `/metrics`.
    pub registry: Arc<Registry>,
}

/// The state of one listener. Cloning it shares it.
#[derive(Clone)]
pub struct Edge(Arc<Shared>);

struct Shared {
    parts: Parts,
    turns: Arc<Semaphore>,
    waits: Arc<Semaphore>,
}

/// Requests at a time.
const TURNS: usize = 512;
/// Requests that wait for somebody's decision at a time.
const WAITS: usize = 1024;

impl Edge {
    /// The state of a listener.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let (turns, waits) = (Arc::new(Semaphore::new(TURNS)), Arc::new(Semaphore::new(WAITS)));
        Self(Arc::new(Shared { parts, turns, waits }))
    }

    /// The application.
    #[must_use]
    pub fn broker(&self) -> &Broker {
        &self.0.parts.broker
    }

    /// Which listener it is.
    #[must_use]
    pub fn listener(&self) -> Listener {
        self.0.parts.listener
    }

    pub(super) fn hosts(&self) -> &Hosts {
        &self.0.parts.hosts
    }

    /// Where a person decides over this approval.
    pub(super) fn review_link(&self, id: ApprovalId) -> String {
        format!("{}/approvals/{id}", self.0.parts.review_url)
    }

    /// Where whoever has `key` signs in.
    pub(super) fn login_url(&self, key: &PlainKey) -> String {
        login_url(&self.0.parts.review_url, key)
    }

    pub(super) fn metrics(&self) -> &HttpMetrics {
        &self.0.parts.metrics
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.0.parts.registry
    }

    pub(super) fn turns(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.turns)
    }

    pub(super) fn waits(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.waits)
    }

    /// Puts a failed authentication on record, unless there have been many: the log is not for strangers to fill.
    pub(super) async fn authentication_failed(&self) {
        self.metrics().authentication_failed(self.listener());
        self.broker().authentication_failed(self.listener().name()).await;
    }
}

/// Where whoever has `key` signs in on the pages at `url`. It stands behind the #, which browsers send to nobody (RFC 3986 §3.5).
#[must_use]
pub fn login_url(url: &str, key: &PlainKey) -> String {
    format!("{url}/login#link={}", key.shown_once())
}
