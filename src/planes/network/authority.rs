//! The certificate authority of one installation, which vouches for governed hosts towards the agents on this side.
//!
//! It is not name-constrained. Governed hosts are added while clients run, and a client holds the root it was started
//! with; a constrained root would have to be handed out anew with each upstream. What bounds it instead: the key never
//! leaves the installation, it may sign only leaves (`pathLen` 0), leaves live a day at most, and the proxy asks for one
//! only after it found the host governed. The key is sealed elsewhere; it arrives here as a `Secret`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::Cache;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{NoServerSessionStorage, ServerConfig};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use crate::base::clock::{Clock, Timestamp};
use crate::base::crypto::hash::sha256;
use crate::base::secret::Secret;

/// How long a leaf lives.
const LEAF_LIFE: Duration = Duration::from_hours(24);
/// How long a leaf is handed out.
const LEAF_REUSE: Duration = Duration::from_hours(12);
/// Clocks of clients may be behind this much.
const SKEW: Duration = Duration::from_hours(1);
/// How long the root lives: five years.
const ROOT_LIFE: Duration = Duration::from_hours(24 * 365 * 5);
/// How many leaves are kept.
const MAX_LEAVES: usize = 256;

/// The authority is unusable.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// Making a key or a certificate failed.
    #[error("a certificate could not be made")]
    Make(#[source] rcgen::Error),
    /// The stored certificate is not one.
    #[error("the authority's certificate cannot be read")]
    Certificate(#[source] rustls::pki_types::pem::Error),
    /// The stored key and certificate do not belong together.
    #[error("the authority's key does not belong to its certificate")]
    Mismatch,
    /// TLS refused what was made.
    #[error("the certificate cannot be used for TLS")]
    Tls(#[source] rustls::Error),
}

/// A new authority, to be stored: the certificate openly, the key sealed.
pub struct NewAuthority {
    /// The root certificate, for clients to trust.
    pub certificate_pem: String,
    /// The private key, PKCS#8 DER.
    pub key: Secret,
}

impl fmt::Debug for NewAuthority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewAuthority")
    }
}

/// Makes an authority for one installation: a P-256 key and a self-signed root.
///
/// # Errors
/// When there is no randomness.
pub fn create(now: Timestamp) -> Result<NewAuthority, AuthorityError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(AuthorityError::Make)?;
    let root = root(&key, now)?.self_signed(&key).map_err(AuthorityError::Make)?;
    Ok(NewAuthority { certificate_pem: root.pem(), key: Secret::new(key.serialize_der()) })
}

/// The authority at work: makes leaves and keeps them for a while.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    leaf_key: KeyPair,
    signer: Arc<dyn rustls::sign::SigningKey>,
    leaves: Cache<String, Leaf>,
    clock: Arc<dyn Clock>,
}

#[derive(Clone)]
struct Leaf {
    config: Arc<ServerConfig>,
    reuse_until: Timestamp,
}

impl Authority {
    /// Takes a stored authority into use. One P-256 leaf key is made for the life of the process.
    ///
    /// # Errors
    /// When key and certificate cannot be read or do not belong together, or when there is no randomness.
    pub fn load(certificate_pem: &str, key: &Secret, clock: Arc<dyn Clock>) -> Result<Self, AuthorityError> {
        let certificate = CertificateDer::from_pem_slice(certificate_pem.as_bytes())
            .map_err(AuthorityError::Certificate)?;
        let pkcs8 = PrivatePkcs8KeyDer::from(key.expose_secret());
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8, &PKCS_ECDSA_P256_SHA256)
            .map_err(AuthorityError::Make)?;
        CertifiedKey::new(vec![certificate], signer(&key)?)
            .keys_match()
            .map_err(|_| AuthorityError::Mismatch)?;
        let leaf_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(AuthorityError::Make)?;
        Ok(Self {
            signer: signer(&leaf_key)?,
            issuer: Issuer::new(root(&key, clock.now())?, key),
            leaf_key,
            leaves: Cache::new(MAX_LEAVES),
            clock,
        })
    }

    /// The TLS side towards an agent that wants `host`: HTTP/2 or HTTP/1.1.
    ///
    /// # Errors
    /// When the leaf could not be made.
    pub fn server_config(&self, host: &str) -> Result<Arc<ServerConfig>, AuthorityError> {
        let now = self.clock.now();
        if let Some(leaf) = self.leaves.get(host)
            && leaf.reuse_until > now
        {
            return Ok(leaf.config);
        }
        let certificate = self.mint(host, now)?;
        let chain = vec![certificate.der().clone()];
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(AuthorityError::Tls)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(CertifiedKey::new(
                chain,
                Arc::clone(&self.signer),
            ))));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // Keys of its own: a ticket for one host is noise to every other. Nothing is kept here for clients that come back.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = rustls::crypto::ring::Ticketer::new().map_err(AuthorityError::Tls)?;
        let config = Arc::new(config);
        let leaf = Leaf { config: Arc::clone(&config), reuse_until: now.plus(LEAF_REUSE) };
        self.leaves.insert(host.to_owned(), leaf);
        Ok(config)
    }

    fn mint(&self, host: &str, now: Timestamp) -> Result<Certificate, AuthorityError> {
        let mut params = CertificateParams::new(vec![host.to_owned()]).map_err(AuthorityError::Make)?;
        // The name is in the subjectAltName alone (RFC 9525 §2); a common name would be cut at 64 bytes anyway.
        params.distinguished_name = DistinguishedName::new();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        limit_life(&mut params, now, LEAF_LIFE.saturating_sub(SKEW));
        params.signed_by(&self.leaf_key, &self.issuer).map_err(AuthorityError::Make)
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority")
    }
}

fn signer(key: &KeyPair) -> Result<Arc<dyn rustls::sign::SigningKey>, AuthorityError> {
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    rustls::crypto::ring::sign::any_ecdsa_type(&der).map_err(AuthorityError::Tls)
}

/// The root's parameters. Its name is derived from its key, so that the certificate need not be parsed to sign under it.
fn root(key: &KeyPair, now: Timestamp) -> Result<CertificateParams, AuthorityError> {
    let mut params = CertificateParams::new(Vec::new()).map_err(AuthorityError::Make)?;
    let digest = sha256(&[key.der_bytes()]).to_string();
    let short = digest.get(..16).unwrap_or_default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("Exeat egress authority {short}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    limit_life(&mut params, now, ROOT_LIFE);
    Ok(params)
}

/// Valid from a little before `now` until `life` after it.
fn limit_life(params: &mut CertificateParams, now: Timestamp, life: Duration) {
    let since_epoch = Duration::from_secs(u64::try_from(now.as_seconds()).unwrap_or(0));
    let now = rcgen::date_time_ymd(1970, 1, 1) + since_epoch;
    params.not_before = now - SKEW;
    params.not_after = now + life;
}

#[cfg(test)]
mod tests;
