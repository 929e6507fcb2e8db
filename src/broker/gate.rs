//! The proxy's door to the broker.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::Broker;
use super::authorize::{ActiveUse, Attempted};
use super::connect::host_item;
use super::refusal::Refusal;
use crate::base::id::{ConnectionId, UseId};
use crate::base::secret::Secret;
use crate::domain::access::smallest_item;
use crate::domain::connection::ConnectionEnd;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::scope::{HttpTarget, NetworkTarget};
use crate::domain::upstream::{Origin, Upstream};
use crate::domain::usage::Outcome;
use crate::planes::network::proxy::gate::{Admitted, Asked, Attempt, Caller, Gate, Grant, Opening, Passage};
use crate::planes::network::proxy::reason::Refused;

impl Gate for Broker {
    fn identify(&self, key: Secret) -> BoxFuture<'_, Result<Option<Caller>, Problem>> {
        async move {
            let agent = std::str::from_utf8(key.expose_secret()).ok().and_then(|key| self.agent_by_key(key));
            if agent.is_none() {
                self.authentication_failed("proxy").await;
            }
            Ok(agent.map(|agent| Caller::agent(agent.id)))
        }
        .boxed()
    }

    fn governed<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Option<Arc<Upstream>>, Problem>> {
        async move { Ok(self.catalog().upstream_at(origin).cloned()) }.boxed()
    }

    fn admit(&self, asked: Asked) -> BoxFuture<'_, Result<Admitted, Problem>> {
        async move {
            let presented = std::str::from_utf8(asked.token.expose_secret()).unwrap_or_default();
            let (caller, address) = (&asked.caller, Some(asked.address));
            let (mut target, body) = (asked.target, asked.body.as_ref());
            let stood_for = self.stood_for(caller, (&asked.upstream, &mut target, body), presented).await?;
            let presented = stood_for.as_ref().map_or(presented, |token| token.expose_secret());
            let attempted = Attempted { caller, upstream: &asked.upstream, target, body, presented, address };
            self.authorize(attempted).await.map(admitted)
        }
        .boxed()
    }

    fn refuse(&self, attempt: Attempt, refused: Refused) -> BoxFuture<'_, Problem> {
        async move {
            let agent = match self.active_agent(attempt.caller.agent) {
                Ok(agent) => agent,
                Err(problem) => return problem,
            };
            let askable = refused.kind() == ProblemKind::NotPermitted;
            let missing = if refused == Refused::NOT_GRANTED {
                let host = |origin: &Origin| NetworkTarget::new(&origin.host, origin.port).ok();
                attempt.origin.as_ref().and_then(host).and_then(|to| host_item(&to))
            } else {
                attempt.target.as_ref().filter(|_| askable).and_then(|target| smallest_item(target, None))
            };
            let origin = attempt.origin.as_ref().map(ToString::to_string);
            let target = attempt.target.as_ref().map(HttpTarget::redacted).or(origin);
            let upstream = attempt.upstream.as_ref().map(|upstream| upstream.name.clone());
            let (kind, reason, identity) = (refused.kind(), refused.name(), None);
            let refusal = Refusal { kind, reason, upstream, target, missing, identity };
            self.refuse_use(&agent, &attempt.caller, None, refusal).await
        }
        .boxed()
    }

    fn refuse_stranger(&self, refused: Refused) -> BoxFuture<'_, Problem> {
        async move {
            self.stranger_refused("proxy", refused.name()).await;
            refused.problem()
        }
        .boxed()
    }

    fn opens<'a>(
        &'a self,
        caller: &'a Caller,
        to: &'a NetworkTarget,
    ) -> BoxFuture<'a, Result<Option<Grant>, Problem>> {
        Broker::opens(self, caller, to).boxed()
    }

    fn open(&self, opening: Opening) -> BoxFuture<'_, Result<Passage, Problem>> {
        self.open_passage(opening).boxed()
    }

    fn close(&self, id: ConnectionId, end: ConnectionEnd) -> BoxFuture<'_, ()> {
        self.close_passage(id, end).boxed()
    }

    fn finish(&self, use_id: UseId, outcome: Outcome) -> BoxFuture<'_, ()> {
        self.finish_use(use_id, outcome).boxed()
    }
}

fn admitted(active: ActiveUse) -> Admitted {
    let start = active.recorded.into_value();
    Admitted {
        use_id: start.id,
        credential: active.credential,
        client_key: active.client_key,
        credential_version: (start.credential, start.credential_version),
        life: active.life,
        cut: active.cut,
    }
}
