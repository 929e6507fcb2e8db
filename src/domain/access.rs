//! The one place where a use is allowed: a live token and a target give a permit, or say what is missing.
//!
//! Pure: reads the token's items and nothing else. Whether the token was revoked or used up is decided by the store when
//! the use is recorded. The acting identity is the token's, and never looked for anywhere else (I4).

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::json;

use super::identity::Identity;
use super::layer::Via;
use super::scope::{HttpTarget, ScopeItem, Target};
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
    let missing = smallest_item(&target, Some(token.identity()));
    Err(Box::new(Denial { token, target, missing }))
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

    /// The item to ask for: this method on this path, with any query. `None` when no pattern says this path alone.
    #[must_use]
    pub const fn missing(&self) -> Option<&ScopeItem> {
        self.missing.as_ref()
    }
}

/// Items without an identity of their own are for the token's; one for somebody else never applies (I4).
fn allows(item: &ScopeItem, token: &VerifiedToken, target: &HttpTarget) -> bool {
    let ScopeItem::Http(http) = item else { return false };
    http.identity().is_none_or(|identity| identity == token.identity()) && http.allows(target)
}

/// The smallest item that would have allowed the target, for `identity` if one has been chosen. `None` when no pattern says
/// this path alone.
#[must_use]
pub fn smallest_item(target: &HttpTarget, identity: Option<&Identity>) -> Option<ScopeItem> {
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
    if let (Some(identity), Some(fields)) = (identity, item.as_object_mut()) {
        drop(fields.insert("identity".to_owned(), identity.to_string().into()));
    }
    let item = ScopeItem::parse(&item).ok()?;
    item.allows(&Target::Http(target.clone())).then_some(item)
}
