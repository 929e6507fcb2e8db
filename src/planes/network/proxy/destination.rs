//! Phase 3: where a request wants to go, whether that is governed, and which checked addresses it means.

use std::sync::Arc;

use ipnet::IpNet;

use super::Proxy;
use super::gate::{Attempt, Caller, Grant};
use super::reason::Refused;
use crate::domain::problem::Problem;
use crate::domain::scope::NetworkTarget;
use crate::domain::upstream::{Origin, Upstream};
use crate::planes::network::addresses::{self, AddressError, Checked};

/// A governed origin with the addresses that were checked for it.
#[derive(Clone, Debug)]
pub(super) struct Destination {
    pub(super) origin: Origin,
    pub(super) upstream: Arc<Upstream>,
    pub(super) addresses: Checked,
}

/// A host that no upstream governs and that is open to the caller's run.
#[derive(Clone, Debug)]
pub(super) struct OpenHost {
    pub(super) origin: Origin,
    pub(super) to: NetworkTarget,
    pub(super) grant: Grant,
    pub(super) addresses: Checked,
}

/// Where a request goes.
#[derive(Clone, Debug)]
pub(super) enum Goal {
    /// To an upstream, with a credential.
    Governed(Destination),
    /// To an open host, without one.
    Open(OpenHost),
}

impl Goal {
    /// Finds the upstream of `origin`, or what opens the host, then resolves the host once and judges every address. A name is looked
    /// up nowhere before it is known that it may be: a look-up is a message to whoever runs the name.
    pub(super) async fn find(proxy: &Proxy, caller: &Caller, origin: Origin) -> Result<Self, Problem> {
        let gate = &proxy.parts.gate;
        let Some(upstream) = gate.governed(&origin).await? else {
            let (to, grant) = open(proxy, caller, &origin).await?;
            let attempt = attempted(caller, &origin, None);
            let addresses = resolved(proxy, &origin, attempt, &proxy.settings.allow_addresses).await?;
            return Ok(Self::Open(OpenHost { origin, to, grant, addresses }));
        };
        let attempt = attempted(caller, &origin, Some(&upstream));
        let addresses = resolved(proxy, &origin, attempt, &upstream.allow_addresses).await?;
        Ok(Self::Governed(Destination { origin, upstream, addresses }))
    }

    /// What `caller` tried here, for the record of a refusal.
    pub(super) fn attempt(&self, caller: &Caller) -> Attempt {
        match self {
            Self::Governed(destination) => destination.attempt(caller),
            Self::Open(host) => host.attempt(caller),
        }
    }
}

/// What opens the host, or the refusal that says what to ask for. Outside a run nothing does.
async fn open(proxy: &Proxy, caller: &Caller, origin: &Origin) -> Result<(NetworkTarget, Grant), Problem> {
    let gate = &proxy.parts.gate;
    let refused = async |refused| Err(gate.refuse(attempted(caller, origin, None), refused).await);
    let target = NetworkTarget::new(&origin.host, origin.port).ok().filter(|_| caller.run.is_some());
    let Some(to) = target else { return refused(Refused::NOT_GOVERNED).await };
    match gate.opens(caller, &to).await? {
        Some(grant) => Ok((to, grant)),
        None => refused(Refused::NOT_GRANTED).await,
    }
}

async fn resolved(
    proxy: &Proxy,
    origin: &Origin,
    attempt: Attempt,
    allow: &[IpNet],
) -> Result<Checked, Problem> {
    let at = (origin.host.as_str(), origin.port);
    match addresses::resolve(&*proxy.parts.resolver, at, allow, &proxy.settings.own).await {
        Ok(addresses) => Ok(addresses),
        Err(AddressError::Refused(kind)) => {
            Err(proxy.parts.gate.refuse(attempt, Refused::address(kind)).await)
        }
        Err(error) => {
            tracing::info!(%error, "a host could not be resolved");
            Err(proxy.parts.gate.refuse(attempt, Refused::UNREACHABLE).await)
        }
    }
}

fn attempted(caller: &Caller, origin: &Origin, upstream: Option<&Arc<Upstream>>) -> Attempt {
    let (caller, origin, upstream) = (caller.clone(), Some(origin.clone()), upstream.cloned());
    Attempt { caller, origin, upstream, target: None }
}

impl OpenHost {
    /// What `caller` tried here, for the record of a refusal.
    pub(super) fn attempt(&self, caller: &Caller) -> Attempt {
        attempted(caller, &self.origin, None)
    }
}

impl Destination {
    /// What `caller` tried here, for the record of a refusal.
    pub(super) fn attempt(&self, caller: &Caller) -> Attempt {
        attempted(caller, &self.origin, Some(&self.upstream))
    }
}
