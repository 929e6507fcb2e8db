//! Passkeys (WebAuthn Level 3): what a browser hands over when a person registers one or signs with it, verified.
//!
//! A challenge that is the digest of a statement makes an [`Assertion`] the proof that the holder of a passkey, present
//! and verified by it, signed that statement. [`Assertion::proves`] needs the public key, the relying party and the
//! challenge, and nothing that only the broker has, so whoever reads the ledger can check it again.
//!
//! More is asked for than the specification asks of everybody: the user verified, never inside the page of another
//! site, nothing unknown in what was signed (I13). Attestation is not looked at: which make an authenticator is does
//! not matter here (§7.1 leaves that to policy), so no registration is refused for it and none is trusted for it.
//!
//! Not done here, because it takes a store: challenges are random, short-lived and used once; a passkey id is registered
//! once, for one person; a passkey belongs to the person who presents it, and so does the user handle, if there is one.

mod assertion;
mod authenticator_data;
mod cbor;
mod client_data;
mod cose;
mod encoding;
mod passkey;
mod refused;
mod registration;
mod relying_party;
mod signature;
#[cfg(test)]
pub(in crate::domain) mod tests;

pub use self::assertion::{Asserted, Assertion};
pub use self::cose::PublicKey;
pub use self::passkey::{InvalidPasskeyId, Passkey, PasskeyId, Transport};
pub use self::refused::Refused;
pub use self::registration::Registration;
pub use self::relying_party::{InvalidRelyingParty, RelyingParty};
pub use self::signature::Signature;
