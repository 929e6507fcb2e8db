//! The public key of a passkey: as its authenticator writes it (COSE_Key, RFC 9052 §7), as it is kept, and what it
//! verifies.

use std::convert::Infallible;

use minicbor::encode::Error;
use minicbor::{Decoder, Encoder};
use serde::{Deserialize, Serialize};

use super::cbor::{bytes, integer, map};
use super::encoding;
use super::refused::Refused;
use crate::base::crypto::sign::BadSignature;
use crate::base::crypto::verify::{ecdsa_p256, ed25519, has_small_order, rsa_pkcs1};

// Labels and values of RFC 9052 §7.1, RFC 9053 §2 and §7, and RFC 8230 §4, RFC 8812 §2 for RSA.
const KTY: i64 = 1;
const ALG: i64 = 3;
const OKP: i64 = 1;
const EC2: i64 = 2;
const RSA: i64 = 3;
const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;
const P256: i64 = 1;
const ED25519: i64 = 6;

/// A public key of one of three algorithms. In JSON its numbers are base64url without padding, as in a JWK (RFC 7518 §6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Key", into = "Key")]
pub struct PublicKey(Key);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "algorithm", deny_unknown_fields)]
enum Key {
    #[serde(rename = "ES256")]
    Es256 {
        #[serde(with = "encoding")]
        x: [u8; 32],
        #[serde(with = "encoding")]
        y: [u8; 32],
    },
    #[serde(rename = "EdDSA")]
    EdDsa {
        #[serde(with = "encoding")]
        x: [u8; 32],
    },
    #[serde(rename = "RS256")]
    Rs256 {
        #[serde(with = "encoding")]
        n: Vec<u8>,
        #[serde(with = "encoding")]
        e: Vec<u8>,
    },
}

impl PublicKey {
    /// What to offer in `pubKeyCredParams`, the best first (§5.8.5): EdDSA with Ed25519, ES256, RS256.
    pub const ALGORITHMS: [i64; 3] = [EDDSA, ES256, RS256];

    /// The key that is all of `cose`.
    ///
    /// # Errors
    /// [`Refused::Key`] unless it is a key of one of [`PublicKey::ALGORITHMS`], in the form and with the parameters of
    /// §6.5.1 and no others. That a point is on its curve shows only when it verifies.
    pub fn from_cose(cose: &[u8]) -> Result<Self, Refused> {
        match Self::split_from(cose)? {
            (key, []) => Ok(key),
            _ => Err(Refused::Key),
        }
    }

    /// The key at the beginning of `cose`, and what follows it.
    pub(super) fn split_from(cose: &[u8]) -> Result<(Self, &[u8]), Refused> {
        let mut reader = Decoder::new(cose);
        let key = Key::read(&mut reader).ok_or(Refused::Key)?.checked()?;
        let (read, rest) = cose.split_at_checked(reader.position()).ok_or(Refused::Key)?;
        // One spelling for each key: no number may be written longer than it has to be.
        if key.to_cose() == read { Ok((key, rest)) } else { Err(Refused::Key) }
    }

    /// The key as its authenticator wrote it: a COSE_Key in canonical form (§6.5.1).
    #[must_use]
    pub fn to_cose(&self) -> Vec<u8> {
        // A vector takes all that is written to it.
        self.0.write().unwrap_or_default()
    }

    /// Whether this key made `signature` over `message`, in the form that §6.5.5 gives signatures.
    ///
    /// # Errors
    /// When it did not, or the signature is not one.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        match &self.0 {
            Key::Es256 { x, y } => {
                let mut point = [0x04; 65];
                for (to, from) in point.iter_mut().skip(1).zip(x.iter().chain(y)) {
                    *to = *from;
                }
                ecdsa_p256(&point, message, signature)
            }
            Key::EdDsa { x } => ed25519(x, message, signature),
            Key::Rs256 { n, e } => rsa_pkcs1(n, e, message, signature),
        }
    }
}

impl Key {
    /// In canonical form the order is fixed, so each label is the next or the key is refused.
    fn read(reader: &mut Decoder<'_>) -> Option<Self> {
        let pairs = map(reader)?;
        match (pairs, integer(reader, KTY)?, integer(reader, ALG)?) {
            (5, EC2, ES256) if integer(reader, -1)? == P256 => Some(Self::Es256 {
                x: bytes(reader, -2)?.try_into().ok()?,
                y: bytes(reader, -3)?.try_into().ok()?,
            }),
            (4, OKP, EDDSA) if integer(reader, -1)? == ED25519 => {
                Some(Self::EdDsa { x: bytes(reader, -2)?.try_into().ok()? })
            }
            (4, RSA, RS256) => {
                Some(Self::Rs256 { n: bytes(reader, -1)?.to_vec(), e: bytes(reader, -2)?.to_vec() })
            }
            _ => None,
        }
    }

    fn write(&self) -> Result<Vec<u8>, Error<Infallible>> {
        let mut writer = Encoder::new(Vec::new());
        match self {
            Self::Es256 { x, y } => {
                writer.map(5)?.i64(KTY)?.i64(EC2)?.i64(ALG)?.i64(ES256)?;
                writer.i64(-1)?.i64(P256)?.i64(-2)?.bytes(x)?.i64(-3)?.bytes(y)?;
            }
            Self::EdDsa { x } => {
                writer.map(4)?.i64(KTY)?.i64(OKP)?.i64(ALG)?.i64(EDDSA)?;
                writer.i64(-1)?.i64(ED25519)?.i64(-2)?.bytes(x)?;
            }
            Self::Rs256 { n, e } => {
                writer.map(4)?.i64(KTY)?.i64(RSA)?.i64(ALG)?.i64(RS256)?;
                writer.i64(-1)?.bytes(n)?.i64(-2)?.bytes(e)?;
            }
        }
        Ok(writer.into_writer())
    }

    /// What can be told of a key before it has signed anything. The bounds for RSA are those of its verification.
    fn checked(self) -> Result<PublicKey, Refused> {
        let sound = match &self {
            Self::Es256 { .. } => true,
            Self::EdDsa { x } => !has_small_order(x),
            Self::Rs256 { n, e } => is_modulus(n) && is_exponent(e),
        };
        if sound { Ok(PublicKey(self)) } else { Err(Refused::Key) }
    }
}

/// 2048 to 8192 bits, odd, without leading zeros (RFC 8230 §4).
fn is_modulus(n: &[u8]) -> bool {
    let (Some(first), Some(last)) = (n.first(), n.last()) else { return false };
    let long = n.len() > 256 && *first != 0 || n.len() == 256 && *first >= 0x80;
    long && n.len() <= 1024 && last % 2 == 1
}

/// An odd number from 3 to 33 bits, without leading zeros.
fn is_exponent(e: &[u8]) -> bool {
    let value = e.iter().take(6).fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    e.len() <= 5 && e.first() != Some(&0) && value % 2 == 1 && (3..1 << 33).contains(&value)
}

impl TryFrom<Key> for PublicKey {
    type Error = Refused;

    fn try_from(key: Key) -> Result<Self, Refused> {
        key.checked()
    }
}

impl From<PublicKey> for Key {
    fn from(key: PublicKey) -> Self {
        key.0
    }
}
