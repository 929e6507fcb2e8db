//! Changes to the passkeys of a person. The first is believed; every later one is signed by one that was there before, so that whoever takes
//! over a session can neither add a passkey nor take one away.

use serde::Serialize;

use crate::base::crypto::hash::Digest;
use crate::domain::canonical::canonical_digest;
use crate::domain::webauthn::{Passkey, PasskeyId};

/// A change that an earlier passkey signs.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PasskeyChange<'a> {
    /// Another passkey is the person's from now on.
    Register(&'a Passkey),
    /// This one is theirs no more.
    Remove(&'a PasskeyId),
}

impl PasskeyChange<'_> {
    /// What is signed: the SHA-256 of the change in canonical JSON (RFC 8785).
    #[must_use]
    pub fn challenge(&self) -> Digest {
        canonical_digest(self)
    }
}
