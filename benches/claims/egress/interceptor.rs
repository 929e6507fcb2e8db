//! What interception alone costs: a proxy of the same libraries that opens what comes through `CONNECT`, sets a header and sends it on.
//! It asks nobody, keeps no record, searches nothing and checks no address: it is a measure, and no proxy to use.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use exeat::base::tasks::Tasks;
use http::uri::Authority;
use http_body_util::Empty;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Parts};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ServerConfig};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::SECRET;
use super::client::trusting;
use crate::claim::Found;

/// The word that makes this program the interceptor; the file with the root of the upstream follows it.
pub(crate) const WORD: &str = "bare-interceptor";

/// Serves until it is ended; says first where, and what root its certificates go back to.
pub(crate) async fn serve() -> Found {
    let root = std::env::args().skip_while(|word| word != WORD).nth(1).ok_or("no root of the upstream")?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let interceptor = Arc::new(Interceptor::new(&std::fs::read_to_string(root)?)?);
    println!("{}", json!({"address": listener.local_addr()?, "root": interceptor.issuer.pem()}));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        interceptor.tasks.spawn(tolerated(Arc::clone(&interceptor).attend(stream)));
    }
}

/// Whoever waits for what failed sees it fail.
async fn tolerated(work: impl Future<Output = Found>) {
    drop(work.await);
}

struct Interceptor {
    issuer: CertifiedIssuer<'static, KeyPair>,
    leaves: Mutex<HashMap<String, Arc<ServerConfig>>>,
    pools: Mutex<HashMap<Authority, Arc<Pool>>>,
    trust: Arc<ClientConfig>,
    header: HeaderValue,
    tasks: Tasks,
}

impl Interceptor {
    fn new(root: &str) -> Found<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "root of the bare interceptor");
        Ok(Self {
            issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)?,
            leaves: Mutex::default(),
            pools: Mutex::default(),
            trust: trusting(root)?,
            header: HeaderValue::from_str(&format!("Bearer {SECRET}"))?,
            tasks: Tasks::new(),
        })
    }

    /// Hears a `CONNECT`.
    async fn attend(self: Arc<Self>, stream: TcpStream) -> Found {
        let service = service_fn(|request| {
            let answer = Arc::clone(&self).connect(request);
            async move { Ok::<_, Infallible>(answer) }
        });
        http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await?;
        Ok(())
    }

    fn connect(self: Arc<Self>, mut request: Request<Incoming>) -> Response<Empty<Bytes>> {
        let authority = request.uri().authority().cloned().filter(|_| request.method() == Method::CONNECT);
        let mut answer = Response::new(Empty::new());
        if let Some(authority) = authority {
            let upgrade = hyper::upgrade::on(&mut request);
            self.tasks.clone().spawn(tolerated(self.intercept(upgrade, authority)));
        } else {
            *answer.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        }
        answer
    }

    /// Ends TLS in the name of the host and passes on what is asked.
    async fn intercept(self: Arc<Self>, upgrade: OnUpgrade, authority: Authority) -> Found {
        let tunnel = upgrade.await?.downcast::<TokioIo<TcpStream>>();
        let Parts { io, read_buf, .. } = tunnel.map_err(|_| "not the stream that was served")?;
        if !read_buf.is_empty() {
            return Err("TLS began before the answer to CONNECT".into());
        }
        let stream = TlsAcceptor::from(self.leaf(authority.host())?).accept(io.into_inner()).await?;
        let pool = Arc::clone(locked(&self.pools).entry(authority.clone()).or_default());
        let service = service_fn(|request| self.forward(request, &authority, &pool));
        http1::Builder::new().serve_connection(TokioIo::new(stream), service).await?;
        Ok(())
    }

    async fn forward(
        &self,
        mut request: Request<Incoming>,
        authority: &Authority,
        pool: &Arc<Pool>,
    ) -> Found<Response<Answer>> {
        request.headers_mut().insert(AUTHORIZATION, self.header.clone());
        let mut sender = match pool.ready().await {
            Some(sender) => sender,
            None => self.dial(authority).await?,
        };
        let answer = sender.send_request(request).await?;
        let pool = Arc::clone(pool);
        Ok(answer.map(|body| Answer { body, ended: false, sender: Some(sender), pool }))
    }

    async fn dial(&self, authority: &Authority) -> Found<SendRequest<Incoming>> {
        let host = authority.host();
        let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(443))).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(host.to_owned())?;
        let stream = TlsConnector::from(Arc::clone(&self.trust)).connect(name, stream).await?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        self.tasks.spawn(async move { drop(connection.await) });
        Ok(sender)
    }

    fn leaf(&self, host: &str) -> Found<Arc<ServerConfig>> {
        let mut leaves = locked(&self.leaves);
        if let Some(leaf) = leaves.get(host) {
            return Ok(Arc::clone(leaf));
        }
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec![host.to_owned()])?.signed_by(&key, &self.issuer)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())?;
        let leaf = Arc::new(config);
        leaves.insert(host.to_owned(), Arc::clone(&leaf));
        Ok(leaf)
    }
}

/// Connections to one upstream that wait for the next request.
#[derive(Default)]
struct Pool(Mutex<Vec<SendRequest<Incoming>>>);

impl Pool {
    async fn ready(&self) -> Option<SendRequest<Incoming>> {
        loop {
            let mut sender = self.taken()?;
            if sender.ready().await.is_ok() {
                return Some(sender);
            }
        }
    }

    fn taken(&self) -> Option<SendRequest<Incoming>> {
        locked(&self.0).pop()
    }
}

/// An answer's body, whose end gives the connection back.
struct Answer {
    body: Incoming,
    ended: bool,
    sender: Option<SendRequest<Incoming>>,
    pool: Arc<Pool>,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.ended = matches!(polled, Poll::Ready(None));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if self.ended || self.body.is_end_stream() {
            locked(&self.pool.0).extend(self.sender.take());
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
