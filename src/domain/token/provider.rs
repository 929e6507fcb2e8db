//! The cryptography under `jsonwebtoken`: Ed25519 from [`crate::base::crypto::sign`], and nothing else.
//!
//! The library brings no algorithm of its own (it is built without one), so what is not here does not exist: every
//! other algorithm, and every key of another family, is refused before a key is looked at (G03). Private keys are never
//! made into JWKs, and the library sees none: tokens are signed by [`mint`](super::mint()). Installed by
//! [`super::TokenKeys::new`], before anything can be verified.

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::jwk::ThumbprintHash;
use jsonwebtoken::signature::{Error as SignatureError, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};

use crate::base::crypto::hash::sha256;
use crate::base::crypto::sign::PublicKey;

static ED25519_ONLY: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
    verifier_factory: verifier,
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: |_| Err(ErrorKind::UnsupportedAlgorithm.into()),
        rsa_pub_components_from_public_key: |_| Err(ErrorKind::UnsupportedAlgorithm.into()),
        ec_pub_components_from_private_key: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
        ed_pub_components_from_private_key: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
        compute_digest: digest,
    },
};

/// Makes this the cryptography of `jsonwebtoken`, for the whole process and for good.
///
/// Only the first provider of a process counts. Were there another before this one, it could not read the raw public keys that
/// stand in our [`DecodingKey`]s: no token would be believed.
pub(super) fn install() {
    let _ = ED25519_ONLY.install_default();
}

struct Ed25519Verifier(PublicKey);

impl JwtVerifier for Ed25519Verifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

impl Verifier<Vec<u8>> for Ed25519Verifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), SignatureError> {
        self.0.verify(message, signature).map_err(SignatureError::from_source)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the library says how it calls this")]
fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    only_ed25519(*algorithm, key.family())?;
    let bytes = key.try_get_as_bytes()?.try_into().map_err(|_| ErrorKind::InvalidEddsaKey)?;
    Ok(Box::new(Ed25519Verifier(PublicKey::from_bytes(bytes))))
}

fn only_ed25519(algorithm: Algorithm, family: AlgorithmFamily) -> Result<()> {
    if algorithm == Algorithm::EdDSA && family == AlgorithmFamily::Ed {
        return Ok(());
    }
    Err(ErrorKind::UnsupportedAlgorithm.into())
}

fn digest(data: &[u8], hash: ThumbprintHash) -> Result<Vec<u8>> {
    match hash {
        ThumbprintHash::SHA256 => Ok(sha256(&[data]).as_bytes().to_vec()),
        _ => Err(ErrorKind::UnsupportedAlgorithm.into()),
    }
}
