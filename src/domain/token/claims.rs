//! The claims of an access token (RFC 9068 §2.2): what is signed, and how it is read back.
//!
//! `sub` is the acting identity and `act` (RFC 8693 §4.1) the agent that acts as it. Nested `act` claims name *prior
//! actors*. The person whose automation the agent is has not acted with the token, so they stand beside the chain, in
//! `on_behalf_of`, and not in it.
//!
//! `cnf` (RFC 7800 §3.1) binds the token to its holder. The holder proves itself with its agent key, so the member is
//! the agent's id, under a name of our own; a key thumbprint (RFC 9449 §6.1) would stand beside it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::LONGEST_LIFE;
use super::metadata::Issuer;
use super::problem::TokenProblem;
use super::verified::VerifiedToken;
use crate::base::clock::Timestamp;
use crate::base::crypto::hash::Digest;
use crate::base::id::{AgentId, ApprovalId, PersonId, RunId, TokenId};
use crate::domain::approval::Exchange;
use crate::domain::identity::Identity;
use crate::domain::scope::ScopeItem;

/// Times are whole seconds (RFC 7519 §2 `NumericDate`); fractions are cut, so that a token ends early and not late.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claims<'a> {
    pub(super) iss: Cow<'a, str>,
    pub(super) aud: Cow<'a, str>,
    pub(super) sub: Cow<'a, Identity>,
    pub(super) act: Actor<'a>,
    pub(super) client_id: AgentId,
    pub(super) exp: u64,
    pub(super) iat: u64,
    pub(super) nbf: u64,
    pub(super) jti: TokenId,
    pub(super) authorization_details: Cow<'a, [ScopeItem]>,
    pub(super) approval: ApprovalClaim<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) on_behalf_of: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) run: Option<RunId>,
    pub(super) cnf: Confirmation,
}

/// The current actor.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Actor<'a> {
    pub(super) sub: AgentId,
    pub(super) iss: Cow<'a, str>,
    pub(super) sub_profile: Profile,
}

/// What kind of actor.
#[derive(Serialize, Deserialize)]
pub(super) enum Profile {
    #[serde(rename = "ai_agent")]
    AiAgent,
}

/// The approval behind the token.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApprovalClaim<'a> {
    pub(super) id: ApprovalId,
    pub(super) approvers: Cow<'a, [PersonId]>,
    pub(super) statement_digest: Digest,
}

/// Who may present the token.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Confirmation {
    #[serde(rename = "urn:exeat:agent")]
    pub(super) agent: AgentId,
}

impl<'a> Claims<'a> {
    /// The claims of the token that `exchange` plans.
    pub(super) fn of(exchange: &'a Exchange, issuer: &'a Issuer, audience: &'a str) -> Self {
        let agent = exchange.agent();
        let begin = seconds(exchange.issued_at());
        Self {
            iss: Cow::Borrowed(issuer.as_str()),
            aud: Cow::Borrowed(audience),
            sub: Cow::Borrowed(exchange.identity()),
            act: Actor { sub: agent, iss: Cow::Borrowed(issuer.as_str()), sub_profile: Profile::AiAgent },
            client_id: agent,
            exp: seconds(exchange.expires_at()),
            iat: begin,
            nbf: begin,
            jti: exchange.token(),
            authorization_details: Cow::Borrowed(exchange.items()),
            approval: ApprovalClaim {
                id: exchange.approval(),
                approvers: Cow::Borrowed(exchange.approvers()),
                statement_digest: exchange.statement_digest(),
            },
            on_behalf_of: exchange.on_behalf_of(),
            run: exchange.run(),
            cnf: Confirmation { agent },
        }
    }

    /// The claims of a token that was read before, to be shown.
    pub(super) fn again(token: &'a VerifiedToken, issuer: &'a Issuer, audience: &'a str) -> Self {
        let agent = token.agent();
        let begin = seconds(token.issued_at());
        Self {
            iss: Cow::Borrowed(issuer.as_str()),
            aud: Cow::Borrowed(audience),
            sub: Cow::Borrowed(token.identity()),
            act: Actor { sub: agent, iss: Cow::Borrowed(issuer.as_str()), sub_profile: Profile::AiAgent },
            client_id: agent,
            exp: seconds(token.expires_at()),
            iat: begin,
            nbf: begin,
            jti: token.id(),
            authorization_details: Cow::Borrowed(token.items()),
            approval: ApprovalClaim {
                id: token.approval(),
                approvers: Cow::Borrowed(token.approvers()),
                statement_digest: token.statement_digest(),
            },
            on_behalf_of: token.on_behalf_of(),
            run: token.run(),
            cnf: Confirmation { agent },
        }
    }
}

impl Claims<'static> {
    /// Holds claims against the `part` of the token they were read from.
    ///
    /// They must *write* back to the same text: one check in place of one for each thing that a JSON reader forgives
    /// (an array for an object, `null` for an absent member, escapes, blanks, another order, another spelling of an
    /// item).
    pub(super) fn held_against(self, part: &str) -> Result<Self, TokenProblem> {
        let written = serde_json::to_vec(&self).map_err(|_| TokenProblem::BadClaims)?;
        let same = URL_SAFE_NO_PAD.encode(written) == part;
        if same && self.agree() { Ok(self) } else { Err(TokenProblem::BadClaims) }
    }

    /// Whether the claims say what only we would say: one agent throughout, somebody who approved (I1), something
    /// granted, and a life within bounds (I8).
    fn agree(&self) -> bool {
        let lives = self.exp.checked_sub(self.iat).is_some_and(|life| life <= LONGEST_LIFE.as_secs());
        let one_agent = self.client_id == self.act.sub && self.client_id == self.cnf.agent;
        let granted = !self.approval.approvers.is_empty() && !self.authorization_details.is_empty();
        lives && self.nbf == self.iat && one_agent && granted && self.act.iss == self.iss
    }
}

/// Whole seconds since 1970; nothing is older.
fn seconds(time: Timestamp) -> u64 {
    u64::try_from(time.as_seconds()).unwrap_or(0)
}
