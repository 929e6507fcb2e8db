//! One connection to one upstream, on which each request gets its credential below the HTTP library.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::header::{self, HeaderValue};
use http::uri::{Scheme, Uri};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;

use super::Proxy;
use super::credentialed::{Credentialed, Waiting};
use super::destination::Destination;
use super::dial;
use super::forward::ForwardError;
use super::head::{MAX_HEAD_BYTES, MAX_HEADERS};
use super::outgoing::Outgoing;
use super::place::{Armed, Placement, Placing};
use crate::base::secret::Secret;
use crate::base::tasks::Tasks;

/// How long a connection that comes back may take until it can be written to again.
const AGAIN: Duration = Duration::from_secs(1);
/// Requests at once on one connection of HTTP/2.
const MAX_STREAMS: usize = 32;
/// Bytes of one response that may wait for the client.
const WINDOW: u32 = 512 * 1024;
/// As much for each stream there can be, so that slow readers leave the others theirs.
const CONNECTION_WINDOW: u32 = 32 * WINDOW;
/// Bytes of one request that may wait for the upstream.
const SEND_BUFFER: usize = 64 * 1024;

/// A connection, or a share in one.
pub(super) struct Link {
    sender: Sender,
    peer: SocketAddr,
}

enum Sender {
    /// HTTP/1.1: one request at a time.
    One(http1::SendRequest<Outgoing>, Armed),
    /// HTTP/2.
    Many(http2::SendRequest<Outgoing>, Waiting, Share),
}

