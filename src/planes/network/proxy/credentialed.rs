//! Phase 9 on HTTP/2: put the credential into each request that opens a stream, below the library, in memory that is wiped.
//!
//! A connection carries one credential and no other (its key in the pool says so), so it does not matter which request a block belongs to.
//! The credential waits here while any request of the connection has no answer yet, and is wiped with the last of them. A request that
//! was given up before it was written may leave after that; it leaves without.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use zeroize::Zeroizing;

use super::weave::{Step, Weaver};

/// Where the credential of one connection waits.
#[derive(Clone, Default)]
pub(super) struct Waiting(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    field: Option<Zeroizing<Vec<u8>>>,
    requests: usize,
}

impl Waiting {
    /// Has it wait for one more request, until the ticket is dropped.
    pub(super) fn arm(&self, field: Zeroizing<Vec<u8>>) -> Ticket {
        let mut inner = self.lock();
        inner.requests += 1;
        inner.field.get_or_insert(field);
        Ticket(self.clone())
    }

    fn field(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.lock().field.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request without an answer.
pub(super) struct Ticket(Waiting);

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut inner = self.0.lock();
        inner.requests = inner.requests.saturating_sub(1);
        if inner.requests == 0 {
            inner.field = None;
        }
    }
}

/// An upstream connection that adds the credential to each block of fields that opens a stream.
pub(super) struct Credentialed<IO> {
    io: IO,
    waiting: Waiting,
    weaver: Weaver,
    /// So many bytes that come next pass as they are.
    passing: usize,
    /// Written from this byte on, before anything else.
    writing: (Zeroizing<Vec<u8>>, usize),
}

impl<IO: AsyncWrite + Unpin> Credentialed<IO> {
    pub(super) fn new(io: IO, waiting: Waiting) -> Self {
        Self { io, waiting, weaver: Weaver::default(), passing: 0, writing: (Zeroizing::default(), 0) }
    }

    fn poll_writing(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (bytes, from) = &mut self.writing;
        while let Some(rest) = bytes.get(*from..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.io).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => *from += written,
            }
        }
        self.writing = (Zeroizing::default(), 0);
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Credentialed<IO> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_writing(cx))?;
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if this.passing == 0 {
            let waiting = &this.waiting;
            let step = this.weaver.step(bytes, || waiting.field());
            match step.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))? {
                Step::Pass(length) => this.passing = length,
                Step::Write(taken, bytes) => {
                    this.writing = (bytes, 0);
                    return Poll::Ready(Ok(taken));
                }
            }
        }
        let pass = bytes.get(..this.passing.min(bytes.len())).unwrap_or_default();
        let written = ready!(Pin::new(&mut this.io).poll_write(cx, pass))?;
        this.passing = this.passing.saturating_sub(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_writing(cx))?;
        Pin::new(&mut this.io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_writing(cx))?;
        Pin::new(&mut this.io).poll_shutdown(cx)
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Credentialed<IO> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(cx, buffer)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    const STARTS: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    #[tokio::test]
    async fn the_credential_waits_as_long_as_a_request_does_and_is_then_gone() {
        let (io, mut upstream) = duplex(7);
        let waiting = Waiting::default();
        let mut placing = Credentialed::new(io, waiting.clone());
        let opens = |stream: u8| [0, 0, 1, 1, 4, 0, 0, 0, stream, b'a'];
        let write = async move {
            placing.write_all(STARTS).await.unwrap();
            let (one, two) =
                (waiting.arm(Zeroizing::new(b"++".to_vec())), waiting.arm(Zeroizing::new(b"++".to_vec())));
            placing.write_all(&opens(1)).await.unwrap();
            drop(one);
            placing.write_all(&opens(3)).await.unwrap();
            drop(two);
            assert!(waiting.field().is_none(), "nobody waits for it");
            placing.write_all(&opens(5)).await.unwrap();
            placing.shutdown().await.unwrap();
        };
        let mut seen = Vec::new();
        let (read, ()) = tokio::join!(upstream.read_to_end(&mut seen), write);
        read.unwrap();
        let placed = |stream: u8| [0, 0, 3, 1, 4, 0, 0, 0, stream, b'a', b'+', b'+'].to_vec();
        assert_eq!(seen, [STARTS.to_vec(), placed(1), placed(3), opens(5).to_vec()].concat());
    }
}
