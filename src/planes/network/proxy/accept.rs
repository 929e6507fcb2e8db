//! Phase 1: accept a connection, hear its first words, and send it the way they ask for.
//!
//! A panic in one connection ends that connection; its uses are recorded while it unwinds.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Proxy;
use super::destination::Goal;
use super::dial::Stream;
use super::guard::Guard;
use super::head::{Head, MAX_HEAD_BYTES};
use super::read::{Conversation, Way};
use super::verdicts::Verdicts;
use super::{intercept, multiplex, passage, respond};

/// What accepting waits after a failure, such as too many open files.
pub(super) const AFTER_FAILURE: Duration = Duration::from_millis(100);
/// How long open responses may go on after shutdown began.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// Accepts until shutdown begins.
pub(super) async fn run(proxy: Arc<Proxy>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(proxy.settings.max_connections));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = proxy.parts.tasks.stopping() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let open = Open::new(&proxy, place);
                let work = by_key(Arc::clone(&proxy), stream, open);
                proxy.parts.tasks.spawn(work);
            }
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}

/// One open connection: its place among the allowed number, counted.
pub(super) struct Open {
    proxy: Arc<Proxy>,
    _place: OwnedSemaphorePermit,
}

impl Open {
    pub(super) fn new(proxy: &Arc<Proxy>, place: OwnedSemaphorePermit) -> Self {
        proxy.counters.connections.one_more();
        proxy.counters.open.one_more();
        Self { proxy: Arc::clone(proxy), _place: place }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.proxy.counters.open.one_less();
    }
}

async fn by_key(proxy: Arc<Proxy>, stream: TcpStream, open: Open) {
    if stream.set_nodelay(true).is_ok() {
        connection(proxy, stream, Way::Plain, open).await;
    }
}

/// Hears the first words on a connection, and sends it the way they ask for.
pub(super) async fn connection<IO: Stream + 'static>(proxy: Arc<Proxy>, stream: IO, way: Way, _open: Open) {
    let verdicts = Verdicts::default();
    let mut guard = Guard::new(stream, proxy.settings.limits, verdicts.clone());
    let first = tokio::select! {
        first = guard.first_head() => first,
        () = proxy.parts.tasks.stopping() => return,
    };
    match first {
        Ok(Some(Ok(head))) if head.method == Method::CONNECT => connect(proxy, guard, head, way).await,
        Ok(Some(_)) => converse(proxy, guard, verdicts, way).await,
        Ok(None) | Err(_) => {}
    }
}

/// `CONNECT`: everything is decided before the 200, and afterwards only TLS is understood.
async fn connect<IO: Stream + 'static>(proxy: Arc<Proxy>, guard: Guard<IO>, head: Head, way: Way) {
    proxy.counters.requests.one_more();
    let asked = intercept::destination(&proxy, &head, guard.judged_bytes(), way).await;
    let linger = proxy.settings.limits.linger;
    let (tunnel, asked) = match (guard.into_tunnel(), asked) {
        (Ok(tunnel), Ok(asked)) => (tunnel, asked),
        // Of two reasons the one that is on record is told.
        (Ok(io) | Err((io, _)), Err(refusal)) => {
            return respond::last_word(&proxy, io, refusal, linger).await;
        }
        (Err((io, refused)), Ok((caller, destination))) => {
            let problem = proxy.parts.gate.refuse(destination.attempt(&caller), refused).await;
            return respond::last_word(&proxy, io, problem, linger).await;
        }
    };
    let (caller, destination) = match asked {
        (caller, Goal::Governed(destination)) => (caller, destination),
        (caller, Goal::Open(host)) => return passage::tunnel(&proxy, tunnel, caller, host).await,
    };
    let asked = (caller, destination);
    let Some((stream, way)) = intercept::terminate(&proxy, tunnel, asked).await else { return };
    proxy.counters.tunnels.one_more();
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        return multiplex::converse(proxy, stream, way).await;
    }
    let verdicts = Verdicts::default();
    let guard = Guard::new(stream, proxy.settings.limits, verdicts.clone());
    converse(proxy, guard, verdicts, way).await;
}

/// Requests and responses, one after the other, until either side has had enough or a use is cut.
async fn converse<IO>(proxy: Arc<Proxy>, guard: Guard<IO>, verdicts: Verdicts, way: Way)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let conversation = Arc::new(Conversation::new(Arc::clone(&proxy), verdicts, way));
    let service = {
        let conversation = Arc::clone(&conversation);
        service_fn(move |request| Arc::clone(&conversation).answer(request))
    };
    let mut server = http1::Builder::new();
    server.max_buf_size(2 * MAX_HEAD_BYTES).header_read_timeout(None);
    let mut connection = pin!(server.serve_connection(TokioIo::new(guard), service).with_upgrades());
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        // Dropping the connection drops what is open on it; that is what cutting means.
        () = conversation.cut() => return,
        () = proxy.parts.tasks.stopping() => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(GRACE, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
    if let Some(switch) = conversation.switched() {
        switch.carry(&proxy, conversation.closing()).await;
    }
}
