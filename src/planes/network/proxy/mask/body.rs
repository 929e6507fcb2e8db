//! The body of an answer on its way down: masked piece by piece, and the secret wiped in the poll that gives the last.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::HeaderMap;
use hyper::body::{Body, Frame, SizeHint};

use super::super::record::Tally;
use super::super::respond::Broken;
use super::super::unpack::Unpacking;
use crate::planes::network::scrub::Scrubber;

/// A response body on its way down, masked.
pub(super) struct Masked<B> {
    body: B,
    /// Whether nothing more comes from it.
    is_over: bool,
    unpacking: Option<Unpacking>,
    /// `None` when it has given everything.
    scrubber: Option<Scrubber>,
    trailers: Option<HeaderMap>,
    tally: Arc<Tally>,
}

impl<B: Body> Masked<B> {
    /// `tally` is told how often something was masked.
    pub(super) fn new(body: B, unpacking: Option<Unpacking>, scrubber: Scrubber, tally: Arc<Tally>) -> Self {
        let is_over = body.is_end_stream();
        let scrubber = Some(scrubber).filter(|_| !is_over);
        Self { body, is_over, unpacking, scrubber, trailers: None, tally }
    }
}

impl<B> Masked<B> {
    /// Gives what was held back, and lets the secret go.
    fn last(&mut self) -> Bytes {
        let Some(mut scrubber) = self.scrubber.take() else { return Bytes::new() };
        let last = scrubber.finish();
        self.tally.masked(scrubber.masked());
        last
    }

    /// Nothing more goes down, and the secret goes.
    fn break_off(&mut self) {
        (self.is_over, self.unpacking) = (true, None);
        drop(self.last());
    }

    /// What is known to be fit to go down now.
    fn next(&mut self) -> std::io::Result<Option<Frame<Bytes>>> {
        while let (Some(unpacking), Some(scrubber)) = (&mut self.unpacking, &mut self.scrubber) {
            let piece = unpacking.next()?;
            if piece.is_empty() {
                break;
            }
            let piece = scrubber.feed(piece);
            if !piece.is_empty() {
                return Ok(Some(Frame::data(piece)));
            }
        }
        if !self.is_over {
            return Ok(None);
        }
        let last = self.last();
        Ok(if last.is_empty() { self.trailers.take().map(Frame::trailers) } else { Some(Frame::data(last)) })
    }

    fn mask_trailers(&mut self, mut trailers: HeaderMap) {
        if let Some(scrubber) = &self.scrubber {
            self.tally.masked(super::mask_fields(scrubber.needle(), &mut trailers));
            self.trailers = Some(trailers);
        }
    }
}

impl<B: Body<Data = Bytes, Error = hyper::Error> + Unpin> Masked<B> {
    /// Takes a piece of the body; gives what can go down of it.
    fn take(&mut self, piece: Bytes) -> Bytes {
        let Some(scrubber) = &mut self.scrubber else { return Bytes::new() };
        if let Some(unpacking) = &mut self.unpacking {
            unpacking.push(piece);
            return Bytes::new();
        }
        let piece = scrubber.feed(piece);
        if !self.body.is_end_stream() {
            return piece;
        }
        // The secret is gone before the last byte is.
        self.is_over = true;
        let last = self.last();
        if last.is_empty() { piece } else { [piece, last].concat().into() }
    }
}

impl<B: Body<Data = Bytes, Error = hyper::Error> + Unpin> Body for Masked<B> {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = self.get_mut();
        loop {
            match this.next() {
                Ok(Some(frame)) => return Poll::Ready(Some(Ok(frame))),
                Ok(None) if this.is_over => return Poll::Ready(None),
                Ok(None) => {}
                Err(error) => {
                    this.tally.turned_unreadable();
                    this.break_off();
                    return Poll::Ready(Some(Err(error.into())));
                }
            }
            match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(piece) => {
                        let piece = this.take(piece);
                        if !piece.is_empty() {
                            return Poll::Ready(Some(Ok(Frame::data(piece))));
                        }
                    }
                    Err(frame) => frame.into_trailers().map_or((), |trailers| this.mask_trailers(trailers)),
                },
                Some(Err(error)) => {
                    this.break_off();
                    return Poll::Ready(Some(Err(error.into())));
                }
                None => {
                    this.is_over = true;
                    if let Some(unpacking) = &mut this.unpacking {
                        unpacking.end();
                    }
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_over && self.scrubber.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let held = self.scrubber.as_ref().map_or(0, |scrubber| scrubber.held() as u64);
        match (&self.unpacking, self.body.size_hint().exact()) {
            (None, Some(rest)) => SizeHint::with_exact(rest + held),
            _ => SizeHint::default(),
        }
    }
}

impl<B> Drop for Masked<B> {
    fn drop(&mut self) {
        // What was masked before the client left counts too.
        drop(self.last());
    }
}
