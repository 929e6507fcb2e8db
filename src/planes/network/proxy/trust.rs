//! TLS with upstreams: which roots each trusts, kept by upstream and version, so that sessions are resumed and PEM is read once.

use std::sync::Arc;

use quick_cache::sync::Cache;
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, RootCertStore};

use super::dial::DialError;
use crate::base::id::UpstreamId;
use crate::base::secret::Secret;
use crate::domain::upstream::Upstream;
use crate::planes::network::client_certificate;

/// How many upstreams' settings are kept.
const MAX_UPSTREAMS: usize = 256;

/// How upstreams are known.
pub(super) struct Trust {
    system: Arc<ClientConfig>,
    /// By upstream, version, and whether HTTP/1.1 alone is offered.
    upstreams: Cache<(UpstreamId, u64, bool), Arc<ClientConfig>>,
}

impl Trust {
    /// The system's roots, for upstreams that name no other.
    pub(super) fn new() -> Result<Self, rustls::Error> {
        Ok(Self { system: Arc::new(trusting(system_roots())?), upstreams: Cache::new(MAX_UPSTREAMS) })
    }

    /// TLS with this version of this upstream. Its sessions are its own: they are resumed with no other, and where a certificate is
    /// shown there is none to resume, since its key is not kept.
    pub(super) fn with(
        &self,
        upstream: &Upstream,
        alone: bool,
        client_key: Option<&Secret>,
    ) -> Result<Arc<ClientConfig>, DialError> {
        let config = self.kept(upstream, alone)?;
        let Some((chain, key)) = upstream.client_certificate.as_deref().zip(client_key) else {
            return Ok(config);
        };
        let shown = client_certificate::shown(chain, key).map_err(DialError::Certificate)?;
        let mut config = ClientConfig::clone(&config);
        config.resumption = Resumption::disabled();
        config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(shown));
        Ok(Arc::new(config))
    }

    fn kept(&self, upstream: &Upstream, alone: bool) -> Result<Arc<ClientConfig>, DialError> {
        let key = (upstream.id, upstream.version, alone);
        if let Some(config) = self.upstreams.get(&key) {
            return Ok(config);
        }
        let mut config = match &upstream.ca_pem {
            Some(pem) => trusting(own_roots(pem)?).map_err(|error| DialError::Roots(error.into()))?,
            None => ClientConfig::clone(&self.system),
        };
        config.resumption = Resumption::default();
        if alone {
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
        }
        let config = Arc::new(config);
        self.upstreams.insert(key, Arc::clone(&config));
        Ok(config)
    }
}

/// The roots the system trusts. What cannot be read is left out and said.
fn system_roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "some of the system's root certificates could not be read");
    }
    let mut roots = RootCertStore::empty();
    let (_, unusable) = roots.add_parsable_certificates(found.certs);
    if unusable > 0 {
        tracing::debug!(unusable, "some of the system's root certificates are of no use");
    }
    roots
}

/// Whether an upstream can be trusted by these roots: PEM, at least one certificate, each of them usable.
#[must_use]
pub fn are_roots(pem: &str) -> bool {
    own_roots(pem).is_ok_and(|roots| !roots.is_empty())
}

fn own_roots(pem: &str) -> Result<RootCertStore, DialError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| DialError::Roots(error.into()))?;
        roots.add(certificate).map_err(|error| DialError::Roots(error.into()))?;
    }
    Ok(roots)
}

/// A client that trusts `roots`.
fn trusting(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
