//! A layer asks about a request that it holds: the same rules as for the proxy, and the use on record before the answer (I2).
//!
//! The layer makes the request. With `inject` it is handed the credential for that; without, only the verdict. What rests on the body
//! is not granted here: a question has none, and what is unknown is refused (I13).

use std::future::ready;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue};

use super::super::Broker;
use super::super::authorize::{Attempted, Begun};
use super::super::refusal::Refusal;
use super::super::teach::asking;
use crate::base::id::UseId;
use crate::domain::access::smallest_item;
use crate::domain::layer::{Layer, Via};
use crate::domain::principal::Agent;
use crate::domain::problem::{Problem, ProblemKind};
use crate::domain::scope::{BodyFacts, HttpTarget, Method};
use crate::domain::token::{VerifiedToken, looks_like_token};
use crate::domain::upstream::{Slot, Upstream};
use crate::domain::usage::Outcome;
use crate::planes::network::forward_auth::{self, Original, Shown};
use crate::planes::network::proxy::gate::{Caller, Sent};
use crate::planes::network::proxy::reason::Refused;

/// The request may be made: its use is on record.
#[derive(Debug)]
pub struct Answer {
    /// The use.
    pub use_id: UseId,
    /// The header field that carries the credential, for a layer that may have it.
    pub field: Option<(HeaderName, HeaderValue)>,
}

/// Why nothing is known of who is behind a request.
struct Unknown {
    kind: ProblemKind,
    reason: &'static str,
    target: Option<Box<HttpTarget>>,
    /// Whether clients keep their password back until they are asked for it.
    challenged: bool,
}

impl Unknown {
    fn of(refused: Refused, target: Option<HttpTarget>) -> Self {
        Self { kind: refused.kind(), reason: refused.name(), target: target.map(Box::new), challenged: false }
    }
}

/// The body of a request that a layer holds: nobody shows it, so no rule can be met by it. That there is none where none belongs is the
/// layer's to see to.
struct Unseen(Method);

impl Sent for Unseen {
    fn is_empty(&self) -> bool {
        self.0.looks_for_no_body()
    }

    fn facts(&self) -> BoxFuture<'_, Result<BodyFacts, Refused>> {
        ready(Err(Refused::BODY_UNSEEN)).boxed()
    }
}

impl Broker {
    /// Decides about a request that `layer` holds. An `Ok` means that the use is durably on record.
    ///
    /// # Errors
    /// The refusal: on record where it is known whose it is, counted where it is not (J12).
    pub async fn ask(&self, layer: &Layer, original: Result<Original, Refused>) -> Result<Answer, Problem> {
        let (upstream, shown) = match self.shown(original) {
            Ok(found) => found,
            Err(unknown) => return Err(self.refuse_unknown(unknown).await),
        };
        let presented =
            shown.token.as_ref().and_then(|token| std::str::from_utf8(token.expose_secret()).ok());
        let (presented, token, agent) = match self.holder(presented, &shown, &upstream) {
            Ok(found) => found,
            Err(unknown) => return Err(self.refuse_unknown(unknown).await),
        };
        let caller = Caller::through(agent.id, Via { layer: layer.id, injected: layer.inject });
        if let Some((kind, reason)) = beyond(layer, &token, &upstream) {
            let refusal = Refusal::of(kind, reason, &shown.target);
            return Err(self.refuse_use(&agent, &caller, Some(&token), refusal).await);
        }
        let (caller, target, address) = (&caller, shown.target, None);
        let body = &Unseen(target.method());
        let attempted = Attempted { caller, upstream: &upstream, target, body, presented, address };
        let begun = self.begin(attempted).await?;
        let use_id = begun.recorded.value().id;
        let field = if layer.inject { Some(self.field(begun, &upstream, &shown.user).await?) } else { None };
        // From here on the layer has it: there is nothing to cut, and it may never be said how it ended.
        let _ = self.cuts.end(use_id);
        Ok(Answer { use_id, field })
    }

