//! Between the phases 7 and 8: look into a body, where what was granted depends on it, and send exactly the bytes that were looked at.
//!
//! Whether it does is the broker's to say, when it knows whose token it is. Then the body is read up to a limit, its facts are made,
//! and it is sent on as it came; a longer one is refused. Of a push only the beginning is read. Where nothing depends on it, it streams and
//! nobody keeps it.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Response;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::{Mutex, OwnedSemaphorePermit};
use tokio::time::timeout;

use super::gate::Sent;
use super::head::Framing;
use super::reason::Refused;
use super::respond::Reply;
use super::verdicts::Verdicts;
use super::{Proxy, push};
use crate::domain::problem::Problem;
use crate::domain::scope::{BodyFacts, BodyFault, Label, Push};

/// How much of a refused push is let pass by, in bytes, so that git reads why it was refused.
const MAX_PASSED_BY: usize = 256 * 1024 * 1024;

/// The body of one request, until it is known how it is sent.
pub(super) struct Inspection {
    proxy: Arc<Proxy>,
    verdicts: Verdicts,
    empty: bool,
    content_type: Vec<HeaderValue>,
    encoding: Vec<HeaderValue>,
    payload: Mutex<Option<Payload>>,
    /// What is known of a push, once it was looked at.
    push: OnceLock<Push>,
}

/// A body on its way: as it comes, as it was read, or as far as it was read and then as it comes.
pub(super) enum Payload {
    Streamed(Incoming),
    Whole(Whole),
    Begun(Whole, Incoming),
}

/// Bytes that were judged, and their place among those that may be kept, until they are sent.
pub(super) struct Whole {
    bytes: Bytes,
    place: Option<OwnedSemaphorePermit>,
}

impl Whole {
    fn once(&mut self) -> Option<Result<Frame<Bytes>, hyper::Error>> {
        drop(self.place.take());
        let bytes = std::mem::take(&mut self.bytes);
        (!bytes.is_empty()).then(|| Ok(Frame::data(bytes)))
    }
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
            push: OnceLock::new(),
        })
    }

    /// The body, to be sent. Once.
    pub(super) async fn payload(&self) -> Result<Payload, Refused> {
        self.payload.lock().await.take().ok_or(Refused::BODY_BROKE)
    }

    /// The refusal in the form that the client shows to a person, where there is one. What the client still sends is let pass by, a while.
    pub(super) async fn told(&self, problem: Problem) -> Result<Response<Reply>, Problem> {
        let Some(response) = self.push.get().and_then(|push| push::report(push, &problem)) else {
            return Err(problem);
        };
        self.proxy.counters.refused.one_more();
        if let Ok(payload) = self.payload().await {
            drop(timeout(self.proxy.settings.limits.body, passed_by(payload)).await);
        }
        Ok(response)
    }

    async fn read(&self) -> Result<BodyFacts, Refused> {
        if push::is_labelled(&self.content_type) {
            return self.read_push().await;
        }
        let limit = self.proxy.settings.inspect_bytes;
        let mut payload = self.payload.lock().await;
        if let Some(Payload::Streamed(body)) = payload.as_mut() {
            // What says that it is too long is not read at all.
            if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
                return Err(Refused::BODY_TOO_LONG);
            }
            let place = self.place()?;
            // In all, not for each piece: others wait for the place.
            let collected = timeout(self.proxy.settings.limits.body, self.collect(body, limit)).await;
            let bytes = collected.map_err(|_| Refused::TOO_SLOW)??;
            *payload = Some(Payload::Whole(Whole { bytes, place: Some(place) }));
        }
        let Some(Payload::Whole(whole)) = payload.as_ref() else { return Err(Refused::BODY_BROKE) };
        let content_type: Vec<_> = self.content_type.iter().map(HeaderValue::as_bytes).collect();
        let encoding: Vec<_> = self.encoding.iter().map(HeaderValue::as_bytes).collect();
        let label = Label { content_type: &content_type, encoding: &encoding };
        BodyFacts::read(label, &whole.bytes, limit).map_err(refused)
    }

    async fn read_push(&self) -> Result<BodyFacts, Refused> {
        let mut payload = self.payload.lock().await;
        if let Some(push) = self.push.get() {
            return Ok(BodyFacts::push(push.clone()));
        }
        // git packs none; what is packed twice could be read twice.
        if !self.encoding.is_empty() {
            return Err(refused(BodyFault::Encoding));
        }
        let Some(Payload::Streamed(mut body)) = payload.take() else { return Err(Refused::BODY_BROKE) };
        let place = self.place()?;
        let (patience, limit) = (self.proxy.settings.limits.body, self.proxy.settings.inspect_bytes);
        let begun = timeout(patience, push::begin(&mut body, limit)).await;
        let begun = begun.map_err(|_| Refused::TOO_SLOW)?;
        let (bytes, push) = begun.map_err(|refused| match refused {
            Refused::BODY_BROKE => self.verdicts.in_body().unwrap_or(refused),
            refused => refused,
        })?;
        *payload = Some(Payload::Begun(Whole { bytes, place: Some(place) }, body));
        Ok(BodyFacts::push(self.push.get_or_init(|| push).clone()))
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, Refused> {
        Arc::clone(&self.proxy.inspections).try_acquire_owned().map_err(|_| Refused::INSPECTIONS_BUSY)
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

/// Reads a body for nothing: a client that still sends would not read an answer.
async fn passed_by(mut payload: Payload) {
    let mut left = MAX_PASSED_BY;
    while let Some(Ok(frame)) = payload.frame().await {
        let Some(less) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
        left = less;
    }
}

/// The body has not one reading, for this reason.
pub(super) const fn refused(fault: BodyFault) -> Refused {
    match fault {
        BodyFault::TooLong => Refused::BODY_TOO_LONG,
        fault => Refused::ambiguous(fault.name()),
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
            Self::Whole(whole) => Poll::Ready(whole.once()),
            Self::Begun(begun, rest) => match begun.once() {
                Some(frame) => Poll::Ready(Some(frame)),
                None => Pin::new(rest).poll_frame(cx),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Streamed(body) => body.is_end_stream(),
            Self::Whole(whole) => whole.bytes.is_empty(),
            Self::Begun(begun, rest) => begun.bytes.is_empty() && rest.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Streamed(body) => body.size_hint(),
            Self::Whole(whole) => SizeHint::with_exact(whole.bytes.len() as u64),
            Self::Begun(begun, rest) => match rest.size_hint().exact() {
                Some(rest) => SizeHint::with_exact(rest + begun.bytes.len() as u64),
                None => SizeHint::default(),
            },
        }
    }
}
