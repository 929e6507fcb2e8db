//! Connects to an upstream: only to addresses that were checked, and over TLS only with the roots it names.

use std::io;
use std::net::SocketAddr;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::Proxy;
use super::destination::Destination;
use crate::base::secret::Secret;
use crate::domain::upstream::Scheme;
use crate::planes::network::client_certificate::InvalidClientCertificate;

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
    /// The certificate it should be shown cannot be.
    #[error("the client certificate cannot be shown")]
    Certificate(#[source] InvalidClientCertificate),
    /// It took too long.
    #[error("the upstream took too long")]
    TooSlow,
}

/// A connection in the clear or over TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<IO: AsyncRead + AsyncWrite + Send + Unpin> Stream for IO {}

/// A connection that was made, and the checked address it leads to.
pub(super) struct Dialled {
    pub(super) stream: Box<dyn Stream>,
    pub(super) peer: SocketAddr,
    /// Whether HTTP/2 was agreed on.
    pub(super) many: bool,
}

/// Connects to `destination`, and proves it is that host where its scheme is https, and who Exeat is where `client_key` is there.
/// `alone`: HTTP/1.1 and nothing else.
pub(super) async fn connect(
    proxy: &Proxy,
    destination: &Destination,
    alone: bool,
    client_key: Option<&Secret>,
) -> Result<Dialled, DialError> {
    let tcp = connect_tcp(proxy, destination.addresses.as_slice()).await?;
    let peer = tcp.peer_addr().map_err(DialError::Connect)?;
    if destination.origin.scheme == Scheme::Http {
        return Ok(Dialled { stream: Box::new(tcp), peer, many: false });
    }
    let config = proxy.trust.with(&destination.upstream, alone, client_key)?;
    let host = destination.origin.host.trim_start_matches('[').trim_end_matches(']');
    let name =
        ServerName::try_from(host.to_owned()).map_err(|error| DialError::Tls(io::Error::other(error)))?;
    let handshake = TlsConnector::from(config).connect(name, tcp);
    let stream = timeout(proxy.settings.dial, handshake).await.map_err(|_| DialError::TooSlow)?;
    let stream = stream.map_err(DialError::Tls)?;
    let many = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok(Dialled { stream: Box::new(stream), peer, many })
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
