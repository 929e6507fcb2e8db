//! Typed, prefixed ids: `apr_0190…`. One registry, so that no two kinds can be swapped.
//!
//! An id is a UUID version 7 (RFC 9562 §5.7) behind its prefix, in 32 lower-case hexadecimal digits: it sorts by time and cannot
//! be guessed.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::clock::Clock;
use super::random::{NoRandomness, Random, bytes};
pub use super::run_id::RunId;

/// The text is not an id of the expected kind.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected an id like `{prefix}_` and 32 hexadecimal digits")]
pub struct InvalidId {
    prefix: &'static str,
}

pub(super) fn new_uuid(clock: &dyn Clock, random: &dyn Random) -> Result<Uuid, NoRandomness> {
    let millis = u64::try_from(clock.now().as_micros() / 1000).unwrap_or(0);
    Ok(uuid::Builder::from_unix_timestamp_millis(millis, &bytes(random)?).into_uuid())
}

pub(super) fn parse(text: &str, prefix: &'static str) -> Result<Uuid, InvalidId> {
    let bad = InvalidId { prefix };
    let Some(digits) = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')) else {
        return Err(bad);
    };
    let canonical =
        digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if !canonical {
        return Err(bad);
    }
    Uuid::try_parse(digits).map_err(|_| bad)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// The prefix of this kind of id, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// A new id.
            ///
            /// # Errors
            /// When there is no randomness.
            pub fn new(clock: &dyn Clock, random: &dyn Random) -> Result<Self, NoRandomness> {
                new_uuid(clock, random).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse(text, $prefix).map(Self)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }
    )+};
}

ids! {
    /// An approval: a request and its decision.
    ApprovalId = "apr";
    /// A token; the `jti` claim.
    TokenId = "tok";
    /// A credential in the vault.
    CredentialId = "crd";
    /// An upstream definition.
    UpstreamId = "ups";
    /// A connection of a run to a host, without a credential.
    ConnectionId = "con";
    /// A use, or the refusal of one.
    UseId = "use";
    /// An agent.
    AgentId = "agt";
    /// A person.
    PersonId = "per";
    /// A layer: somebody else's proxy or sandbox.
    LayerId = "lay";
    /// A person signed in on the pages.
    SessionId = "ses";
}
