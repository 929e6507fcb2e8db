//! Acting identities: whom an upstream will see. Always named, never inferred (I4).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `user:alice@example.com` or `service:release-bot`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Identity {
    kind: IdentityKind,
    name: String,
}

/// Whether a person's account or a service's account acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentityKind {
    /// A person's own account.
    User,
    /// An account that belongs to no one person.
    Service,
}

/// The text does not name an acting identity.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("expected `user:NAME` or `service:NAME`, with 1 to 128 of a-z 0-9 . _ @ + - in NAME")]
pub struct InvalidIdentity;

impl Identity {
    /// User or service.
    #[must_use]
    pub const fn kind(&self) -> IdentityKind {
        self.kind
    }

    /// The part after the colon.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for Identity {
    type Err = InvalidIdentity;

    fn from_str(text: &str) -> Result<Self, InvalidIdentity> {
        let (kind, name) = text.split_once(':').ok_or(InvalidIdentity)?;
        let kind = match kind {
            "user" => IdentityKind::User,
            "service" => IdentityKind::Service,
            _ => return Err(InvalidIdentity),
        };
        // Lower case only: two names that differ in case must not be two identities (J02).
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._@+-".contains(&b);
        if name.is_empty() || name.len() > 128 || !name.bytes().all(allowed) {
            return Err(InvalidIdentity);
        }
        Ok(Self { kind, name: name.to_owned() })
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            IdentityKind::User => "user",
            IdentityKind::Service => "service",
        };
        write!(f, "{kind}:{}", self.name)
    }
}

impl From<Identity> for String {
    fn from(identity: Identity) -> Self {
        identity.to_string()
    }
}

impl TryFrom<String> for Identity {
    type Error = InvalidIdentity;

    fn try_from(text: String) -> Result<Self, InvalidIdentity> {
        text.parse()
    }
}
