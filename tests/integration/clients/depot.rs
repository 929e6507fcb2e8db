//! A depot: a TLS server under an authority of its own, which gives what it has to whoever shows its key.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use exeat::base::crypto::hash::sha256;
use exeat::base::random::{Random as _, SystemRandomness};
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PublicKeyData as _};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The name it answers to.
pub(super) const HOST: &str = "depot.test";

/// How it wants to be shown its key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Door {
    /// Not at all.
    Open,
    /// As a bearer token.
    Bearer,
    /// As the password of this user.
    Basic(&'static str),
}

/// What it was asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: http::HeaderMap,
    pub(super) body: Bytes,
    /// Whether its key was shown.
    pub(super) with_key: bool,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

pub(super) type Reply = Response<Bytes>;

/// An answer of this content.
pub(super) fn found(kind: &str, content: impl Into<Bytes>) -> Reply {
    Response::builder().header(header::CONTENT_TYPE, kind).body(content.into()).unwrap()
}

pub(super) fn not_found() -> Reply {
    Response::builder().status(StatusCode::NOT_FOUND).body(Bytes::new()).unwrap()
}

/// A listening depot.
pub(super) struct Depot {
    pub(super) address: SocketAddr,
    /// Its authority, in PEM.
    pub(super) authority: String,
    /// The digest of its key, as curl pins it (RFC 7469 §2.4).
    pub(super) pin: String,
    pub(super) slot: String,
    pub(super) secret: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// What one connection needs.
struct Counter<G> {
    door: Door,
    secret: String,
    goods: G,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Depot {
    pub(super) async fn open(
        door: Door,
        goods: impl Fn(&str, &Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (acceptor, authority, pin) = acceptor();
        let mut secret = [0; 20];
        SystemRandomness::default().fill(&mut secret).unwrap();
        let (secret, asked) = (hex::encode(secret), Arc::new(Mutex::new(Vec::new())));
        let base = format!("https://{HOST}:{}", address.port());
        let goods = move |asked: &Asked| goods(&base, asked);
        let counter = Arc::new(Counter { door, secret: secret.clone(), goods, asked: Arc::clone(&asked) });
        #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, counter) = (acceptor.clone(), Arc::clone(&counter));
                #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
                tokio::spawn(async move { counter.serve(stream, acceptor).await });
            }
        });
        let slot = match door {
            Door::Open | Door::Bearer => "bearer".to_owned(),
            Door::Basic(user) => format!("basic:{user}"),
        };
        Self { address, authority, pin, slot, secret, asked }
    }

    pub(super) fn origin(&self) -> String {
        format!("https://{HOST}:{}", self.address.port())
    }

    /// What it was asked so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl<G: Fn(&Asked) -> Reply + Send + Sync + 'static> Counter<G> {
    async fn serve(self: Arc<Self>, stream: TcpStream, acceptor: TlsAcceptor) {
        let Ok(stream) = acceptor.accept(stream).await else { return };
        let service = service_fn(move |request| Arc::clone(&self).answer(request));
        // A client that leaves is no fault of the depot's.
        drop(
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await,
        );
    }

    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, hyper::Error> {
        let (parts, body) = request.into_parts();
        let shown = parts.headers.get(header::AUTHORIZATION).map(|value| value.as_bytes().to_vec());
        let (wanted, challenge) = match self.door {
            Door::Open => (None, "Bearer"),
            Door::Bearer => (Some(format!("Bearer {}", self.secret)), "Bearer"),
            Door::Basic(user) => {
                let pair = STANDARD.encode(format!("{user}:{}", self.secret));
                (Some(format!("Basic {pair}")), "Basic realm=\"depot\"")
            }
        };
        let with_key = wanted.is_none_or(|wanted| shown.as_deref() == Some(wanted.as_bytes()));
        let asked = Asked {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body: body.collect().await?.to_bytes(),
            with_key,
        };
        self.asked.lock().unwrap().push(asked.clone());
        if !with_key {
            let refused = Response::builder().status(StatusCode::UNAUTHORIZED);
            let refused = refused.header(header::WWW_AUTHENTICATE, challenge);
            return Ok(refused.body(Full::default()).unwrap());
        }
        let reply = tokio::task::spawn_blocking(move || (self.goods)(&asked)).await.unwrap();
        Ok(reply.map(Full::new))
    }
}

/// A leaf for the host, under an authority that nobody else knows.
fn acceptor() -> (TlsAcceptor, String, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.distinguished_name.push(rcgen::DnType::CommonName, "The depot's own authority");
    let key = KeyPair::generate().unwrap();
    let certificate = authority.self_signed(&key).unwrap();
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate().unwrap();
    let mut leaf = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
    leaf.use_authority_key_identifier_extension = true;
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let pin = STANDARD.encode(sha256(&[&key.subject_public_key_info()]).as_bytes());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), certificate.pem(), pin)
}
