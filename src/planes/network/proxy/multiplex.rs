//! Serves HTTP/2 inside a terminated tunnel: each stream is a conversation of one request, decided by itself and cut by itself.
//!
//! Memory is bounded by the number of streams and by windows: a body goes no faster than its reader. A stream runs as a task of its own,
//! so that cutting it, or a panic in it, is the end of that stream and of nothing else.

use std::error::Error;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;

use super::Proxy;
use super::accept::GRACE;
use super::dial::Stream;
use super::frames::{Finding, Frames};
use super::head::MAX_HEAD_BYTES;
use super::read::{Conversation, Way};
use super::reason::Refused;
use crate::base::tasks::Tasks;

/// How many streams that were reset before they were looked at, or by us for a fault, one connection may have.
const MAX_RESETS: usize = 64;

/// What a client may have under way on one connection.
#[derive(Clone, Copy, Debug)]
pub struct Streams {
    /// Streams at once.
    pub concurrent: u32,
    /// Bytes of one request body that may wait for the upstream.
    pub window: u32,
    /// The same for all of a connection.
    pub connection_window: u32,
    /// Bytes of one response body that may wait for the client.
    pub send_buffer: usize,
}

impl Default for Streams {
    fn default() -> Self {
        Self { concurrent: 100, window: 64 * 1024, connection_window: 1024 * 1024, send_buffer: 64 * 1024 }
    }
}

tokio::task_local! {
    /// Ends the stream whose task this is.
    static CUT: CancellationToken;
}

/// Runs the streams of one connection.
#[derive(Clone)]
struct Runner {
    tasks: Tasks,
    open: Arc<AtomicUsize>,
    /// The connection's end is that of its streams.
    over: CancellationToken,
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Runner {
    fn execute(&self, stream: F) {
        let cut = self.over.child_token();
        let open = Open::one_more(&self.open);
        let work = CUT.scope(cut.clone(), stream);
        self.tasks.spawn(async move {
            let _open = open;
            // Dropping a stream that has not ended resets it, and discards what of its body was not written.
            tokio::select! {
                () = work => {}
                () = cut.cancelled() => {}
            }
        });
    }
}

/// One open stream, counted.
struct Open(Arc<AtomicUsize>);

impl Open {
    fn one_more(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(count))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Requests and responses until either side has had enough.
pub(super) async fn converse<IO: Stream + 'static>(proxy: Arc<Proxy>, io: IO, way: Way) {
    let (way, over, finding) = (Arc::new(way), CancellationToken::new(), Finding::default());
    let _over = over.clone().drop_guard();
    let runner = Runner { tasks: proxy.parts.tasks.clone(), open: Arc::default(), over };
    let io = Frames::new(io, proxy.settings.limits, Arc::clone(&runner.open), finding.clone());
    let service = service_fn(|request| {
        let (proxy, way) = (Arc::clone(&proxy), Arc::clone(&way));
        async move {
            let cut = CUT.try_with(Clone::clone).unwrap_or_default();
            Conversation::of_stream(proxy, way, cut, &request).answer(request).await
        }
    });
    let streams = proxy.settings.streams;
    let mut server = http2::Builder::new(runner);
    server
        .max_concurrent_streams(streams.concurrent)
        .initial_stream_window_size(streams.window)
        .initial_connection_window_size(streams.connection_window)
        .max_send_buf_size(streams.send_buffer)
        .max_header_list_size(u32::try_from(MAX_HEAD_BYTES).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(MAX_RESETS)
        .max_local_error_reset_streams(MAX_RESETS);
    let mut connection = pin!(server.serve_connection(TokioIo::new(io), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = proxy.parts.tasks.stopping() => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(GRACE, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = &ended {
        tracing::debug!(error = error as &dyn Error, "a connection ended early");
    }
    if let Some(refused) = finding.take().or_else(|| ended.err().as_ref().and_then(refused)) {
        proxy.counters.refused.one_more();
        if let Way::Tunnel { caller, destination } = &*way {
            // There is no stream to answer in; the entry is all that remains.
            proxy.parts.gate.refuse(destination.attempt(caller), refused).await;
        }
    }
}

/// What the library refused a whole connection for.
fn refused(error: &hyper::Error) -> Option<Refused> {
    let error = error.source()?.downcast_ref::<h2::Error>()?;
    let ours = !error.is_io() && !error.is_remote();
    ours.then(|| match error.reason() {
        Some(h2::Reason::ENHANCE_YOUR_CALM) => Refused::ambiguous("http2_flood"),
        _ => Refused::ambiguous("http2"),
    })
}
