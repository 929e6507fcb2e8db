//! Stands under the HTTP/2 library and counts what a flood is made of: frames that cost work and ask for nothing (J12).
//!
//! The library reads the frames; it bounds streams, heads and resets. What it answers one by one, pings, settings, priorities, resets,
//! empty data, has a budget here, which grows with time and with what the connection really carries. So does time, as for HTTP/1.1.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::limits::{Limits, Untaken};
use super::reason::Refused;

/// What every HTTP/2 client says first (RFC 9113 §3.4).
const PREFACE: usize = 24;
/// How many idle frames are forgiven at once.
const BUDGET: u32 = 2048;
/// How many more each second.
const REFILL: u32 = 256;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

/// What was found wrong on one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Finding(Arc<Mutex<Option<Refused>>>);

impl Finding {
    fn say(&self, refused: Refused) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(refused);
    }

    pub(super) fn take(&self) -> Option<Refused> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The watched connection.
#[derive(Debug)]
pub(super) struct Frames<IO> {
    io: IO,
    limits: Limits,
    /// How many streams are open.
    open: Arc<AtomicUsize>,
    finding: Finding,
    meter: Meter,
    refilled: Instant,
    deadline: Pin<Box<Sleep>>,
    untaken: Untaken,
}

impl<IO> Frames<IO> {
    pub(super) fn new(io: IO, limits: Limits, open: Arc<AtomicUsize>, finding: Finding) -> Self {
        let deadline = Box::pin(tokio::time::sleep(limits.head));
        let (meter, untaken) = (Meter::default(), Untaken::default());
        Self { io, limits, open, finding, meter, refilled: Instant::now(), deadline, untaken }
    }

    fn restart(&mut self, after: Duration) {
        self.deadline.as_mut().reset(Instant::now() + after);
    }

    fn refuse(&self, refused: Refused) -> io::Error {
        self.finding.say(refused);
        io::Error::new(io::ErrorKind::InvalidData, refused)
    }

    fn judge(&mut self, bytes: &[u8]) -> io::Result<()> {
        let passed = u32::try_from(self.refilled.elapsed().as_secs()).unwrap_or(u32::MAX);
        if passed > 0 {
            self.refilled = Instant::now();
            self.meter.earn(passed.saturating_mul(REFILL));
        }
        let before = self.meter.phase();
        if !self.meter.pass(bytes) {
            return Err(self.refuse(Refused::ambiguous("http2_flood")));
        }
        match (before, self.meter.phase()) {
            (_, Phase::Between) => self.restart(self.limits.idle),
            (_, Phase::Body) => self.restart(self.limits.body),
            (Phase::Between | Phase::Body, Phase::Head) => self.restart(self.limits.head),
            (Phase::Head, Phase::Head) => {}
        }
        Ok(())
    }

    /// Nothing came in time: whether the connection may go on.
    fn late(&mut self) -> io::Result<bool> {
        match self.meter.phase() {
            Phase::Between if self.open.load(Ordering::Acquire) > 0 => {
                self.restart(self.limits.idle);
                Ok(true)
            }
            Phase::Between => Ok(false),
            Phase::Head | Phase::Body => Err(self.refuse(Refused::TOO_SLOW)),
        }
    }
}

/// Where in the stream of frames the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Before a frame.
    Between,
    /// In the preface, in the head of a frame, or in a block of fields.
    Head,
    /// In the bytes of a body.
    Body,
}

/// Follows frames by their heads (RFC 9113 §4.1) and keeps the budget.
#[derive(Debug)]
struct Meter {
    preface: usize,
    head: [u8; 9],
    have: usize,
    kind: u8,
    left: usize,
    in_block: bool,
    budget: u32,
}

impl Default for Meter {
    fn default() -> Self {
        Self { preface: PREFACE, head: [0; 9], have: 0, kind: 0, left: 0, in_block: false, budget: BUDGET }
    }
}

impl Meter {
    fn earn(&mut self, more: u32) {
        self.budget = self.budget.saturating_add(more).min(BUDGET);
    }

    fn phase(&self) -> Phase {
        match (self.left, self.kind) {
            (1.., DATA) => Phase::Body,
            (0, _) if self.preface == 0 && self.have == 0 && !self.in_block => Phase::Between,
            _ => Phase::Head,
        }
    }