/// How many requests a connection has, and whether this is one of them.
struct Share {
    requests: Arc<AtomicUsize>,
    counts: bool,
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.counts {
            self.requests.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// Why a request was not answered.
pub(super) enum Unanswered {
    /// None of it was written: it may go elsewhere.
    Unsent(Box<Request<Outgoing>>),
    /// Nothing is known of its effect.
    Broken(ForwardError),
}

/// Runs what the library wants run.
#[derive(Clone)]
struct Background(Tasks);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Background {
    fn execute(&self, work: F) {
        self.0.spawn(work);
    }
}

impl Link {
    /// Connects, and speaks HTTP/2 where the upstream does and `alone` does not forbid it.
    pub(super) async fn open(
        proxy: &Proxy,
        destination: &Destination,
        alone: bool,
        client_key: Option<&Secret>,
    ) -> Result<Self, ForwardError> {
        let dialled = dial::connect(proxy, destination, alone, client_key).await?;
        let (tasks, peer) = (&proxy.parts.tasks, dialled.peer);
        let sender = if dialled.many {
            Self::many(tasks, dialled.stream).await
        } else {
            Self::one(tasks, dialled.stream).await
        };
        Ok(Self { sender: sender.map_err(ForwardError::Http)?, peer })
    }

    async fn one(tasks: &Tasks, stream: Box<dyn dial::Stream>) -> Result<Sender, hyper::Error> {
        let armed = Armed::default();
        let mut client = http1::Builder::new();
        client.writev(false).max_headers(MAX_HEADERS * 2).max_buf_size(4 * MAX_HEAD_BYTES);
        let (sender, connection) =
            client.handshake(TokioIo::new(Placing::new(stream, armed.clone()))).await?;
        tasks.spawn(driven(connection.with_upgrades()));
        Ok(Sender::One(sender, armed))
    }

    async fn many(tasks: &Tasks, stream: Box<dyn dial::Stream>) -> Result<Sender, hyper::Error> {
        let waiting = Waiting::default();
        let mut client = http2::Builder::new(Background(tasks.clone()));
        client
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .initial_max_send_streams(MAX_STREAMS)
            .max_header_list_size(u32::try_from(4 * MAX_HEAD_BYTES).unwrap_or(u32::MAX))
            .max_send_buf_size(SEND_BUFFER);
        let (sender, connection) =
            client.handshake(TokioIo::new(Credentialed::new(stream, waiting.clone()))).await?;
        tasks.spawn(driven(connection));
        Ok(Sender::Many(sender, waiting, Share { requests: Arc::default(), counts: false }))
    }

    /// The address it leads to.
    pub(super) const fn peer(&self) -> SocketAddr {
        self.peer
    }

    pub(super) fn is_closed(&self) -> bool {
        match &self.sender {
            Sender::One(sender, _) => sender.is_closed(),
            Sender::Many(sender, ..) => sender.is_closed(),
        }
    }

    /// How many requests it has; `None` where it is not shared.
    pub(super) fn requests(&self) -> Option<usize> {
        match &self.sender {
            Sender::One(..) => None,
            Sender::Many(_, _, share) => Some(share.requests.load(Ordering::Acquire)),
        }
    }

    /// A share in the same connection, for a request or to be kept; `None` where it is not shared or has enough.
    pub(super) fn share(&self, request: bool) -> Option<Self> {
        let Sender::Many(sender, waiting, share) = &self.sender else { return None };
        if request && share.requests.fetch_add(1, Ordering::AcqRel) >= MAX_STREAMS {
            share.requests.fetch_sub(1, Ordering::AcqRel);
            return None;
        }
        let share = Share { requests: Arc::clone(&share.requests), counts: request };
        Some(Self { sender: Sender::Many(sender.clone(), waiting.clone(), share), peer: self.peer })
    }

    /// Whether the next request can be written.
    pub(super) async fn is_ready(&mut self) -> bool {
        let ready = async {
            match &mut self.sender {
                Sender::One(sender, _) => sender.ready().await,
                Sender::Many(sender, ..) => sender.ready().await,
            }
        };
        matches!(tokio::time::timeout(AGAIN, ready).await, Ok(Ok(())))
    }

    /// Sends a request with its credential.
    pub(super) async fn send(
        &mut self,
        request: Request<Outgoing>,
        placement: &Placement,
    ) -> Result<Response<Incoming>, Unanswered> {
        match &mut self.sender {
            Sender::One(sender, armed) => {
                let request = for_one(request).ok_or(Unanswered::Broken(ForwardError::Closed))?;
                armed.arm(placement.clone());
                sender.try_send_request(request).await.map_err(|mut error| {
                    match (error.take_message(), armed.take()) {
                        (Some(request), Some(_)) => Unanswered::Unsent(Box::new(request)),
                        _ => Unanswered::Broken(ForwardError::Http(error.into_error())),
                    }
                })
            }
            Sender::Many(sender, waiting, _) => {
                let (request, field) = for_many(request)
                    .zip(placement.field())
                    .ok_or(Unanswered::Broken(ForwardError::Closed))?;
                let _ticket = waiting.arm(field);
                sender.try_send_request(request).await.map_err(|mut error| match error.take_message() {
                    Some(request) => Unanswered::Unsent(Box::new(request)),
                    None => Unanswered::Broken(ForwardError::Http(error.into_error())),
                })
            }
        }
    }
}

async fn driven(connection: impl Future<Output = Result<(), hyper::Error>>) {
    if let Err(error) = connection.await {
        tracing::debug!(%error, "an upstream connection ended early");
    }
}

/// As HTTP/2 has it: scheme and authority in the target. What is in the path stays, byte for byte.
fn for_many(mut request: Request<Outgoing>) -> Option<Request<Outgoing>> {
    let host = request.headers_mut().remove(header::HOST);
    if let Some(host) = host {
        let path = request.uri().path_and_query()?.clone();
        let uri = Uri::builder().scheme(Scheme::HTTPS).authority(host.as_bytes()).path_and_query(path);
        *request.uri_mut() = uri.build().ok()?;
    }
    if request.body().takes_trailers() {
        request.headers_mut().insert(header::TE, HeaderValue::from_static("trailers"));
    }
    request.headers_mut().remove(header::TRANSFER_ENCODING);
    Some(request)
}

/// As HTTP/1.1 has it, also when it was on its way over HTTP/2 before.
fn for_one(mut request: Request<Outgoing>) -> Option<Request<Outgoing>> {
    if let Some(authority) = request.uri().authority() {
        let host = HeaderValue::from_str(authority.as_str()).ok()?;
        let path = request.uri().path_and_query()?.clone();
        let headers = request.headers_mut();
        headers.remove(header::TE);
        headers.insert(header::HOST, host);
        if !headers.contains_key(header::CONTENT_LENGTH) && !hyper::body::Body::is_end_stream(request.body())
        {
            request.headers_mut().insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        *request.uri_mut() = Uri::from(path);
    }
    Some(request)
}
