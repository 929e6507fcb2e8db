//! Ed25519 signatures (RFC 8032).
//!
//! The private half is kept as its 32-byte seed in a [`Secret`] at rest and as a [`SigningKey`] in use; it has no
//! text form, no `Debug` and no `Clone`. Checkpoints and access tokens are signed with it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use crate::base::random::{NoRandomness, Random};
use crate::base::secret::Secret;

/// A private key, ready to sign.
///
/// ```compile_fail
/// fn printed(key: exeat::base::crypto::sign::SigningKey) -> String { format!("{key:?}") }
/// ```
/// ```compile_fail
/// fn copied(key: &exeat::base::crypto::sign::SigningKey) -> exeat::base::crypto::sign::SigningKey { key.clone() }
/// ```
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// A new key, as the seed to keep.
    ///
    /// # Errors
    /// When the source has no randomness.
    pub fn generate(random: &dyn Random) -> Result<Secret, NoRandomness> {
        let mut seed = vec![0; 32];
        random.fill(&mut seed)?;
        Ok(Secret::new(seed))
    }

    /// The key that `seed` stands for.
    ///
    /// # Errors
    /// When the seed is not 32 bytes long.
    pub fn from_seed(seed: &Secret) -> Result<Self, InvalidSeed> {
        Ed25519KeyPair::from_seed_unchecked(seed.expose_secret()).map(Self).map_err(|_| InvalidSeed)
    }

    /// The half that may be known.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(bytes)
    }

    /// The signature of `message`. Deterministic (RFC 8032 §5.1.6).
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes.copy_from_slice(self.0.sign(message).as_ref());
        bytes
    }
}

/// A public key. Text form: 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// From the 32 bytes of RFC 8032 §5.1.5.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of RFC 8032 §5.1.5.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The bytes in base64 (RFC 4648 §4).
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// The key whose bytes `text` gives in base64 (RFC 4648 §4).
    ///
    /// # Errors
    /// When the text is not the base64 of 32 bytes.
    pub fn from_base64(text: &str) -> Result<Self, InvalidPublicKey> {
        let bytes = STANDARD.decode(text).map_err(|_| InvalidPublicKey)?;
        bytes.try_into().map(Self).map_err(|_| InvalidPublicKey)
    }

    /// Whether this key made `signature` over `message`.
    ///
    /// # Errors
    /// When it did not, or the signature is not one.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).map_err(|_| BadSignature)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.to_string()
    }
}

impl std::str::FromStr for PublicKey {
    type Err = InvalidPublicKey;

    fn from_str(text: &str) -> Result<Self, InvalidPublicKey> {
        super::from_lower_hex(text).map(Self).ok_or(InvalidPublicKey)
    }
}

impl TryFrom<String> for PublicKey {
    type Error = InvalidPublicKey;

    fn try_from(text: String) -> Result<Self, InvalidPublicKey> {
        text.parse()
    }
}

/// The seed of a signing key is not 32 bytes long.
#[derive(Debug, thiserror::Error)]
#[error("the seed of a signing key is 32 bytes long")]
pub struct InvalidSeed;

/// The text is not a public key.
#[derive(Debug, thiserror::Error)]
#[error("expected an Ed25519 public key of 32 bytes")]
pub struct InvalidPublicKey;

/// The key did not make this signature over this message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct BadSignature;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::SystemRandomness;

    fn key(seed: &str) -> SigningKey {
        SigningKey::from_seed(&Secret::new(hex::decode(seed).unwrap())).unwrap()
    }

    #[test]
    fn the_second_test_of_rfc_8032_section_7_1() {
        let key = key("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        let public = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
        let signature = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
        assert_eq!(key.public().to_string(), public);
        assert_eq!(hex::encode(key.sign(&[0x72])), signature);
        assert_eq!(key.public().verify(&[0x72], &hex::decode(signature).unwrap()), Ok(()));
    }

    #[test]
    fn a_signature_holds_for_its_message_and_key_alone() {
        let one =
            SigningKey::from_seed(&SigningKey::generate(&SystemRandomness::default()).unwrap()).unwrap();
        let two =
            SigningKey::from_seed(&SigningKey::generate(&SystemRandomness::default()).unwrap()).unwrap();
        let signature = one.sign(b"slip");
        assert_eq!(one.public().verify(b"slip", &signature), Ok(()));
        assert_eq!(one.public().verify(b"slap", &signature), Err(BadSignature));
        assert_eq!(two.public().verify(b"slip", &signature), Err(BadSignature));
        assert_eq!(one.public().verify(b"slip", &signature[..63]), Err(BadSignature));
    }

    #[test]
    fn texts_of_a_public_key_read_back_and_nothing_else_does() {
        let public = key(&"07".repeat(32)).public();
        assert_eq!(public.to_string().parse::<PublicKey>().unwrap(), public);
        assert_eq!(PublicKey::from_base64(&public.to_base64()).unwrap(), public);
        assert!(public.to_string().to_uppercase().parse::<PublicKey>().is_err());
        assert!(PublicKey::from_base64("AAAA").is_err());
        assert!(SigningKey::from_seed(&Secret::new(vec![7; 31])).is_err());
    }
}
