//! The one place where a use is allowed: a live token and a target give a permit, or say what is missing.
//!
//! Pure: reads the token's items and nothing else. Whether the token was revoked or used up is decided by the store when
//! the use is recorded. The acting identity is the token's, and never looked for anywhere else (I4).

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::identity::Identity;
use super::layer::Via;
use super::name::Name;
use super::scope::{HttpTarget, ScopeItem, Target, git};
use super::step::SeenStep;
use super::token::{LiveToken, VerifiedToken};
use super::usage::UseStart;
use crate::base::clock::Timestamp;
use crate::base::id::{CredentialId, UpstreamId, UseId};

/// The proof that one use was allowed: of this token, by this item, for this target. The use consumes it.
///
/// ```compile_fail
/// fn twice(permit: &exeat::domain::access::Permit) -> exeat::domain::access::Permit { permit.clone() }
/// ```
/// ```compile_fail
/// fn is_copy<T: Copy>() {}
/// is_copy::<exeat::domain::access::Permit>();
/// ```
/// ```compile_fail
/// use exeat::domain::access::Permit;
/// fn elsewhere(permit: Permit, other: Permit) -> Permit { Permit { target: other.target, ..permit } }
/// ```
#[derive(Debug)]
pub struct Permit {
    token: Arc<VerifiedToken>,
    item: usize,
    target: HttpTarget,
}

/// Nothing in the token allows the target.
#[derive(Debug, thiserror::Error)]
#[error("nothing that was approved allows this")]
pub struct Denial {
    token: Arc<VerifiedToken>,
    target: HttpTarget,
    missing: Option<ScopeItem>,
    lacks: Option<String>,
}

/// What a use is made with: found by the broker, never by the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Means {
    /// The use's id.
    pub id: UseId,
    /// The upstream that the target's name stands for.
    pub upstream: UpstreamId,
    /// The credential of the token's acting identity there.
    pub credential: CredentialId,
    /// Its version.
    pub credential_version: u64,
    /// The address that is dialled; none where a layer dials.
    pub address: Option<SocketAddr>,
    /// The layer that asked, if one did.
    pub via: Option<Via>,
    /// When.
    pub at: Timestamp,
    /// What the agent is doing, as far as anybody knows.
    pub step: SeenStep,
}

/// Whether the token allows the target. The first item that does is the one the use counts for.
///
/// # Errors
/// When no item does.
pub fn decide(token: LiveToken, target: HttpTarget) -> Result<Permit, Box<Denial>> {
    let token = token.into_token();
    if let Some(item) = token.items().iter().position(|item| allows(item, &token, &target)) {
        return Ok(Permit { token, item, target });
    }
    let nearest = nearest(token.items().iter().filter(|item| is_for(item, token.identity())), &target);
    let (missing, lacks) = match nearest {
        Some(item) => (smallest_item_near(&target, Some(token.identity()), item), item.body_lacks(&target)),
        None => (smallest_item(&target, Some(token.identity())), None),
    };
    Err(Box::new(Denial { token, target, missing, lacks }))
}

/// Whether it depends on its body whether one of these items allows the target: none does without it, and one may with it.
pub fn depends_on_body<'a>(items: impl Iterator<Item = &'a ScopeItem>, target: &HttpTarget) -> bool {
    let mut depends = false;
    for item in items {
        if item.allows_request(target) {
            return false;
        }
        depends |= item.may_allow(target);
    }
    depends && target.body().is_none()
}

/// Whether one of these items says something about bodies sent to this upstream.
pub fn judge_bodies<'a>(mut items: impl Iterator<Item = &'a ScopeItem>, upstream: &Name) -> bool {
    items.any(|item| item.judges_body() && item.upstream() == Some(upstream))
}

/// The first of these items that would allow the target if its body were another.
pub fn nearest<'a>(
    mut items: impl Iterator<Item = &'a ScopeItem>,
    target: &HttpTarget,
) -> Option<&'a ScopeItem> {
    items.find(|item| item.may_allow(target))
}

impl Permit {
    /// The token that allows the use.
    #[must_use]
    pub fn token(&self) -> &VerifiedToken {
        &self.token
    }

