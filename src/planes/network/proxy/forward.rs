//! Phase 10: send the request and hand back the response as it comes.
//!
//! One upstream connection is kept for the life of a client's connection, and given up when the origin, the credential or
//! its version changes. A request is sent again only when none of it was written. Redirects are answers like any other:
//! the client follows them, without a credential, or not (E06).

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use super::Proxy;
use super::destination::Destination;
use super::dial::{self, DialError};
use super::head::{MAX_HEAD_BYTES, MAX_HEADERS};
use super::place::{Armed, Placement, Placing};
use super::record::Tally;
use crate::base::id::CredentialId;
use crate::domain::upstream::Origin;

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub(super) enum ForwardError {
    /// There is no connection.
    #[error("the upstream was not reached")]
    Dial(#[from] DialError),
    /// The connection broke, or what came was not HTTP.
    #[error("the upstream broke off")]
    Http(#[source] hyper::Error),
    /// It wants to speak something else now, which nobody asked for.
    #[error("the upstream switched protocols unasked")]
    Switched,
}

/// Whose credential a connection carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Use {
    pub(super) origin: Origin,
    pub(super) credential: (CredentialId, u64),
}

/// A connection to one upstream with one credential.
pub(super) struct Link {
    serves: Use,
    sender: SendRequest<Outgoing>,
    armed: Armed,
}

impl Link {
    async fn open(proxy: &Proxy, destination: &Destination, serves: Use) -> Result<Self, ForwardError> {
        let armed = Armed::default();
        let stream = Placing::new(dial::connect(proxy, destination).await?, armed.clone());
        let mut client = http1::Builder::new();
        client.writev(false).max_headers(MAX_HEADERS * 2).max_buf_size(4 * MAX_HEAD_BYTES);
        let (sender, connection) =
            client.handshake(TokioIo::new(stream)).await.map_err(ForwardError::Http)?;
        proxy.parts.tasks.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "an upstream connection ended early");
            }
        });
        Ok(Self { serves, sender, armed })
    }

    /// Whether the next request of `wanted` can go here.
    async fn is_good_for(&mut self, wanted: &Use, proxy: &Proxy) -> bool {
        self.serves == *wanted
            && matches!(tokio::time::timeout(proxy.settings.dial, self.sender.ready()).await, Ok(Ok(())))
    }
}

/// Sends `request` with its credential to `destination`, over the kept link if it still serves.
pub(super) async fn forward(
    (proxy, destination): (&Proxy, &Destination),
    link: &mut Option<Link>,
    wanted: Use,
    (mut request, mut placement): (Request<Outgoing>, Placement),
) -> Result<Response<Incoming>, ForwardError> {
    if let Some(mut kept) = link.take()
        && kept.is_good_for(&wanted, proxy).await
    {
        kept.armed.arm(placement);
        match kept.sender.try_send_request(request).await {
            Ok(response) => return answered(link, kept, response),
            // An upstream may close a kept connection at any time. What was not begun is sent on a new one.
            Err(mut error) => match (error.take_message(), kept.armed.take()) {
                (Some(unsent), Some(unplaced)) => (request, placement) = (unsent, unplaced),
                _ => return Err(ForwardError::Http(error.into_error())),
            },
        }
    }
    let mut fresh = Link::open(proxy, destination, wanted).await?;
    fresh.armed.arm(placement);
    let response = fresh.sender.send_request(request).await.map_err(ForwardError::Http)?;
    answered(link, fresh, response)
}

fn answered(
    link: &mut Option<Link>,
    used: Link,
    response: Response<Incoming>,
) -> Result<Response<Incoming>, ForwardError> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(ForwardError::Switched);
    }
    *link = Some(used);
    Ok(response)
}

/// A request body on its way up: counted, and without trailers (C12).
pub(super) struct Outgoing {
    body: Incoming,
    tally: Arc<Tally>,
}

impl Outgoing {
    pub(super) fn new(body: Incoming, tally: Arc<Tally>) -> Self {
        Self { body, tally }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let frame = std::task::ready!(Pin::new(&mut this.body).poll_frame(cx));
        Poll::Ready(match frame {
            Some(Ok(frame)) => frame.into_data().ok().map(|data| {
                this.tally.sent(data.len());
                Ok(Frame::data(data))
            }),
            other => other,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
