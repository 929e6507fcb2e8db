//! The certificate that Exeat shows to an upstream which asks for one (RFC 8446 §4.4.2, mutual TLS), and the key that proves it.

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::parse_x509_certificate;

use crate::base::clock::Timestamp;
use crate::base::secret::Secret;

/// Why a certificate and a key cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum InvalidClientCertificate {
    /// What should be certificates are none.
    #[error("not a list of certificates in PEM, the one to show first")]
    Chain,
    /// It is over.
    #[error("the certificate ended at {0}; have a new one issued")]
    Ended(String),
    /// What should be a key is none, or one that is locked.
    #[error(
        "not a private key in PEM (PKCS #8, PKCS #1 or SEC 1) without a passphrase; `openssl pkey` takes one off"
    )]
    Key,
    /// Nothing can be signed with such a key.
    #[error("use a key of RSA (2048 bits or more), ECDSA (P-256, P-384) or Ed25519")]
    Kind,
    /// They do not belong together.
    #[error("the key is not that of the first certificate")]
    Apart,
}

impl InvalidClientCertificate {
    /// The member of a request that has to change, as a JSON pointer.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Chain | Self::Ended(_) => "/client_certificate",
            Self::Key | Self::Kind | Self::Apart => "/client_key",
        }
    }
}

/// The key in `pem`, as [`shown`] takes it, if it is that of the first certificate in `chain`, which has not ended at `now`.
///
/// # Errors
/// What has to change.
pub fn key_of(chain: &str, pem: &Secret, now: Timestamp) -> Result<Secret, InvalidClientCertificate> {
    let certificates = certificates(chain)?;
    let first = certificates.first().ok_or(InvalidClientCertificate::Chain)?;
    let (_, first) = parse_x509_certificate(first).map_err(|_| InvalidClientCertificate::Chain)?;
    let ends = Timestamp::from_seconds(first.validity().not_after.timestamp());
    if ends <= now {
        return Err(InvalidClientCertificate::Ended(ends.to_string()));
    }
    let key =
        PrivateKeyDer::from_pem_slice(pem.expose_secret()).map_err(|_| InvalidClientCertificate::Key)?;
    let key = Secret::new(key.secret_der().to_vec());
    shown(chain, &key).map(|_| key)
}

/// What is shown, for one handshake: the certificates in PEM and the key in DER.
///
/// # Errors
/// When they are not such, or do not belong together.
pub fn shown(chain: &str, key: &Secret) -> Result<CertifiedKey, InvalidClientCertificate> {
    let der = PrivateKeyDer::try_from(key.expose_secret()).map_err(|_| InvalidClientCertificate::Key)?;
    let key = rustls::crypto::ring::sign::any_supported_type(&der);
    let shown = CertifiedKey::new(certificates(chain)?, key.map_err(|_| InvalidClientCertificate::Kind)?);
    shown.keys_match().map_err(|_| InvalidClientCertificate::Apart)?;
    Ok(shown)
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, InvalidClientCertificate> {
    let each: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    each.ok().filter(|chain| !chain.is_empty()).ok_or(InvalidClientCertificate::Chain)
}