    /// The index of the item that allows it.
    #[must_use]
    pub const fn item(&self) -> usize {
        self.item
    }

    /// What is allowed.
    #[must_use]
    pub const fn target(&self) -> &HttpTarget {
        &self.target
    }

    /// Turns the permit into the use that is to be recorded, and the target that is to be sent as it was judged.
    #[must_use]
    pub fn into_use(self, means: Means) -> (UseStart, HttpTarget) {
        let start = UseStart {
            id: means.id,
            token: self.token.id(),
            approval: self.token.approval(),
            agent: self.token.agent(),
            run: self.token.run(),
            identity: self.token.identity().clone(),
            upstream: means.upstream,
            credential: means.credential,
            credential_version: means.credential_version,
            item: self.item,
            target: self.target.redacted(),
            address: means.address,
            at: means.at,
            via: means.via,
            step: means.step,
        };
        (start, self.target)
    }
}

impl Denial {
    /// The token that was presented.
    #[must_use]
    pub fn token(&self) -> &VerifiedToken {
        &self.token
    }

    /// What was attempted.
    #[must_use]
    pub const fn target(&self) -> &HttpTarget {
        &self.target
    }

    /// What the body lacks, when only the body stood in the way; in plain words, without values.
    #[must_use]
    pub fn lacks(&self) -> Option<&str> {
        self.lacks.as_deref()
    }

    /// The item to ask for: this method on this path with any query, or with this query and this body where an item about bodies
    /// nearly allowed it. `None` when no pattern says this path alone.
    #[must_use]
    pub const fn missing(&self) -> Option<&ScopeItem> {
        self.missing.as_ref()
    }
}

/// Items without an identity of their own are for the token's; one for somebody else never applies (I4).
fn allows(item: &ScopeItem, token: &VerifiedToken, target: &HttpTarget) -> bool {
    is_for(item, token.identity()) && item.allows_request(target)
}

fn is_for(item: &ScopeItem, identity: &Identity) -> bool {
    item.identity().is_none_or(|named| named == identity)
}

/// The smallest item that would have allowed the target, for `identity` if one has been chosen. `None` when no pattern says
/// this path alone.
#[must_use]
pub fn smallest_item(target: &HttpTarget, identity: Option<&Identity>) -> Option<ScopeItem> {
    match git::covering(target) {
        Some(item) => fitting(item, target, identity),
        None => smallest(target, identity, Map::new()),
    }
}

/// The same where `near` would allow the target but for its body: with a rule of that kind that covers this body, and with this query.
#[must_use]
pub fn smallest_item_near(
    target: &HttpTarget,
    identity: Option<&Identity>,
    near: &ScopeItem,
) -> Option<ScopeItem> {
    let ScopeItem::Http(near) = near else { return smallest_item(target, identity) };
    let body = near.body_covering(target)?;
    let query = target.query_listed();
    let limits = [("query".to_owned(), query.into()), ("body".to_owned(), body)];
    smallest(target, identity, limits.into_iter().collect())
}

fn smallest(
    target: &HttpTarget,
    identity: Option<&Identity>,
    limits: Map<String, Value>,
) -> Option<ScopeItem> {
    let path = target.path_and_query().split('?').next()?;
    // `*` in a path that is sent is a letter like any other; in a pattern it would stand for more than that.
    if path.contains('*') {
        return None;
    }
    let mut item = json!({
        "type": "http",
        "upstream": target.upstream().as_str(),
        "methods": [target.method().as_str()],
        "paths": [path],
    });
    if let Some(fields) = item.as_object_mut() {
        fields.extend(limits);
    }
    fitting(item, target, identity)
}

/// The item as this identity's, if it allows the target indeed.
fn fitting(mut item: Value, target: &HttpTarget, identity: Option<&Identity>) -> Option<ScopeItem> {
    if let (Some(fields), Some(identity)) = (item.as_object_mut(), identity) {
        drop(fields.insert("identity".to_owned(), identity.to_string().into()));
    }
    let item = ScopeItem::parse(&item).ok()?;
    item.allows(&Target::Http(target.clone())).then_some(item)
}