    /// The upstream of a request, its one target, and what stands in its slot.
    fn shown(&self, original: Result<Original, Refused>) -> Result<(Arc<Upstream>, Shown), Unknown> {
        let original = original.map_err(|refused| Unknown::of(refused, None))?;
        let upstream = self.catalog().upstream_at(original.origin()).cloned();
        let upstream = upstream.ok_or_else(|| Unknown::of(Refused::NOT_GOVERNED, None))?;
        let target = original.target(&upstream).map_err(|refused| Unknown::of(refused, None))?;
        let kept = target.clone();
        let shown = original.show(target, &upstream).map_err(|refused| Unknown::of(refused, Some(kept)))?;
        Ok((upstream, shown))
    }

    /// Whose token it is: nothing else says who is behind the request.
    fn holder<'a>(
        &self,
        presented: Option<&'a str>,
        shown: &Shown,
        upstream: &Upstream,
    ) -> Result<(&'a str, Arc<VerifiedToken>, Arc<Agent>), Unknown> {
        let target = Some(shown.target.clone());
        let Some(presented) = presented else {
            let challenged = matches!(upstream.slot, Slot::Basic { .. });
            return Err(Unknown { challenged, ..Unknown::of(Refused::NO_TOKEN, target) });
        };
        let unknown =
            |kind, reason| Unknown { kind, reason, target: target.clone().map(Box::new), challenged: false };
        if !looks_like_token(presented) {
            return Err(unknown(ProblemKind::ForeignCredential, "foreign_credential"));
        }
        let verified = self.signing().verifier.verify(presented, self.now());
        let token = verified.map_err(|problem| unknown(ProblemKind::TokenInvalid, problem.reason()))?;
        let agent = self.active_agent(token.agent());
        let agent = agent.map_err(|_| unknown(ProblemKind::TokenInvalid, "agent_not_enrolled"))?;
        Ok((presented, token, agent))
    }

    /// The credential in its header field, for the layer to send.
    async fn field(
        &self,
        begun: Begun,
        upstream: &Upstream,
        user: &str,
    ) -> Result<(HeaderName, HeaderValue), Problem> {
        let active = self.opened(begun, upstream).await?;
        match forward_auth::field(&upstream.slot, &active.credential, user) {
            Ok(field) => Ok(field),
            Err(refused) => {
                let outcome = Outcome::unsent("credential_not_placeable");
                self.finish_use(active.recorded.value().id, outcome).await;
                Err(refused.problem())
            }
        }
    }

    async fn refuse_unknown(&self, unknown: Unknown) -> Problem {
        let Unknown { kind, reason, target, challenged } = unknown;
        self.stranger_refused("layer", reason).await;
        let mut problem = Problem::new(kind, super::super::refusal::detail(kind));
        let missing = target.filter(|_| kind == ProblemKind::NotPermitted);
        let missing = missing.and_then(|target| smallest_item(&target, None));
        if let Some((item, ask)) = missing.and_then(|missing| asking(&missing, None, (None, None))) {
            problem = problem.with("missing", vec![item]).with("ask", ask);
        }
        if challenged { problem.with("status", 401) } else { problem }
    }
}

/// What the layer may not do, whatever the token allows.
fn beyond(layer: &Layer, token: &VerifiedToken, upstream: &Upstream) -> Option<(ProblemKind, &'static str)> {
    if !layer.agents.contains(&token.agent()) {
        return Some((ProblemKind::TokenInvalid, "agent_not_of_layer"));
    }
    if !layer.upstreams.contains(&upstream.name) {
        return Some((ProblemKind::DestinationRefused, "upstream_not_of_layer"));
    }
    forward_auth::header_of(&upstream.slot).is_none().then(|| {
        let refused = Refused::SLOT_NOT_BY_LAYER;
        (refused.kind(), refused.name())
    })
}
