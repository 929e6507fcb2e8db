//! An upstream that a test drives by hand: it gets the connections and sees their bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use exeat::base::tasks::Tasks;
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use super::wire::Wire;

/// A listening upstream.
pub(super) struct Upstream {
    pub address: SocketAddr,
    pub certificate: Option<String>,
    connections: mpsc::UnboundedReceiver<Wire>,
    resumed: Arc<AtomicUsize>,
}

impl Upstream {
    /// Listens on a port of its own, with TLS for `host` that speaks one of `alpn`, or, without one, in the clear.
    pub(super) async fn start(tasks: &Tasks, host: Option<&str>, alpn: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, connections) = mpsc::unbounded_channel();
        let tls = host.map(|host| acceptor(host, alpn));
        let certificate = tls.as_ref().map(|(_, pem)| pem.clone());
        let stop = tasks.clone();
        let resumed = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&resumed);
        tasks.spawn(async move {
            loop {
                let stream = tokio::select! {
                    accepted = listener.accept() => accepted.unwrap().0,
                    () = stop.stopping() => return,
                };
                let wire = match &tls {
                    None => Wire::new(stream),
                    Some((acceptor, _)) => match acceptor.accept(stream).await {
                        Ok(stream) => {
                            let handshake = stream.get_ref().1.handshake_kind();
                            let again = handshake == Some(rustls::HandshakeKind::Resumed);
                            counted.fetch_add(usize::from(again), Ordering::SeqCst);
                            Wire::new(stream)
                        }
                        Err(_) => continue,
                    },
                };
                if sender.send(wire).is_err() {
                    return;
                }
            }
        });
        Self { address, certificate, connections, resumed }
    }

    /// The next connection.
    pub(super) async fn connection(&mut self) -> Wire {
        self.connections.recv().await.unwrap()
    }

    /// How many connections went on where an earlier TLS session had ended.
    pub(super) fn resumed(&self) -> usize {
        self.resumed.load(Ordering::SeqCst)
    }

    /// Whether a connection was made that nobody took yet.
    pub(super) fn was_reached(&mut self) -> bool {
        self.connections.try_recv().is_ok()
    }
}

fn acceptor(host: &str, alpn: &[&str]) -> (TlsAcceptor, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![host.to_owned()]).unwrap().self_signed(&key).unwrap();
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
