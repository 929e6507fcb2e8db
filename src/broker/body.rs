//! When a decision depends on what a body says, the body is read before the decision, and only then.

use super::Broker;
use super::refusal::Refusal;
use crate::domain::access::{depends_on_body, judge_bodies};
use crate::domain::principal::Agent;
use crate::domain::problem::Problem;
use crate::domain::scope::{HttpTarget, ScopeItem};
use crate::domain::token::VerifiedToken;
use crate::planes::network::proxy::gate::{Caller, Sent};
use crate::planes::network::proxy::reason::Refused;

/// The target, with what its body says where one of the items makes that matter.
///
/// # Errors
/// The target and why its body cannot be judged.
pub(super) async fn seen<'a>(
    items: impl Iterator<Item = &'a ScopeItem> + Clone,
    target: HttpTarget,
    body: &dyn Sent,
) -> Result<HttpTarget, (HttpTarget, Refused)> {
    if body.is_empty() {
        return Ok(target);
    }
    // Some servers read it there too, and no rule can be about it (C10).
    if target.method().looks_for_no_body() && judge_bodies(items.clone(), target.upstream()) {
        return Err((target, Refused::BODY_UNEXPECTED));
    }
    if !depends_on_body(items, &target) {
        return Ok(target);
    }
    match body.facts().await {
        Ok(facts) => Ok(target.with_body(facts)),
        Err(refused) => Err((target, refused)),
    }
}

impl Broker {
    /// Refuses a request whose body cannot be judged, on record.
    pub(super) async fn unclear(
        &self,
        agent: &Agent,
        caller: &Caller,
        token: Option<&VerifiedToken>,
        (target, refused): (&HttpTarget, Refused),
    ) -> Problem {
        let refusal = Refusal::of(refused.kind(), refused.name(), target);
        self.refuse_use(agent, caller, token, refusal).await.with("reason", refused.name())
    }
}
