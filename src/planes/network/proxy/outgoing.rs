//! A request body on its way up: counted, never faster than its reader, and without what trailers may not say (C12).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;

use super::inspect::Payload;
use super::limits::{Brought, Limits};
use super::record::{REQUEST_BROKE, Tally};
use super::trailers;

/// The body.
pub(super) struct Outgoing {
    body: Payload,
    tally: Arc<Tally>,
    all_sent: Arc<AtomicBool>,
    stream: Option<OfStream>,
}

/// What a body that comes over HTTP/2 has beside its bytes.
struct OfStream {
    /// The header that carries the credential.
    slot: Option<String>,
    takes_trailers: bool,
    patience: Patience,
}

/// How long the next pieces may take. Under HTTP/1.1 the guard looks after that.
struct Patience {
    limits: Limits,
    timer: Pin<Box<Sleep>>,
    waiting: bool,
    brought: Brought,
    closing: CancellationToken,
}

impl Outgoing {
    pub(super) fn new(body: Payload, tally: Arc<Tally>) -> Self {
        let all_sent = Arc::new(AtomicBool::new(body.is_end_stream()));
        Self { body, tally, all_sent, stream: None }
    }

    /// The same, of a stream: it has trailers, and ends by `closing` when its pieces take longer than `limits` say.
    pub(super) fn of_stream(
        self,
        (slot, takes_trailers): (Option<&str>, bool),
        (limits, closing): (Limits, CancellationToken),
    ) -> Self {
        let timer = Box::pin(tokio::time::sleep(limits.body));
        let patience = Patience { limits, timer, waiting: false, brought: Brought::default(), closing };
        let stream = Some(OfStream { slot: slot.map(str::to_owned), takes_trailers, patience });
        Self { stream, ..self }
    }

    /// Whether the whole body was handed on.
    pub(super) fn all_sent(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.all_sent)
    }

    /// Whether the client takes trailers, and so may the upstream be told.
    pub(super) fn takes_trailers(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.takes_trailers)
    }

    fn passed(&self, frame: Frame<Bytes>) -> Option<Frame<Bytes>> {
        match frame.into_data() {
            Ok(data) => {
                self.tally.sent(data.len());
                Some(Frame::data(data))
            }
            Err(frame) => {
                let sent = frame.into_trailers().ok()?;
                let left = trailers::of_request(sent, self.stream.as_ref()?.slot.as_deref());
                (!left.is_empty()).then(|| Frame::trailers(left))
            }
        }
    }
}

impl Patience {
    /// Nothing came: whether that has been so for too long.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        if !std::mem::replace(&mut self.waiting, true) {
            self.brought = Brought::default();
            self.timer.as_mut().reset(Instant::now() + self.limits.body);
        }
        self.timer.as_mut().poll(cx).is_ready()
    }

    /// Something came.
    fn keep_pace(&mut self, bytes: usize) {
        if self.brought.suffices(bytes, &self.limits, &self.timer) {
            self.waiting = false;
        }
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
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) else {
            if let Some(stream) = &mut this.stream
                && stream.patience.is_over(cx)
            {
                this.tally.broke(REQUEST_BROKE);
                stream.patience.closing.cancel();
            }
            return Poll::Pending;
        };
        if let Some(stream) = &mut this.stream {
            let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
            stream.patience.keep_pace(data.map_or(0, Bytes::len));
        }
        if frame.is_none() || this.body.is_end_stream() {
            this.all_sent.store(true, Ordering::Release);
        }
        Poll::Ready(match frame {
            Some(Ok(frame)) => this.passed(frame).map(Ok),
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
