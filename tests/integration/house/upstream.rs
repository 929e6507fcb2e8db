//! A real TLS upstream that answers only to the right key and remembers every head it was sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use exeat::base::random::{Random as _, SystemRandomness};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// A secret made at run time, so that no binary holds it.
fn planted_secret() -> String {
    let mut bytes = [0; 20];
    SystemRandomness::default().fill(&mut bytes).unwrap();
    hex::encode(bytes)
}

/// A listening upstream.
pub(crate) struct Upstream {
    pub address: SocketAddr,
    pub certificate: String,
    secret: String,
    heads: Arc<Mutex<Vec<String>>>,
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Upstream {
    /// Listens, with a certificate for `localhost`.
    pub(crate) async fn start() -> Self {
        Self::speaking(&[]).await
    }

    /// The same, speaking one of `alpn`.
    pub(crate) async fn speaking(alpn: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (acceptor, certificate) = acceptor(alpn);
        let (secret, heads) = (planted_secret(), Arc::new(Mutex::new(Vec::new())));
        let (expected, seen) = (secret.clone(), Arc::clone(&heads));
        let bodies = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let kept = Arc::clone(&bodies);
        #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, expected, seen) = (acceptor.clone(), expected.clone(), Arc::clone(&seen));
                let kept = Arc::clone(&kept);
                #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
                tokio::spawn(async move { answer_all(stream, acceptor, &expected, (&seen, &kept)).await });
            }
        });
        Self { address, certificate, secret, heads, bodies }
    }

    pub(crate) fn origin(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    /// The bodies of all requests so far that said how long they are, and those of none.
    pub(crate) fn bodies(&self) -> Vec<Vec<u8>> {
        self.bodies.lock().unwrap().clone()
    }

    /// The heads of all requests so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn answer_all(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    secret: &str,
    (heads, bodies): (&Mutex<Vec<String>>, &Mutex<Vec<Vec<u8>>>),
) {
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        return answer_streams(stream, secret, heads).await;
    }
    let mut bytes = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            let mut more = [0; 4096];
            match stream.read(&mut more).await {
                Ok(read) if read > 0 => bytes.extend_from_slice(&more[..read]),
                _ => return,
            }
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        bytes.drain(..end);
        let lower = head.to_ascii_lowercase();
        let length = lower.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let length: usize = length.unwrap_or_default();
        while bytes.len() < length {
            let mut more = [0; 4096];
            match stream.read(&mut more).await {
                Ok(read) if read > 0 => bytes.extend_from_slice(&more[..read]),
                _ => return,
            }
        }
        bodies.lock().unwrap().push(bytes.drain(..length).collect());
        let right = head.contains(secret) || encoded(&head).is_some_and(|password| password == secret);
        heads.lock().unwrap().push(head);
        let (status, body) =
            if right { ("200 OK", r#"{"ok":true}"#) } else { ("401 Unauthorized", r#"{"ok":false}"#) };
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn answer_streams(stream: TlsStream<TcpStream>, secret: &str, heads: &Mutex<Vec<String>>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, mut reply))) = connection.accept().await {
        let head = format!("{:?}", request.headers());
        let status = if head.contains(secret) { 200 } else { 401 };
        heads.lock().unwrap().push(head);
        let answer = http::Response::builder().status(status).body(()).unwrap();
        let Ok(mut body) = reply.send_response(answer, false) else { return };
        drop(body.send_data("{}".into(), true));
    }
}

/// The password of Basic credentials.
fn encoded(head: &str) -> Option<String> {
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("authorization: basic "))?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(line.rsplit(' ').next()?).ok()?;
    String::from_utf8(bytes).ok()?.split_once(':').map(|(_, password)| password.to_owned())
}

fn acceptor(alpn: &[&str]) -> (TlsAcceptor, String) {
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    (TlsAcceptor::from(Arc::new(config)), certificate.pem())
}
