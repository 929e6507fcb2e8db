//! Phase 3: where a request wants to go, whether that is governed, and which checked addresses it means.

use std::sync::Arc;

use super::Proxy;
use super::gate::{Attempt, Caller};
use super::reason::Refused;
use crate::domain::problem::Problem;
use crate::domain::upstream::{Origin, Upstream};
use crate::planes::network::addresses::{self, AddressError, Checked};

/// A governed origin with the addresses that were checked for it.
#[derive(Clone, Debug)]
pub(super) struct Destination {
    pub(super) origin: Origin,
    pub(super) upstream: Arc<Upstream>,
    pub(super) addresses: Checked,
}

impl Destination {
    /// Finds the upstream of `origin`, resolves its host once and judges every address.
    pub(super) async fn find(proxy: &Proxy, caller: &Caller, origin: Origin) -> Result<Self, Problem> {
        let gate = &proxy.parts.gate;
        let upstream = gate.governed(&origin).await?;
        let attempt = |upstream| Attempt {
            caller: caller.clone(),
            origin: Some(origin.clone()),
            upstream,
            target: None,
        };
        let Some(upstream) = upstream else {
            return Err(gate.refuse(attempt(None), Refused::NOT_GOVERNED).await);
        };
        let at = (origin.host.as_str(), origin.port);
        let resolver = &*proxy.parts.resolver;
        match addresses::resolve(resolver, at, &upstream.allow_addresses, &proxy.settings.own).await {
            Ok(addresses) => Ok(Self { origin, upstream, addresses }),
            Err(AddressError::Refused(kind)) => {
                Err(gate.refuse(attempt(Some(upstream)), Refused::address(kind)).await)
            }
            Err(error) => {
                tracing::info!(%error, "an upstream could not be resolved");
                Err(gate.refuse(attempt(Some(upstream)), Refused::UNREACHABLE).await)
            }
        }
    }

    /// What `caller` tried here, for the record of a refusal.
    pub(super) fn attempt(&self, caller: &Caller) -> Attempt {
        Attempt {
            caller: caller.clone(),
            origin: Some(self.origin.clone()),
            upstream: Some(Arc::clone(&self.upstream)),
            target: None,
        }
    }
}
