//! Phase 4: after `CONNECT`, end the agent's TLS here, in the name of the host it asked for and no other.
//!
//! The name in the ClientHello must be there and be the one in `CONNECT` (A01, A04, A17). Bytes that are not TLS are
//! never passed on.

use tokio::io::AsyncWriteExt;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::Proxy;
use super::destination::{Destination, Goal};
use super::dial::Stream;
use super::form::Form;
use super::gate::Caller;
use super::head::{self, Head};
use super::identify;
use super::read::Way;
use super::reason::Refused;
use crate::domain::problem::Problem;
use crate::domain::upstream::{Origin, Scheme};

/// What a `CONNECT` with this head asks for, if its sender may.
pub(super) async fn destination(
    proxy: &Proxy,
    head: &Head,
    bytes: &[u8],
    way: Way,
) -> Result<(Caller, Goal), Problem> {
    let keys = head::values_in(bytes, "proxy-authorization");
    let caller = identify::caller(proxy, &way, keys.iter().copied()).await?;
    let Form::Authority(authority) = &head.target else { return Err(Refused::ambiguous("target").problem()) };
    let port = authority.port().unwrap_or(Scheme::Https.default_port());
    let origin = Origin { scheme: Scheme::Https, host: authority.host().to_owned(), port };
    let goal = Goal::find(proxy, &caller, origin).await?;
    Ok((caller, goal))
}

/// Says yes to a `CONNECT` and ends the TLS that has to follow. `None` when something else came; that is on record.
pub(super) async fn terminate<IO: Stream>(
    proxy: &Proxy,
    mut tunnel: IO,
    (caller, destination): (Caller, Destination),
) -> Option<(TlsStream<IO>, Way)> {
    tunnel.write_all(b"HTTP/1.1 200 Connection Established\r\n\r\n").await.ok()?;
    let accepted =
        tokio::time::timeout(proxy.settings.limits.head, handshake(proxy, tunnel, &destination)).await;
    let refused = match accepted {
        Ok(Ok(stream)) => return Some((stream, Way::Tunnel { caller, destination })),
        Ok(Err(Failure::Refused(refused))) => refused,
        Ok(Err(Failure::Broken(error))) => {
            tracing::debug!(%error, "a TLS handshake with an agent failed");
            return None;
        }
        Err(_) => Refused::TOO_SLOW,
    };
    proxy.counters.refused.one_more();
    // There is no HTTP to answer in; the entry is all that remains.
    proxy.parts.gate.refuse(destination.attempt(&caller), refused).await;
    None
}

enum Failure {
    Refused(Refused),
    Broken(std::io::Error),
}

async fn handshake<IO: Stream>(
    proxy: &Proxy,
    tunnel: IO,
    destination: &Destination,
) -> Result<TlsStream<IO>, Failure> {
    let acceptor = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), tunnel);
    let hello = acceptor.await.map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => Failure::Refused(Refused::NOT_TLS),
        _ => Failure::Broken(error),
    })?;
    let host = destination.origin.host.as_str();
    // rustls reads the name as a DNS name: an IP literal counts as missing (RFC 6066 §3).
    if hello.client_hello().server_name().map(str::to_ascii_lowercase).as_deref() != Some(host) {
        return Err(Failure::Refused(Refused::SERVER_NAME));
    }
    let config = proxy.parts.authority.server_config(host);
    let config = config.map_err(|error| Failure::Broken(std::io::Error::other(error)))?;
    hello.into_stream(config).await.map_err(Failure::Broken)
}
