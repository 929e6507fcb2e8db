//! Phase 9: put the credential where the token stood, below hyper, in memory that is wiped.
//!
//! hyper writes a request without any credential. Under it, [`Placing`] holds that head back, adds the credential in one
//! zeroizing buffer and hands it to TLS, which encrypts it as it copies. So no buffer of hyper's ever holds the secret.
//! A connection writes nothing before a credential was armed for it.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use zeroize::Zeroizing;

use super::head::MAX_HEAD_BYTES;
use super::reason::Refused;
use super::slot;
use super::weave::{self, joined};
use crate::base::secret::Secret;
use crate::domain::scope::HttpTarget;
use crate::domain::upstream::Slot;

/// What is added to one request head.
#[derive(Clone)]
pub(super) enum Placement {
    /// A header field.
    Field(String, Zeroizing<Vec<u8>>),
    /// The request target in place of the one without a credential.
    Target(Zeroizing<String>),
}

impl Placement {
    /// `credential` in its slot.
    pub(super) fn new(
        slot: &Slot,
        credential: &Secret,
        user: &str,
        target: &HttpTarget,
    ) -> Result<Self, Refused> {
        match (field_value(slot, credential, user)?, slot::header_of(slot)) {
            (Some(value), Some(name)) => Ok(Self::Field(name.to_owned(), value)),
            _ => target.placed(credential.expose_secret()).map(Self::Target).ok_or(Refused::NOT_PLACEABLE),
        }
    }

    /// As HTTP/2 has it. `None` for what does not stand in a field.
    pub(super) fn field(&self) -> Option<Zeroizing<Vec<u8>>> {
        match self {
            Self::Field(name, value) => Some(weave::field(name.as_bytes(), value)),
            Self::Target(_) => None,
        }
    }

    /// `head` with the credential in it. `None` when it is not a head.
    fn placed(&self, head: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        match self {
            Self::Field(name, value) => {
                let before = head.strip_suffix(b"\r\n")?;
                Some(joined(&[before, name.as_bytes(), b": ", value, b"\r\n\r\n"]))
            }
            Self::Target(target) => {
                let line = head.iter().position(|b| *b == b'\r')?;
                let (line, rest) = head.split_at_checked(line)?;
                let mut words = line.split(|b| *b == b' ');
                let (method, _, version) = (words.next()?, words.next()?, words.next()?);
                Some(joined(&[method, b" ", target.as_bytes(), b" ", version, rest]))
            }
        }
    }
}

/// What stands in the header field of `slot`; `None` when the slot is in no header.
pub(in crate::planes::network) fn field_value(
    slot: &Slot,
    credential: &Secret,
    user: &str,
) -> Result<Option<Zeroizing<Vec<u8>>>, Refused> {
    let secret = credential.expose_secret();
    // A line end in a credential would be a request of its own (C16).
    if secret.is_empty() || secret.iter().any(u8::is_ascii_control) {
        return Err(Refused::NOT_PLACEABLE);
    }
    match slot {
        Slot::Bearer => Ok(Some(joined(&[b"Bearer ", secret]))),
        Slot::Header { .. } => Ok(Some(joined(&[secret]))),
        Slot::Basic { user: declared } => {
            let user = if declared.is_empty() { user } else { declared };
            let pair = joined(&[user.as_bytes(), b":", secret]);
            let mut text = Zeroizing::new(vec![0; pair.len().div_ceil(3) * 4]);
            let length = STANDARD.encode_slice(&*pair, &mut text).map_err(|_| Refused::NOT_PLACEABLE)?;
            Ok(Some(joined(&[b"Basic ", text.get(..length).unwrap_or_default()])))
        }
        Slot::Query { .. } => Ok(None),
    }
}

/// Where the next request's placement waits for its head.
#[derive(Clone, Default)]
pub(super) struct Armed(Arc<Mutex<Option<Placement>>>);

impl Armed {
    /// Has the next head carry this credential.
    pub(super) fn arm(&self, placement: Placement) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(placement);
    }

    /// Takes the placement; `None` once its head has begun.
    pub(super) fn take(&self) -> Option<Placement> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// An upstream connection that adds the credential to each head.
pub(super) struct Placing<IO> {
    io: IO,
    armed: Armed,
    state: State,
}

enum State {
    /// Nothing was ever armed: nothing may be written.
    Silent,
    /// Collecting a head.
    Collecting(Placement, Vec<u8>),
    /// Writing a head with its credential, from this byte on.
    Writing(Zeroizing<Vec<u8>>, usize),
    /// Passing a body.
    Passing,
}

impl<IO: AsyncWrite + Unpin> Placing<IO> {
    pub(super) fn new(io: IO, armed: Armed) -> Self {
        Self { io, armed, state: State::Silent }
    }

    /// Writes out the head, if one is being written.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let State::Writing(bytes, from) = &mut self.state else { return Poll::Ready(Ok(())) };
        while let Some(rest) = bytes.get(*from..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.io).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => *from += written,
            }
        }
        self.state = State::Passing;
        Poll::Ready(Ok(()))
    }

    /// Takes bytes of a head; gives how many belonged to it.
    fn collect(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let State::Collecting(placement, head) = &mut self.state else { return Ok(0) };
        let before = head.len();
        head.extend_from_slice(bytes);
        let from = before.saturating_sub(3);
        let end = head.get(from..).unwrap_or_default().windows(4).position(|window| window == b"\r\n\r\n");
        let Some(end) = end.map(|at| from + at + 4) else {
            let too_long = head.len() > 2 * MAX_HEAD_BYTES;
            return if too_long { Err(io::ErrorKind::InvalidData.into()) } else { Ok(bytes.len()) };
        };
        let placed = placement.placed(head.get(..end).unwrap_or_default());
        self.state = State::Writing(placed.ok_or(io::ErrorKind::InvalidData)?, 0);
        Ok(end.saturating_sub(before))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Placing<IO> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_head(cx))?;
        if let Some(placement) = this.armed.take() {
            this.state = State::Collecting(placement, Vec::new());
        }
        match this.state {
            State::Silent => Poll::Ready(Err(io::ErrorKind::PermissionDenied.into())),
            State::Passing => Pin::new(&mut this.io).poll_write(cx, bytes),
            State::Collecting(..) | State::Writing(..) => Poll::Ready(this.collect(bytes)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_head(cx))?;
        Pin::new(&mut this.io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_head(cx))?;
        Pin::new(&mut this.io).poll_shutdown(cx)
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Placing<IO> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_read(cx, buffer)
    }
}

#[cfg(test)]
mod tests;
