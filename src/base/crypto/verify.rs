//! Signatures that others make with keys and algorithms of their choice; Exeat only verifies them.
//!
//! Passkeys sign in these ways. Whether a point is on its curve, and a modulus long enough, `ring` checks each time.

use ring::signature::{
    ECDSA_P256_SHA256_ASN1, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

use super::sign::{BadSignature, PublicKey};

/// ECDSA on P-256 with SHA-256 (FIPS 186-5 §6.4): `point` is uncompressed (SEC 1 §2.3.3), the signature is DER.
///
/// # Errors
/// When the key did not make the signature, or the point is not on the curve.
pub fn ecdsa_p256(point: &[u8; 65], message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
        .verify(message, signature)
        .map_err(|_| BadSignature)
}

/// Ed25519 (RFC 8032 §5.1.7), by a key that can have only one holder: see [`has_small_order`].
///
/// # Errors
/// When the key did not make the signature, or is one for which anybody can make some.
pub fn ed25519(key: &[u8; 32], message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
    if has_small_order(key) {
        return Err(BadSignature);
    }
    PublicKey::from_bytes(*key).verify(message, signature)
}

/// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §8.2) and a modulus of 2048 to 8192 bits; both numbers big-endian.
///
/// # Errors
/// When the key did not make the signature, or is not a key.
pub fn rsa_pkcs1(
    modulus: &[u8],
    exponent: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), BadSignature> {
    RsaPublicKeyComponents { n: modulus, e: exponent }
        .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
        .map_err(|_| BadSignature)
}

/// Whether `key` is one of the few points of Ed25519 that have no private half: one signature fits every message, or
/// every few, and needs no secret. Such a key would prove nothing about anybody (RFC 8032 §5.1.7 lets it pass).
#[must_use]
pub fn has_small_order(key: &[u8; 32]) -> bool {
    let [low @ .., high] = key;
    SMALL_ORDER.iter().any(|[point @ .., end]| point == low && *end == high & 0x7f)
}

/// The points whose order divides the cofactor, without the sign bit, in each spelling that is read as one of them.
const SMALL_ORDER: [[u8; 32]; 7] = [
    spelt(0x00, 0x00, 0x00),
    spelt(0x01, 0x00, 0x00),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    spelt(0xec, 0xff, 0x7f),
    spelt(0xed, 0xff, 0x7f),
    spelt(0xee, 0xff, 0x7f),
];

/// A point that is a few bytes at either end and the same in between.
const fn spelt(first: u8, between: u8, last: u8) -> [u8; 32] {
    let mut bytes = [between; 32];
    let [low, .., high] = &mut bytes;
    *low = first;
    *high = last;
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_needs_no_secret_signs_nothing() {
        // With the neutral point for a key, the neutral point and zero are a signature of any message.
        let neutral = spelt(0x01, 0x00, 0x00);
        let signature = [neutral, [0; 32]].concat();
        for message in [&b"slip"[..], b"slap"] {
            assert_eq!(
                PublicKey::from_bytes(neutral).verify(message, &signature),
                Ok(()),
                "the library lets it pass"
            );
            assert_eq!(ed25519(&neutral, message, &signature), Err(BadSignature));
        }
        for mut point in SMALL_ORDER {
            point[31] |= 0x80;
            assert!(has_small_order(&point), "with its sign");
            point[7] ^= 1;
            assert!(!has_small_order(&point));
        }
    }
}
