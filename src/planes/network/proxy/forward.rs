//! Phase 10: send the request and hand back the response as it comes.
//!
//! Upstream connections are kept in a pool. A request is sent again only when none of it was written. Redirects are answers
//! like any other: the client follows them, without a credential, or not (E06).

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::Proxy;
use super::destination::Destination;
use super::dial::DialError;
use super::link::{Link, Unanswered};
use super::outgoing::Outgoing;
use super::place::Placement;
use super::pool::{Key, Lease};
use super::upgrade;
use crate::base::secret::Secret;

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub(super) enum ForwardError {
    /// There is no connection.
    #[error("the upstream was not reached")]
    Dial(#[from] DialError),
    /// The connection broke, or what came was not HTTP.
    #[error("the upstream broke off")]
    Http(#[source] hyper::Error),
    /// A connection that was just made took nothing.
    #[error("the upstream closed the connection unused")]
    Closed,
    /// It wants to speak something else now, which nobody asked for.
    #[error("the upstream switched protocols unasked")]
    Switched,
}

/// Sends `request` with its credential to `destination`, over a kept connection if one serves.
pub(super) async fn forward(
    proxy: &Arc<Proxy>,
    (destination, client_key): (&Destination, Option<&Secret>),
    key: Key,
    (mut request, placement): (Request<Outgoing>, Placement),
    may_switch: bool,
) -> Result<Response<Arrived>, ForwardError> {
    let all_sent = request.body().all_sent();
    let arrived = |link, response| {
        arrived(Lease::new(Arc::clone(proxy), key.clone(), link), response, all_sent, may_switch)
    };
    while let Some(mut kept) = proxy.pool.take(&key, destination) {
        if !kept.is_ready().await {
            continue;
        }
        match kept.send(request, &placement).await {
            Ok(response) => return arrived(kept, response),
            // An upstream may close a kept connection at any time. What was not begun is sent on another one.
            Err(Unanswered::Unsent(unsent)) => request = *unsent,
            Err(Unanswered::Broken(error)) => return Err(error),
        }
    }
    let fresh = Link::open(proxy, destination, key.alone, client_key).await?;
    let mut fresh = Lease::share(proxy, &key, fresh);
    match fresh.send(request, &placement).await {
        Ok(response) => arrived(fresh, response),
        Err(Unanswered::Unsent(_)) => Err(ForwardError::Closed),
        Err(Unanswered::Broken(error)) => Err(error),
    }
}

fn arrived(
    lease: Lease,
    response: Response<Incoming>,
    all_sent: Arc<AtomicBool>,
    may_switch: bool,
) -> Result<Response<Arrived>, ForwardError> {
    let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if switched && !(may_switch && upgrade::is_granted(response.headers())) {
        return Err(ForwardError::Switched);
    }
    let lease = (!switched).then_some(lease);
    Ok(response.map(|body| Arrived { body, lease, all_sent }))
}

/// A response body as the upstream sends it. At its end its connection goes back to where it is kept, if the request was whole too.
pub(super) struct Arrived {
    body: Incoming,
    lease: Option<Lease>,
    all_sent: Arc<AtomicBool>,
}

impl Arrived {
    fn ended(&mut self) {
        if let Some(lease) = self.lease.take()
            && self.all_sent.load(Ordering::Acquire)
        {
            lease.give_back();
        }
    }
}

impl Body for Arrived {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let frame = std::task::ready!(Pin::new(&mut this.body).poll_frame(cx));
        match &frame {
            None => this.ended(),
            Some(Err(_)) => drop(this.lease.take()),
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Arrived {
    fn drop(&mut self) {
        // hyper does not ask again for a body it knows to be at its end.
        if self.body.is_end_stream() {
            self.ended();
        }
    }
}
