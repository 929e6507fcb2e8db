//! Stands under hyper's server and lets it see only bytes that were checked.
//!
//! A head is held back until it is complete and clean; its body passes while its end is tracked; then the next head is
//! expected. In place of a head that is not clean, hyper gets a harmless one and the phases get the refusal, so that the
//! answer leaves in its turn and nothing after it is read. Inside a body a violation breaks the stream: nothing half
//! judged is completed upstream. Time and memory before a verdict are bounded (J12).

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use http::Method;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::framing::Body;
use super::head::{self, Head};
use super::limits::{Brought, Limits, Untaken};
use super::reason::Refused;
use super::verdicts::Verdicts;

/// What hyper reads in place of a head that was refused.
const IN_PLACE: &[u8] = b"GET / HTTP/1.1\r\nhost: refused.invalid\r\nconnection: close\r\n\r\n";
const READ_BYTES: usize = 16 * 1024;
const MAX_LINGER_BYTES: usize = 1024 * 1024;

/// The guarded connection.
#[derive(Debug)]
pub(super) struct Guard<IO> {
    io: IO,
    limits: Limits,
    verdicts: Verdicts,
    state: State,
    /// Read and not yet judged.
    inbox: BytesMut,
    /// Judged and not yet taken by hyper.
    ready: BytesMut,
    deadline: Pin<Box<Sleep>>,
    brought: Brought,
    untaken: Untaken,
    lingered: usize,
}

#[derive(Debug)]
enum State {
    /// Waiting for a head; so many bytes were looked at.
    Head { scanned: usize },
    /// The head is judged: it and its length, or why not.
    Judged(Result<(Head, usize), Refused>),
    /// In a body.
    Body(Body),
    /// After a head that asked for another protocol, until it is answered.
    Switching,
    /// In another protocol: whoever speaks it judges it.
    Switched,
    /// Nothing more is read; whether because of a refusal.
    Ended { refused: bool },
}

/// What reading brought.
enum Fill {
    Bytes,
    End,
    Late,
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Guard<IO> {
    /// Guards `io`; what is found is told to `verdicts`.
    pub(super) fn new(io: IO, limits: Limits, verdicts: Verdicts) -> Self {
        Self {
            io,
            limits,
            verdicts,
            state: State::Head { scanned: 0 },
            inbox: BytesMut::new(),
            ready: BytesMut::new(),
            deadline: Box::pin(tokio::time::sleep(limits.idle)),
            brought: Brought::default(),
            untaken: Untaken::default(),
            lingered: 0,
        }
    }

    /// Waits for the first head without letting it pass. `None` when the client left first.
    pub(super) async fn first_head(&mut self) -> io::Result<Option<Result<Head, Refused>>> {
        if !std::future::poll_fn(|cx| self.poll_judged(cx)).await? {
            return Ok(None);
        }
        let State::Judged(verdict) = &self.state else { return Ok(None) };
        Ok(Some(verdict.as_ref().map(|(head, _)| head.clone()).map_err(|refused| *refused)))
    }

    /// The bytes of the first head, once it is judged and clean.
    pub(super) fn judged_bytes(&self) -> &[u8] {
        match &self.state {
            State::Judged(Ok((_, length))) => self.inbox.get(..*length).unwrap_or_default(),
            _ => &[],
        }
    }

    /// The connection behind a `CONNECT`, when nothing was sent after it.
    pub(super) fn into_tunnel(self) -> Result<IO, (IO, Refused)> {
        match self.state {
            State::Judged(Ok((_, length))) if length == self.inbox.len() => Ok(self.io),
            _ => Err((self.io, Refused::ambiguous("bytes_after_connect"))),
        }
    }

    /// `true` once a verdict stands in `state`, `false` when none will come.
    fn poll_judged(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            let State::Head { scanned } = self.state else {
                return Poll::Ready(Ok(matches!(self.state, State::Judged(_))));
            };
            match head::find_end(&self.inbox, scanned) {
                Err(refused) => self.state = State::Judged(Err(refused)),
                Ok(Some(length)) => {
                    let bytes = self.inbox.get(..length).unwrap_or_default();
                    self.state = State::Judged(head::check(bytes).map(|head| (head, length)));
                }
                Ok(None) => {
                    self.state = State::Head { scanned: self.inbox.len() };
                    let began = !self.inbox.is_empty();
                    match ready!(self.poll_fill(cx))? {
                        Fill::Bytes if began => {}
                        Fill::Bytes => self.restart_timer(self.limits.head),
                        Fill::Late if began => self.state = State::Judged(Err(Refused::TOO_SLOW)),
                        Fill::Late if self.verdicts.is_busy() => self.restart_timer(self.limits.idle),
                        Fill::Late | Fill::End => self.state = State::Ended { refused: false },
                    }
                }
            }
        }
    }

