//! One connection to one upstream, on which each request gets its credential below the HTTP library.

use std::net::SocketAddr;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use super::Proxy;
use super::destination::Destination;
use super::dial;
use super::forward::{ForwardError, Outgoing};
use super::head::{MAX_HEAD_BYTES, MAX_HEADERS};
use super::place::{Armed, Placement, Placing};

/// How long a connection that comes back may take until it can be written to again.
const AGAIN: Duration = Duration::from_secs(1);

/// A connection.
pub(super) struct Link {
    sender: SendRequest<Outgoing>,
    armed: Armed,
    peer: SocketAddr,
}

/// Why a request was not answered.
pub(super) enum Unanswered {
    /// None of it was written: it may go elsewhere.
    Unsent(Box<Request<Outgoing>>, Placement),
    /// Nothing is known of its effect.
    Broken(ForwardError),
}

impl Link {
    pub(super) async fn open(proxy: &Proxy, destination: &Destination) -> Result<Self, ForwardError> {
        let armed = Armed::default();
        let dialled = dial::connect(proxy, destination).await?;
        let stream = Placing::new(dialled.stream, armed.clone());
        let mut client = http1::Builder::new();
        client.writev(false).max_headers(MAX_HEADERS * 2).max_buf_size(4 * MAX_HEAD_BYTES);
        let (sender, connection) =
            client.handshake(TokioIo::new(stream)).await.map_err(ForwardError::Http)?;
        proxy.parts.tasks.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "an upstream connection ended early");
            }
        });
        Ok(Self { sender, armed, peer: dialled.peer })
    }

    /// The address it leads to.
    pub(super) const fn peer(&self) -> SocketAddr {
        self.peer
    }

    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Whether the next request can be written.
    pub(super) async fn is_ready(&mut self) -> bool {
        matches!(tokio::time::timeout(AGAIN, self.sender.ready()).await, Ok(Ok(())))
    }

    /// Sends a request with its credential.
    pub(super) async fn send(
        &mut self,
        request: Request<Outgoing>,
        placement: Placement,
    ) -> Result<Response<Incoming>, Unanswered> {
        self.armed.arm(placement);
        self.sender.try_send_request(request).await.map_err(|mut error| {
            match (error.take_message(), self.armed.take()) {
                (Some(request), Some(placement)) => Unanswered::Unsent(Box::new(request), placement),
                _ => Unanswered::Broken(ForwardError::Http(error.into_error())),
            }
        })
    }
}
