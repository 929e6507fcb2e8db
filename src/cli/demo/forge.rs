//! The demo's upstream: a small code host over TLS that answers with the right key and with no other; and beside it a page for
//! everybody, which no upstream governs.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::Listener;
use axum::{Json, Router};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use zeroize::Zeroizing;

use crate::base::clock::{Clock as _, SystemClock, Timestamp};
use crate::base::random::{self, SystemRandomness};
use crate::base::tasks::Tasks;
use crate::cli::failure::Failure;
use crate::planes::network::authority::{self, Authority};

/// What both are reached as.
const HOST: &str = "localhost";
/// What the page says.
pub(super) const HANDBOOK: &str = "Summaries of issues are one line each.";

/// The upstream at work.
pub(super) struct Forge {
    key: Arc<Zeroizing<String>>,
    seen: Arc<Seen>,
    port: u16,
    page_port: u16,
    ca_pem: String,
    tasks: Tasks,
}

#[derive(Default)]
struct Seen {
    right: AtomicU64,
    wrong: AtomicU64,
    page: AtomicU64,
}

#[derive(Clone)]
struct Desk {
    key: Arc<Zeroizing<String>>,
    seen: Arc<Seen>,
}

impl Forge {
    /// Opens it on a free port, with a key and a certificate authority that exist only while it runs.
    pub(super) async fn open() -> Result<Self, Failure> {
        let cannot =
            |error: &dyn std::error::Error| Failure::because("the demo's upstream does not start", error);
        let bits: [u8; 20] = random::bytes(&SystemRandomness::default()).map_err(|error| cannot(&error))?;
        let key = Arc::new(Zeroizing::new(format!("forge_{}", hex::encode(bits))));
        let clock = Arc::new(SystemClock::starting_at(Timestamp::from_micros(0)));
        let made = authority::create(clock.now()).map_err(|error| cannot(&error))?;
        let ca_pem = made.certificate_pem;
        let authority = Authority::load(&ca_pem, &made.key, clock).map_err(|error| cannot(&error))?;
        let config = authority.server_config(HOST).map_err(|error| cannot(&error))?;
        let mut config = rustls::ServerConfig::clone(&config);
        config.alpn_protocols.clear();
        let tcp = TcpListener::bind((HOST, 0)).await?;
        let port = tcp.local_addr()?.port();
        let (seen, tasks) = (Arc::new(Seen::default()), Tasks::new());
        let pages = TcpListener::bind((HOST, 0)).await?;
        let page_port = pages.local_addr()?.port();
        let desk = Desk { key: Arc::clone(&key), seen: Arc::clone(&seen) };
        let router = Router::new().fallback(answer).with_state(desk);
        let page = Router::new().route("/handbook", get(handbook)).with_state(Arc::clone(&seen));
        serve(&tasks, TlsListener { tcp, tls: TlsAcceptor::from(Arc::new(config)) }, router);
        serve(&tasks, pages, page);
        Ok(Self { key, seen, port, page_port, ca_pem, tasks })
    }

    pub(super) fn origin(&self) -> String {
        format!("https://{HOST}:{}", self.port)
    }

    /// `host:port` of the page.
    pub(super) fn page_host(&self) -> String {
        format!("{HOST}:{}", self.page_port)
    }

    pub(super) fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// How many requests came with the right key, and how many without.
    pub(super) fn seen(&self) -> (u64, u64) {
        (self.seen.right.load(Ordering::SeqCst), self.seen.wrong.load(Ordering::SeqCst))
    }

    /// How often the page was read.
    pub(super) fn page_read(&self) -> u64 {
        self.seen.page.load(Ordering::SeqCst)
    }

    pub(super) fn close(&self) {
        self.tasks.stop();
    }
}

fn serve<L>(tasks: &Tasks, listener: L, router: Router)
where
    L: Listener,
    L::Addr: std::fmt::Debug,
{
    let stopping = tasks.clone();
    tasks.spawn(async move {
        let served = axum::serve(listener, router);
        let _ = served.with_graceful_shutdown(async move { stopping.stopping().await }).await;
    });
}

async fn handbook(State(seen): State<Arc<Seen>>) -> &'static str {
    seen.page.fetch_add(1, Ordering::SeqCst);
    HANDBOOK
}

async fn answer(State(desk): State<Desk>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if shown.and_then(|value| value.strip_prefix("Bearer ")) != Some(desk.key.as_str()) {
        desk.seen.wrong.fetch_add(1, Ordering::SeqCst);
        return (StatusCode::UNAUTHORIZED, Json(json!({ "message": "Bad credentials" }))).into_response();
    }
    desk.seen.right.fetch_add(1, Ordering::SeqCst);
    match (method.as_str(), uri.path()) {
        ("GET", "/repos/acme/app/issues") => Json(json!([
            { "number": 41, "title": "Login page shows the wrong year", "state": "open" },
            { "number": 42, "title": "Export drops the last line", "state": "open" },
        ]))
        .into_response(),
        ("POST", "/repos/acme/app/issues") => {
            (StatusCode::CREATED, Json(json!({ "number": 43 }))).into_response()
        }
        ("GET", "/repos/acme/payroll/contents") => Json(json!([{ "name": "salaries.csv" }])).into_response(),
        _ => (StatusCode::NOT_FOUND, Json(json!({ "message": "Not Found" }))).into_response(),
    }
}

struct TlsListener {
    tcp: TcpListener,
    tls: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, from)) = self.tcp.accept().await else { continue };
            // Who does not speak TLS is not answered.
            if let Ok(stream) = self.tls.accept(stream).await {
                return (stream, from);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}