    /// `false` when the budget is spent.
    fn pass(&mut self, mut bytes: &[u8]) -> bool {
        while let Some(&next) = bytes.first() {
            let skipped = if self.preface > 0 { &mut self.preface } else { &mut self.left };
            if *skipped > 0 {
                let taken = bytes.len().min(*skipped);
                *skipped -= taken;
                bytes = bytes.get(taken..).unwrap_or_default();
                continue;
            }
            if let Some(place) = self.head.get_mut(self.have) {
                *place = next;
                self.have += 1;
            }
            bytes = bytes.get(1..).unwrap_or_default();
            if self.have == self.head.len() && !self.frame() {
                return false;
            }
        }
        true
    }

    fn frame(&mut self) -> bool {
        let [a, b, c, kind, flags, ..] = self.head;
        (self.have, self.kind) = (0, kind);
        self.left = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        if kind == HEADERS || kind == CONTINUATION {
            self.in_block = flags & END_HEADERS == 0;
        }
        let carries = match kind {
            DATA => self.left > 0 || flags & END_STREAM != 0,
            HEADERS => true,
            _ => false,
        };
        if carries {
            self.earn(1);
            return true;
        }
        self.budget = self.budget.saturating_sub(1);
        self.budget > 0
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Frames<IO> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        loop {
            match Pin::new(&mut this.io).poll_read(cx, buffer) {
                Poll::Ready(read) => {
                    read?;
                    let fresh = buffer.filled().get(before..).unwrap_or_default();
                    return Poll::Ready(this.judge(fresh));
                }
                Poll::Pending => ready!(this.deadline.as_mut().poll(cx)),
            }
            if !this.late()? {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Frames<IO> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write(cx, bytes);
        let written = ready!(this.untaken.within(this.limits.body, cx, written))?;
        // Whoever is sent much has much to acknowledge.
        this.meter.earn(u32::try_from(4 + written / 512).unwrap_or(u32::MAX));
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.io).poll_flush(cx);
        this.untaken.within(this.limits.body, cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
    }

    /// How many of `frames` pass, in pieces of `size`.
    fn passed(frames: impl Iterator<Item = Vec<u8>>, size: usize) -> usize {
        let mut meter = Meter::default();
        assert!(meter.pass(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
        let good = |frame: &Vec<u8>| frame.chunks(size).all(|piece| meter.pass(piece));
        frames.take_while(good).count()
    }

    #[test]
    fn j12_frames_that_ask_for_nothing_have_a_budget() {
        let budget = usize::try_from(BUDGET).unwrap() - 1;
        let settings = || frame(4, 0, &[0; 6]);
        for flood in
            [settings(), frame(6, 0, &[0; 8]), frame(3, 0, &[0; 4]), frame(2, 0, &[0; 5]), frame(0, 0, b"")]
        {
            for size in [1, 5, 100] {
                assert_eq!(passed(std::iter::repeat_n(flood.clone(), 5000), size), budget, "{flood:?}");
            }
        }
    }

    #[test]
    fn what_carries_something_is_not_counted() {
        let frames = [frame(1, 4, b"block"), frame(0, 0, b"data"), frame(0, 1, b"")];
        assert_eq!(passed(frames.into_iter().cycle().take(30_000), 7), 30_000);
    }

    #[test]
    fn j12_resets_of_streams_that_were_just_opened_are_counted() {
        let pair = [frame(1, 5, b"block"), frame(3, 0, &[0; 4]), frame(3, 0, &[0; 4])];
        assert!(passed(pair.into_iter().cycle().take(30_000), 64) < 10_000);
    }

    #[test]
    fn a_block_of_fields_is_one_head_until_it_ends() {
        let mut meter = Meter::default();
        assert_eq!(meter.phase(), Phase::Head);
        meter.pass(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        assert_eq!(meter.phase(), Phase::Between);
        meter.pass(&frame(HEADERS, 0, b"a"));
        assert_eq!(meter.phase(), Phase::Head);
        meter.pass(&frame(CONTINUATION, END_HEADERS, b"b"));
        assert_eq!(meter.phase(), Phase::Between);
        meter.pass(&frame(DATA, 0, b"data")[..11]);
        assert_eq!(meter.phase(), Phase::Body);
    }
}
