//! Upstream connections between two requests. One is used again only for what it was opened for: nothing in its [`Key`] is ever crossed.
//!
//! A connection comes back only after a whole request and a whole response; one whose use was cut or whose client left does not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Proxy;
use super::destination::Destination;
use super::link::Link;
use crate::base::id::{AgentId, CredentialId, UpstreamId};
use crate::domain::upstream::Origin;

/// How many upstream connections wait for their next request, and how long.
#[derive(Clone, Copy, Debug)]
pub struct Keeping {
    /// How long one waits.
    pub idle: Duration,
    /// How many wait for one key.
    pub per_key: usize,
    /// How many wait in all.
    pub total: usize,
}

impl Default for Keeping {
    fn default() -> Self {
        Self { idle: Duration::from_secs(30), per_key: 256, total: 512 }
    }
}

/// What a connection was opened for. A credential is of one acting identity and an upstream's version says its TLS, so both are in here.
/// The agent is too: what one leaves behind on a connection, no other one meets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) origin: Origin,
    pub(super) upstream: (UpstreamId, u64),
    pub(super) credential: (CredentialId, u64),
    /// The user that the client sent, where the slot leaves that to it.
    pub(super) user: String,
    pub(super) agent: AgentId,
    /// Whether only HTTP/1.1 will do: the credential stands in the target, or another protocol may come after.
    pub(super) alone: bool,
}

/// The connections that wait.
pub(super) struct Pool {
    keeping: Keeping,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    links: HashMap<Key, Vec<Idle>>,
    /// Whether somebody is looking after them.
    tended: bool,
}

struct Idle {
    link: Link,
    since: Instant,
}

impl Pool {
    pub(super) fn new(keeping: Keeping) -> Self {
        Self { keeping, waiting: Mutex::default() }
    }

    /// The connection that came back last, if it still stands and leads to an address that was checked for this very destination.
    pub(super) fn take(&self, key: &Key, destination: &Destination) -> Option<Link> {
        let mut waiting = self.lock();
        let links = waiting.links.get_mut(key)?;
        let addresses = destination.addresses.as_slice();
        let good = |idle: &Idle| self.is_worth_keeping(idle) && addresses.contains(&idle.link.peer());
        let (mut found, mut full) = (None, Vec::new());
        while found.is_none() {
            let Some(idle) = links.pop() else { break };
            if !good(&idle) {
                continue;
            }
            match (idle.link.requests(), idle.link.share(true)) {
                (None, _) => found = Some(idle.link),
                (Some(_), None) => full.push(idle),
                (Some(_), share) => {
                    found = share;
                    full.push(Idle { since: Instant::now(), ..idle });
                }
            }
        }
        links.extend(full.into_iter().rev());
        if links.is_empty() {
            drop(waiting.links.remove(key));
        }
        found
    }

    fn is_worth_keeping(&self, idle: &Idle) -> bool {
        let in_use = idle.link.requests().is_some_and(|requests| requests > 0);
        !idle.link.is_closed() && (in_use || idle.since.elapsed() < self.keeping.idle)
    }

    /// Keeps a connection for its next request, in place of the one that has waited longest where there are too many.
    fn keep(&self, key: Key, link: Link) -> bool {
        if self.keeping.per_key.min(self.keeping.total) == 0 || link.is_closed() {
            return false;
        }
        let mut waiting = self.lock();
        if waiting.count() >= self.keeping.total {
            waiting.drop_oldest();
        }
        let links = waiting.links.entry(key).or_default();
        if links.len() >= self.keeping.per_key {
            drop(links.remove(0));
        }
        links.push(Idle { link, since: Instant::now() });
        !std::mem::replace(&mut waiting.tended, true)
    }

    /// Drops what has waited too long or was closed. `false` when nothing is left to look after.
    fn tidy(&self) -> bool {
        let mut waiting = self.lock();
        for links in waiting.links.values_mut() {
            links.retain(|idle| self.is_worth_keeping(idle));
        }
        waiting.links.retain(|_, links| !links.is_empty());
        waiting.tended = !waiting.links.is_empty();
        waiting.tended
    }

    fn clear(&self) {
        self.lock().links.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn count(&self) -> usize {
        self.links.values().map(Vec::len).sum()
    }

    fn drop_oldest(&mut self) {
        let oldest = |links: &Vec<Idle>| links.first().map(|idle| idle.since);
        let Some((_, links)) = self.links.iter_mut().min_by_key(|(_, links)| oldest(links)) else { return };
        if !links.is_empty() {
            drop(links.remove(0));
        }
        self.links.retain(|_, links| !links.is_empty());
    }
}

/// A connection in use, which goes back when its exchange was whole.
pub(super) struct Lease {
    proxy: Arc<Proxy>,
    key: Key,
    link: Link,
}

impl Lease {
    pub(super) fn new(proxy: Arc<Proxy>, key: Key, link: Link) -> Self {
        Self { proxy, key, link }
    }

    /// A new connection; where others may share it, they are let know of it.
    pub(super) fn share(proxy: &Arc<Proxy>, key: &Key, link: Link) -> Link {
        let (Some(kept), Some(own)) = (link.share(false), link.share(true)) else { return link };
        keep(Arc::clone(proxy), key.clone(), kept);
        own
    }

    /// The exchange was whole.
    pub(super) fn give_back(self) {
        let Self { proxy, key, link } = self;
        // What is shared is kept already.
        if link.requests().is_none() {
            keep(proxy, key, link);
        }
    }
}

fn keep(proxy: Arc<Proxy>, key: Key, link: Link) {
    if proxy.pool.keep(key, link) {
        let tasks = proxy.parts.tasks.clone();
        tasks.spawn(tend(proxy));
    }
}

/// Looks after the connections that wait, as long as there are any.
async fn tend(proxy: Arc<Proxy>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(proxy.pool.keeping.idle / 2) => {}
            () = proxy.parts.tasks.stopping() => return proxy.pool.clear(),
        }
        if !proxy.pool.tidy() {
            return;
        }
    }
}
