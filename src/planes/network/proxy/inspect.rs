//! Between the phases 7 and 8: look into a body, where what was granted depends on it, and send exactly the bytes that were looked at.
//!
//! Whether it does is the broker's to say, when it knows whose token it is. Then the body is read up to a limit, its facts are made,
//! and it is sent on as it came; a longer one is refused. Where nothing depends on it, it streams and nobody keeps it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::{Mutex, OwnedSemaphorePermit};
use tokio::time::timeout;

use super::Proxy;
use super::gate::Sent;
use super::head::Framing;
use super::reason::Refused;
use super::verdicts::Verdicts;
use crate::domain::scope::{BodyFacts, BodyFault, Label};

/// The body of one request, until it is known how it is sent.
pub(super) struct Inspection {
    proxy: Arc<Proxy>,
    verdicts: Verdicts,
    empty: bool,
    content_type: Vec<HeaderValue>,
    encoding: Vec<HeaderValue>,
    payload: Mutex<Option<Payload>>,
}

/// A body on its way: as it comes, or as it was read.
pub(super) enum Payload {
    Streamed(Incoming),
    Whole(Whole),
}

/// Bytes that were judged, and their place among those that may be kept.
pub(super) struct Whole {
    bytes: Bytes,
    _place: OwnedSemaphorePermit,
}

impl Inspection {
    pub(super) fn of(
        (proxy, verdicts): (&Arc<Proxy>, &Verdicts),
        framing: Framing,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Arc<Self> {
        let all = |name: HeaderName| headers.get_all(name).into_iter().cloned().collect();
        Arc::new(Self {
            proxy: Arc::clone(proxy),
            verdicts: verdicts.clone(),
            empty: framing == Framing::Length(0),
            content_type: all(header::CONTENT_TYPE),
            encoding: all(header::CONTENT_ENCODING),
            payload: Mutex::new(Some(Payload::Streamed(body))),
        })
    }

    /// The body, to be sent. Once.
    pub(super) async fn payload(&self) -> Result<Payload, Refused> {
        self.payload.lock().await.take().ok_or(Refused::BODY_BROKE)
    }

    async fn read(&self) -> Result<BodyFacts, Refused> {
        let limit = self.proxy.settings.inspect_bytes;
        let mut payload = self.payload.lock().await;
        if let Some(Payload::Streamed(body)) = payload.as_mut() {
            // What says that it is too long is not read at all.
            if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
                return Err(Refused::BODY_TOO_LONG);
            }
            let place = Arc::clone(&self.proxy.inspections).try_acquire_owned();
            let place = place.map_err(|_| Refused::INSPECTIONS_BUSY)?;
            // In all, not for each piece: others wait for the place.
            let collected = timeout(self.proxy.settings.limits.body, self.collect(body, limit)).await;
            let bytes = collected.map_err(|_| Refused::TOO_SLOW)??;
            *payload = Some(Payload::Whole(Whole { bytes, _place: place }));
        }
        let Some(Payload::Whole(whole)) = payload.as_ref() else { return Err(Refused::BODY_BROKE) };
        let content_type: Vec<_> = self.content_type.iter().map(HeaderValue::as_bytes).collect();
        let encoding: Vec<_> = self.encoding.iter().map(HeaderValue::as_bytes).collect();
        let label = Label { content_type: &content_type, encoding: &encoding };
        BodyFacts::read(label, &whole.bytes, limit).map_err(Refused::body)
    }

    async fn collect(&self, body: &mut Incoming, limit: usize) -> Result<Bytes, Refused> {
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| self.verdicts.in_body().unwrap_or(Refused::BODY_BROKE))?;
            // Trailers end here, as they do when a body is streamed (C12).
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len().saturating_add(data.len()) > limit {
                return Err(Refused::BODY_TOO_LONG);
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes.freeze())
    }
}

impl Sent for Inspection {
    fn is_empty(&self) -> bool {
        self.empty
    }

    fn facts(&self) -> BoxFuture<'_, Result<BodyFacts, Refused>> {
        self.read().boxed()
    }
}

impl Refused {
    /// The body has not one reading, for this reason.
    const fn body(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLong => Self::BODY_TOO_LONG,
            fault => Self::ambiguous(fault.name()),
        }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Streamed(body) => Pin::new(body).poll_frame(cx),
            Self::Whole(whole) => {
                let bytes = std::mem::take(&mut whole.bytes);
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Streamed(body) => body.is_end_stream(),
            Self::Whole(whole) => whole.bytes.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Streamed(body) => body.size_hint(),
            Self::Whole(whole) => SizeHint::with_exact(whole.bytes.len() as u64),
        }
    }
}
