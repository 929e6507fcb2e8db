//! A signature that is kept: what a passkey made, and for whose pages.

use serde::{Deserialize, Serialize};

use super::assertion::Assertion;
use super::relying_party::RelyingParty;

/// A person's signature, made with a passkey: anybody who has the public key can verify it with [`Assertion::proves`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Whose pages asked for it.
    pub party: RelyingParty,
    /// What the passkey made.
    pub assertion: Assertion,
}
