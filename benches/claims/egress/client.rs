//! A client that says bytes it made before and hears answers of a stated length: little of what is measured is its own.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::claim::Found;

/// Where TLS ends, and whom to trust there.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) tls: Arc<ClientConfig>,
}

/// A way to the upstream.
#[derive(Clone)]
pub(super) enum Way {
    Direct(Target),
    /// Through `CONNECT`, whose bytes these are.
    Tunnel(Target, Vec<u8>),
}

impl Way {
    /// Through `CONNECT` to this port of localhost, with a key where the proxy asks for one.
    pub(super) fn tunnel(proxy: SocketAddr, key: Option<&str>, port: u16, root: &str) -> Found<Self> {
        let key = key.map(|key| format!("Proxy-Authorization: Bearer {key}\r\n")).unwrap_or_default();
        let connect = format!("CONNECT localhost:{port} HTTP/1.1\r\nHost: localhost:{port}\r\n{key}\r\n");
        Ok(Self::Tunnel(Target { address: proxy, tls: trusting(root)? }, connect.into_bytes()))
    }

    /// The same, where nothing but HTTP/2 is spoken.
    pub(super) fn over_http2(mut self) -> Self {
        let (Self::Direct(target) | Self::Tunnel(target, _)) = &mut self;
        Arc::make_mut(&mut target.tls).alpn_protocols = vec![b"h2".to_vec()];
        self
    }

    /// Connects, with TLS that goes on where the way ends it.
    pub(super) async fn connect(&self) -> Found<TlsStream<TcpStream>> {
        let (Self::Direct(target) | Self::Tunnel(target, _)) = self;
        let mut stream = TcpStream::connect(target.address).await?;
        stream.set_nodelay(true)?;
        if let Self::Tunnel(_, connect) = self {
            stream.write_all(connect).await?;
            let mut space = [0; 1024];
            let read = stream.read(&mut space).await?;
            let answer = space.get(..read).unwrap_or_default();
            if !(answer.starts_with(b"HTTP/1.1 200") && answer.ends_with(b"\r\n\r\n")) {
                return Err(String::from_utf8_lossy(answer).into_owned().into());
            }
        }
        let name = ServerName::try_from("localhost")?;
        Ok(TlsConnector::from(Arc::clone(&target.tls)).connect(name, stream).await?)
    }
}

/// Trusts this root and keeps no sessions: every connection shakes hands in full.
pub(super) fn trusting(root: &str) -> Found<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes())?)?;
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

/// A request without a body, as bytes.
#[derive(Clone)]
pub(super) struct Request(pub(super) Vec<u8>);

impl Request {
    /// For the upstream at this port of localhost, with whoever it is that asks.
    pub(super) fn of(path: &str, port: u16, bearer: Option<&str>) -> Self {
        let bearer = bearer.map(|bearer| format!("Authorization: Bearer {bearer}\r\n")).unwrap_or_default();
        let text = format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nAccept: */*\r\n{bearer}\r\n");
        Self(text.into_bytes())
    }
}

/// A connection that is there.
pub(super) struct Connection {
    stream: TlsStream<TcpStream>,
    space: Vec<u8>,
}

impl Connection {
    pub(super) async fn by(way: &Way) -> Found<Self> {
        Ok(Self { stream: way.connect().await?, space: vec![0; 64 * 1024] })
    }

    /// Asks, and reads the answer to its end; gives the length of its body.
    pub(super) async fn ask(&mut self, request: &Request) -> Found<usize> {
        self.stream.write_all(&request.0).await?;
        let mut read = 0;
        let (head, body) = loop {
            let room = self.space.get_mut(read..).unwrap_or_default();
            let more = self.stream.read(room).await?;
            if more == 0 {
                return Err("the answer ended in its head".into());
            }
            read += more;
            if let Some(lengths) = lengths(self.space.get(..read).unwrap_or_default())? {
                break lengths;
            }
        };
        let mut left = (head + body).saturating_sub(read);
        while left > 0 {
            let more = self.stream.read(&mut self.space).await?;
            if more == 0 {
                return Err("the answer ended in its body".into());
            }
            left = left.saturating_sub(more);
        }
        Ok(body)
    }
}

/// Of the head and of the body, once the head is there.
fn lengths(bytes: &[u8]) -> Found<Option<(usize, usize)>> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut answer = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(head) = answer.parse(bytes)? else { return Ok(None) };
    if answer.code != Some(200) {
        return Err(String::from_utf8_lossy(bytes).into_owned().into());
    }
    let length = answer.headers.iter().find(|field| field.name.eq_ignore_ascii_case("content-length"));
    let length = std::str::from_utf8(length.ok_or("no length")?.value)?.parse()?;
    Ok(Some((head, length)))
}
