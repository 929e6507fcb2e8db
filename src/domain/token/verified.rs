//! What a token says, once it has been believed.

use super::claims::Claims;
use crate::base::clock::Timestamp;
use crate::base::crypto::hash::Digest;
use crate::base::id::{AgentId, ApprovalId, PersonId, RunId, TokenId};
use crate::domain::identity::Identity;
use crate::domain::scope::ScopeItem;

/// A token whose signature and claims hold. Made by [`super::Verifier`] alone.
///
/// It says nothing about who presents it, and nothing about now: that is [`super::LiveToken`].
///
/// ```compile_fail
/// use exeat::domain::token::VerifiedToken;
/// fn made(token: VerifiedToken) -> VerifiedToken { VerifiedToken { ..token } }
/// ```
/// ```compile_fail
/// fn read(json: &str) -> exeat::domain::token::VerifiedToken { serde_json::from_str(json).unwrap() }
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct VerifiedToken {
    id: TokenId,
    approval: ApprovalId,
    agent: AgentId,
    on_behalf_of: Option<PersonId>,
    run: Option<RunId>,
    identity: Identity,
    items: Box<[ScopeItem]>,
    approvers: Box<[PersonId]>,
    statement_digest: Digest,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

impl VerifiedToken {
    /// From claims that the verifier believes.
    pub(super) fn of(claims: Claims<'static>) -> Self {
        Self {
            id: claims.jti,
            approval: claims.approval.id,
            agent: claims.client_id,
            on_behalf_of: claims.on_behalf_of,
            run: claims.run,
            identity: claims.sub.into_owned(),
            items: claims.authorization_details.into_owned().into_boxed_slice(),
            approvers: claims.approval.approvers.into_owned().into_boxed_slice(),
            statement_digest: claims.approval.statement_digest,
            issued_at: time(claims.iat),
            expires_at: time(claims.exp),
        }
    }

    /// Its id.
    pub const fn id(&self) -> TokenId {
        self.id
    }

    /// The approval it comes from.
    pub const fn approval(&self) -> ApprovalId {
        self.approval
    }

    /// The agent it was made for, which alone may present it.
    pub const fn agent(&self) -> AgentId {
        self.agent
    }

    /// The person whose automation the agent is.
    pub const fn on_behalf_of(&self) -> Option<PersonId> {
        self.on_behalf_of
    }

    /// The run it belongs to.
    pub const fn run(&self) -> Option<RunId> {
        self.run
    }

    /// Whom the upstreams will see.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What it allows.
    pub fn items(&self) -> &[ScopeItem] {
        &self.items
    }

    /// The people who approved, at least one.
    pub fn approvers(&self) -> &[PersonId] {
        &self.approvers
    }

    /// What they approved.
    pub const fn statement_digest(&self) -> Digest {
        self.statement_digest
    }

    /// When it began, in whole seconds.
    pub const fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// When it ends, in whole seconds.
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

/// A time that cannot be said ends the world, not the check: it saturates, and comparisons go on working.
fn time(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
}
