//! A token in the hands of its holder, now.

use std::sync::Arc;

use super::problem::TokenProblem;
use super::verified::VerifiedToken;
use crate::base::clock::Timestamp;
use crate::base::id::AgentId;

/// A verified token that its own agent presented while it was alive. Taken by `access::decide`, once.
///
/// ```compile_fail
/// fn copied(token: &exeat::domain::token::LiveToken) -> exeat::domain::token::LiveToken { token.clone() }
/// ```
#[derive(Debug)]
pub struct LiveToken(Arc<VerifiedToken>);

impl LiveToken {
    /// Binds a token to the agent that presents it, as which `caller` was authenticated.
    ///
    /// # Errors
    /// Another agent's token, or one that has ended or not begun.
    pub fn of(token: Arc<VerifiedToken>, caller: AgentId, now: Timestamp) -> Result<Self, TokenProblem> {
        if token.agent() != caller {
            return Err(TokenProblem::WrongHolder);
        }
        alive(&token, now)?;
        Ok(Self(token))
    }

    /// The token.
    #[must_use]
    pub fn token(&self) -> &VerifiedToken {
        &self.0
    }

    /// Gives the token back; it is no longer known to be alive.
    pub(in crate::domain) fn into_token(self) -> Arc<VerifiedToken> {
        self.0
    }
}

/// Whether the token has begun and not ended. No leeway: one clock makes and checks it.
pub(super) fn alive(token: &VerifiedToken, now: Timestamp) -> Result<(), TokenProblem> {
    if now < token.issued_at() {
        return Err(TokenProblem::NotYetValid);
    }
    if now >= token.expires_at() {
        return Err(TokenProblem::Expired);
    }
    Ok(())
}
