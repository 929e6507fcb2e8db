//! Connects to an upstream: only to addresses that were checked, and over TLS only with the roots it names.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::Proxy;
use super::destination::Destination;
use crate::domain::upstream::Scheme;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    /// No checked address accepted a connection.
    #[error("no address of the upstream accepts a connection")]
    Connect(#[source] io::Error),
    /// The connection leads back to this machine's own listener (B11).
    #[error("the connection leads to Exeat itself")]
    Own,
    /// TLS with the upstream failed.
    #[error("no TLS with the upstream")]
    Tls(#[source] io::Error),
    /// The upstream's own root certificates cannot be used.
    #[error("the upstream's root certificates cannot be used")]
    Roots(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It took too long.
    #[error("the upstream took too long")]
    TooSlow,
}

/// A connection in the clear or over TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<IO: AsyncRead + AsyncWrite + Send + Unpin> Stream for IO {}

/// Connects to `destination`, and proves it is that host where its scheme is https.
pub(super) async fn connect(proxy: &Proxy, destination: &Destination) -> Result<Box<dyn Stream>, DialError> {
    let tcp = connect_tcp(proxy, destination.addresses.as_slice()).await?;
    if destination.origin.scheme == Scheme::Http {
        return Ok(Box::new(tcp));
    }
    let config = match &destination.upstream.ca_pem {
        Some(pem) => trusting(own_roots(pem)?).map_err(|error| DialError::Roots(error.into()))?,
        None => Arc::clone(&proxy.system_roots),
    };
    let host = destination.origin.host.trim_start_matches('[').trim_end_matches(']');
    let name =
        ServerName::try_from(host.to_owned()).map_err(|error| DialError::Tls(io::Error::other(error)))?;
    let handshake = TlsConnector::from(config).connect(name, tcp);
    let stream = timeout(proxy.settings.dial, handshake).await.map_err(|_| DialError::TooSlow)?;
    Ok(Box::new(stream.map_err(DialError::Tls)?))
}

pub(super) async fn connect_tcp(proxy: &Proxy, addresses: &[SocketAddr]) -> Result<TcpStream, DialError> {
    let mut last = DialError::TooSlow;
    for address in addresses {
        match timeout(proxy.settings.dial, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                if leads_home(proxy, &stream).map_err(DialError::Connect)? {
                    return Err(DialError::Own);
                }
                stream.set_nodelay(true).map_err(DialError::Connect)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = DialError::Connect(error),
            Err(_) => last = DialError::TooSlow,
        }
    }
    Err(last)
}

/// Whether both ends are this machine, on a port where Exeat listens on every address: then a public address of the
/// machine led to Exeat itself.
fn leads_home(proxy: &Proxy, stream: &TcpStream) -> io::Result<bool> {
    let (here, there) = (stream.local_addr()?, stream.peer_addr()?);
    let listens = |own: &SocketAddr| own.ip().is_unspecified() && own.port() == there.port();
    Ok(here.ip() == there.ip() && proxy.settings.own.iter().any(listens))
}

/// The roots the system trusts. What cannot be read is left out and said.
pub(super) fn system_roots() -> RootCertStore {
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

/// A client that trusts `roots` and speaks HTTP/1.1.
pub(super) fn trusting(roots: RootCertStore) -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
