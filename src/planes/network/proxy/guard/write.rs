//! The way back to the client: nothing is judged on it, and it closes so that the last answer is not lost.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite};

use super::{Guard, State};

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<IO> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write(cx, bytes);
        this.untaken.within(this.limits.body, cx, written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.io).poll_flush(cx);
        this.untaken.within(this.limits.body, cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
        // What is left unread would turn the close into a reset, and the answer would be lost with it.
        let all_was_read = match &this.state {
            State::Ended { refused } => !refused,
            State::Head { .. } => this.inbox.is_empty() && this.ready.is_empty(),
            State::Body(body) => body.has_ended() && this.inbox.is_empty() && this.ready.is_empty(),
            State::Switching | State::Switched => true,
            State::Judged(_) => false,
        };
        if all_was_read {
            return Poll::Ready(Ok(()));
        }
        if this.lingered == 0 {
            this.lingered = 1;
            this.restart_timer(this.limits.linger);
        }
        this.poll_linger(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.io).poll_write_vectored(cx, parts);
        this.untaken.within(this.limits.body, cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
