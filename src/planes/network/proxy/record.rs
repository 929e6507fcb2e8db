//! Phase 11: what became of a use, told exactly once, also when the client leaves or something panics.
//!
//! A use holds on to its record from the moment it was admitted; whoever drops it last has told how it ended.

use std::num::NonZeroU64;
use std::pin::Pin;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Proxy;
use super::forward::Arrived;
use super::gate::Admitted;
use super::trailers;
use super::verdicts::Turn;
use crate::base::id::UseId;
use crate::domain::usage::Outcome;

/// The client left before its response was complete. Also what is said of a use nothing else was said of.
pub(super) const CLIENT_GONE: &str = "client_gone";
/// No connection to the upstream.
pub(super) const UNREACHABLE: &str = "upstream_unreachable";
/// The upstream's response did not come or did not end.
pub(super) const UPSTREAM_BROKE: &str = "upstream_broke";
/// The token expired or was revoked.
pub(super) const CUT: &str = "cut";
/// The request's body was not clean.
pub(super) const REQUEST_BROKE: &str = "request_broke";
/// The answer could not be searched for the credential.
pub(super) const UNREADABLE: &str = "answer_unreadable";
/// The credential could not stand in its slot.
pub(super) const NOT_PLACEABLE: &str = "credential_not_placeable";

/// What is known of a use so far.
#[derive(Debug)]
pub(super) struct Tally {
    status: AtomicU16,
    up: AtomicU64,
    down: AtomicU64,
    masked: AtomicU64,
    broken: Mutex<Option<&'static str>>,
}

impl Tally {
    fn new() -> Self {
        let broken = Mutex::new(Some(CLIENT_GONE));
        Self {
            status: AtomicU16::new(0),
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            masked: AtomicU64::new(0),
            broken,
        }
    }

    /// Body bytes went to the upstream.
    pub(super) fn sent(&self, bytes: usize) {
        self.up.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn received(&self, bytes: usize) {
        self.down.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The credential was masked so many times.
    pub(super) fn masked(&self, times: u64) {
        self.masked.fetch_add(times, Ordering::Relaxed);
    }

    /// What came to its end from the upstream could not be read to its end here.
    pub(super) fn turned_unreadable(&self) {
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        if broken.is_none_or(|broken| broken == CLIENT_GONE) {
            *broken = Some(UNREADABLE);
        }
    }

    /// Something broke; the first thing that did is the one that is told.
    pub(super) fn broke(&self, why: &'static str) {
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        if *broken == Some(CLIENT_GONE) {
            *broken = Some(why);
        }
    }

    fn completed(&self) {
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        if *broken == Some(CLIENT_GONE) {
            *broken = None;
        }
    }

    fn outcome(&self) -> Outcome {
        let status = self.status.load(Ordering::Relaxed);
        let broken = *self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        Outcome {
            status: (status != 0).then_some(status),
            bytes_up: self.up.load(Ordering::Relaxed),
            bytes_down: self.down.load(Ordering::Relaxed),
            broken: broken.map(str::to_owned),
            masked: NonZeroU64::new(self.masked.load(Ordering::Relaxed)),
        }
    }
}

/// A use on record that has not ended.
pub(super) struct ActiveUse {
    proxy: Arc<Proxy>,
    id: UseId,
    tally: Arc<Tally>,
    _watched: DropGuard,
}

impl ActiveUse {
    /// From the admission on. `closing` ends the client's connection when the use is cut.
    pub(super) fn begin(proxy: Arc<Proxy>, admitted: &Admitted, closing: CancellationToken) -> Self {
        proxy.counters.uses.one_more();
        let tally = Arc::new(Tally::new());
        let (cut, life, over) = (admitted.cut.clone(), admitted.life, CancellationToken::new());
        let (watched, told) = (over.clone().drop_guard(), Arc::clone(&tally));
        proxy.parts.tasks.spawn(async move {
            tokio::select! {
                () = over.cancelled() => return,
                () = cut.cancelled() => {}
                () = tokio::time::sleep(life) => {}
            }
            told.broke(CUT);
            closing.cancel();
        });
        Self { proxy, id: admitted.use_id, tally, _watched: watched }
    }

    /// Where bytes are counted.
    pub(super) fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// The upstream answered.
    pub(super) fn answered(&self, status: http::StatusCode) {
        self.tally.status.store(status.as_u16(), Ordering::Relaxed);
    }

    /// All was said that was to be said.
    pub(super) fn completed(&self) {
        self.tally.completed();
    }

    /// The use ends early, for one of the words above.
    pub(super) fn broke(&self, why: &'static str) {
        self.tally.broke(why);
    }
}

impl Drop for ActiveUse {
    fn drop(&mut self) {
        let outcome = self.tally.outcome();
        let counters = &self.proxy.counters;
        counters.bytes_up.add(outcome.bytes_up);
        counters.bytes_down.add(outcome.bytes_down);
        if outcome.broken.is_some() {
            counters.broken.one_more();
        }
        let (proxy, id) = (Arc::clone(&self.proxy), self.id);
        self.proxy.parts.tasks.spawn(async move { proxy.parts.gate.finish(id, outcome).await });
    }
}

/// A response body on its way down: streamed, counted, and the end of its use. Trailers go on where the client's protocol carries them.
pub(super) struct Metered {
    body: Arrived,
    active: ActiveUse,
    trailers: bool,
    _turn: Turn,
}

impl Metered {
    pub(super) fn new(body: Arrived, active: ActiveUse, turn: Turn, trailers: bool) -> Self {
        Self { body, active, trailers, _turn: turn }
    }
}

impl Body for Metered {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let frame = std::task::ready!(Pin::new(&mut this.body).poll_frame(cx));
        Poll::Ready(match frame.map(|frame| frame.map(Frame::into_data)) {
            Some(Ok(Ok(data))) => {
                this.active.tally.received(data.len());
                Some(Ok(Frame::data(data)))
            }
            Some(Err(error)) => {
                this.active.broke(UPSTREAM_BROKE);
                Some(Err(error))
            }
            Some(Ok(Err(frame))) => {
                this.active.tally.completed();
                let sent = frame.into_trailers().ok().filter(|_| this.trailers);
                sent.map(|sent| Ok(Frame::trailers(trailers::of_response(sent))))
            }
            None => {
                this.active.tally.completed();
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        // hyper does not ask again for a body it knows to be at its end.
        if self.body.is_end_stream() {
            self.active.tally.completed();
        }
    }
}
