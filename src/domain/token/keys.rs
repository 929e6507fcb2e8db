//! The keys that sign tokens: one signs, those before it are still believed until their last token has ended.
//!
//! Every key has exactly one token header, made here once. A token is believed when its header is one of these, byte for
//! byte: algorithm, type and key id are never read from a token, only compared (G03).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::Serialize;

use super::{LONGEST_LIFE, provider};
use crate::base::clock::Timestamp;
use crate::base::crypto::hash::sha256;
use crate::base::crypto::sign::{InvalidSeed, PublicKey, SigningKey};
use crate::base::secret::{Secret, wipe_dead_stack};

/// The keys of one installation.
pub struct TokenKeys {
    /// On the heap, where it stays: a moved key leaves copies behind.
    signing: Box<SigningKey>,
    current: TokenKey,
    previous: Vec<(TokenKey, Timestamp)>,
}

/// A key that no longer signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreviousKey {
    /// The key.
    pub public: PublicKey,
    /// When the next one took over.
    pub retired_at: Timestamp,
}

/// A public key with its names.
struct TokenKey {
    public: PublicKey,
    id: String,
    header: String,
    decoding: DecodingKey,
}

/// The public keys, for whoever verifies tokens without asking us (RFC 7517 §5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    /// The keys; the one that signs is the first.
    pub keys: Vec<Jwk>,
}

/// An Ed25519 public key (RFC 8037 §2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Jwk {
    kty: &'static str,
    crv: &'static str,
    x: String,
    kid: String,
    alg: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
}

/// What every header begins with.
const HEADER_START: &str = r#"{"alg":"EdDSA","typ":"at+jwt","kid":""#;

/// What every token begins with: the base64url of the first 36 bytes of [`HEADER_START`].
pub(super) const TOKEN_START: &str = "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCIsImtpZCI6";

impl TokenKeys {
    /// Tokens are signed with the key of `seed`; those signed with `previous` keys are believed while they can live.
    ///
    /// # Errors
    /// When the seed is not 32 bytes long.
    pub fn new(seed: &Secret, previous: &[PreviousKey]) -> Result<Self, InvalidSeed> {
        provider::install();
        let signing = Box::new(SigningKey::from_seed(seed)?);
        wipe_dead_stack();
        let current = TokenKey::new(signing.public());
        let previous = previous.iter().map(|key| (TokenKey::new(key.public), key.retired_at)).collect();
        Ok(Self { signing, current, previous })
    }

    /// The key that signs, as it is kept once it has been retired.
    #[must_use]
    pub const fn public(&self) -> PublicKey {
        self.current.public
    }

    /// The id of the key that signs: its thumbprint (RFC 7638 §3, RFC 8037 §2).
    #[must_use]
    pub fn id(&self) -> &str {
        &self.current.id
    }

    /// The keys that are believed at `now`, to be published.
    #[must_use]
    pub fn jwks(&self, now: Timestamp) -> JwkSet {
        JwkSet { keys: self.believed(now).map(TokenKey::jwk).collect() }
    }

    /// The header of every token that is signed from now on, in base64url.
    pub(super) fn header(&self) -> &str {
        &self.current.header
    }

    /// The signature of `message`, in base64url.
    pub(super) fn sign(&self, message: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.signing.sign(message))
    }

    /// The key whose tokens have this very header, if it is believed at `now`.
    pub(super) fn of_header(&self, header: &str, now: Timestamp) -> Option<&DecodingKey> {
        self.believed(now).find(|key| key.header == header).map(|key| &key.decoding)
    }

    fn believed(&self, now: Timestamp) -> impl Iterator<Item = &TokenKey> {
        // Times in tokens are cut to seconds, and so is the overlap: never shorter than a token's life.
        let overlap = LONGEST_LIFE + Duration::from_secs(1);
        let previous = self.previous.iter().filter(move |(_, retired_at)| now < retired_at.plus(overlap));
        std::iter::once(&self.current).chain(previous.map(|(key, _)| key))
    }
}

impl TokenKey {
    fn new(public: PublicKey) -> Self {
        let x = URL_SAFE_NO_PAD.encode(public.as_bytes());
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        let id = URL_SAFE_NO_PAD.encode(sha256(&[members.as_bytes()]).as_bytes());
        let header = URL_SAFE_NO_PAD.encode(format!(r#"{HEADER_START}{id}"}}"#));
        // What the library calls DER is the raw key here, as it is in a JWK (RFC 8037 §2).
        let decoding = DecodingKey::from_ed_der(public.as_bytes());
        Self { public, id, header, decoding }
    }

    fn jwk(&self) -> Jwk {
        Jwk {
            kty: "OKP",
            crv: "Ed25519",
            x: URL_SAFE_NO_PAD.encode(self.public.as_bytes()),
            kid: self.id.clone(),
            alg: "EdDSA",
            usage: "sig",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 8037 appendix A.1 and its thumbprint of appendix A.3.
    #[test]
    fn the_thumbprint_of_rfc_8037() {
        let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let keys = TokenKeys::new(&Secret::new(hex::decode(seed).unwrap()), &[]).unwrap();
        assert_eq!(keys.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn every_header_begins_alike() {
        for seed in 0..32 {
            let keys = TokenKeys::new(&Secret::new(vec![seed; 32]), &[]).unwrap();
            assert!(keys.header().starts_with(TOKEN_START));
        }
    }
}
