//! Access tokens: made from an exchange that is on record, read back with nothing taken on trust (design §7).
//!
//! A token is a JWT (RFC 9068), signed and verified by `jsonwebtoken` with Ed25519 and in exactly one spelling: the
//! header is compared before it is parsed, and claims that do not write back to the bytes that were signed are refused.
//! There is no other algorithm, so there is none to confuse (G03). [`mint()`] is the only way to make one, [`Verifier`]
//! the only way to read one.
//!
//! Whether a token was revoked is not decided here: the store does, when it records the use (I9).

mod claims;
mod introspection;
mod keys;
mod live;
mod metadata;
mod mint;
mod problem;
mod provider;
mod verified;
mod verify;

use std::time::Duration;

pub use introspection::Introspection;
pub use keys::{Jwk, JwkSet, PreviousKey, TokenKeys};
pub use live::LiveToken;
pub use metadata::{
    ACCESS_TOKEN_TYPE, APPROVAL_ID_TYPE, Issuer, Metadata, TOKEN_EXCHANGE_GRANT, WELL_KNOWN_METADATA,
};
pub use mint::{MintError, PlainToken, items_fit, mint};
pub use problem::TokenProblem;
pub use verified::VerifiedToken;
pub use verify::{Verifier, looks_like_token};

/// The longest token that is made or looked at, in bytes (J12).
pub const MAX_TOKEN: usize = 16 * 1024;

/// No token lives longer (I8).
pub const LONGEST_LIFE: Duration = Duration::from_hours(1);
