//! What the introspection endpoint says about a token (RFC 7662 §2.2): all of it, or only that it is not active.

use serde::Serialize;

use super::claims::Claims;
use super::live::LiveToken;
use super::metadata::Issuer;

/// The answer of the introspection endpoint.
///
/// Whether the token was revoked is for the caller to find out first: a revoked token is [`Introspection::inactive`].
#[derive(Serialize)]
pub struct Introspection<'a> {
    active: bool,
    #[serde(flatten)]
    more: Option<Active<'a>>,
}

/// What is said of a token that is active: its own claims.
#[derive(Serialize)]
struct Active<'a> {
    token_type: &'static str,
    #[serde(flatten)]
    claims: Claims<'a>,
}

impl<'a> Introspection<'a> {
    /// A token that is alive, in the hands of the agent it was made for.
    #[must_use]
    pub fn active(token: &'a LiveToken, issuer: &'a Issuer, audience: &'a str) -> Self {
        let claims = Claims::again(token.token(), issuer, audience);
        Self { active: true, more: Some(Active { token_type: "Bearer", claims }) }
    }

    /// Anything else: unknown, ended, revoked, another agent's. One answer for all (RFC 7662 §2.2).
    #[must_use]
    pub const fn inactive() -> Self {
        Self { active: false, more: None }
    }
}