    /// Lets a judged head pass, or what stands in for it.
    fn release(&mut self, verdict: Result<(Head, usize), Refused>) {
        let verdict = verdict.and_then(|(head, length)| {
            if head.method == Method::CONNECT { Err(Refused::CONNECT_INSIDE) } else { Ok((head, length)) }
        });
        match verdict {
            Ok((head, length)) => {
                self.ready.extend_from_slice(&self.inbox.split_to(length));
                let body = State::Body(Body::new(head.framing));
                self.state = if head.socket { State::Switching } else { body };
                self.restart_timer(self.limits.body);
                self.verdicts.push(Ok(head));
            }
            Err(refused) => {
                self.ready.extend_from_slice(IN_PLACE);
                self.state = State::Ended { refused: true };
                self.verdicts.push(Err(refused));
            }
        }
    }

    /// One step towards bytes in `ready`; `false` at the end.
    fn poll_advance(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        match &mut self.state {
            // An end here would look as if the client had left before it was answered. The answer closes the connection.
            State::Ended { refused: true } => return Poll::Pending,
            State::Ended { refused: false } => return Poll::Ready(Ok(false)),
            State::Head { .. } => {
                if !ready!(self.poll_judged(cx))? {
                    return Poll::Ready(Ok(false));
                }
            }
            State::Judged(_) => {
                let state = std::mem::replace(&mut self.state, State::Ended { refused: false });
                if let State::Judged(verdict) = state {
                    self.release(verdict);
                }
            }
            State::Switching => return self.poll_switching(cx),
            State::Switched if !self.inbox.is_empty() => self.ready = self.inbox.split(),
            State::Switched => {
                let mut space = [0; READ_BYTES];
                let mut buffer = ReadBuf::new(&mut space);
                ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer))?;
                self.ready.extend_from_slice(buffer.filled());
                return Poll::Ready(Ok(!buffer.filled().is_empty()));
            }
            State::Body(body) if body.has_ended() => {
                self.state = State::Head { scanned: 0 };
                self.restart_timer(if self.inbox.is_empty() { self.limits.idle } else { self.limits.head });
            }
            State::Body(body) if !self.inbox.is_empty() => {
                if let Err(refused) = body.pass(&mut self.inbox, &mut self.ready) {
                    return Poll::Ready(Err(self.break_body(refused)));
                }
            }
            State::Body(_) => match ready!(self.poll_fill(cx))? {
                Fill::Bytes => {
                    if self.brought.suffices(self.inbox.len(), &self.limits, &self.deadline) {
                        self.restart_timer(self.limits.body);
                    }
                }
                Fill::End => self.state = State::Ended { refused: false },
                Fill::Late => return Poll::Ready(Err(self.break_body(Refused::TOO_SLOW))),
            },
        }
        Poll::Ready(Ok(true))
    }

    /// What the client says before it was answered waits, within bounds; that it left is seen.
    fn poll_switching(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if let Poll::Ready(switches) = self.verdicts.poll_switches(cx) {
            self.state = if switches { State::Switched } else { State::Head { scanned: 0 } };
            self.restart_timer(self.limits.idle);
            return Poll::Ready(Ok(true));
        }
        if self.inbox.len() >= READ_BYTES {
            return Poll::Pending;
        }
        match ready!(self.poll_fill(cx))? {
            Fill::Bytes => {}
            Fill::Late => self.restart_timer(self.limits.idle),
            Fill::End => self.state = State::Ended { refused: false },
        }
        Poll::Ready(Ok(true))
    }

    fn break_body(&mut self, refused: Refused) -> io::Error {
        self.state = State::Ended { refused: true };
        self.verdicts.refuse_body(refused);
        io::Error::new(io::ErrorKind::InvalidData, refused)
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Fill>> {
        let mut space = [0; READ_BYTES];
        let mut buffer = ReadBuf::new(&mut space);
        match Pin::new(&mut self.io).poll_read(cx, &mut buffer) {
            Poll::Ready(result) => {
                result?;
                self.inbox.extend_from_slice(buffer.filled());
                Poll::Ready(Ok(if buffer.filled().is_empty() { Fill::End } else { Fill::Bytes }))
            }
            Poll::Pending => self.deadline.as_mut().poll(cx).map(|()| Ok(Fill::Late)),
        }
    }

    fn restart_timer(&mut self, after: Duration) {
        self.brought = Brought::default();
        self.deadline.as_mut().reset(Instant::now() + after);
    }

    /// Reads on for a while and throws away what comes.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            self.inbox.clear();
            match ready!(self.poll_fill(cx)) {
                Ok(Fill::Bytes) if self.lingered < MAX_LINGER_BYTES => self.lingered += self.inbox.len(),
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for Guard<IO> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.ready.is_empty() {
            if !ready!(this.poll_advance(cx))? {
                return Poll::Ready(Ok(()));
            }
        }
        let length = this.ready.len().min(buffer.remaining());
        buffer.put_slice(this.ready.get(..length).unwrap_or_default());
        this.ready.advance(length);
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests;
mod write;
